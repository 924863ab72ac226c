"""`aktif check`: the database."""

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import URL, Connection, make_url, text

from services.cli.check_parts import SECONDS, clock, guarded
from services.cli.environment import database
from shared.clock import now
from shared.findings import Finding, Part, certificate, in_clear, is_local
from shared.settings import Settings
from shared.store.revision import found_revision, wanted_revision
from shared.store.roles import owners, role_of
from shared.store.tables import metadata
from shared.tls import Peer, handshake

_DATABASE: Final = Part("database")
_OLDEST: Final = 15
_ENCRYPTED: Final = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
_ROLES: Final = "SELECT count(*) FROM pg_roles WHERE rolname = ANY(:names)"
_MAY: Final = "SELECT has_table_privilege(current_user, :table, :right)"
_DURABLE: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")
"""https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SSLREQUEST"""

_Look = Callable[[Connection], Iterator[Finding]]


def by_sql(settings: Settings) -> Iterator[Finding]:
    """All that a session can tell. Where none can be opened that is all that is found."""
    url = make_url(settings.require("database_url"))
    looks: dict[str, _Look] = {
        "TLS": partial(_tls, url),
        "revision": _revision,
        "rights": _rights,
        "clock": _clock,
        "durability": _durability,
    }
    if url.query.get("sslmode") in {"verify-full", "verify-ca"}:
        # Before the login, since of a refused certificate PostgreSQL's library does not tell why.
        yield certificate(_DATABASE, "TLS", _peer(url))
    with database(settings) as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text(f"SET statement_timeout = {SECONDS * 1000}"))
        yield _version(connection, url)
        for what, look in looks.items():
            yield from guarded(_DATABASE, what, partial(look, connection))


def _version(connection: Connection, url: URL) -> Finding:
    number = int(str(connection.exec_driver_sql("SHOW server_version_num").scalar()))
    user = connection.exec_driver_sql("SELECT current_user").scalar()
    what, found = f"{url.host}:{url.port or 5432}", f"PostgreSQL {number // 10000}.{number % 10000}, user {user}"
    if number // 10000 < _OLDEST:
        return _DATABASE.failed(what, found, f"upgrade to PostgreSQL {_OLDEST} or later")
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        return _DATABASE.failed(what, f"{found}: a standby, which takes no writes", "name the primary in the URL")
    return _DATABASE.ok(what, found)


def _peer(url: URL) -> Peer:
    host, root = url.host or "", str(url.query.get("sslrootcert", ""))
    context = ssl.create_default_context(cafile=root if root and root != "system" else None)
    context.check_hostname = url.query["sslmode"] == "verify-full"
    sock = socket.create_connection((host, url.port or 5432), SECONDS)
    sock.sendall(_SSL_REQUEST)
    if sock.recv(1) != b"S":
        sock.close()
        raise ConnectionError("the server offers no TLS, and is not spoken to in clear; switch it on there")
    return handshake(sock, host, context)


def _tls(url: URL, connection: Connection) -> Iterator[Finding]:
    if str(url.query.get("sslmode", "")).startswith("verify-"):
        return
    do = "end AKTIF_DATABASE_URL in ?sslmode=verify-full&sslrootcert=<PEM file of the authority, or system>"
    if not connection.execute(text(_ENCRYPTED)).scalar():
        yield from in_clear(_DATABASE, url.host or "", do)
    elif not is_local(url.host or ""):
        yield _DATABASE.warning("TLS", "encrypted, but nobody verifies whom we speak to", do)


def _revision(connection: Connection) -> Iterator[Finding]:
    found, wanted = found_revision(connection), wanted_revision()
    if found == wanted:
        yield _DATABASE.ok("revision", f"{found}, as this version wants it")
    elif found is None:
        yield _DATABASE.failed("revision", "no tables of Aktif", "run `aktif provision`")
    else:
        do = "run `aktif provision`; if the database is the newer one, use the Aktif that made it"
        yield _DATABASE.failed("revision", f"{found}, and this version wants {wanted}", do)


def _rights(connection: Connection) -> Iterator[Finding]:
    def may(table: str, right: str) -> bool:
        return bool(connection.execute(text(_MAY), {"table": table, "right": right}).scalar())

    tables = [(table.name, str(table.info["owner"])) for table in metadata.sorted_tables]
    unreadable = [table for table, _ in tables if not may(table, "SELECT")]
    if unreadable:
        do = "run `aktif provision` as the tables' owner, and use a login that belongs to a service's role"
        yield _DATABASE.failed("rights", f"may not read {', '.join(unreadable)}", do)
        return
    writes = {owner for table, owner in tables if may(table, "INSERT")}
    changed = [(table.name, table.info["owner"]) for table in metadata.sorted_tables if "insert_only" not in table.info]
    whole = {owner for owner in writes if all(may(table, "UPDATE") for table, of in changed if of == owner)}
    of = "all services" if whole == set(owners()) else " and ".join(sorted(whole)) or "no service"
    yield _DATABASE.ok("rights", f"reads all, writes the tables of {of}")
    names = [role_of(service) for service in owners()]
    if connection.execute(text(_ROLES), {"names": names}).scalar() != len(names):
        do = "run `aktif provision` as a user with CREATEROLE"
        yield _DATABASE.warning("roles", "the services' roles, by which each writes its own tables only, lack", do)


def _clock(connection: Connection) -> Iterator[Finding]:
    before = now()
    theirs = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    yield clock(_DATABASE, theirs, before, now(), resolution=timedelta())


def _durability(connection: Connection) -> Iterator[Finding]:
    off = [name for name, bad in _DURABLE.items() if connection.exec_driver_sql(f"SHOW {name}").scalar() == bad]
    if off:
        do = "switch it on in postgresql.conf: without it a crash loses what was acknowledged"
        yield _DATABASE.failed("durability", f"{', '.join(off)} is off", do)
    else:
        yield _DATABASE.ok("durability", "what is committed outlives a crash")
