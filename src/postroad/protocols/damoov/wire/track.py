"""The processed track (``RichTrack``): ``{"Result": {"Track": {...}, "Code": 200}}``."""

from typing import Annotated, Any

import msgspec

from postroad.protocols.damoov.wire.fields import Latitude, Longitude, Text, Token, said

Stars = Annotated[float, msgspec.Meta(ge=0, le=5)]
Score = Annotated[float, msgspec.Meta(ge=0, le=100)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class AddressParts(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A geocoded address in its parts."""

    country_code: Annotated[Text | None, said("country")] = None
    country: Annotated[Text | None, said("country's name", inferred=True)] = None
    state: Annotated[Text | None, said("state", inferred=True)] = None
    county: Annotated[Text | None, said("county", inferred=True)] = None
    postal_code: Annotated[Text | None, said("postal code")] = None
    city: Annotated[Text | None, said("town")] = None
    district: Annotated[Text | None, said("district")] = None
    street: Annotated[Text | None, said("street")] = None
    house: Annotated[Text | None, said("number of the house")] = None


class RichPoint(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A waypoint: about one each second, thinned. Points put in between have 0 in every field of a sensor."""

    id: Annotated[int | None, said("the vendor's database key, 64 bits")] = None
    number: Annotated[int | None, said("order; need not begin at 0, and may repeat")] = None
    point_date: Annotated[Text | None, said("time of the point")] = None
    latitude: Annotated[Latitude | None, said("position", unit="deg")] = None
    longitude: Annotated[Longitude | None, said("position", unit="deg")] = None
    height: Annotated[float | None, said("above sea level: centimetres by text, millimetres by sample; 0: missing")] = (
        None
    )
    course: Annotated[float | None, said("heading; 0: also missing", unit="deg", inferred=True)] = None
    speed: Annotated[float | None, said("filtered speed", unit="km/h", inferred=True)] = None
    mid_speed: Annotated[float | None, said("the sensor's speed", unit="m/s", inferred=True)] = None
    speed_limit: Annotated[float | None, said("legal limit; 999 acts as unknown", unit="km/h")] = None
    speed_type: Annotated[Text | None, said("band of speeding: `norm`, `mid`, `high`, empty")] = None
    total_meters: Annotated[float | None, said("distance from the start", unit="m")] = None
    alert_type: Annotated[Text | None, said("event at this point: `acc`, `deacc`, `turn`, `phone`, empty")] = None
    alert_value: Annotated[float | None, said("peak acceleration, braking negative", unit="m/s2", inferred=True)] = None
    cornering: Annotated[bool | None, said("harsh cornering here")] = None
    phone_usage: Annotated[bool | None, said("the phone was in use")] = None
    lateral: Annotated[float | None, said("lateral acceleration", unit="m/s2", inferred=True)] = None
    yaw: Annotated[float | None, said("rotation", unit="deg", inferred=True)] = None


class RichTrack(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A processed track."""

    start_date: Annotated[Text | None, said("start, in the device's time zone")] = None
    end_date: Annotated[Text | None, said("end, in the device's time zone")] = None
    status: Annotated[Text | None, said("state of its life: `Active`")] = None
    distance: Annotated[NotNegative | None, said("length", unit="km")] = None
    duration: Annotated[NotNegative | None, said("length in time", unit="min")] = None
    acceleration_count: Annotated[int | None, said("rapid accelerations")] = None
    deceleration_count: Annotated[int | None, said("harsh brakings")] = None
    address_start: Annotated[Text | None, said("geocoded start")] = None
    address_end: Annotated[Text | None, said("geocoded end")] = None
    address_start_parts: Annotated[AddressParts | None, said("the start's parts")] = None
    address_finish_parts: Annotated[AddressParts | None, said("the end's parts")] = None
    city_start: Annotated[Text | None, said("town of the start")] = None
    city_finish: Annotated[Text | None, said("town of the end")] = None
    rating: Annotated[Stars | None, said("safety score", unit="stars")] = None
    rating_cornering: Annotated[Stars | None, said("partial score", unit="stars")] = None
    rating_acceleration: Annotated[Stars | None, said("partial score", unit="stars")] = None
    rating_braking: Annotated[Stars | None, said("partial score", unit="stars")] = None
    rating_speeding: Annotated[Stars | None, said("partial score", unit="stars")] = None
    rating_phone_usage: Annotated[Stars | None, said("partial score", unit="stars")] = None
    rating_time_of_day: Annotated[Stars | None, said("partial score", unit="stars")] = None
    rating100: Annotated[Score | None, said("safety score, 100 best")] = None
    rating_cornering100: Annotated[Score | None, said("partial score, 100 best")] = None
    rating_acceleration100: Annotated[Score | None, said("partial score, 100 best")] = None
    rating_braking100: Annotated[Score | None, said("partial score, 100 best")] = None
    rating_speeding100: Annotated[Score | None, said("partial score, 100 best")] = None
    rating_phone_distraction100: Annotated[Score | None, said("partial score, 100 best")] = None
    rating_time_of_day100: Annotated[Score | None, said("partial score, 100 best", inferred=True)] = None
    eco_score: Annotated[Score | None, said("eco score, 100 best")] = None
    eco_score_fuel: Annotated[Score | None, said("eco score of fuel")] = None
    eco_score_tyres: Annotated[Score | None, said("eco score of tyre wear")] = None
    eco_score_brakes: Annotated[Score | None, said("eco score of brake wear")] = None
    eco_score_depreciation: Annotated[Score | None, said("eco score of overall wear")] = None
    phone_usage: Annotated[NotNegative | None, said("handling of the phone", unit="min")] = None
    mid_over_speed_mileage: Annotated[
        NotNegative | None, said("distance in the middle band of speeding", unit="km")
    ] = None
    high_over_speed_mileage: Annotated[NotNegative | None, said("distance in the high band of speeding", unit="km")] = (
        None
    )
    origin_changed: Annotated[bool | None, said("the user changed role or means of transport")] = None
    track_origin_code: Annotated[Text | None, said("who or what moved: `OriginalDriver`, `Passenger`, `Bus` ...")] = (
        None
    )
    share_type: Annotated[Text | None, said("`NotShared`, `Shared`")] = None
    driving_tips: Annotated[Text | None, said("reasons for the rating, lines separated by CR LF")] = None
    beacon_id: Annotated[float | None, said("connected beacon; 0: none")] = None
    tags: Annotated[list[Any] | None, said("tags; their shape is not published", inferred=True)] = None
    track_token: Annotated[Token | None, said("the track", inferred=True)] = None
    points: Annotated[tuple[RichPoint, ...] | None, said("waypoints")] = None
