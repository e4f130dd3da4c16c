"""Last known values: order does not matter, late reports fill gaps, and a device ahead of time changes nothing."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.drivetech import sample
from postroad.log.interface import FLAG_AHEAD, FLAG_LATE, Part
from postroad.log.memory import MemoryLog
from postroad.model.accounts import UserRemoved
from postroad.model.documents import DriverDeleted
from postroad.model.events import Header, Position, Report
from postroad.protocols import SOURCES, drivetech
from postroad.protocols.drivetech import DrivetechSettings
from postroad.registry.records import RegistryView
from postroad.routing.translation import Decoder
from postroad.state.keeper import StateKeeper
from postroad.state.last_known import LastKnown

VIEW = RegistryView(
    version=1, organizations={}, providers={}, provider_settings={}, tokens={}, subjects={}, identifiers={},
    destinations={}, subscriptions={}, streams={},
)  # fmt: skip


def report(recorded_us: int, *, ahead: bool = False, late: bool = False, **readings: Any) -> Report:
    return Report(
        header=Header(
            subject_id=1, provider_id=1, recorded_us=recorded_us, received_us=recorded_us, ahead=ahead, late=late
        ),
        position=Position(latitude_deg=recorded_us / 1000, longitude_deg=0.0, fix=True),
        readings=readings,
    )


def test_a_newer_value_replaces_an_older_one_and_keeps_its_time() -> None:
    known = LastKnown()
    known.apply(report(10, odometer_km=1.0))
    known.apply(report(20, odometer_km=2.0))
    assert known.vehicles[1].readings == {"odometer_km": (2.0, 20)}


def test_what_is_said_of_an_account_makes_no_vehicle_of_it() -> None:
    known = LastKnown()
    known.apply(UserRemoved(header=report(10).header, user_identifier="u"))
    assert known.vehicles == {}


def test_nothing_is_known_any_more_of_a_driver_who_is_to_be_forgotten() -> None:
    known = LastKnown()
    known.apply(report(10, odometer_km=1.0))
    other = msgspec.structs.replace(report(10), header=msgspec.structs.replace(report(10).header, subject_id=2))
    known.apply(other)
    for _ in range(2):
        known.apply(DriverDeleted(header=report(20).header, key="ada", revision=1))
    assert list(known.vehicles) == [2]


def test_a_late_report_fills_gaps_and_overwrites_nothing_newer() -> None:
    known = LastKnown()
    known.apply(report(20, odometer_km=2.0))
    known.apply(report(10, late=True, odometer_km=1.0, supply_voltage_v=12.1))
    state = known.vehicles[1]
    assert state.readings == {"odometer_km": (2.0, 20), "supply_voltage_v": (12.1, 10)}
    assert state.position_us == 20


def test_a_report_from_the_future_never_becomes_last_known() -> None:
    known = LastKnown()
    known.apply(report(10, odometer_km=1.0))
    known.apply(report(10**15, ahead=True, odometer_km=9.0))
    known.apply(report(20, odometer_km=2.0))
    assert known.vehicles[1].readings == {"odometer_km": (2.0, 20)}


def test_zero_and_false_are_values() -> None:
    known = LastKnown()
    known.apply(report(10, speed_kmh=50.0, ignition=True))
    known.apply(report(20, speed_kmh=0.0, ignition=False))
    assert known.vehicles[1].readings == {"speed_kmh": (0.0, 20), "ignition": (False, 20)}


def test_a_position_without_a_fix_is_not_a_new_one() -> None:
    known = LastKnown()
    known.apply(report(10))
    known.apply(msgspec.structs.replace(report(20), position=Position(latitude_deg=9.0, longitude_deg=9.0, fix=False)))
    assert known.vehicles[1].position_us == 10


@given(st.permutations(range(6)), st.data())
def test_the_order_of_arrival_does_not_matter(order: list[int], data: st.DataObject) -> None:
    signals = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 9), max_size=3)
    reports = [report(number, **data.draw(signals)) for number in range(6)]
    in_order, shuffled = LastKnown(), LastKnown()
    for one in reports:
        in_order.apply(one)
    for number in order:
        shuffled.apply(reports[number])
    assert shuffled.vehicles[1].readings == in_order.vehicles[1].readings


def part(*raws: bytes, flags: bytes | None = None) -> Part:
    settings = DrivetechSettings()
    return Part(
        provider_id=1, protocol="drivetech", revision=1, received_us=1, subjects=[1] * len(raws),
        kinds=bytes(drivetech.PROTOCOL.read(raw, settings).kind for raw in raws), flags=flags or bytes(len(raws)),
        lengths=[len(raw) for raw in raws], body=b",".join(raws),
    )  # fmt: skip


def raw(second: int, odometer: float) -> bytes:
    return msgspec.json.encode(sample(datetime=f"2026-07-02T14:03:{second:02d}Z", odometer=odometer))


@pytest.fixture
def decoder() -> Decoder:
    decoder = Decoder(SOURCES)
    decoder.use(VIEW)
    return decoder


async def test_after_a_restart_the_snapshot_and_what_came_later_give_the_same_state(
    tmp_path: Path, clock: Any, decoder: Decoder
) -> None:
    log = MemoryLog(0, clock=clock)
    await log.append(part(raw(1, 10.0), raw(2, 11.0)))
    first = StateKeeper(tmp_path / "state.msgpack")
    await first.start(log, decoder, VIEW, log.next_position)
    first.save(log.epoch)
    await log.append(part(raw(3, 12.0), raw(4, 99.0), flags=bytes([FLAG_LATE, FLAG_AHEAD])))
    reads: list[int] = []
    original = log.read

    async def counted(position: int, **limits: Any) -> Any:
        reads.append(position)
        return await original(position, **limits)

    log.read = counted  # type: ignore[method-assign]
    second = StateKeeper(tmp_path / "state.msgpack")
    await second.start(log, decoder, VIEW, log.next_position)
    assert second.known.vehicles[1].readings["odometer_km"][0] == 12.0
    assert reads == [3], "only what came after the snapshot is read again"


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x94\x01\x00\x01", b"nonsense"])
async def test_a_damaged_snapshot_is_made_anew_from_the_log(
    tmp_path: Path, clock: Any, decoder: Decoder, damage: bytes
) -> None:
    path = tmp_path / "state.msgpack"
    path.write_bytes(damage)
    log = MemoryLog(0, clock=clock)
    await log.append(part(raw(1, 10.0)))
    keeper = StateKeeper(path)
    await keeper.start(log, decoder, VIEW, log.next_position)
    assert keeper.known.vehicles[1].readings["odometer_km"][0] == 10.0


async def test_a_snapshot_of_another_epoch_is_not_used(tmp_path: Path, clock: Any, decoder: Decoder) -> None:
    log = MemoryLog(0, clock=clock)
    await log.append(part(raw(1, 10.0)))
    keeper = StateKeeper(tmp_path / "state.msgpack")
    keeper.position = 2
    keeper.save(epoch=7)
    again = StateKeeper(tmp_path / "state.msgpack")
    await again.start(log, decoder, VIEW, log.next_position)
    assert 1 in again.known.vehicles
