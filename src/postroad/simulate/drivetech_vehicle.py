"""A vehicle's tracking unit that speaks Drivetech: ticks of a drive in, injection events out.

Source   Drivetech event injection API, sections "event object" and "event types".
Sends    ``GPS`` each so many seconds; ``IGN``, ``IDLING``, ``OVER_SPEED`` and ``HARSH_BEHAVIOR`` when they happen.
Units    speed km/h, azimuth degrees, odometer km and hourmeter h since the log's first second (the logs do not tell
         the car's own), magnitude m/s2, duration whole seconds of the log.
Absent   What speed logs cannot tell is left out: altitude, doors, batteries, temperatures, fuel, mobile cell. Harsh
         turns too: the speeds and the road line come from different drives.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from postroad.clock import from_us
from postroad.simulate.drive import Tick

KMH_PER_MPS = 3.6
MOVING_ABOVE_KMH = 5.0
"""Faster than this is ``Ignition On Moving``."""
HARSH_BRAKING, HARSH_ACCELERATION = 0, 1
FASTEST_RATE = 100.0
"""At this rate a second of the log takes 10 ms: still room for every event of a tick at its own millisecond."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the unit reports. Seconds are seconds of the log."""

    report_s: int = 10
    """Between two ``GPS`` events with the ignition on; the protocol asks for one a minute at least."""
    parked_report_s: int = 3600
    """The same with the ignition off."""
    idling_after_s: int = 60
    """Standing with the engine on longer than this is idling."""
    overspeed_kmh: float = 110.0
    overspeed_ends_kmh: float = 105.0
    """Below ``overspeed_kmh``, so that a speed close to the limit is one event and not many."""
    braking_mps2: float = 2.5
    acceleration_mps2: float = 2.0
    """Roughly 0.25 g and 0.2 g: what fleet customers start their counting from."""


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ``event`` object: a type and its own parameters."""

    type: str
    status: bool | int | None = None
    duration: int | None = None
    magnitude: float | None = None


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """The event object as it goes over the wire."""

    plate: str
    buff: bool
    datetime: str
    latitude: float
    longitude: float
    speed: float
    azimuth: float
    state: str
    event: Detail
    ign_input: bool
    gps_status: bool
    odometer: float
    hourmeter: float


class Report(NamedTuple):
    """One event and the exact instant that its ``datetime`` says, always a whole millisecond."""

    recorded_us: int
    injection: Injection

    def body(self, *, late: bool) -> bytes:
        """The request's body; ``late`` becomes ``buff``, everything else stays as it was recorded."""
        injection = msgspec.structs.replace(self.injection, buff=True) if late else self.injection
        return msgspec.json.encode(injection)


