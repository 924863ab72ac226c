"""Many people wait with one question at a time."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from services.portal.outcomes import Outcomes, Told

APPLIED = Told("applied", "redeemed")


class Database:
    """Answers when it is told to, and counts how often it is asked."""

    def __init__(self) -> None:
        self.known: dict[str, Told] = {}
        self.asked: list[set[str]] = []
        self.error: Exception | None = None

    async def look(self, ids: Collection[str]) -> Mapping[str, Told]:
        self.asked.append(set(ids))
        if self.error:
            raise self.error
        return {one: self.known[one] for one in ids if one in self.known}


@pytest.mark.parametrize(
    ("outcome", "stands"), [("applied", True), ("ignored", True), ("rejected", False), ("dead", False)]
)
def test_a_person_goes_on_where_the_event_had_its_effect_now_or_before(outcome: str, stands: bool) -> None:
    assert Told(outcome, "any").stands is stands


def test_each_is_told_of_its_own_event_and_all_wait_with_one_question() -> None:
    database = Database()
    outcomes = Outcomes(database.look)
    names = [f"event-{number}" for number in range(200)]

    async def story() -> list[Told | None]:
        waiting = [asyncio.create_task(outcomes.of(name, 10)) for name in names]
        while not database.asked:
            await asyncio.sleep(0)
        assert outcomes.waiting == 200
        database.known = {name: Told("applied", name) for name in names}
        return list(await asyncio.gather(*waiting))

    told = asyncio.run(story())

    assert [one.reason for one in told if one] == names
    assert database.asked[0] == set(names)
    assert len(database.asked) < 10
    assert outcomes.waiting == 0


def test_who_waits_in_vain_is_told_nothing_and_nobody_is_asked_any_more() -> None:
    database = Database()
    outcomes = Outcomes(database.look)

    async def story() -> tuple[Told | None, int, int]:
        told = await outcomes.of("event", 0.1)
        await asyncio.sleep(0.1)
        asked = len(database.asked)
        await asyncio.sleep(0.2)
        return told, asked, len(database.asked)

    told, asked, asked_later = asyncio.run(story())

    assert told is None
    assert asked > 0
    assert asked_later == asked
    assert outcomes.waiting == 0


def test_a_database_that_is_away_is_told_to_all_who_wait_and_to_nobody_after() -> None:
    database = Database()
    outcomes = Outcomes(database.look)

    async def story() -> list[Told | BaseException | None]:
        database.error = ConnectionError()
        lost = await asyncio.gather(*(outcomes.of(f"event-{n}", 10) for n in range(3)), return_exceptions=True)
        database.error, database.known = None, {"later": APPLIED}
        return [*lost, await outcomes.of("later", 10)]

    *lost, later = asyncio.run(story())

    assert [type(one) for one in lost] == [ConnectionError] * 3
    assert later == APPLIED


def test_one_who_goes_away_holds_up_nobody() -> None:
    database = Database()
    outcomes = Outcomes(database.look)

    async def story() -> Told | None:
        gone = asyncio.create_task(outcomes.of("gone", 10))
        stays = asyncio.create_task(outcomes.of("stays", 10))
        while not database.asked:
            await asyncio.sleep(0)
        gone.cancel()
        database.known = {"gone": APPLIED, "stays": APPLIED}
        return await stays

    assert asyncio.run(story()) == APPLIED
    assert outcomes.waiting == 0


@pytest.mark.parametrize("seconds", [0, -1])
def test_no_time_left_is_no_error(seconds: float) -> None:
    assert asyncio.run(Outcomes(Database().look).of("event", seconds)) is None
