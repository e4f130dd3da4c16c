"""Connected Cars legacy push: the account feed and the car feed."""

from postroad.protocols.connected_cars_legacy.contract import CONTRACT

__all__ = ["CONTRACT"]
