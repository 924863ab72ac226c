"""Replays begun at the command line, each a process of its own, and what is told of replays afterwards."""

import os
import subprocess
import sys

from tests.support.world import KEYS, World

REPLAY = "replay"
"""The name of that process among those that run in a world."""
WORKED = "SELECT count(*) FROM state_inbox WHERE type = 'aktif.ActivationRequested.v1'"
_AUDITED = "SELECT what FROM audit WHERE starts_with(what, 'replay') ORDER BY audit_id"


def replay(world: World, *arguments: str) -> "subprocess.Popen[bytes]":
    """`aktif dead replay`, with no reason to ask for."""
    command = [sys.executable, "-m", "services.cli", "dead", "replay", "--why=fire", "--as=rahim", *arguments]
    settings = {**KEYS, "AKTIF_AMQP_URL": world.amqp_url, "AKTIF_DATABASE_URL": world.database_url}
    with (world.logs / f"{REPLAY}.log").open("ab") as log:
        world.running[REPLAY] = subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=log, stderr=log, start_new_session=True
        )
    return world.running[REPLAY]


def audited(world: World) -> list[str]:
    """What the audit tells of replays, in order."""
    with world.engine.connect() as connection:
        return list(connection.exec_driver_sql(_AUDITED).scalars())
