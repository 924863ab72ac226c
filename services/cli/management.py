"""The broker's management API, as commands ask it: who does not answer is said in one line."""

import http.client
from typing import Any

from services.cli.failures import api_unreachable
from shared.broker.management import ManagementApi


class BrokerApi(ManagementApi):
    """The API at `http://user:password@host:port`, for one vhost. Everything raises Failed where nobody answers."""

    def __init__(self, url: str, vhost: str, timeout: float = 10) -> None:
        super().__init__(url, vhost, timeout)
        self.url = url

    def exchange(self, method: str, path: str, body: Any) -> tuple[http.client.HTTPMessage, Any]:
        """An answer. Raises ManagementError for a status of 400 and more, Failed when nobody answers."""
        try:
            return super().exchange(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            raise api_unreachable(self.url, error) from error
