"""What pika does to bytes, where that is not good enough for us."""

from typing import Final

import pika
from pika import spec

_PIECE_BYTES: Final = 1 << 16


class Connection(pika.SelectConnection):  # type: ignore[misc]
    """Sends what one turn of the I/O loop writes in one go; pika calls `send` three times a message."""

    _size = 0

    def _adapter_emit_data(self, data: bytes) -> None:
        written: list[bytes] = self.__dict__.setdefault("_written", [])  # pika writes while it is being made
        if not written:
            self.ioloop.add_callback(self._emit)
        written.append(data)
        self._size += len(data)
        if self._size >= _PIECE_BYTES:
            self._emit()

    def _emit(self) -> None:
        if self._written:
            data = b"".join(self._written)
            self._written.clear()
            self._size = 0
            super()._adapter_emit_data(data)


class Properties(pika.BasicProperties):  # type: ignore[misc]
    """Survives headers that anyone may publish and pika cannot decode: a time past the year 9999, too deep a table.

    pika ends the connection at such a message (`pika.data.decode_value`, 1.4.4), and would again at every redelivery.
    """

    readable = True

    def decode(self, encoded: bytes, offset: int = 0) -> pika.BasicProperties:
        """Decode; what cannot be decoded leaves the message without headers, and is said in `readable`."""
        try:
            return super().decode(encoded, offset)
        except Exception:
            # Whatever it raises; a nesting too deep for Python is a RecursionError.
            self.readable = False
            self.headers = None
            return self


spec.props[spec.BasicProperties.INDEX] = Properties
