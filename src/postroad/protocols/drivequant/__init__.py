"""DriveQuant push services."""

from postroad.protocols.drivequant.contract import CONTRACTS

__all__ = ["CONTRACTS"]
