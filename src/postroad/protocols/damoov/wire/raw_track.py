"""The raw track (``IncomingTrack``) and the removed one (``IncomingTrackSummary``), whichever of the two shapes.

A is ``{"Track": {...}}``, B ``{"success": true, "result": {"TripData": {...}}}``: their insides are read alike.
"""

from typing import Annotated, Any

import msgspec

from postroad.protocols.damoov.wire.accident import DrivingEvent
from postroad.protocols.damoov.wire.fields import Latitude, Longitude, Text, Token, said


class KnownPoint(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A position that was known before the start."""

    latitude: Annotated[Latitude | None, said("position", unit="deg", inferred=True)] = None
    longitude: Annotated[Longitude | None, said("position", unit="deg", inferred=True)] = None
    accuracy: Annotated[float | None, said("GPS accuracy", unit="m", inferred=True)] = None
    point_date: Annotated[Text | None, said("time of the point", inferred=True)] = None
    point_origin: Annotated[Text | None, said("where it is from: `Track`", inferred=True)] = None


class RawPoint(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A waypoint, one each second."""

    number: Annotated[int | None, said("order, from 0")] = None
    total_meters: Annotated[float | None, said("distance from the start", unit="m")] = None
    speed: Annotated[float | None, said("filtered speed", unit="km/h")] = None
    mid_speed: Annotated[float | None, said("the sensor's speed", unit="m/s", inferred=True)] = msgspec.field(
        name="midSpeed", default=None
    )
    point_date: Annotated[Text | None, said("time of the point")] = None
    tick_date: Annotated[Text | None, said("tick of the device's clock")] = None
    latitude: Annotated[Latitude | None, said("position", unit="deg")] = None
    longitude: Annotated[Longitude | None, said("position", unit="deg")] = None
    height: Annotated[float | None, said("above sea level: centimetres by text, millimetres by sample; 0: missing")] = (
        None
    )
    course: Annotated[float | None, said("heading; 0: also missing", unit="deg", inferred=True)] = None
    acceleration: Annotated[float | None, said("acceleration", unit="m/s2", inferred=True)] = None
    deceleration: Annotated[float | None, said("deceleration", unit="m/s2", inferred=True)] = None
    lateral: Annotated[float | None, said("lateral acceleration", unit="m/s2", inferred=True)] = None
    yaw: Annotated[float | None, said("rotation", unit="deg", inferred=True)] = None
    accuracy: Annotated[float | None, said("GPS accuracy", unit="m", inferred=True)] = None
    screen_on: Annotated[bool | int | None, said("the screen was on; 0 or 1 as well", inferred=True)] = None
    screen_blocked: Annotated[bool | int | None, said("the phone was locked; 0 or 1 as well", inferred=True)] = None
    vehicle_indicators: Annotated[Any, said("OBD values; their shape is not published", inferred=True)] = None
    quantile: Annotated[Any, said("statistics of the sensors; their shape is not published", inferred=True)] = None


class RawTrack(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A track as the phone recorded it."""

    start_date: Annotated[Text | None, said("start; the offset may be without a colon")] = None
    end_date: Annotated[Text | None, said("end; the offset may be without a colon")] = None
    start_reason: Annotated[Text | None, said("`ManualStart`, `MotionDetected`, `GeofenceDetected` ...")] = None
    stop_reason: Annotated[Text | None, said("`LowSpeedTimeout`, `ManualStop`, `GpsTimeout`, `Other` ...")] = None
    device_token: Annotated[Token | None, said("the user")] = None
    company_id: Annotated[int | Text | None, said("the company; `CompanyID` is read as well")] = None
    track_token: Annotated[Token | None, said("the track")] = None
    tags: Annotated[list[Any] | None, said("the user's tags")] = None
    last_known_points: Annotated[tuple[KnownPoint, ...] | None, said("positions known before the start")] = None
    points: Annotated[tuple[RawPoint, ...] | None, said("waypoints; `Waypoints` is read as well")] = None
    events: Annotated[tuple[DrivingEvent, ...] | None, said("harsh manoeuvres and the like")] = None
