"""Types of the newer page about services and inspections."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from postroad.protocols.connected_cars.wire.fields import DateTime, Int32, VehicleEvent


class ServiceReminderLead(VehicleEvent, frozen=True, tag="service_reminder_lead"):
    """The date of a service that the owner is reminded of."""

    value: DateTime


class CarRoadworthyInspectionDate(VehicleEvent, frozen=True, kw_only=True, tag="car_roadworthy_inspection_date"):
    """The date of the next inspection, as midnight UTC."""

    value: DateTime
    fleet_id: Int32 | None = None
    fleet_external_reference: str | None = None
    workshop_id: Int32 | None = None


class CarServiceBooking(VehicleEvent, frozen=True, kw_only=True, tag="car_service_booking"):
    """A booking at a workshop was made, changed or cancelled."""

    booking_source: Annotated[str, Meta(examples=["online"], description="where it was booked")]
    booking_id: Annotated[str, Meta(description="id in the booking system")]
    booking_status: Annotated[str, Meta(examples=["NEW", "CHANGED", "CANCELLED"])]
    booking_dealer: Annotated[str, Meta(description="the dealer's number")]
    booking_created_date: Annotated[DateTime | UnsetType | None, Meta(description="when it was booked")] = UNSET
    fleet_id: Int32 | None = None
    fleet_external_reference: str | None = None
    reason_key: Annotated[str | None, Meta(examples=["automatically_expired"])] = None
    reason_text: str | None = None
    workshop_id: Int32 | None = None
    value: Annotated[DateTime, Meta(description="the appointment")]
