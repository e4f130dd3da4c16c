"""What recorded the trip and what was driven: vehicle, its wear, phone, and the raw samples."""

from typing import Annotated, Any

from postroad.protocols.drivequant.wire.fields import (
    Body,
    Date,
    Degrees,
    KilometresPerHour,
    Metres,
    WholePercent,
    WholeSeconds,
    said,
    unit,
)


class TireWear(Body, frozen=True, kw_only=True):
    """Wear of the tyres. The vendor publishes no units but that of what is left, which is inferred."""

    front_tire_wear: Annotated[int | None, said("of this trip")] = None
    rear_tire_wear: Annotated[int | None, said("of this trip")] = None
    front_tire_total_wear: Annotated[float | None, said("since fitted")] = None
    rear_tire_total_wear: Annotated[float | None, said("since fitted")] = None
    front_tire_wear_rate: Annotated[float | None, said("rate of wear")] = None
    rear_tire_wear_rate: Annotated[float | None, said("rate of wear")] = None
    front_tire_distance: Annotated[int | None, said("driven since fitted")] = None
    rear_tire_distance: Annotated[int | None, said("driven since fitted")] = None
    front_tire_autonomy: Annotated[int | None, unit("km"), said("left")] = None
    rear_tire_autonomy: Annotated[int | None, unit("km"), said("left")] = None


class BrakeWear(Body, frozen=True, kw_only=True):
    """Wear of the brakes, as of the tyres."""

    front_brake_pad_wear: Annotated[int | None, said("of this trip")] = None
    rear_brake_pad_wear: Annotated[int | None, said("of this trip")] = None
    front_brake_total_wear: Annotated[float | None, said("since fitted")] = None
    rear_brake_total_wear: Annotated[float | None, said("since fitted")] = None
    front_brake_wear_rate: Annotated[float | None, said("rate of wear")] = None
    rear_brake_wear_rate: Annotated[float | None, said("rate of wear")] = None
    front_brake_distance: Annotated[int | None, said("driven since fitted")] = None
    rear_brake_distance: Annotated[int | None, said("driven since fitted")] = None
    front_brake_autonomy: Annotated[int | None, unit("km"), said("left")] = None
    rear_brake_autonomy: Annotated[int | None, unit("km"), said("left")] = None


class Vehicle(Body, frozen=True, kw_only=True):
    """The vehicle as it was at the time of the trip. Defaults are the vendor's, for what its customer did not say."""

    car_type_index: Annotated[
        int | None,
        said(
            "1 compact, 2 sedan, 3 luxury, 4 estate, 5 minivan, 6 4x4 or SUV, 7 sports, 8 convertible, 9 commercial;"
            " default 1"
        ),
    ] = None
    car_engine_index: Annotated[
        int | None,
        said("1 gasoline, 2 diesel, 3 electric, 4 gasoline hybrid, 5 diesel hybrid, and newer ones; default 1"),
    ] = None
    car_power: Annotated[float | None, unit("hp"), said("40 to 450; default 150")] = None
    car_mass: Annotated[float | None, unit("kg"), said("700 to 3500; default 1400")] = None
    car_gearbox_index: Annotated[int | None, said("1 automatic, 2 to 5 manual with 5 to 8 ratios; default 2")] = None
    car_auto_gearbox_number: Annotated[int | None, said("ratios of an automatic gearbox; default 0")] = None
    car_consumption: Annotated[float | None, unit("l/100 km"), said("by NEDC, 3 to 20; default 4.5")] = None
    engine_displacement: Annotated[float | None, said("the vendor says litres, its default of 1200 says cm³")] = None
    car_passengers: Annotated[int | None, said("persons; default 1")] = None
    dq_index: Annotated[str | None, said("id in the vendor's catalogue")] = None
    sra: Annotated[str | None, said("id in the SRA's catalogue")] = None
    front_tire_size: Annotated[str | None, said("such as `205/55/16`")] = None
    rear_tire_size: Annotated[str | None, said("such as `205/55/16`")] = None
    length: Annotated[Metres | None, said("default 4.5")] = None
    width: Annotated[Metres | None, said("default 1.8")] = None
    height: Annotated[Metres | None, said("default 1.45")] = None
    engine_cylinder_nb: Annotated[int | None, said("cylinders; default 4")] = None
    drive_wheels: Annotated[int | None, said("0 front, 1 rear, 2 all; default 0")] = None


class Beacon(Body, frozen=True, kw_only=True):
    """The beacon by which the vehicle was recognised."""

    proximity_uuid: Annotated[str | None, said("UUID")] = None
    major: Annotated[int | None, said("major number")] = None
    minor: Annotated[int | None, said("minor number")] = None


class BluetoothDeviceData(Body, frozen=True, kw_only=True):
    """The Bluetooth device by which the vehicle was recognised."""

    mac_address: Annotated[str | None, said("address")] = None
    name: Annotated[str | None, said("name")] = None


