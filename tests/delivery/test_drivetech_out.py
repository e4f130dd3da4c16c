"""Each promise of Drivetech's contract, with the protocol itself, in virtual time."""

import json
from typing import Any

import pytest
from msgspec import structs

from fixtures.lanes import FailingStore, Post
from fixtures.pipeline import Road, Transport, failed, part, quiet, report, subscription, view
from postroad.clock import from_us
from postroad.log.delivery import LetterFilter
from postroad.protocols import TARGETS, connected_cars
from postroad.protocols.drivetech import CONTRACT, KINDS
from postroad.routing.completion import Completion
from postroad.transports.base import Delivered

PLATES = {n: f"AA{n}" for n in range(1, 4)}
LACKING = {"type": "car_ignition", "id": 1, "vehicleId": 1, "value": True}


class Injector(Post):
    """The delivery of the real target to a platform that answers by a script."""

    def __init__(self, clock: Any, **options: Any) -> None:
        super().__init__(clock, CONTRACT, **options)
        of = subscription(1, protocol="drivetech", types=KINDS)
        known = view(of, streams=[(1, vehicle, 1) for vehicle in PLATES])
        subjects = {id_: structs.replace(one, plate=PLATES.get(id_)) for id_, one in known.subjects.items()}
        self.view = structs.replace(known, subjects=subjects)
        self.target: Any = TARGETS["drivetech"]
        self.road = Road(clock, used=self.view)
        self.store = FailingStore(self.road.log.delivery)
        self.platform = Transport(clock)
        self.customer: Any = self.platform
        self.by_plate: dict[str, Any] = {}
        """How it answers for a vehicle, until told otherwise."""

    async def tell(self, vehicle: int = 1, *, ago_s: float = 0.0, **changes: Any) -> int:
        at = from_us(self.clock.now_us() - round(ago_s * 1e6)).isoformat()
        return await self.say(vehicle, raws=[report(datetime=at, **changes)])

    async def lacking(self, vehicle: int = 1) -> int:
        """An ignition event of a protocol that says nothing else with it."""
        raw = json.dumps(LACKING | {"time": from_us(self.clock.now_us()).isoformat()}).encode()
        kinds = bytes([connected_cars.PROTOCOL.kinds.index("car_ignition")])
        arrived = part(
            vehicle, raws=[raw], protocol="connected_cars", kinds=kinds, provider_id=2, received_us=self.clock.now_us()
        )
        appended = await self.road.log.append(arrived)
        await quiet()
        return int(appended.position)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in self.platform.sent]

    async def letters(self) -> list[tuple[int, str, str, int]]:
        found = await self.store.dead(LetterFilter(subscription_id=1))
        return [(one.letter.position, one.letter.reason, one.letter.detail, one.letter.attempts) for one in found]


@pytest.fixture
async def injector(clock: Any) -> Any:
    injector = Injector(clock)
    await injector.start()
    yield injector
    await injector.close()


async def test_one_request_carries_one_event_in_the_order_of_each_vehicle(injector: Injector) -> None:
    for odometer in (1.0, 2.0, 3.0):
        await injector.tell(1, odometer=odometer)
        await injector.tell(2, odometer=odometer)
    sent = [(one["plate"], one["odometer"]) for one in injector.bodies]
    assert [kilometres for plate, kilometres in sent if plate == "AA1"] == [1.0, 2.0, 3.0]
    assert [kilometres for plate, kilometres in sent if plate == "AA2"] == [1.0, 2.0, 3.0]
    assert {message.wire_type for message in injector.platform.sent} == {"GPS"}


@pytest.mark.parametrize(("ago_s", "buff"), [(0.0, False), (59.9, False), (60.0, True), (86_400.0, True)])
async def test_an_event_is_marked_old_from_60_s_after_its_own_time(
    injector: Injector, ago_s: float, buff: bool
) -> None:
    await injector.tell(ago_s=ago_s)
    assert [one["buff"] for one in injector.bodies] == [buff]


async def test_a_retry_after_an_outage_is_marked_old_and_keeps_its_time(injector: Injector) -> None:
    injector.platform.answers.extend([failed()] * 5)
    await injector.tell()
    await injector.pass_steps(5 + 10 + 20 + 40 + 80)
    assert [one["buff"] for one in injector.bodies] == [False, False, False, False, True, True]
    assert len({one["datetime"] for one in injector.bodies}) == 1


async def test_it_is_sent_again_until_200_and_no_other_status_will_do(injector: Injector) -> None:
    injector.platform.answers.extend([Delivered(status=202, elapsed_s=0.0), failed(status=500), failed(status=404)])
    await injector.tell()
    assert injector.cursor == 1
    await injector.pass_steps(5 + 10 + 20)
    assert (len(injector.platform.sent), injector.cursor) == (4, 2)


