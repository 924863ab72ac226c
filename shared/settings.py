"""Configuration, read in one place: environment variables with the prefix `AKTIF_`, a `.env` file, a folder of secrets.

A secret is a file named after its variable in lower case, such as `aktif_amqp_url`, in `AKTIF_SECRETS_DIR` or
`/run/secrets`; the environment wins over it.
"""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import getaddresses
from functools import cached_property
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from shared.links import MIN_KEY_BYTES, LinkLife

PREFIX: Final = "AKTIF_"
DEVELOPMENT: Final = "development-"
"""How a key begins that was generated for development; one that does is refused where links are https."""
KEY_SETTINGS: Final = ("link_keys", "pepper_keys", "session_keys")
_SECRETS: Final = Path("/run/secrets")
_LARGEST_PORT: Final = 65535
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


class BadSettings(Exception):
    """A missing or malformed setting; its text is one line that names the variable and what is wrong with it."""


def _parts(url: str) -> SplitResult | None:
    """The parts of a complete URL. urllib's own errors repeat the URL, and with it the password."""
    try:
        parts = urlsplit(url)
        complete = parts.hostname and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        return None
    return parts if complete else None


def _url(*schemes: str, several: bool = False) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        urls = value.get_secret_value().split(",") if several else [value.get_secret_value()]
        for url in urls:
            parts = _parts(url.strip())
            if parts is None or parts.scheme not in schemes or (not several and "," in parts.netloc.rpartition("@")[2]):
                raise ValueError(f"must look like {schemes[0]}://user:password@host:port")
        return value

    return AfterValidator(check)


def _keys(value: SecretStr) -> SecretStr:
    for key in value.get_secret_value().split(","):
        if len(key.strip().encode()) < MIN_KEY_BYTES:
            raise ValueError(f"every key must have at least {MIN_KEY_BYTES} bytes")
    return value


def _web_base(value: str) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in {"http", "https"} or re.search(r'[?#<>"{}]|[^\x21-\x7e]', value):
        raise ValueError("must look like https://host or https://host/path, in ASCII")
    return value.rstrip("/")


def _mailbox(value: str) -> str:
    mailboxes = getaddresses([value])
    address = mailboxes[0][1] if len(mailboxes) == 1 else ""
    if not _ADDRESS.fullmatch(address) or address not in value or not value.isprintable():
        raise ValueError("must look like Name <address@host>")
    return value


def _ip_address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError("must be an IP address, such as 127.0.0.1 or 0.0.0.0") from None


def _bind(value: str) -> str:
    host, _, port = value.rpartition(":")
    try:
        ip_address(host.strip("[]"))
        complete = port.isascii() and port.isdecimal() and int(port) <= _LARGEST_PORT
    except ValueError:
        complete = False
    if not complete:
        raise ValueError("must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080")
    return value


