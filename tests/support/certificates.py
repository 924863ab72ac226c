"""A private certificate authority, made by the `openssl` command; every key is made anew and thrown away."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

_CONFIG: Final = """
[ca]
default_ca = own
[own]
dir = {folder}
database = $dir/index.txt
serial = $dir/serial
new_certs_dir = $dir
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = any
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, each a PEM file."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of its own; `file` is what its clients must trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.file = folder / "ca.pem"
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n")
        key = self._new_key("ca")
        subject = ["-subj", f"/CN=Authority {folder.name}", "-days", "30", "-extensions", "authority"]
        self._openssl("req", "-x509", "-new", "-key", str(key), "-out", str(self.file), *subject)

    def certificate(self, name: str, *, names: str = "DNS:localhost,IP:127.0.0.1", days: int = 20) -> Certificate:
        """A certificate for these names that ends in so many days; a negative number: it ended so long ago."""
        key, request, file = self._new_key(name), self._folder / f"{name}.csr", self._folder / f"{name}.pem"
        self._openssl("req", "-new", "-key", str(key), "-out", str(request), "-subj", f"/CN={name}")
        ends = datetime.now(UTC) + timedelta(days=days)
        begins = min(ends, datetime.now(UTC)) - timedelta(days=1)
        dates = ["-startdate", f"{begins:%y%m%d%H%M%SZ}", "-enddate", f"{ends:%y%m%d%H%M%SZ}"]
        files = ["-in", str(request), "-out", str(file)]
        self._openssl("ca", "-batch", "-notext", "-extensions", "server", *dates, *files, names=names)
        return Certificate(file, key)

    def _new_key(self, name: str) -> Path:
        key = self._folder / f"{name}.key"
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key), config=False)
        return key

    def _openssl(self, *arguments: str, names: str = "DNS:none", config: bool = True) -> None:
        settings = self._folder / "openssl.cnf"
        settings.write_text(_CONFIG.format(folder=self._folder, names=names))
        options = ["-config", str(settings)] if config else []
        done = subprocess.run(["openssl", *arguments, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
