"""50 people at once, each walking from the mail's link to the first login; with the time of Argon2 beside it."""

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import httpx

from services.cli.servers.ladder import Servers
from services.cli.servers.process import free_port
from shared.credentials import password_digest
from tests.bench.report import Figure
from tests.bench.stage import Stage, stage
from tests.support.invited import ANSWERS, PASSWORD, Invited, invite
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor, at_once

PEOPLE: Final = 50
_AIM: Final = 300
_HASHED: Final = 15
_KEYS: Final = {
    "AKTIF_LINK_KEYS": "bench-link-key-" + "k" * 32,
    "AKTIF_PEPPER_KEYS": "bench-pepper-key-" + "p" * 32,
    "AKTIF_SESSION_KEYS": "bench-session-key-" + "s" * 32,
}
_HASHING: Final = {"three questions": 3, "password": 4, "log in": 1}
"""Pages that compute Argon2, and how often for each person."""

Waits = dict[str, list[float]]


def measure(servers: Servers) -> list[Figure]:
    """The wait for each page in milliseconds; what hashes cannot be faster than all hashes on all cores."""
    port = free_port()
    url = f"http://localhost:{port}"
    settings = {**_KEYS, "AKTIF_PORTAL_BIND": f"127.0.0.1:{port}", "AKTIF_PORTAL_URL": url}
    one_hash, all_hashes = _one_hash(), _all_hashes()
    with (
        stage(servers) as on,
        on.process("services.state"),
        on.process("services.mailer", **settings),
        on.process("services.portal", **settings),
    ):
        eventually("the portal is ready", partial(_is_ready, url))
        waits = _walk_all(on, url)
    light = [wait for name, found in waits.items() if name not in _HASHING for wait in found]
    return [
        Figure("one Argon2id, alone", one_hash, "ms"),
        Figure(f"{PEOPLE} × Argon2id on all cores, alone", all_hashes, "ms"),
        *(figure for name, found in waits.items() for figure in _figures(name, found)),
        Figure("pages without Argon2: p95", _p95(light), "ms", wanted=_AIM, less_is_better=True),
    ]


def _walk_all(on: Stage, url: str) -> Waits:
    people = invite(on.amqp_url, on.engine, range(PEOPLE), key=_KEYS["AKTIF_LINK_KEYS"])
    visitors = [Visitor(url) for _ in people]
    waits: Waits = defaultdict(list)
    at_once([partial(_walk, visitor, person, waits) for visitor, person in zip(visitors, people, strict=True)])
    for visitor in visitors:
        visitor.close()
    return waits


def _walk(visitor: Visitor, person: Invited, waits: Waits) -> None:
    def step(name: str, ask: Callable[[], Page]) -> Page:
        begun = time.monotonic()
        page = ask()
        waits[name].append((time.monotonic() - begun) * 1000)
        if page.status != 200:
            raise RuntimeError(f"{name}: {page.status}")
        return page

    page = step("link", partial(visitor.goes_to, person.link))
    for place, (question, answer) in enumerate(ANSWERS.items()):
        name = "another question" if place else "first question (redeems)"
        page = step(name, partial(visitor.submits, page, "add", next_question=question, next_answer=answer))
    page = step("three questions", partial(visitor.submits, page, "next"))
    step("password", partial(visitor.submits, page, password=PASSWORD, again=PASSWORD))
    page = step("log in page", partial(visitor.goes_to, "/"))
    page = step("log in", partial(visitor.submits, page, ic_number=person.ic_number, password=PASSWORD))
    if page.path != "/welcome":
        raise RuntimeError(f"ended at {page.path}")


def _figures(name: str, waits: list[float]) -> list[Figure]:
    times = f" ({_HASHING[name]} × Argon2)" if name in _HASHING else ""
    return [
        Figure(f"{name}{times}: median", statistics.median(waits), "ms"),
        Figure(f"{name}{times}: p95", _p95(waits), "ms"),
    ]


def _one_hash() -> float:
    def timed() -> float:
        begun = time.monotonic()
        password_digest(PASSWORD)
        return (time.monotonic() - begun) * 1000

    return statistics.median(timed() for _ in range(_HASHED))


def _all_hashes() -> float:
    begun = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(password_digest, [PASSWORD] * PEOPLE))
    return (time.monotonic() - begun) * 1000


def _p95(waits: list[float]) -> float:
    return statistics.quantiles(waits, n=20)[-1]


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
