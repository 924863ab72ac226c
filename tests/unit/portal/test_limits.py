"""Whom the limits count, without a database."""

import pytest

from services.portal.limits import ANSWERS_OF_ACCOUNT, ANSWERS_OF_LINK, network_of, subject
from tests.support.builders import IC


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix socket", "unix socket"),
    ],
)
def test_an_ipv4_address_counts_alone_and_an_ipv6_address_with_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_neighbours_in_one_network_count_together_and_those_of_the_next_do_not() -> None:
    same, next_one = network_of("2001:db8::ffff"), network_of("2001:db8:0:1::1")

    assert network_of("2001:db8::1") == same != next_one
    assert network_of("192.0.2.7") != network_of("192.0.2.8")


def test_a_subject_is_another_for_each_limit_key_and_person_and_names_nobody() -> None:
    of = [
        subject(key, limit, who)
        for key in (b"k" * 32, b"l" * 32)
        for limit in (ANSWERS_OF_LINK, ANSWERS_OF_ACCOUNT)
        for who in (IC, "850101030008")
    ]

    assert len(set(of)) == 8
    assert {len(one) for one in of} == {32}
    assert subject(b"k" * 32, ANSWERS_OF_LINK, IC) == of[0]
    assert len(subject(b"k" * 32, ANSWERS_OF_LINK, "\ud800")) == 32
