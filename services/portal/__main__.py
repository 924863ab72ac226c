"""`python -m services.portal`."""

from services.portal.app import build
from shared.web.serving import serve

if __name__ == "__main__":
    serve("portal", build)
