"""Derived trips as the log holds them. *Stored format*: fields are added with a default, never changed."""

from typing import Annotated

import msgspec
from msgspec import Meta

from postroad.model import documents
from postroad.model.header import Header
from postroad.model.said import Position

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Instant = Annotated[int, Meta(ge=0, le=2**62)]


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a vehicle was, and when it was there, WGS 84; km/h, degrees clockwise from true north, m above the sea."""

    at_us: Instant
    latitude_deg: float
    longitude_deg: float
    speed_kmh: float | None = None
    heading_deg: float | None = None
    altitude_m: float | None = None


class _Edition(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    at_us: Instant
    """When the report was received that showed it, microseconds since 1970."""
    subject_id: Id
    """The vehicle."""
    key: str
    revision: Id


class Trip(_Edition, frozen=True, kw_only=True, tag="trip", omit_defaults=True):
    """An edition of a trip that was cut from a vehicle's reports. The fields are those of the model's ``Trip``."""

    started_us: Instant
    ended_us: Instant
    start: Place | None = None
    """Its instant is the trip's own."""
    end: Place | None = None
    distance_m: float | None = None
    driving_s: float | None = None
    idling_s: float | None = None
    mean_speed_kmh: float | None = None
    max_speed_kmh: float | None = None
    path: tuple[Place, ...] = ()


class TripDeleted(_Edition, frozen=True, kw_only=True, tag="trip_deleted"):
    """A trip that late reports have shown to be none, or a part of another."""


class DriverDeleted(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="driver_deleted", forbid_unknown_fields=True
):
    """The driver, and all that is known of it, is to be forgotten."""

    at_us: Instant
    """When that was asked for, microseconds since 1970."""
    subject_id: Id


def of_document(document: documents.Trip | documents.TripDeleted) -> Trip | TripDeleted:
    """The word for an edition that the hub derived. Raises ``ValueError`` for a trip without its times: it is none."""
    header = document.header
    if isinstance(document, documents.TripDeleted):
        return TripDeleted(
            at_us=header.received_us, subject_id=header.subject_id, key=document.key, revision=document.revision
        )
    started_us, ended_us = document.started_us, document.ended_us
    if started_us is None or ended_us is None:
        raise ValueError("a derived trip has a start and an end")
    return Trip(
        at_us=header.received_us,
        subject_id=header.subject_id,
        key=document.key,
        revision=document.revision,
        started_us=started_us,
        ended_us=ended_us,
        start=_place(started_us, document.start),
        end=_place(ended_us, document.end),
        distance_m=document.distance_m,
        driving_s=document.driving_s,
        idling_s=document.idling_s,
        mean_speed_kmh=document.mean_speed_kmh,
        max_speed_kmh=document.max_speed_kmh,
        path=tuple(
            Place(p.recorded_us, p.latitude_deg, p.longitude_deg, p.speed_kmh, p.heading_deg, p.altitude_m)
            for p in document.path
        ),
    )


def document_of(word: Trip | TripDeleted, header: Header) -> documents.Trip | documents.TripDeleted:
    """The inverse."""
    if isinstance(word, TripDeleted):
        return documents.TripDeleted(header=header, key=word.key, revision=word.revision)
    return documents.Trip(
        header=header,
        key=word.key,
        revision=word.revision,
        started_us=word.started_us,
        ended_us=word.ended_us,
        start=_position(word.start),
        end=_position(word.end),
        distance_m=word.distance_m,
        driving_s=word.driving_s,
        idling_s=word.idling_s,
        mean_speed_kmh=word.mean_speed_kmh,
        max_speed_kmh=word.max_speed_kmh,
        path=tuple(
            documents.TrackPoint(
                recorded_us=place.at_us,
                latitude_deg=place.latitude_deg,
                longitude_deg=place.longitude_deg,
                speed_kmh=place.speed_kmh,
                heading_deg=place.heading_deg,
                altitude_m=place.altitude_m,
            )
            for place in word.path
        ),
        derived=True,
    )


def _place(at_us: int, where: Position | None) -> Place | None:
    if where is None:
        return None
    return Place(at_us, where.latitude_deg, where.longitude_deg, where.speed_kmh, where.heading_deg, where.altitude_m)


def _position(place: Place | None) -> Position | None:
    if place is None:
        return None
    return Position(
        latitude_deg=place.latitude_deg,
        longitude_deg=place.longitude_deg,
        altitude_m=place.altitude_m,
        speed_kmh=place.speed_kmh,
        heading_deg=place.heading_deg,
    )
