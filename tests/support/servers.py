"""Vhosts and databases of a test's own on the servers of the session."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from services.cli.servers.management import Management


def vhost_url(amqp_url: str, vhost: str) -> str:
    """The AMQP URL of another vhost of the same broker."""
    return urlunsplit(urlsplit(amqp_url)._replace(path=f"/{quote(vhost, safe='')}"))


@contextmanager
def fresh_vhost(amqp_url: str, api_url: str) -> Iterator[str]:
    """A vhost of its own, deleted at the end with what is in it; gives its AMQP URL."""
    api, name = Management(api_url, timeout=60), f"test-{secrets.token_hex(4)}"
    api.create_vhost(name)
    try:
        yield vhost_url(amqp_url, name)
    finally:
        api.delete_vhost(name)


def database_url(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def create_database(url: str, *, template: str = "template1") -> str:
    """Makes a database with a random name as a copy of `template`, which nobody may be using; gives its URL."""
    name = f"test_{secrets.token_hex(4)}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with _connect(url) as connection:
        connection.execute(statement)
    return database_url(url, name)


def drop_database(url: str) -> None:
    """Drops the database of this URL and ends its sessions."""
    name = database_name(url)
    with _connect(database_url(url, "postgres")) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def database_name(url: str) -> str:
    """The name of the database in a URL."""
    return urlsplit(url).path.lstrip("/")


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True, connect_timeout=10)
