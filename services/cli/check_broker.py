"""`aktif check`: the broker, by AMQP and by its management API."""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from schemas.events import Lane
from services.cli.check_parts import SECONDS, clock, guarded
from services.cli.environment import management_api, without_password
from services.cli.failures import said_by_broker
from shared.broker.connection import BrokerUnreachable
from shared.broker.drift import drift
from shared.broker.look import BrokerSeen, look
from shared.broker.permissions import REFUSES_PASSIVE_DECLARES
from shared.broker.topology import DEAD_QUEUE, SERVICES, work_queue
from shared.clock import now
from shared.findings import Finding, Part, certificate, in_clear
from shared.settings import Settings

if TYPE_CHECKING:
    from services.cli.management import BrokerApi

_OLDEST: Final = (3, 10)
_MISSING: Final = " is missing"
_DATE_SECONDS: Final = timedelta(seconds=1)
_BROKER: Final = Part("broker")


def by_amqp(settings: Settings) -> Iterator[Finding]:
    """Of each broker of AKTIF_AMQP_URL: reachable, login, version, encryption."""
    for url in settings.broker_urls():
        yield from guarded(_BROKER, without_password(url), partial(_one, url))


def _one(url: str) -> Iterator[Finding]:
    where = urlsplit(url).netloc.rpartition("@")[2]
    try:
        seen = look(url)
    except BrokerUnreachable as error:
        found, _, do = said_by_broker(str(error)).partition("; ")
        if "ACCESS_REFUSED" in found:
            do = "correct user and password in AKTIF_AMQP_URL; `rabbitmqctl list_users` on the broker names its users"
        elif "NOT_ALLOWED" in found:
            do = "correct the vhost at the end of AKTIF_AMQP_URL, or let the user in: `rabbitmqctl set_permissions`"
        yield _BROKER.failed(f"AMQP {where}", found, do or "see that it runs, and that AKTIF_AMQP_URL names it")
        return
    yield _version(seen, where)
    if seen.peer is None:
        yield from in_clear(_BROKER, seen.host, "use amqps:// in AKTIF_AMQP_URL")
    else:
        yield certificate(_BROKER, "TLS", seen.peer)


def _version(seen: BrokerSeen, where: str) -> Finding:
    what, found = f"AMQP {where}", f"{seen.product} {seen.version}, user {seen.user}, vhost {seen.vhost}"
    version = tuple(int(number) for number in re.findall(r"\d+", seen.version)[:3])
    if version < _OLDEST:
        return _BROKER.failed(what, found, "upgrade to RabbitMQ 3.10 or later: quorum queues lose letters before it")
    if seen.version.partition("-")[0] in REFUSES_PASSIVE_DECLARES:
        do = "upgrade by one patch: this one refuses users of least privilege to look at a queue"
        return _BROKER.warning(what, found, do)
    return _BROKER.ok(what, found)


def by_api(settings: Settings) -> Iterator[Finding]:
    """By the management API: alarms, drift, consumers, clock. Where it does not answer that is all that is found."""
    api = management_api(settings, timeout=SECONDS)
    address = urlsplit(api.url)
    api.request("GET", "whoami")
    yield _BROKER.ok("management API", f"{without_password(api.url)} answers {api.user}")
    if address.scheme == "https":
        yield certificate(_BROKER, "management TLS", api.peer())
    else:
        yield from in_clear(_BROKER, address.hostname or "", "use https:// in AKTIF_BROKER_API_URL, port 15671")
    for what, check in (("alarms", _alarms), ("topology", _topology), ("consumers", _consumers), ("clock", _clock)):
        yield from guarded(_BROKER, what, partial(check, api))


def _alarms(api: "BrokerApi") -> Iterator[Finding]:
    alarms = api.alarms()
    if not alarms:
        yield _BROKER.ok("alarms", "none")
    for alarm in alarms:
        do = "free memory or disk there: until then the broker takes nothing more from anybody"
        yield _BROKER.failed("alarms", alarm, do)


def _topology(api: "BrokerApi") -> Iterator[Finding]:
    lines = drift(api)
    if not lines:
        yield _BROKER.ok("topology", "as declared")
    missing = [line.removesuffix(_MISSING) for line in lines if line.endswith(_MISSING)]
    if missing:
        more = f", and {len(missing) - 1:,} more" if missing[1:] else ""
        yield _BROKER.failed("topology", f"missing: {missing[0]}{more}", "run `aktif provision`")
    for line in lines:
        if not line.endswith(_MISSING):
            do = "mend it, or empty and delete it; then run `aktif provision`"
            yield _BROKER.failed("topology", line, do)


def _consumers(api: "BrokerApi") -> Iterator[Finding]:
    consumed = {queue.name for queue in api.queues() if queue.consumers}
    wanted = {service: [work_queue(service, lane) for lane in Lane] for service in SERVICES}
    wanted["archivist"] = [DEAD_QUEUE]
    idle = {service: [queue for queue in queues if queue not in consumed] for service, queues in wanted.items()}
    for service, queues in idle.items():
        if queues:
            do = f"start `aktif {service}`, or see its log; where it began a moment ago, check again"
            yield _BROKER.warning("consumers", f"nobody works {' and '.join(queues)}", do)
    if not any(idle.values()):
        yield _BROKER.ok("consumers", "every queue is worked")


def _clock(api: "BrokerApi") -> Iterator[Finding]:
    before = now()
    theirs = api.clock()
    yield clock(_BROKER, theirs, before, now(), resolution=_DATE_SECONDS)
