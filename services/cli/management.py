"""The broker's management API, as commands ask it: who does not answer is said in one line."""

import http.client
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from services.cli.failures import api_unreachable
from shared.broker.management import ManagementApi, ManagementError


class BrokerApi(ManagementApi):
    """The API at `http://user:password@host:port`, for one vhost. Everything raises Failed where nobody answers."""

    def __init__(self, url: str, vhost: str) -> None:
        super().__init__(url, vhost)
        self._url, self._name = url, vhost

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer. Raises ManagementError for a status of 400 and more, Failed when nobody answers."""
        try:
            return super().request(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            raise api_unreachable(self._url, error) from error

    def add_user(self, name: str, password: str, permissions: Mapping[str, str]) -> bool:
        """Make a user, or give an existing one these permissions; whether it was made."""
        user, vhost = quote(name, safe=""), quote(self._name, safe="")
        is_new = not self._exists(f"users/{user}")
        if is_new:
            self.request("PUT", f"users/{user}", {"password": password, "tags": ""})
        self.request("PUT", f"permissions/{vhost}/{user}", dict(permissions))
        return is_new

    def _exists(self, path: str) -> bool:
        try:
            self.request("GET", path)
        except ManagementError as error:
            if ": 404 " in str(error):
                return False
            raise
        return True
