"""Static files, under an address that changes with the content of any, so that browsers may keep them for ever."""

import hashlib
from importlib.resources import files
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

_KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_NAMES: Final = ("style.css", "page.js", "favicon.svg")


class Assets:
    """The static files of one service; its style begins with what all pages of ours share."""

    def __init__(self, package: str) -> None:
        shared, own = files("shared.web") / "static", files(package) / "static"
        self._files = {name: (own / name).read_bytes() for name in _NAMES}
        self._files["style.css"] = (shared / "base.css").read_bytes() + self._files["style.css"]
        self._version = hashlib.sha256(b"".join(self._files.values())).hexdigest()[:12]

    def path(self, name: str) -> str:
        """Where a file is, below the first path of the service."""
        return f"/static/{self._version}/{name}"

    def answer(self, version: str, name: str) -> Response:
        """A file. While two versions run, one shows its own under the other's address: not for ever.

        Raises HTTPException 404.
        """
        if name not in self._files:
            raise HTTPException(404)
        kind = _KINDS[name[name.rindex(".") :]]
        keeping = {"Cache-Control": _FOR_EVER} if version == self._version else {}
        return Response(self._files[name], media_type=kind, headers=keeping)