class Unit:
    """What the tracking unit remembers from tick to tick, and the details it derives from that."""

    def __init__(self, limits: Limits) -> None:
        """A unit that was switched on just now: it reports no change before it has seen two ticks."""
        self._limits = limits
        self._last: Tick | None = None
        self._ignition_since: int | None = None
        self._standing_since: int | None = None
        self._idling_since: int | None = None
        self._overspeed = False
        self._harsh: dict[int, float] = {}
        self._next_report = 0

    @property
    def idling(self) -> bool:
        """Idling has begun and has not ended."""
        return self._idling_since is not None

    def details(self, tick: Tick) -> list[Detail]:
        """What to report at ``tick``, in order. An ignition that goes off ends what went on before it is told."""
        changes = [*self._manoeuvres(tick), *self._idle(tick), *self._speeding(tick)]
        ignition = self._ignition(tick)
        changes = ignition + changes if tick.ignition else changes + ignition
        self._last = tick
        return changes + self._periodic(tick, changed=bool(ignition))

    def _ignition(self, tick: Tick) -> list[Detail]:
        if self._last is None or self._last.ignition == tick.ignition:
            return []
        lasted = None if self._ignition_since is None else tick.second - self._ignition_since
        self._ignition_since = tick.second
        return [Detail("IGN", status=tick.ignition, duration=lasted)]

    def _idle(self, tick: Tick) -> list[Detail]:
        if tick.standing:
            if self._standing_since is None:
                self._standing_since = tick.second
            if not self.idling and tick.second - self._standing_since > self._limits.idling_after_s:
                self._idling_since = tick.second
                return [Detail("IDLING", status=True, duration=0)]
            return []
        self._standing_since = None
        if self._idling_since is None:
            return []
        lasted = tick.second - self._idling_since
        self._idling_since = None
        return [Detail("IDLING", status=False, duration=lasted)]

    def _speeding(self, tick: Tick) -> list[Detail]:
        limit = self._limits.overspeed_ends_kmh if self._overspeed else self._limits.overspeed_kmh
        speeding = tick.speed_mps * KMH_PER_MPS > limit
        if speeding == self._overspeed:
            return []
        self._overspeed = speeding
        return [Detail("OVER_SPEED", status=speeding)]

    def _manoeuvres(self, tick: Tick) -> list[Detail]:
        """A manoeuvre lasts while its limit is passed; it is told in the first second after, when its peak is known."""
        gained_mps2 = 0.0
        if self._last is not None and self._last.ignition and tick.ignition:
            gained_mps2 = tick.speed_mps - self._last.speed_mps  # the ticks are a second apart
        told = []
        for kind, strength, limit in (
            (HARSH_BRAKING, -gained_mps2, self._limits.braking_mps2),
            (HARSH_ACCELERATION, gained_mps2, self._limits.acceleration_mps2),
        ):
            if strength > limit:
                self._harsh[kind] = max(strength, self._harsh.get(kind, 0.0))
            elif kind in self._harsh:
                told.append(Detail("HARSH_BEHAVIOR", status=kind, magnitude=round(self._harsh.pop(kind), 2)))
        return told

    def _periodic(self, tick: Tick, *, changed: bool) -> list[Detail]:
        if tick.second < self._next_report and not changed:
            return []
        self._next_report = tick.second + (self._limits.report_s if tick.ignition else self._limits.parked_report_s)
        return [Detail("GPS")]


def state(tick: Tick, *, idling: bool) -> str:
    """The protocol's word for what the vehicle does; it is never towed here."""
    if not tick.ignition:
        return "Ignition Off Rest"
    if tick.speed_mps * KMH_PER_MPS > MOVING_ABOVE_KMH:
        return "Ignition On Moving"
    return "Idling" if idling else "Ignition On Rest"


def reports(
    ticks: Iterable[Tick], *, plate: str, start_us: int, limits: Limits | None = None, rate: float = 1.0
) -> Iterator[Report]:
    """The vehicle's events in order, each at its own millisecond, from ``start_us`` (the first tick) on.

    ``rate`` is seconds of the log to a second of recorded time, above 0 and at most ``FASTEST_RATE``. Only at 1 do
    distance, speed and time agree; more vehicles make more load without giving that up.
    """
    if not 0 < rate <= FASTEST_RATE:
        raise ValueError(f"rate is above 0 and at most {FASTEST_RATE:g}")
    unit = Unit(limits or Limits())
    first: int | None = None
    last_ms = -1
    for tick in ticks:
        first = tick.second if first is None else first
        now_ms = (start_us + round((tick.second - first) * 1_000_000 / rate)) // 1000
        for detail in unit.details(tick):
            last_ms = max(now_ms, last_ms + 1)
            recorded_us = last_ms * 1000
            yield Report(recorded_us, _injection(tick, detail, plate, recorded_us, idling=unit.idling))


def _injection(tick: Tick, detail: Detail, plate: str, recorded_us: int, *, idling: bool) -> Injection:
    return Injection(
        plate=plate,
        buff=False,
        datetime=from_us(recorded_us).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z",
        latitude=round(tick.latitude_deg, 6),
        longitude=round(tick.longitude_deg, 6),
        speed=round(tick.speed_mps * KMH_PER_MPS, 1),
        azimuth=round(tick.heading_deg, 1),
        state=state(tick, idling=idling),
        event=detail,
        ign_input=tick.ignition,
        gps_status=True,
        odometer=round(tick.odometer_m / 1000, 3),
        hourmeter=round(tick.engine_s / 3600, 3),
    )