async def test_a_400_goes_to_the_repair_list_and_its_vehicle_goes_on(injector: Injector) -> None:
    detail = '{"status": false, "description": "Parameter odometer is invalid"}'
    injector.platform.answers.append(failed("rejected", status=400, detail=detail))
    await injector.tell(odometer=1.0)
    await injector.tell(odometer=2.0)
    assert [one["odometer"] for one in injector.bodies] == [1.0, 2.0]
    assert await injector.letters() == [(1, "rejected", detail, 1)]
    assert (injector.cursor, set(injector.overseer.alerts)) == (3, {"dead_letters"})


async def test_a_401_stops_everything_alerts_and_is_probed_once_a_minute(injector: Injector) -> None:
    injector.platform.answers.extend([failed("credentials", status=401)] * 3)
    await injector.tell(1)
    await injector.tell(2)
    await injector.tell(3)
    assert (len(injector.platform.sent), set(injector.overseer.alerts)) == (1, {"credentials_refused"})
    await injector.pass_steps(119.9)
    assert injector.platform.at_s == [0.0, 60.0]
    await injector.pass_steps(60.2)
    assert injector.platform.at_s[2:4] == [120.0, 180.0]
    assert [one["plate"] for one in injector.bodies[:4]] == ["AA1"] * 4
    await injector.pass_steps(60)
    assert {one["plate"] for one in injector.bodies} == {"AA1", "AA2", "AA3"}
    assert injector.overseer.alerts == {}


async def test_back_off_is_the_destinations_and_not_the_events(injector: Injector) -> None:
    injector.platform.answers.extend([failed()] * 8)
    for vehicle in PLATES:
        await injector.tell(vehicle)
    await injector.pass_steps(5 + 10 + 20 + 40 + 80 + 160 + 299)
    waits = [later - at for at, later in zip(injector.platform.at_s, injector.platform.at_s[1:], strict=False)]
    first = waits.index(5.0)
    assert [round(wait) for wait in waits[first : first + 5]] == [5, 10, 20, 40, 80]


# What nobody knows


async def test_an_incomplete_event_is_a_dead_letter_at_once_and_its_vehicle_goes_on(injector: Injector) -> None:
    assert await injector.lacking() == 1
    await injector.tell()
    assert [one["event"]["type"] for one in injector.bodies] == ["GPS"]
    assert await injector.letters() == [(1, "incomplete", "latitude", 0)]
    assert injector.overseer.alerts == {"dead_letters": "1: the latest was given up for: incomplete, without latitude"}
    assert (injector.cursor, await injector.parked()) == (3, [])


async def test_an_incomplete_event_is_not_met_again_after_a_restart(injector: Injector) -> None:
    injector.platform.open.clear()
    await injector.tell()
    await injector.lacking(2)
    await injector.pass_time(1)
    await injector.restart()
    injector.platform.open.set()
    await injector.pass_time(1)
    assert await injector.letters() == [(2, "incomplete", "latitude", 0)]
    assert injector.cursor == 3


async def test_in_the_order_of_bulks_too_it_is_a_dead_letter_that_holds_nothing_up(clock: Any) -> None:
    injector = Injector(clock, order="bulk")
    await injector.start()
    await injector.lacking()
    await injector.tell()
    await injector.pass_time(6)
    assert [one["event"]["type"] for one in injector.bodies] == ["GPS"]
    assert await injector.letters() == [(1, "incomplete", "latitude", 0)]
    assert injector.cursor == 3
    await injector.close()


async def completed(injector: Injector) -> dict[int, Any]:
    completion = Completion(
        {0: injector.road.log},
        decoder=injector.road.decoder,
        targets=TARGETS,
        view=lambda: injector.view,
        streams=lambda: injector.streams,
    )
    dead = await injector.store.dead(LetterFilter(subscription_id=1))
    events = await completion.complete(0, 1, [one.letter for one in dead])
    return {id_.position: json.loads(event.body) for id_, event in events.items()}


async def test_a_late_report_completes_what_was_incomplete_and_a_newer_one_does_not(injector: Injector) -> None:
    at = await injector.lacking()
    await injector.pass_time(10)
    await injector.tell(odometer=20.0)
    assert await completed(injector) == {}
    await injector.tell(ago_s=12, odometer=10.0)
    found = await completed(injector)
    assert (found[at]["odometer"], found[at]["event"]) == (10.0, {"type": "IGN", "status": True})
    injector.only(2, 3)
    assert await completed(injector) == {}, "without access nothing is completed"
