"""The five other services.

Documented are the deleted trip, and of a crash everything up to ``parameters``. The diagnosis follows the vendor's
admin API; of the crash report and the deleted driver nothing is published but what they are for: their members are
inferred.
"""

from typing import Annotated, Any

from postroad.protocols.drivequant.wire.fields import (
    Body,
    Date,
    Degrees,
    KilometresPerHour,
    WholePercent,
    WholeSeconds,
    said,
    unit,
)


class TripDeletedPush(Body, frozen=True, kw_only=True):
    """A driver deleted a trip. It does not say whose it was."""

    itin_id: Annotated[str, said("the trip that is no more")]
    event: Annotated[str | None, said("`TRIP_DELETION`")] = None
    date: Annotated[Date | None, said("when it was deleted")] = None


class UserInfo(Body, frozen=True, kw_only=True):
    """The driver."""

    user_id: Annotated[str | None, said("the id that the vendor's customer chose")] = None
    firstname: Annotated[str | None, said("first name")] = None
    lastname: Annotated[str | None, said("last name")] = None
    company_name: Annotated[str | None, said("company")] = None
    register_date: Annotated[Date | None, said("registered")] = None
    first_trip: Annotated[Date | None, said("first trip")] = None
    last_trip: Annotated[Date | None, said("last trip")] = None


class Installation(Body, frozen=True, kw_only=True):
    """The phone and the app on it."""

    phone_model: Annotated[str | None, said("model")] = None
    app_build_number: Annotated[str | None, said("build of the app")] = None
    os_version: Annotated[str | None, said("version of the operating system")] = None
    os_type: Annotated[str | None, said("`iOS` or `Android`")] = None
    sdk_version: Annotated[str | None, said("version of the SDK")] = None
    phone_language: Annotated[str | None, said("language")] = None
    raw_phone_language: Annotated[str | None, said("language as the phone tells it")] = None


class DiagnosisComment(Body, frozen=True, kw_only=True):
    """A reason for the status."""

    code: Annotated[int | None, said("codes not published")] = None


class DiagnosisPush(Body, frozen=True, kw_only=True):
    """What changed about an installation of the app. With no changes it is the daily sign of life."""

    user_id: Annotated[str | None, said("the driver, where it stands at the root")] = None
    user_info: Annotated[UserInfo | None, said("the driver")] = None
    smartphone_data: Annotated[Installation | None, said("the phone and the app")] = None
    last_update: Annotated[Date | None, said("age of the data")] = None
    status: Annotated[str | None, said("`VALID`, `WARNING` or `ERROR`: whether trips can be recorded")] = None
    comments: Annotated[list[DiagnosisComment] | None, said("reasons for the status")] = None
    sensors: Annotated[dict[str, Any] | None, said("positioning, Bluetooth")] = None
    permissions: Annotated[dict[str, Any] | None, said("location, activity, notification, Bluetooth and others")] = None
    settings: Annotated[dict[str, Any] | None, said("battery optimisation, low-power mode, automatic start")] = None
    events: Annotated[dict[str, Any] | None, said("logout, uninstallation, shutdown and such")] = None


class CrashParameters(Body, frozen=True, kw_only=True):
    """How the SDK recorded the crash. All but the trip's start are documented as required."""

    local_trip_id: Annotated[str | None, said("the SDK's temporary id of the running trip")] = None
    date: Annotated[Date | None, said("instant of the crash")] = None
    trip_start_date: Annotated[Date | None, said("start of the running trip")] = None
    gps_window_pos: Annotated[WholeSeconds | None, said("positions recorded after the crash")] = None
    gps_window_neg: Annotated[WholeSeconds | None, said("positions recorded before")] = None
    imu_window_neg: Annotated[WholeSeconds | None, said("motion recorded before")] = None
    imu_window_pos: Annotated[WholeSeconds | None, said("motion recorded after")] = None
    imu_frequency: Annotated[int | None, unit("Hz"), said("samples of motion")] = None


class CrashVerdict(Body, frozen=True, kw_only=True):
    """What the vendor made of the shock. Names are the SDK's; where they stand in the body is not published."""

    crash_status: Annotated[str | None, said("`CONFIRMED` or `UNCONFIRMED`")] = None
    probability: Annotated[WholePercent | None, said("that it is an accident")] = None
    latitude: Annotated[Degrees | None, said("WGS 84")] = None
    longitude: Annotated[Degrees | None, said("WGS 84")] = None
    velocity: Annotated[KilometresPerHour | None, said("speed")] = None
    user_location_url: Annotated[str | None, said("page that shows where the user is")] = None


class CrashFeedback(Body, frozen=True, kw_only=True):
    """What the driver answered."""

    feedback_type: Annotated[str | None, said("`CONFIRMED`, `CRASH_CONFIRMED`, `NO_CRASH` or `NO_FEEDBACK`")] = None
    severity: Annotated[str | None, said("`NONE`, `MINOR` or `CRITICAL`")] = None


class CrashPush(CrashVerdict, frozen=True, kw_only=True):
    """A suspected accident, told within half a minute of the shock."""

    crash_id: Annotated[str, said("names the crash; its report has the same")]
    customer_id: Annotated[str | None, said("the vendor's own number of its customer")] = None
    driver_id: Annotated[str | None, said("the vendor's own id of the driver")] = None
    user_id: Annotated[str | None, said("the driver, by the id that the vendor's customer chose")] = None
    parameters: Annotated[CrashParameters | None, said("how it was recorded")] = None
    result: Annotated[CrashVerdict | None, said("the verdict, where it is grouped")] = None
    feedback: Annotated[CrashFeedback | None, said("the driver's answer")] = None


class CrashReportPush(CrashVerdict, frozen=True, kw_only=True):
    """What was found about a confirmed accident, once its trip was analysed. Nothing about its body is published."""

    crash_id: Annotated[str | None, said("the crash")] = None
    itin_id: Annotated[str | None, said("the trip during which it happened")] = None
    driver_id: Annotated[str | None, said("the vendor's own id of the driver")] = None
    user_id: Annotated[str | None, said("the driver, by the id that the vendor's customer chose")] = None
    date: Annotated[Date | None, said("instant of the crash")] = None
    crash: Annotated[CrashVerdict | None, said("the verdict, where it is grouped")] = None


class DriverDeletedPush(Body, frozen=True, kw_only=True):
    """A driver's account is deleted for good."""

    user_id: Annotated[str | None, said("the driver, by the id that the vendor's customer chose")] = None
    driver_id: Annotated[str | None, said("the vendor's own id of the driver")] = None
    id: Annotated[str | None, said("the driver, if neither of these is there")] = None
    event: Annotated[str | None, said("what happened; word not published")] = None
    date: Annotated[Date | None, said("when it was finalised")] = None
