"""What each user may do at the broker, asked of its patterns with every name that there is."""

import re

import pytest

from schemas.events import EVENT_NAME, PUBLISHED_TO, Exchange, Lane
from shared.broker.permissions import PUBLISHES, Permissions, logins, of_hr, of_service
from shared.broker.topology import TOPOLOGY, feed_queue
from shared.broker.verdicts import Wait

NAMES = {exchange.name for exchange in TOPOLOGY.exchanges} | {queue.name for queue in TOPOLOGY.queues}
EVERYBODY = logins() | {"hr": of_hr("kelantan")}
WAITS = {wait.queue for wait in Wait}


def matching(pattern: str, names: set[str] = NAMES) -> set[str]:
    """The names that RabbitMQ, which searches, finds a pattern in."""
    return {name for name in names if re.search(pattern, name)}


@pytest.mark.parametrize("permissions", EVERYBODY.values(), ids=EVERYBODY)
def test_nobody_configures_anything_and_no_pattern_finds_a_longer_name(permissions: Permissions) -> None:
    longer = {f"{name}2" for name in NAMES} | {f"x{name}" for name in NAMES} | {n.replace(".", "x") for n in NAMES}

    assert matching(permissions.configure, NAMES | longer) == set()
    assert matching(permissions.write, longer - NAMES) == matching(permissions.read, longer - NAMES) == set()


@pytest.mark.parametrize(
    ("who", "writes", "reads"),
    [
        ("state", {"aktif.events", "aktif.feed"}, {"state.live", "state.bulk", "state.suspect"}),
        ("mailer", {"aktif.events"}, {"mailer.live", "mailer.bulk", "mailer.suspect"}),
    ],
)
def test_a_worker_writes_its_events_and_where_retries_and_letters_go_and_reads_its_own_queues(
    who: str, writes: set[str], reads: set[str]
) -> None:
    permissions = of_service(who)

    assert matching(permissions.write) == writes | WAITS | {"aktif.home", "aktif.letters"}
    assert matching(permissions.read) == reads


def test_the_archivist_reads_dead_letters_and_writes_nothing() -> None:
    assert matching(of_service("archivist").write) == set()
    assert matching(of_service("archivist").read) == {"dead"}


def test_the_portal_publishes_what_people_do_and_reads_no_queue() -> None:
    assert matching(logins()["portal"].write) == {"aktif.portal"}
    assert matching(logins()["portal"].read) == set()


def test_operators_publish_as_hr_and_what_is_mended_and_replayed_and_read_no_queue() -> None:
    assert matching(logins()["operator"].write) == {"aktif.hr", "aktif.events", "aktif.home"}
    assert matching(logins()["operator"].read) == set()


def test_an_hr_system_publishes_to_hr_and_reads_its_own_feed() -> None:
    feeds = {feed_queue(name) for name in ("kelantan", "kelantan2", "kelanta")}

    assert matching(of_hr("kelantan").write) == {"aktif.hr"}
    assert matching(of_hr("kelantan").read, NAMES | feeds) == {feed_queue("kelantan")}


@pytest.mark.parametrize(
    ("who", "exchange", "events"),
    [
        ("state", Exchange.EVENTS, {"MailRequested"}),
        ("state", Exchange.FEED, {"AccountActivated", "MailUndeliverable", "EventRejected"}),
        ("mailer", Exchange.EVENTS, {"MailSettled"}),
        (
            "portal",
            Exchange.PORTAL,
            {"ActivationRequested", "TokenRedeemed", "QuestionsSet", "QuestionsAnswered", "PasswordSet"},
        ),
        ("operator", Exchange.EVENTS, {"MailRequested", "MailSettled", "ActivationRequested"}),
        ("operator", Exchange.HR, {"ActivationRequested", "AccountWithdrawn"}),
    ],
)
def test_a_key_may_name_only_the_events_that_this_user_publishes(
    who: str, exchange: Exchange, events: set[str]
) -> None:
    first_words = ("kelantan",) if exchange is Exchange.FEED else tuple(Lane)
    wrong = {f"{word}.{name}" for word in ("live.live", "", "slow.x") for name in EVENT_NAME.values()}
    keys = {f"{word}.{name}" for word in first_words for name in EVENT_NAME.values()}

    allowed = matching(logins()[who].keys[exchange], keys | wrong)

    assert allowed == {f"{word}.{name}" for word in first_words for name in events}


def test_every_event_of_our_own_has_one_who_publishes_it() -> None:
    ours = {Exchange.EVENTS, Exchange.FEED}
    published = [event for events in PUBLISHES.values() for event in events if PUBLISHED_TO[event] & ours]

    assert sorted(map(str, published)) == sorted(str(event) for event, to in PUBLISHED_TO.items() if to & ours)


@pytest.mark.parametrize("who", ["state", "mailer", "portal", "operator"])
def test_no_topic_exchange_that_may_be_written_is_without_keys(who: str) -> None:
    topics = {exchange.name for exchange in TOPOLOGY.exchanges if exchange.kind == "topic"}

    assert set(logins()[who].keys) == matching(logins()[who].write, topics)
