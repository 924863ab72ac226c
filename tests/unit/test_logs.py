"""Log lines: one JSON object each, and nothing personal in clear."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.logs import configure_logs, mask_email, mask_ic, unpersonal


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure_logs("state")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def test_a_line_is_one_json_object_with_event_service_level_and_time(lines: Any) -> None:
    structlog.get_logger().info("batch_done", events=500, name="Ümit\n")

    (line,) = lines()

    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "batch_done", "service": "state", "level": "info", "events": 500, "name": "Ümit\n"}


def test_debug_lines_are_left_out(lines: Any) -> None:
    structlog.get_logger().debug("noise")

    assert lines() == []


def test_an_exception_is_told_by_type_and_place_and_not_in_its_words(lines: Any) -> None:
    def fail(ic_number: str) -> None:
        raise ValueError(f"Failing row contains ({ic_number})")

    try:
        fail("850101030007")
    except ValueError:
        structlog.get_logger().exception("failed")

    (line,) = lines()
    assert line["exception"][0]["type"] == "ValueError"
    assert [frame.partition(":")[0] for frame in line["exception"][0]["frames"]] == [__file__] * 2
    assert "850101030007" not in json.dumps(line)


def test_what_ends_a_process_is_a_log_line_too() -> None:
    program = (
        "from shared.logs import configure_logs, log_crashes; configure_logs('state'); log_crashes(); int('rahsia')"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert json.loads(ended.stderr)["exception"][0]["type"] == "ValueError"
    assert "rahsia" not in ended.stderr


def test_what_is_no_json_is_written_all_the_same(lines: Any) -> None:
    structlog.get_logger().info("odd", value=object(), raw=b"\xff")

    (line,) = lines()

    assert line["value"].startswith("<object")


@pytest.mark.parametrize(
    ("text", "masked"), [("850101030007", "8501********"), ("8501", "****"), ("", ""), ("850101-03-0007", "*" * 14)]
)
def test_an_ic_number_is_masked_after_its_first_four_digits(text: str, masked: str) -> None:
    assert mask_ic(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("pegawai.contoh@example.gov.my", "p***@example.gov.my"),
        ("p@example.gov.my", "p***@example.gov.my"),
        ("pegawai", "***"),
        ("@example.gov.my", "***"),
        ("PEGAWAI CONTOH@850101030007", "***"),
        ("pegawai@850101-03-0007.my", "***"),
        ("pegawai@CONTOH BIN CONTOH", "***"),
        ("", "***"),
    ],
)
def test_an_address_is_masked_to_its_first_letter_and_domain(text: str, masked: str) -> None:
    assert mask_email(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("row 12: 850101030007, 850101-03-0007.", "row 12: 8501********, 8501********."),
        ("hr-850101 03 0007/2021", "hr-8501********/2021"),
        ("<pegawai.contoh@example.gov.my>: unknown", "<p***@example.gov.my>: unknown"),
        ("850101030007@example.gov.my.", "8***@example.gov.my."),
        ("pegawai@850101030007", "***"),
        ("1234567890123", "1234567890123"),
        ("12345678-1234-4234-8234-123456789012", "12345678-1234-4234-8234-123456789012"),
        ("sha256:" + "1" * 64, "sha256:" + "1" * 64),
    ],
)
def test_in_a_text_of_others_numbers_and_addresses_are_masked_and_ids_of_ours_are_not(text: str, masked: str) -> None:
    assert unpersonal(text) == masked
    assert unpersonal(masked) == masked
