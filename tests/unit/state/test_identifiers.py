from itertools import islice

from services.state.identifiers import random_ids


def test_ids_are_random_uuids_and_no_two_are_alike() -> None:
    ids = list(islice(random_ids(), 1000))

    assert len(set(ids)) == 1000
    assert {(id_.version, id_.variant) for id_ in ids} == {(4, "specified in RFC 4122")}
