"""The headers of the portal's answers."""

from urllib.parse import urlsplit

from shared.settings import Settings
from shared.web import headers as web


def headers(settings: Settings) -> dict[str, str]:
    """The headers. Where a login leads elsewhere, its form may end there: browsers judge redirects too."""
    home = urlsplit(settings.home_url or "")
    ends = f"'self' {home.scheme}://{home.netloc}" if home.netloc else "'self'"
    return web.headers(form_ends=ends, is_secure=urlsplit(settings.portal_url).scheme == "https")