def _networks(value: str) -> str:
    try:
        return ",".join(str(ip_network(part.strip())) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be IP addresses or networks, comma-separated, such as 10.0.0.5,10.1.0.0/16") from None


def _web_page(value: str) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in {"http", "https"} or re.search(r'[<>";{}]|[^\x21-\x7e]', value):
        raise ValueError("must look like https://host/path, in ASCII")
    return value


Keys = Annotated[SecretStr, AfterValidator(_keys)]
WebBase = Annotated[str, AfterValidator(_web_base)]


class Settings(BaseSettings):
    """Every setting of `contract.md`. What has no default is None until it is asked for with `require`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    amqp_url: Annotated[SecretStr, _url("amqp", "amqps", several=True)] | None = None
    broker_api_url: Annotated[SecretStr, _url("http", "https")] | None = None
    database_url: Annotated[SecretStr, _url("postgresql+psycopg")] | None = None
    smtp_url: Annotated[SecretStr, _url("smtp", "smtp+starttls", "smtps")] | None = None
    mail_from: Annotated[str, AfterValidator(_mailbox)] = "iSPEKS <no-reply@ispeks.localhost>"
    mail_rate: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    mail_retry_hours: Annotated[int, Field(ge=0, le=240)] = 24
    portal_url: WebBase = "http://localhost:8080"
    portal_bind: Annotated[str, AfterValidator(_bind)] = "127.0.0.1:8080"
    console_bind: Annotated[str, AfterValidator(_bind)] = "127.0.0.1:8081"
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    tries_per_address: Annotated[int, Field(ge=10, le=1_000_000)] = 1000
    link_keys: Keys | None = None
    pepper_keys: Keys | None = None
    session_keys: Keys | None = None
    link_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    link_hours: Annotated[int, Field(ge=1, le=240)] = 24
    session_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    resend_seconds: Annotated[int, Field(ge=0, le=86400)] = 60
    resend_per_day: Annotated[int, Field(ge=1, le=1000)] = 10
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    metrics_bind: Annotated[str, AfterValidator(_ip_address)] = "127.0.0.1"
    system_name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f<>@]+$")] = "iSPEKS"
    home_url: Annotated[str, AfterValidator(_web_page)] | None = None

    @cached_property
    def link_life(self) -> LinkLife:
        """How long links and sessions live."""
        return LinkLife(
            after_newest=timedelta(minutes=self.link_minutes),
            after_first=timedelta(hours=self.link_hours),
            session=timedelta(minutes=self.session_minutes),
        )

    def require(self, name: str) -> str:
        """The value of a setting that has no default. Raises BadSettings where it is not set."""
        value = getattr(self, name)
        if value is None:
            raise BadSettings(f"{PREFIX}{name.upper()} is not set; see the README's table of settings")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def broker_urls(self) -> tuple[str, ...]:
        """The brokers, tried in turn. Raises BadSettings where none is set."""
        return tuple(url.strip() for url in self.require("amqp_url").split(","))

    def require_keys(self, name: str) -> tuple[bytes, ...]:
        """The keys of a setting, the signing one first. Raises BadSettings where it is not set."""
        return tuple(key.strip().encode() for key in self.require(name).split(","))


def load_settings() -> Settings:
    """Read the settings. Raises BadSettings, which never repeats a value."""
    settings, faults = read_settings()
    if faults:
        raise BadSettings(faults[0]) from None
    return settings


def read_settings() -> tuple[Settings, list[str]]:
    """The settings, and a line for each that is wrong; one that is malformed is at its default then.

    Raises BadSettings where nothing at all can be read.
    """
    folder = _secrets_folder()
    try:
        settings, faults = _read(folder)
    except UnicodeDecodeError:
        raise BadSettings("a secret or the file .env is not UTF-8") from None
    except OSError as error:
        raise _unreadable(error) from None
    except SettingsError as error:
        if isinstance(error.__cause__, OSError):
            raise _unreadable(error.__cause__) from None
        raise BadSettings("a secret or the file .env cannot be read") from None
    return settings, [*faults, *_development_keys(settings)]


def _unreadable(error: OSError) -> BadSettings:
    return BadSettings(f"{error.filename} cannot be read: {error.strerror}")


def _read(folder: Path | None) -> tuple[Settings, list[str]]:
    try:
        return Settings(_secrets_dir=folder), []
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
    says = {str(one["loc"][0]): one["msg"].removeprefix("Value error, ") for one in reversed(wrong)}
    defaults: dict[str, Any] = {name: Settings.model_fields[name].default for name in says}
    faults = [f"{PREFIX}{name.upper()}: {words}" for name, words in reversed(says.items())]
    return Settings(_secrets_dir=folder, **defaults), faults


def _secrets_folder() -> Path | None:
    given = os.environ.get(f"{PREFIX}SECRETS_DIR")
    if not given:
        return _SECRETS if _SECRETS.is_dir() else None
    if not Path(given).is_dir():
        raise BadSettings(f"{PREFIX}SECRETS_DIR: there is no such folder")
    return Path(given)


def _development_keys(settings: Settings) -> Iterator[str]:
    """A line for each setting with a key that was generated for development where links lead to https."""
    if urlsplit(settings.portal_url).scheme != "https":
        return
    for name in KEY_SETTINGS:
        if getattr(settings, name) and any(key.startswith(DEVELOPMENT.encode()) for key in settings.require_keys(name)):
            yield (
                f"{PREFIX}{name.upper()}: a key that begins with {DEVELOPMENT} is not for production, where "
                f"{PREFIX}PORTAL_URL is https; set keys of your own"
            )
