"""The headers of the portal's answers."""

from urllib.parse import urlsplit

from shared.settings import Settings
from shared.web import headers as web


def headers(settings: Settings) -> dict[str, str]:
    """The headers of the portal; with https they hold browsers to it."""
    return web.headers(is_secure=urlsplit(settings.portal_url).scheme == "https")
