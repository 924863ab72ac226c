"""RabbitMQ's management API, as far as starting a server and making vhosts for tests needs it."""

import http.client
import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote, unquote, urlsplit


class ManagementError(Exception):
    """The management API answered with an error; the message carries its status and reason."""


class Management:
    """The API at `http://user:password@host:port`. One connection per call: it is asked seldom."""

    def __init__(self, url: str, timeout: float = 10) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._secure = parts.hostname or "127.0.0.1", parts.port, parts.scheme == "https"
        self.user = unquote(parts.username or "guest")
        self._authorization = b64encode(f"{self.user}:{unquote(parts.password or 'guest')}".encode()).decode()
        self._timeout = timeout

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer, or None where there is no content.

        Raises ManagementError for a status of 400 and more, OSError and HTTPException when nobody answers.
        """
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        headers = {"Authorization": f"Basic {self._authorization}", "Content-Type": "application/json"}
        try:
            connection.request(method, f"/api/{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise ManagementError(f"{method} /api/{path}: {response.status} {text.decode(errors='replace')[:300]}")
        return json.loads(text) if text else None

    def answers(self) -> bool:
        """Whether the API serves this user now."""
        try:
            self.request("GET", "whoami")
        except (OSError, http.client.HTTPException, ManagementError):
            return False
        return True

    def create_vhost(self, name: str) -> None:
        """Makes a vhost in which this user may do everything; an existing one stays as it is."""
        self.request("PUT", f"vhosts/{quote(name, safe='')}", {})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.request("PUT", f"permissions/{quote(name, safe='')}/{quote(self.user, safe='')}", everything)

    def delete_vhost(self, name: str) -> None:
        """Deletes a vhost with its queues and closes its connections; raises ManagementError when there is none."""
        self.request("DELETE", f"vhosts/{quote(name, safe='')}")
