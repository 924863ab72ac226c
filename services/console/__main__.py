"""`python -m services.console`."""

from services.console.app import build
from shared.web.serving import serve

if __name__ == "__main__":
    serve("console", build)
