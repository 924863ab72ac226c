"""`aktif up` lets somebody into the console of a first start."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.conftest import Broker
from tests.support.console import logs_in
from tests.support.waiting import eventually
from tests.support.web import Visitor

ROOT = Path(__file__).parents[3]


def test_an_operator_with_a_kept_password_may_log_in(
    vhost: str, database: str, rabbitmq: Broker, tmp_path: Path
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AKTIF_")}
    servers = {"AKTIF_AMQP_URL": vhost, "AKTIF_BROKER_API_URL": rabbitmq.api_url, "AKTIF_DATABASE_URL": database}
    up = subprocess.Popen(
        [sys.executable, "-m", "services.cli", "up"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={**kept, **servers, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    folder = tmp_path / ".aktif"
    try:
        eventually("it provisions", (folder / "console_password").exists, within=60)
        visitor = Visitor(f"http://localhost:{(folder / 'console_port').read_text().strip()}")
        eventually("the console answers", lambda: answers(visitor), within=60, every=0.2)

        page = logs_in(visitor, "operator", (folder / "console_password").read_text().strip())

        assert (page.path, page.heading) == ("/", "Board")
        visitor.close()
        assert (folder / "console_password").stat().st_mode & 0o777 == 0o600
    finally:
        up.send_signal(signal.SIGINT)
        said, _ = up.communicate(timeout=30)
    assert "operator, password in .aktif/console_password" in said


def answers(visitor: Visitor) -> bool:
    """Whether somebody listens and is ready."""
    try:
        return visitor.http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
