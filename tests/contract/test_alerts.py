"""What Prometheus is given: metrics as they are listed, and alerts that ask only for what there is."""

import re
import shutil
import subprocess
from typing import Final

import pytest

from shared.process import METRICS_PORTS
from tests.support import metrics_page

FOLDER: Final = metrics_page.PAGE.parent
ALERTS: Final = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
BLOCKS: Final = re.split(r"^ +- alert: ", ALERTS, flags=re.MULTILINE)[1:]
RABBITMQS: Final = {
    # https://www.rabbitmq.com/docs/prometheus, as 3.10 and 4.x say them
    *("rabbitmq_alarms_memory_used_watermark", "rabbitmq_alarms_free_disk_space_watermark"),
    *("rabbitmq_alarms_file_descriptor_limit", "rabbitmq_detailed_queue_consumers"),
    *("rabbitmq_detailed_queue_messages", "rabbitmq_detailed_queue_messages_ready"),
}
PLUGIN: Final = "rabbitmq_prometheus"
promtool: Final = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed: as root, type `apt-get install prometheus`"
)


def test_every_metric_is_listed_as_the_code_has_it() -> None:
    written = metrics_page.PAGE.read_text(encoding="utf-8")

    assert written == metrics_page.page(), "stale: python -m tests.support.metrics_page"


def test_metrics_are_named_as_prometheus_asks() -> None:
    for service, family in metrics_page.families():
        row = metrics_page.row(service, family)
        assert re.fullmatch(r"aktif_[a-z_]+", row.name), row
        assert (row.kind == "counter") == row.name.endswith("_total"), row
        assert not re.search(r"_(milliseconds|minutes|ms|count)(_|$)", row.name), row
        assert row.meaning.endswith("."), row


def test_alerts_and_their_runbooks_name_only_metrics_that_there_are() -> None:
    named = set(re.findall(r"\b(?:aktif|rabbitmq)_[a-z_]+", ALERTS))

    assert named - metrics_page.samples() - RABBITMQS - {PLUGIN} == set()
    assert len(named & metrics_page.samples()) > 10


def test_alerts_select_only_labels_that_their_metric_has() -> None:
    labels = {
        name: set(row.labels)
        for service, family in metrics_page.families()
        for row in [metrics_page.row(service, family)]
        for name in (row.name, f"{row.name}_bucket")
    }

    selected = re.findall(r"\b(aktif_[a-z_]+)\{([^}]*)\}", ALERTS)
    assert len(selected) > 10
    for name, selectors in selected:
        assert set(re.findall(r"([a-z_]+)[=!]", selectors)) <= labels[name], name


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split()[0])
def test_every_alert_says_whom_it_wakes_and_what_to_do(block: str) -> None:
    summary, runbook = (re.search(rf"^ +{field}: (.+)", block, re.MULTILINE) for field in ("summary", "runbook"))

    assert re.search(r"labels: \{severity: (page|ticket)\}", block)
    assert summary is not None
    assert runbook is not None
    told = " ".join(block[runbook.end() :].split())
    assert re.search(r"\b[Ll]ook (at|where)\b", told)
    assert len(told) > 100


def test_every_alert_is_tried_in_a_unit_test() -> None:
    tried = (FOLDER / "alerts.test.yml").read_text(encoding="utf-8")

    assert [name for name in (block.split()[0] for block in BLOCKS) if f'alertname="{name}"' not in tried] == []


def test_prometheus_looks_for_each_worker_where_it_answers() -> None:
    scraped = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")

    found = re.findall(r"job_name: (\w+)\n +dns_sd_configs: \[\{names: \[(\w+)\], type: A, port: (\d+)", scraped)
    assert found == [(service, service, str(port)) for service, port in METRICS_PORTS.items()]


@promtool
@pytest.mark.parametrize(
    "check",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")],
    ids=" ".join,
)
def test_promtool_finds_nothing_wrong(check: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *check], cwd=FOLDER, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
