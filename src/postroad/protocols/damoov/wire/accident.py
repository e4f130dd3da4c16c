"""The accident's header (``Accident``), which is also the shape of a raw track's events, and its buffer.

``AccidentExtra``'s shape is not published: what is typed here is a working model, and anything else is kept.
"""

from typing import Annotated

import msgspec

from postroad.protocols.damoov.wire.fields import Latitude, Longitude, Text, Token, said


class GeoPoint(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A position."""

    latitude: Annotated[Latitude | None, said("position", unit="deg")] = None
    longitude: Annotated[Longitude | None, said("position", unit="deg")] = None


class Quantiles(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """How a measure was distributed during an event, in its unit."""

    min: Annotated[float | None, said("least")] = None
    max: Annotated[float | None, said("greatest")] = None
    median: Annotated[float | None, said("median")] = None
    quantile_05: Annotated[float | None, said("5 % were less")] = msgspec.field(name="Quantile_05", default=None)
    quantile_95: Annotated[float | None, said("95 % were less")] = msgspec.field(name="Quantile_95", default=None)


class DrivingEvent(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """An accident, or a harsh manoeuvre of a raw track."""

    id: Annotated[Token | None, said("the event")] = None
    type: Annotated[Text | None, said("`Accident`, `Acceleration`, `Braking`, `Cornering`")] = None
    accident_trigger: Annotated[Text | None, said("what set it off; `NOT_DEFINED` for ordinary events")] = None
    reliability: Annotated[float | None, said("confidence; the scale is not published")] = None
    time_start: Annotated[int | None, said("start, since 1970, UTC", unit="ms")] = None
    duration: Annotated[float | None, said("length, gaps included", unit="ms")] = None
    pure_duration: Annotated[float | None, said("time above the threshold", unit="ms")] = None
    prev_event_speed: Annotated[float | None, said("speed just before", unit="m/s", inferred=True)] = None
    speed_start: Annotated[float | None, said("GPS speed at the start", unit="m/s", inferred=True)] = None
    speed_stop: Annotated[float | None, said("GPS speed at the end", unit="m/s", inferred=True)] = None
    speed_median: Annotated[float | None, said("GPS speed, median", unit="m/s", inferred=True)] = None
    acceleration_direct: Annotated[float | None, said("along travel, at the start", unit="m/s2", inferred=True)] = None
    acceleration_lateral: Annotated[float | None, said("sideways, at the start", unit="m/s2", inferred=True)] = None
    acceleration_vertical: Annotated[
        float | None, said("vertical, with gravity, at the start", unit="m/s2", inferred=True)
    ] = None
    acceleration_direct_end: Annotated[float | None, said("along travel, at the end", unit="m/s2", inferred=True)] = (
        None
    )
    acceleration_lateral_end: Annotated[float | None, said("sideways, at the end", unit="m/s2", inferred=True)] = None
    acceleration_vertical_end: Annotated[
        float | None, said("vertical, with gravity, at the end", unit="m/s2", inferred=True)
    ] = None
    point_start: Annotated[GeoPoint | None, said("where it began")] = None
    point_end: Annotated[GeoPoint | None, said("where it ended")] = None
    range_direct: Annotated[Quantiles | None, said("acceleration along travel", unit="m/s2", inferred=True)] = None
    range_lateral: Annotated[Quantiles | None, said("acceleration sideways", unit="m/s2", inferred=True)] = None
    range_vertical: Annotated[Quantiles | None, said("vertical acceleration", unit="m/s2", inferred=True)] = None
    accuracy: Annotated[Quantiles | None, said("GPS accuracy", unit="m", inferred=True)] = None
    speed: Annotated[Quantiles | None, said("GPS speed", unit="m/s", inferred=True)] = None


class BufferSample(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """One sample of a buffer: 60 a second on iOS, 100 on Android."""

    index: Annotated[int | None, said("from 0", inferred=True)] = None
    time: Annotated[float | None, said("since 1970, UTC", unit="ms", inferred=True)] = None
    acc_x: Annotated[float | None, said("acceleration", unit="m/s2", inferred=True)] = None
    acc_y: Annotated[float | None, said("acceleration", unit="m/s2", inferred=True)] = None
    acc_z: Annotated[float | None, said("acceleration", unit="m/s2", inferred=True)] = None
    gyro_x: Annotated[float | None, said("rotation", unit="rad/s", inferred=True)] = None
    gyro_y: Annotated[float | None, said("rotation", unit="rad/s", inferred=True)] = None
    gyro_z: Annotated[float | None, said("rotation", unit="rad/s", inferred=True)] = None
    gps_speed: Annotated[float | None, said("GPS speed", unit="m/s", inferred=True)] = None
    source: Annotated[Text | int | None, said("which sensors", inferred=True)] = None


class AccidentExtra(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """The high-frequency buffer of an accident: 5 s before it and 5 s after."""

    id: Annotated[Token | None, said("the accident", inferred=True)] = None
    type: Annotated[Text | None, said("`AccidentExtra`", inferred=True)] = None
    time_start: Annotated[int | None, said("of the first sample, since 1970, UTC", unit="ms", inferred=True)] = None
    samples: Annotated[tuple[BufferSample, ...] | None, said("samples", inferred=True)] = None
