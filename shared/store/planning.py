"""How PostgreSQL is to plan questions whose conditions differ from one asking to the next."""

from typing import Final

from sqlalchemy import Connection, text

_PLAN_ANEW: Final = text(
    "SELECT set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)"
)


def plan_anew(connection: Connection) -> None:
    """Plan each statement of this transaction for its own parameters, and compile none.

    From its eleventh asking on a connection a statement may get a plan that is kept for whatever is asked; the plan of
    a replay of 100,000 letters then took 157 s instead of 1 s. Compiling takes longer than the answer.
    """
    connection.execute(_PLAN_ANEW)
