"""A mail relay that wants STARTTLS and a login, in a container: `python -m tests.deploy.relay`; prints recipients."""

import signal
from pathlib import Path
from typing import Final

from tests.support.certificates import Certificate
from tests.support.door import server_context
from tests.support.smtp import SmtpServer

LOGIN: Final = "aktif:rahsia"
PORT: Final = 1587
_FOLDER: Final = Path("/certificates")


def main() -> None:
    """Until it is killed."""
    shown = server_context(Certificate(_FOLDER / "relay.pem", _FOLDER / "relay.key"))
    with SmtpServer(host="0.0.0.0", port=PORT, tls=shown, login=LOGIN) as server:
        server.on_mail = lambda mail: print(f"mail to {mail.recipient}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
