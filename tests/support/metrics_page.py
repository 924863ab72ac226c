"""`deploy/prometheus/METRICS.md`, written from the code: `python -m tests.support.metrics_page`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from prometheus_client.metrics import MetricWrapperBase
from sqlalchemy import create_engine

import services.archivist.metrics
import services.mailer.metrics
import services.portal.metrics
import services.state.metrics
import shared.metrics

PAGE: Final = Path(__file__).parents[2] / "deploy" / "prometheus" / "METRICS.md"
_MODULES: Final[Mapping[str, ModuleType]] = {
    "all": shared.metrics,
    "state": services.state.metrics,
    "mailer": services.mailer.metrics,
    "archivist": services.archivist.metrics,
    "portal": services.portal.metrics,
}
_HEAD: Final = """\
# What the services tell Prometheus

Each service answers on `AKTIF_METRICS_PORT` (state 9101, mailer 9102, archivist 9103, portal 9104, console 9105) at
`AKTIF_METRICS_BIND`: `/metrics`; `/healthz`, 503 only where the process hangs; a worker also `/readyz`, 503 while it
is paused, stopping or without a broker, and then the body says on what it waits. Portal and console have `/healthz`
and `/readyz` where their pages are. The service is Prometheus's `job`. No label ever holds an id, an address or an IC
number. Besides these: `aktif_build_info` (version) and `process_*` of the Python client. The funnel is the
database's, so that every copy of state says the same: use `max`, not `sum`. Of what is listed for all, the portal
tells what is about its connection to the broker.

Written by `python -m tests.support.metrics_page`; alerts with their runbooks are in `alerts.yml`.

| metric | type | labels | of | meaning |
| --- | --- | --- | --- | --- |
"""


def families() -> Iterator[tuple[str, Any]]:
    """Every metric of ours and the service that tells it."""
    for service, module in _MODULES.items():
        for found in vars(module).values():
            if isinstance(found, MetricWrapperBase):
                yield service, found
    funnel = services.state.metrics.Funnel(create_engine("postgresql+psycopg://"))
    yield from (("state", family) for family in funnel.describe())


class Row(NamedTuple):
    """One metric."""

    name: str
    kind: str
    labels: tuple[str, ...]
    service: str
    meaning: str

    def __str__(self) -> str:
        labels = ", ".join(f"`{label}`" for label in self.labels)
        return f"| `{self.name}` | {self.kind} | {labels} | {self.service} | {self.meaning} |\n"


def row(service: str, family: Any) -> Row:
    """What the page says of a metric, which is one of the client's objects or what a collector of ours yields."""
    ours = isinstance(family, MetricWrapperBase)
    name, kind, meaning = (
        (family._name, family._type, family._documentation)
        if ours
        else (family.name, family.type, family.documentation)
    )
    return Row(f"{name}_total" if kind == "counter" else name, kind, tuple(family._labelnames), service, meaning)


def samples() -> set[str]:
    """The names under which an alert may ask for them."""
    found = set[str]()
    for name, kind, *_ in (row(service, family) for service, family in families()):
        found |= {f"{name}_bucket", f"{name}_sum", f"{name}_count", name} if kind == "histogram" else {name}
    return found


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(sorted(str(row(service, family)) for service, family in families()))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
