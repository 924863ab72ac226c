"""The management API of the servers that we start; it lives beside the broker's other clients."""

from shared.broker.management import Management, ManagementError

__all__ = ["Management", "ManagementError"]
