"""Users of the broker, made and mended through its management API."""

from typing import Final
from urllib.parse import quote

from shared.broker.management import Management, ManagementError
from shared.broker.permissions import NOTHING, Permissions

MAY_LOOK: Final = "monitoring"
"""The tag of those who may see queues, rates and alarms: https://www.rabbitmq.com/docs/management#permissions"""


def has_user(api: Management, name: str) -> bool:
    """Whether there is a user of this name."""
    try:
        api.request("GET", f"users/{_quoted(name)}")
    except ManagementError as error:
        if ": 404 " in str(error):
            return False
        raise
    return True


def put_user(api: Management, name: str, password: str, *, tag: str = "") -> None:
    """Make a user, or give an existing one this password and tag."""
    api.request("PUT", f"users/{_quoted(name)}", {"password": password, "tags": tag})


def permit(api: Management, vhost: str, name: str, permissions: Permissions) -> None:
    """Give a user these permissions in a vhost in place of those it had there.

    The keys come first: on an exchange without any a user may use every key.
    """
    where = f"{_quoted(vhost)}/{_quoted(name)}"
    for exchange, keys in permissions.keys.items():
        api.request("PUT", f"topic-permissions/{where}", {"exchange": exchange, "write": keys, "read": NOTHING})
    api.request("PUT", f"permissions/{where}", permissions.names())


def version(api: Management) -> str:
    """The broker's version, such as `4.0.5`."""
    return str(api.request("GET", "overview")["rabbitmq_version"])


def _quoted(name: str) -> str:
    return quote(name, safe="")
