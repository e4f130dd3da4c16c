"""How a trip was driven: the scores and estimations of the analysis. Names and types are those of the vendor's SDKs."""

from typing import Annotated

from postroad.protocols.drivequant.wire.fields import (
    Body,
    Degrees,
    GramsPerKilometre,
    Kilograms,
    KilometresPerHour,
    KilowattHours,
    KilowattHoursPer100Km,
    Litres,
    LitresPer100Km,
    Metres,
    MilligramsPerKilometre,
    Percent,
    Score,
    Seconds,
    WholeMetres,
    WholePercent,
    WholeSeconds,
    said,
    unit,
)

ContextId = Annotated[int, said("0 traffic jam, 1 heavy urban, 2 city, 3 suburban, 4 expressway")]


class EcoDriving(Body, frozen=True, kw_only=True):
    """Energy used against an ideal speed profile."""

    score: Annotated[Score | None, said("10 is best; above 10: not scored")] = None
    score_accel: Annotated[float | None, said("accelerating; 0 is the middle, negative is soft")] = None
    score_main: Annotated[float | None, said("keeping speed steady; 0 is best")] = None
    score_decel: Annotated[float | None, said("slowing down; 0 is the middle, negative is soft")] = None
    std_dev_accel: Annotated[float | None, said("spread of `scoreAccel`")] = None
    std_dev_main: Annotated[float | None, said("spread of `scoreMain`")] = None
    std_dev_decel: Annotated[float | None, said("spread of `scoreDecel`")] = None
    energy_class: Annotated[int | None, said("read as 1 to 7 for A to G")] = None


class EcoDrivingContext(Body, frozen=True, kw_only=True):
    """Eco-driving in one road context."""

    context_id: ContextId | None = None
    distance: Annotated[Metres | None, said("in this context")] = None
    duration: Annotated[Seconds | None, said("in this context")] = None
    efficiency_score: Annotated[Score | None, said("as `score` of the trip")] = None
    score_accel: Annotated[float | None, said("as of the trip")] = None
    score_main: Annotated[float | None, said("as of the trip")] = None
    score_decel: Annotated[float | None, said("as of the trip")] = None


class AdvancedEcoDriving(Body, frozen=True, kw_only=True):
    """Eco-driving by road context."""

    eco_driving_context: Annotated[list[EcoDrivingContext] | None, said("one for each road context")] = None


class FuelEstimation(Body, frozen=True, kw_only=True):
    """Fuel and CO2 of a trip with a combustion engine."""

    co2_mass: Annotated[Kilograms | None, said("CO2 of the trip")] = None
    co2_emission: Annotated[GramsPerKilometre | None, said("CO2 by distance")] = None
    fuel_volume: Annotated[Litres | None, said("fuel used")] = None
    fuel_consumption: Annotated[LitresPer100Km | None, said("fuel by distance")] = None
    idle_fuel_volume: Annotated[Litres | None, said("fuel used idling")] = None
    idle_fuel_percentage: Annotated[Percent | None, said("its share")] = None
    idle_fuel_consumption: Annotated[float | None, unit("l/h"), said("fuel by time of idling; unit inferred")] = None
    idle_co2_emission: Annotated[GramsPerKilometre | None, said("CO2 of idling; unit inferred")] = None
    idle_co2_mass: Annotated[Kilograms | None, said("CO2 of idling")] = None
    engine_temp_status: Annotated[bool | None, said("read as: the engine was warm")] = None
    cold_fuel_volume: Annotated[Litres | None, said("read as: additional fuel while the engine was cold")] = None


class FuelEstimationContext(Body, frozen=True, kw_only=True):
    """Fuel and CO2 in one road context."""

    context_id: ContextId | None = None
    distance: Annotated[Metres | None, said("in this context")] = None
    duration: Annotated[Seconds | None, said("in this context")] = None
    co2_mass: Annotated[Kilograms | None, said("CO2")] = None
    co2_emission: Annotated[GramsPerKilometre | None, said("CO2 by distance")] = None
    fuel_volume: Annotated[Litres | None, said("fuel used")] = None
    fuel_consumption: Annotated[LitresPer100Km | None, said("fuel by distance")] = None


