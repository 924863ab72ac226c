"""What a worker's own port tells, as Prometheus and a load balancer would read it."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tests.support.waiting import eventually
from tests.support.world import World


@dataclass(frozen=True)
class Status:
    """The port of one worker."""

    url: str

    def get(self, path: str) -> tuple[int, str]:
        """Status and body."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def value(self, sample: str, **labels: str) -> float:
        """The sum of all samples of that name with at least these labels; 0 where there is none."""
        _, text = self.get("/metrics")
        return sum(
            one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
            if one.name == sample and labels.items() <= one.labels.items()
        )

    def values(self, sample: str, label: str) -> dict[str, float]:
        """The samples of that name by one of their labels."""
        _, text = self.get("/metrics")
        return {
            one.labels[label]: one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
            if one.name == sample
        }


def status_of(world: World, service: str) -> Status:
    """The port on which a running service of a world answers, which it has logged."""
    found: list[int] = []

    def is_told() -> bool:
        lines = [json.loads(line) for line in world.log_of(service).splitlines() if "status_served" in line]
        found[:] = [line["port"] for line in lines]
        return bool(found)

    eventually(f"{service} says where it answers", is_told)
    return Status(f"http://127.0.0.1:{found[-1]}")
