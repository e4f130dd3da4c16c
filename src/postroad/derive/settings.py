"""What counts as a trip. Every figure is a choice; each says why."""

import msgspec


class TripSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How reports are cut into trips."""

    moving_kmh: float = 5.0
    """From here on a vehicle drives. Walking pace: a parked receiver's noise stays below it."""
    least_displacement_m: float = 100.0
    """So far from where it stood a vehicle has moved, whatever speed is reported. Above a parked receiver's drift."""
    stop_ends_s: int = 300
    """Standing so long ends a trip if nothing says that the ignition was on. Waits in traffic are shorter."""
    idling_ends_s: int = 3600
    """Standing so long with the ignition on ends a trip: a place of work, not a wait."""
    silence_ends_s: int = 600
    """No report for so long ends a trip, unless what follows shows that the vehicle drove on. Ten of the reports that
    Drivetech asks for, one a minute, are missing then."""
    bridged_silence_s: int = 7200
    """Longer silence ends a trip even then: a stop may be hidden in it."""
    bridged_kmh: float = 15.0
    """A mean speed over the silence, of odometer or straight line, that shows driving on. Slow traffic is faster."""
    start_within_s: int = 120
    """A start that nobody reported lies at the last report of standing, if that is not older; else at the first of
    driving. Twice the interval that Drivetech asks for."""
    least_distance_m: float = 30.0
    """A shorter drive is no trip: a car is moved in its yard."""
    longest_trip_s: int = 24 * 3600
    """A drive is cut after so long: bounds memory when an end is never reported."""
    revision_horizon_s: int = 6 * 3600
    """A trip that ended so long before the newest report changes no more. Bounds memory; a device that was out of reach
    for longer tells of trips too late."""
    fastest_kmh: float = 250.0
    """A mean speed above it shows an odometer that jumped."""
    integrated_interval_s: int = 15
    """Between reports as close as this, the speeds at both ends give the distance better than the straight line."""
    longest_path: int = 4000
    """Points of a path; of more every n-th is told. Keeps an item below 512 KiB."""