class AdvancedFuelEstimation(Body, frozen=True, kw_only=True):
    """Fuel and CO2 by road context."""

    fuel_estimation_context: Annotated[list[FuelEstimationContext] | None, said("one for each road context")] = None


class EnergyEstimation(Body, frozen=True, kw_only=True):
    """Energy of a trip with an electric engine."""

    energy: Annotated[KilowattHours | None, said("energy used; unit inferred")] = None
    energy_consumption: Annotated[KilowattHoursPer100Km | None, said("energy by distance")] = None
    energy_opti: Annotated[KilowattHours | None, said("energy of the ideal speed profile; unit inferred")] = None
    energy_opti_consumption: Annotated[KilowattHoursPer100Km | None, said("the same by distance")] = None


class EnergyEstimationContext(EnergyEstimation, frozen=True, kw_only=True):
    """Energy in one road context."""

    context_id: ContextId | None = None
    distance: Annotated[Metres | None, said("in this context")] = None
    duration: Annotated[Seconds | None, said("in this context")] = None


class Safety(Body, frozen=True, kw_only=True):
    """Events that tell of risk. Critical ones are not counted among the moderate ones."""

    safety_score: Annotated[Score | None, said("10 is best; above 10: not scored")] = None
    nb_adh: Annotated[int | None, said("moderate losses of adherence")] = None
    nb_accel: Annotated[int | None, said("moderate accelerations")] = None
    nb_decel: Annotated[int | None, said("moderate brakings")] = None
    nb_adh_crit: Annotated[int | None, said("critical losses of adherence")] = None
    nb_accel_crit: Annotated[int | None, said("critical accelerations")] = None
    nb_decel_crit: Annotated[int | None, said("critical brakings")] = None


class SafetyContext(Safety, frozen=True, kw_only=True):
    """The same in one road context."""

    context_id: ContextId | None = None
    distance: Annotated[Metres | None, said("in this context")] = None
    duration: Annotated[Seconds | None, said("in this context")] = None


class AdvancedSafety(Body, frozen=True, kw_only=True):
    """Safety by road context."""

    safety_context: Annotated[list[SafetyContext] | None, said("one for each road context")] = None


class PlacedEvent(Body, frozen=True, kw_only=True):
    """Where and when within a trip something happened."""

    time: Annotated[Seconds | None, said("since the start")] = None
    latitude: Annotated[Degrees | None, said("WGS 84")] = None
    longitude: Annotated[Degrees | None, said("WGS 84")] = None
    velocity: Annotated[KilometresPerHour | None, said("speed")] = None
    heading: Annotated[Degrees | None, said("direction of travel")] = None
    elevation: Annotated[Metres | None, said("above sea level")] = None
    distance: Annotated[Metres | None, said("since the start")] = None


class SafetyEvent(PlacedEvent, frozen=True, kw_only=True):
    """One of the events that `safety` counts."""

    type: Annotated[int | None, said("1 adherence, 2 acceleration, 3 braking")] = None
    level: Annotated[int | None, said("read as 1 moderate, 2 critical; `value` is the better judge")] = None
    value: Annotated[
        float | None, said("m/s² for acceleration and braking, braking negative; a ratio for adherence")
    ] = None


class PhoneCall(Body, frozen=True, kw_only=True):
    """A call during the trip. Two ways of naming are read: that of the analysis and that of the SDK's own store."""

    id: Annotated[int | None, said("index of the call")] = None
    start: Annotated[Seconds | None, said("read as since the start of the trip")] = None
    end: Annotated[Seconds | None, said("as `start`")] = None
    duration_s: Annotated[WholeSeconds | None, said("length")] = None
    duration: Annotated[float | None, said("share of the trip in %; in the SDK's store seconds")] = None
    duration_percent: Annotated[float | None, said("SDK's store: share of the trip in %")] = None
    distance_m: Annotated[WholeMetres | None, said("driven meanwhile")] = None
    distance: Annotated[float | None, said("share of the trip in %; in the SDK's store metres")] = None
    distance_percent: Annotated[float | None, said("SDK's store: share of the trip in %")] = None
    status: Annotated[str | None, said("incoming, outgoing and such; words not published")] = None
    type: Annotated[str | None, said("SDK's store: as `status`")] = None
    audio_system: Annotated[str | None, said("handset, headset, car and such; words not published")] = None
    audio_input: Annotated[str | None, said("name of the device")] = None
    audio_output: Annotated[str | None, said("name of the device")] = None
    audio_name: Annotated[str | None, said("name of the device")] = None
    bluetooth_class: Annotated[int | None, said("class of the Bluetooth device")] = None
    forbidden: Annotated[bool | None, said("not allowed while driving")] = None
    is_forbidden: Annotated[bool | None, said("SDK's store: as `forbidden`")] = None


