"""Trips from reports. Pure: reports in, editions of trips out; no clock, no storage."""

from postroad.derive.settings import TripSettings
from postroad.derive.vehicle import Memory, VehicleTrips

__all__ = ["Memory", "TripSettings", "VehicleTrips"]