class ConnectedCarData(Body, frozen=True, kw_only=True):
    """The car's own system that the phone was connected to."""

    type: Annotated[str | None, said("such as Android Auto; words not published")] = None
    data: Annotated[dict[str, Any] | None, said("what the system tells of itself")] = None


class SmartphoneData(Body, frozen=True, kw_only=True):
    """The phone, when it recorded the trip."""

    local_trip_id: Annotated[str | None, said("the SDK's temporary id of the trip: links a crash to it")] = None
    gps_date: Annotated[Date | None, said("by the clock of GPS")] = None
    phone_date: Annotated[Date | None, said("by the clock of the phone")] = None
    start_mode: Annotated[
        int | None,
        said(
            "what began it: 1 GPS, 2 beacon, 3 by hand, 4 geozone, 5 Bluetooth, 6 unknown Bluetooth, 7 bicycle"
            " activity, 8 connected car"
        ),
    ] = None
    battery_percent: Annotated[WholePercent | None, said("of the phone")] = None
    trip_cut: Annotated[bool | None, said("the trip was interrupted")] = None
    bluetooth_enabled: Annotated[bool | None, said("Bluetooth was on")] = None
    phone_model: Annotated[str | None, said("model")] = None
    os_type: Annotated[str | None, said("`iOS` or `Android`")] = None
    os_version: Annotated[str | None, said("version of the operating system")] = None
    app_version: Annotated[str | None, said("version of the app")] = None
    app_build_number: Annotated[str | None, said("build of the app")] = None
    sdk_version: Annotated[str | None, said("version of the SDK")] = None
    beacon: Annotated[Beacon | None, said("that was seen")] = None
    bluetooth_device_data: Annotated[BluetoothDeviceData | None, said("that was connected")] = None
    connected_car_data: Annotated[ConnectedCarData | None, said("that was connected")] = None


class RawPhoneCall(Body, frozen=True, kw_only=True):
    """A call as the SDK told it, before the analysis; whether it is pushed is not known."""

    start: Annotated[float | None, said("begin")] = None
    end: Annotated[float | None, said("end")] = None
    status: Annotated[str | None, said("words not published")] = None
    audio_system: Annotated[str | None, said("words not published")] = None
    audio_input: Annotated[str | None, said("name of the device")] = None
    audio_output: Annotated[str | None, said("name of the device")] = None
    audio_name: Annotated[str | None, said("name of the device")] = None
    proximity: Annotated[int | None, said("of the phone to a body")] = None
    bluetooth_class: Annotated[int | None, said("class of the Bluetooth device")] = None


class RouteSamples(Body, frozen=True, kw_only=True):
    """Parallel arrays of samples."""

    gps_date: Annotated[list[float | None] | None, said("time; inferred: Unix seconds")] = None
    latitude: Annotated[list[Degrees | None] | None, said("WGS 84")] = None
    longitude: Annotated[list[Degrees | None] | None, said("WGS 84")] = None
    gps_velocity: Annotated[list[KilometresPerHour | None] | None, said("speed")] = None
    gps_elevation: Annotated[list[Metres | None] | None, said("above sea level")] = None
    gps_accuracy: Annotated[list[Metres | None] | None, said("horizontal")] = None
    gps_heading: Annotated[list[Degrees | None] | None, said("direction of travel")] = None
    screen_locked: Annotated[list[float | None] | None, said("state of the screen")] = None
    activity_value: Annotated[list[float | None] | None, said("recognised activity; codes not published")] = None
    roll: Annotated[list[int | None] | None, said("attitude of the phone; scale not published")] = None
    pitch: Annotated[list[int | None] | None, said("attitude of the phone; scale not published")] = None
    yaw: Annotated[list[int | None] | None, said("attitude of the phone; scale not published")] = None
    gyroscope_norm_var: Annotated[list[int | None] | None, said("variance of the gyroscope; scale not published")] = (
        None
    )


class Route(RouteSamples, frozen=True, kw_only=True):
    """The raw samples of a trip: one element for each second, all arrays of equal length."""

    stopping_state_route: Annotated[RouteSamples | None, said("samples of the final stop")] = None
    screen_locked_index: Annotated[list[int] | None, said("changes of the screen: index in the arrays")] = None
    screen_locked_time: Annotated[list[WholeSeconds] | None, said("the same: since the start")] = None
    screen_status: Annotated[list[int] | None, said("the same: 1 unlocked")] = None
    call_index: Annotated[list[int] | None, said("calls taken up and ended in turn: index in the arrays")] = None
    call_time: Annotated[list[WholeSeconds] | None, said("the same: since the start")] = None
    speeding_index: Annotated[list[int] | None, said("over the limit from, to, from: index in the arrays")] = None
    speeding_time: Annotated[list[WholeSeconds] | None, said("the same: since the start")] = None
