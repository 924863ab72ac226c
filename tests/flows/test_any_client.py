"""Any AMQP 0-9-1 client in any language can publish."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.person import Person
from tests.support.registrations import ic_number
from tests.support.world import World

NODE = Path(__file__).parent.parent / "contract" / "node"


@pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not on this machine")
def test_an_event_of_a_plain_node_client_arrives_as_a_mail(aktif: World, tmp_path: Path) -> None:
    client = shutil.copytree(NODE, tmp_path / "node")
    npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    subprocess.run(npm, cwd=client, check=True, timeout=120)
    person = Person(aktif, "pegawai.node@example.gov.my")

    publish = ["node", "publish.js", aktif.amqp_url, ic_number(7), "PEGAWAI NODE", person.address]
    subprocess.run(publish, cwd=client, check=True, timeout=30)

    person.link_in(person.waits_for_mail())
