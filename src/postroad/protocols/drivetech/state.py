"""The choice of ``state``: which of the five words says how the vehicle stood as of an event."""

from postroad.model.events import Idling, Report
from postroad.model.levels import IDLING, IGNITION
from postroad.protocols.drivetech.events import MOTION
from postroad.protocols.drivetech.options import Options, State
from postroad.protocols.drivetech.speeds import speeds
from postroad.protocols.filling import Known

_STATES: dict[str, State] = {motion: state for state, motion in MOTION.items()}  # type: ignore[misc]  # its keys are the five


def state_of(
    report: Report, *, ignition: bool | None, speed: float | None, known: Known, options: Options
) -> State | None:
    """The source's own word, if it is one of the five; else what ignition and speed come to. ``None``: not known."""
    said = _STATES.get(str(report.readings.get("motion_state")))
    if said is not None:
        return said
    if ignition is None or speed is None:
        return None
    moving = speed > options.moving_above_kmh
    if not ignition:
        return "Tow" if moving else "Ignition Off Rest"
    if moving:
        return "Ignition On Moving"
    return "Idling" if _idles(report, known, options) else "Ignition On Rest"


def _idles(report: Report, known: Known, options: Options) -> bool:
    """Whether the vehicle, which stands with its ignition on, has done so for long, or its source calls it idling."""
    for occurrence in report.occurrences:
        if isinstance(occurrence, Idling):
            return occurrence.begins
    recorded_us = report.header.recorded_us
    stood_since_us = recorded_us
    for at_us, kmh in speeds(known, recorded_us):
        if kmh > options.moving_above_kmh:
            break
        stood_since_us = at_us
    stood_since_us = max(stood_since_us, _on_since_us(known, recorded_us))
    idling_at_us, idling = next(known.before(IDLING, recorded_us), (0, False))
    if idling and idling_at_us >= stood_since_us:
        return True
    return recorded_us - stood_since_us >= options.idle_after_s * 1e6


def _on_since_us(known: Known, recorded_us: int) -> int:
    """The earliest instant from which the ignition is known to have been on until then; 0 if it was never known off."""
    since_us = recorded_us
    for at_us, on in known.before(IGNITION, recorded_us):
        if not on:
            return since_us
        since_us = at_us
    return 0