class DriverDistraction(Body, frozen=True, kw_only=True):
    """Use of the phone; only of trips that an app recorded."""

    nb_unlock: Annotated[int | None, said("times that the screen was unlocked")] = None
    duration_unlock: Annotated[Seconds | None, said("with the screen unlocked")] = None
    duration_percent_unlock: Annotated[Percent | None, said("its share of the trip")] = None
    distance_unlock: Annotated[Metres | None, said("driven with the screen unlocked")] = None
    distance_percent_unlock: Annotated[Percent | None, said("its share of the trip")] = None
    score: Annotated[Score | None, said("10 is best")] = None
    score_unlock: Annotated[Score | None, said("of unlocking alone")] = None
    score_call: Annotated[Score | None, said("of calls alone")] = None
    calls: Annotated[list[PhoneCall] | None, said("each call")] = None


class CallEvent(PlacedEvent, frozen=True, kw_only=True):
    """A call was taken up or ended."""

    type: Annotated[int | None, said("taken up or ended; numbers not published")] = None
    duration: Annotated[Seconds | None, said("length of the call")] = None
    audio_system: Annotated[str | None, said("words not published")] = None
    call_type: Annotated[str | None, said("words not published")] = None
    index: Annotated[int | None, said("index in the arrays of `route`")] = None
    forbidden: Annotated[bool | None, said("not allowed while driving")] = None


class Speeding(Body, frozen=True, kw_only=True):
    """Driving over the limit."""

    distance: Annotated[WholeMetres | None, said("that was analysed")] = None
    duration: Annotated[WholeSeconds | None, said("that was analysed")] = None
    speeding_distance: Annotated[WholeMetres | None, said("over the limit")] = None
    speeding_duration: Annotated[WholeSeconds | None, said("over the limit")] = None
    score: Annotated[Score | None, said("10 is best; above 10: not scored")] = None


class SpeedLimitContext(Speeding, frozen=True, kw_only=True):
    """The same where one limit held."""

    speed_limit: Annotated[int | None, unit("km/h"), said("unit inferred")] = None


class SpeedingStatistics(Speeding, frozen=True, kw_only=True):
    """Driving over the limit, in all and by limit; a paid option of the vendor's."""

    speed_limit_contexts: Annotated[list[SpeedLimitContext] | None, said("by limit")] = None


class SpeedingEvent(Body, frozen=True, kw_only=True):
    """A stretch over the limit begins or ends."""

    time: Annotated[Seconds | None, said("since the start")] = None
    longitude: Annotated[Degrees | None, said("WGS 84")] = None
    latitude: Annotated[Degrees | None, said("WGS 84")] = None
    type: Annotated[int | None, said("begins or ends; numbers not published")] = None
    index: Annotated[int | None, said("index in the arrays of `route`")] = None


class Pollutants(Body, frozen=True, kw_only=True):
    """Pollutants by distance; the unit is inferred."""

    co: Annotated[MilligramsPerKilometre | None, said("carbon monoxide")] = None
    hc: Annotated[MilligramsPerKilometre | None, said("hydrocarbons")] = None
    nox: Annotated[MilligramsPerKilometre | None, said("nitrogen oxides")] = None
    soot: Annotated[MilligramsPerKilometre | None, said("soot")] = None


class OccupantInfo(Body, frozen=True, kw_only=True):
    """Whether the phone's owner drove."""

    role: Annotated[str | None, said("driver, passenger, unavailable or not applicable; spellings differ")] = None
    passenger_probability: Annotated[WholePercent | None, said("that it was a passenger")] = None
