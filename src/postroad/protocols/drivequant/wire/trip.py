"""Push trip data: a trip as it was analysed.

The first two members are documented for the push; the others are those of the vendor's trip API and SDKs, which
describe the same result.
"""

from typing import Annotated

from postroad.protocols.drivequant.wire.driving import (
    AdvancedEcoDriving,
    AdvancedFuelEstimation,
    AdvancedSafety,
    CallEvent,
    DriverDistraction,
    EcoDriving,
    EnergyEstimation,
    EnergyEstimationContext,
    FuelEstimation,
    OccupantInfo,
    Pollutants,
    Safety,
    SafetyEvent,
    SpeedingEvent,
    SpeedingStatistics,
)
from postroad.protocols.drivequant.wire.equipment import (
    BrakeWear,
    RawPhoneCall,
    Route,
    SmartphoneData,
    TireWear,
    Vehicle,
)
from postroad.protocols.drivequant.wire.fields import (
    Body,
    Date,
    KilometresPerHour,
    Metres,
    Percent,
    Seconds,
    said,
)


class Account(Body, frozen=True, kw_only=True):
    """Whose trip it is."""

    account: Annotated[str | None, said("API key of the vendor's customer: a secret, never passed on")] = None
    user_id: Annotated[str | None, said("the driver")] = None
    vehicle_id: Annotated[str | None, said("the vehicle")] = None


class Comment(Body, frozen=True, kw_only=True):
    """An outcome of the analysis."""

    error_code: Annotated[
        int | None,
        said(
            "0 all well, 16 no engine speed, 21 unknown API key, 29 beacon missing, 30 wrong beacon, 31 the trip is"
            " there twice; other numbers are not published"
        ),
    ] = None
    comment: Annotated[str | None, said("the same in words")] = None


class ItineraryData(Body, frozen=True, kw_only=True):
    """From where to where, from when to when."""

    start_date: Annotated[Date | None, said("start")] = None
    end_date: Annotated[Date | None, said("end")] = None
    departure_address: Annotated[str | None, said("address of the start")] = None
    departure_city: Annotated[str | None, said("its town")] = None
    departure_postal_code: Annotated[str | None, said("its postal code")] = None
    departure_state: Annotated[str | None, said("its region")] = None
    departure_country: Annotated[str | None, said("its country")] = None
    arrival_address: Annotated[str | None, said("address of the end")] = None
    arrival_city: Annotated[str | None, said("its town")] = None
    arrival_postal_code: Annotated[str | None, said("its postal code")] = None
    arrival_state: Annotated[str | None, said("its region")] = None
    arrival_country: Annotated[str | None, said("its country")] = None


class ItineraryStatistics(Body, frozen=True, kw_only=True):
    """The trip in figures. Driving and idling add up to the whole, their shares to 100."""

    trip_duration: Annotated[Seconds | None, said("from start to end")] = None
    driving_duration: Annotated[Seconds | None, said("in motion")] = None
    idling_duration: Annotated[Seconds | None, said("standing")] = None
    driving_percentage: Annotated[Percent | None, said("share in motion")] = None
    idling_percentage: Annotated[Percent | None, said("share standing")] = None
    distance: Annotated[Metres | None, said("driven")] = None
    speed_mean: Annotated[KilometresPerHour | None, said("mean speed")] = None
    subdisp_nb: Annotated[int | None, said("read as the number of stretches between stops")] = None
    meteo: Annotated[int | None, said("0 unknown, 1 sun, 2 cloud, 3 fog, 4 rain, 5 snow, 6 ice")] = None
    day: Annotated[bool | None, said("by daylight")] = None
    week_day: Annotated[bool | None, said("read as: on a working day")] = None
    transportation_mode: Annotated[
        int | None,
        said(
            "0 unknown, 1 car, 2 motorcycle, 3 heavy-duty vehicle, 4 bus, 5 rail, 6 boat, 7 bike, 8 plane, 9 ski,"
            " 10 on foot, 11 idle, 12 other"
        ),
    ] = None


class Logbook(Body, frozen=True, kw_only=True):
    """The trip in the driver's logbook."""

    status: Annotated[int | None, said("codes not published")] = None
    update_date: Annotated[Date | None, said("last change")] = None


class TripAdvice(Body, frozen=True, kw_only=True):
    """An advice that the driver was given."""

    id: Annotated[str | None, said("id")] = None
    title: Annotated[str | None, said("title")] = None
    message: Annotated[str | None, said("text")] = None
    message_id: Annotated[str | None, said("id of the text")] = None
    theme: Annotated[str | None, said("subject")] = None


class TripPush(Body, frozen=True, kw_only=True):
    """A trip, after it ended and was analysed."""

    itin_id: Annotated[str, said("names the trip")]
    firstname: Annotated[str | None, said("the driver's first name")] = None
    lastname: Annotated[str | None, said("the driver's last name")] = None
    pseudo: Annotated[str | None, said("the driver's nickname")] = None
    account: Annotated[Account | None, said("whose trip it is")] = None
    user_id: Annotated[str | None, said("the driver, by the id that the vendor's customer chose")] = None
    status: Annotated[bool | None, said("true: the analysis succeeded")] = None
    comments: Annotated[list[Comment] | None, said("outcomes of the analysis")] = None
    end_date: Annotated[Date | None, said("end of the trip")] = None
    itinerary_data: Annotated[ItineraryData | None, said("from where to where")] = None
    itinerary_statistics: Annotated[ItineraryStatistics | None, said("the trip in figures")] = None
    eco_driving: Annotated[EcoDriving | None, said("eco-driving")] = None
    advanced_eco_driving: Annotated[AdvancedEcoDriving | None, said("the same by road context")] = None
    fuel_estimation: Annotated[FuelEstimation | None, said("of combustion engines and hybrids")] = None
    advanced_fuel_estimation: Annotated[AdvancedFuelEstimation | None, said("the same by road context")] = None
    energy_estimation: Annotated[EnergyEstimation | None, said("of electric vehicles")] = None
    advanced_energy_estimation: Annotated[
        list[EnergyEstimationContext] | None, said("the same by road context: here a bare array")
    ] = None
    safety: Annotated[Safety | None, said("safety")] = None
    advanced_safety: Annotated[AdvancedSafety | None, said("the same by road context")] = None
    safety_events: Annotated[list[SafetyEvent] | None, said("what `safety` counts")] = None
    driver_distraction: Annotated[DriverDistraction | None, said("use of the phone")] = None
    call_events: Annotated[list[CallEvent] | None, said("calls taken up and ended")] = None
    speeding_statistics: Annotated[SpeedingStatistics | None, said("over the limit")] = None
    speeding_events: Annotated[list[SpeedingEvent] | None, said("where it began and ended")] = None
    pollutants: Annotated[Pollutants | None, said("pollutants")] = None
    tire_wear: Annotated[TireWear | None, said("wear of the tyres")] = None
    brake_wear: Annotated[BrakeWear | None, said("wear of the brakes")] = None
    logbook: Annotated[Logbook | None, said("the driver's logbook")] = None
    occupant_info: Annotated[OccupantInfo | None, said("driver or passenger")] = None
    trip_advices_data: Annotated[list[TripAdvice] | None, said("advices to the driver")] = None
    route: Annotated[Route | None, said("the raw samples")] = None
    vehicle: Annotated[Vehicle | None, said("the vehicle")] = None
    smartphone_data: Annotated[SmartphoneData | None, said("the phone")] = None
    phone_calls: Annotated[list[RawPhoneCall] | None, said("calls as the SDK told them")] = None
    meta_data: Annotated[dict[str, str] | None, said("what the customer's app attached")] = None
