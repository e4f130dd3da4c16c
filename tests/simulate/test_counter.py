"""The counter sees what it is there to see: each test breaks a right delivery in one way and reads the figure."""

from itertools import islice

import pytest

from postroad.clock import from_us
from postroad.simulate.counter import Quantiles, compare, match_vehicles
from postroad.simulate.fleet import make_fleet
from postroad.simulate.ledger import Ledger, Sent
from postroad.simulate.record import Record
from postroad.simulate.streams import CarIgnition, GpsPosition, VehicleEvent
from postroad.simulate.traces import Traces

START_US = 1_700_000_000_000_000
CLEAN = {
    "lost": 0,
    "unacknowledged": 0,
    "unknown": 0,
    "altered": 0,
    "redelivered": 0,
    "doubled": 0,
    "out_of_order": 0,
    "malformed": 0,
}


class Run:
    """A run in which everything went well: 6 vehicles, 20 events each, delivered 250 ms after they were sent."""

    def __init__(self, traces: Traces) -> None:
        self.ledger = Ledger()
        self.events: list[VehicleEvent] = []
        fleet = make_fleet(traces, count=6, seed=2, start_us=START_US)
        self.ids = {vehicle.plate: 900 + i for i, vehicle in enumerate(fleet)}
        reports = sorted(report for vehicle in fleet for report in islice(vehicle.reports, 20))
        for position, (recorded_us, injection) in enumerate(reports, 1):
            sent = Sent(
                plate=injection.plate,
                type=injection.event.type,
                recorded_us=recorded_us,
                latitude_deg=injection.latitude,
                longitude_deg=injection.longitude,
                first_sent_us=recorded_us,
            )
            self.ledger.begin(sent)
            self.ledger.acknowledge(sent, recorded_us + 50_000)
            self.events.append(
                GpsPosition(
                    id=position << 6,
                    vehicle_id=self.ids[injection.plate],
                    time=from_us(recorded_us),
                    latitude=injection.latitude,
                    longitude=injection.longitude,
                    speed=0,
                    direction=0,
                    eph=None,
                    hdop=None,
                )
            )

    def count(self, *, extra: tuple = (), malformed: tuple[str, ...] = (), **options) -> dict[str, int]:
        self.record = Record()
        for event in (*self.events, *extra):
            self.record.add([event], (), START_US + 250_000 + _since_start_us(event))
        self.record.add([], malformed, START_US)
        self.counted = compare([self.ledger], self.record, **options)
        return {name: getattr(self.counted, name) for name in CLEAN}


def _since_start_us(event: VehicleEvent) -> int:
    return round(event.time.timestamp() * 1e6) - START_US


def changed(event: GpsPosition, **fields) -> GpsPosition:
    names = ("id", "vehicle_id", "time", "latitude", "longitude", "speed", "direction", "eph", "hdop")
    return GpsPosition(**{name: getattr(event, name) for name in names} | fields)


@pytest.fixture
def run(traces: Traces) -> Run:
    return Run(traces)


def test_when_all_went_well_every_figure_is_zero(run: Run):
    assert run.count() == CLEAN
    assert run.counted.acknowledged == run.counted.delivered == 120


def test_events_that_did_not_arrive_are_lost(run: Run):
    del run.events[7], run.events[100]
    assert run.count() == CLEAN | {"lost": 2}
    assert run.counted.delivered == 118


def test_other_types_do_not_stand_in_for_the_agreed_one(run: Run):
    gone = run.events[50]
    run.events[50] = CarIgnition(id=gone.id + 1, vehicle_id=gone.vehicle_id, time=gone.time, value=True)
    assert run.count() == CLEAN | {"lost": 1}


def test_an_event_delivered_again_is_redelivered(run: Run):
    assert run.count(extra=tuple(run.events[10:15])) == CLEAN | {"redelivered": 5}
    assert run.counted.duplicates == 5


def test_the_same_event_under_another_id_is_doubled(run: Run):
    copies = [changed(event, id=event.id + (1000 << 6)) for event in run.events[-3:]]
    assert run.count(extra=tuple(copies)) == CLEAN | {"doubled": 3}
    assert run.counted.duplicates == 3


def test_a_first_delivery_behind_a_later_one_of_its_vehicle_is_out_of_order(run: Run):
    vehicle = run.events[0].vehicle_id
    first, second, *_ = (i for i, event in enumerate(run.events) if event.vehicle_id == vehicle)
    run.events[first], run.events[second] = run.events[second], run.events[first]
    assert run.count() == CLEAN | {"out_of_order": 1}


def test_order_is_kept_by_id_over_all_types_of_events(run: Run):
    event = run.events[0]
    switched = CarIgnition(id=event.id + 1, vehicle_id=event.vehicle_id, time=event.time, value=True)
    assert run.count(extra=(switched,)) == CLEAN | {"out_of_order": 1}


def test_order_is_seen_by_time_too_so_that_ids_given_in_the_wrong_order_do_not_hide_it(run: Run):
    vehicle = run.events[0].vehicle_id
    first, second, *_ = (i for i, event in enumerate(run.events) if event.vehicle_id == vehicle)
    one, other = run.events[first], run.events[second]
    run.events[first], run.events[second] = changed(other, id=one.id), changed(one, id=other.id)
    assert run.count() == CLEAN | {"out_of_order": 1}
    assert run.record.out_of_order == 0


def test_repeats_and_other_vehicles_in_between_are_not_out_of_order(run: Run):
    by_vehicle = sorted(run.events, key=lambda event: event.vehicle_id)
    run.events = by_vehicle
    assert run.count(extra=tuple(reversed(by_vehicle))) == CLEAN | {"redelivered": 120}


def test_what_nobody_sent_is_unknown(run: Run):
    invented = changed(run.events[-1], id=1 << 20, time=from_us(START_US + 3_600_000_000))
    assert run.count(extra=(invented,)) == CLEAN | {"unknown": 1}


def test_an_event_of_a_vehicle_told_to_be_another_is_lost_and_unknown(run: Run):
    event = run.events[60]
    other = next(each for each in run.events if each.vehicle_id != event.vehicle_id).vehicle_id
    run.events[60] = changed(event, vehicle_id=other)
    assert run.count() | {"out_of_order": 0} == CLEAN | {"lost": 1, "unknown": 1}


def test_another_position_or_time_is_seen(run: Run):
    run.events[60] = changed(run.events[60], latitude=run.events[60].latitude + 1e-6)
    assert run.count() == CLEAN | {"altered": 1}
    run.events[61] = changed(run.events[61], time=from_us(round(run.events[61].time.timestamp() * 1e6) + 1000))
    assert run.count() == CLEAN | {"altered": 1, "lost": 1, "unknown": 1}


def test_what_was_saved_without_an_answer_is_neither_lost_nor_unknown(run: Run):
    for _ in range(4):
        sent = run.ledger.acknowledged.pop()
        sent.acked_us = None
        run.ledger.begin(sent)
    del run.events[-1]
    assert run.count() == CLEAN | {"unacknowledged": 3}
    assert run.counted.acknowledged == 116


def test_malformed_events_are_counted(run: Run):
    assert run.count(malformed=("no id", "no id")) == CLEAN | {"malformed": 2}


def test_a_map_of_ids_can_be_given_and_is_believed(run: Run):
    assert run.count(vehicle_ids=run.ids) == CLEAN
    (one, one_id), (other, other_id), *_ = run.ids.items()
    wrong = run.ids | {one: other_id, other: one_id}
    assert run.count(vehicle_ids=wrong)["lost"] == 40


def test_vehicles_are_matched_by_where_they_were_even_if_two_once_met(run: Run):
    run.count()
    assert match_vehicles(run.ledger.acknowledged, run.record) == run.ids
    one, other = (
        run.ledger.acknowledged[3],
        next(sent for sent in run.ledger.acknowledged[4:] if sent.plate != run.ledger.acknowledged[3].plate),
    )
    meeting = Sent(
        plate=other.plate,
        type="GPS",
        recorded_us=one.recorded_us,
        latitude_deg=one.latitude_deg,
        longitude_deg=one.longitude_deg,
        first_sent_us=one.recorded_us,
    )
    assert match_vehicles([*run.ledger.acknowledged, meeting], run.record) == run.ids


def test_several_providers_are_counted_together(run: Run):
    other = Ledger()
    other.acknowledged = run.ledger.acknowledged[60:]
    run.ledger.acknowledged = run.ledger.acknowledged[:60]
    run.count()
    assert compare([run.ledger], run.record).unknown == 60
    assert compare([run.ledger, other], run.record).unknown == 0


def test_latencies_are_quantiles_from_sent_and_from_acknowledged(run: Run):
    run.count()
    assert run.counted.sent_to_delivered_ms == Quantiles(250, 250, 250)
    assert run.counted.acked_to_delivered_ms == Quantiles(200, 200, 200)
    for i, sent in enumerate(run.ledger.acknowledged):
        sent.first_sent_us -= i * 1000
    run.count()
    assert run.counted.sent_to_delivered_ms == Quantiles(310, 368, 369)


def test_an_event_delivered_before_its_acknowledgement_waited_for_nothing(run: Run):
    for sent in run.ledger.acknowledged:
        sent.acked_us += 10_000_000
    run.count()
    assert run.counted.acked_to_delivered_ms == Quantiles(0, 0, 0)


def test_without_any_event_there_are_no_quantiles():
    count = compare([Ledger()], Record())
    assert count.sent_to_delivered_ms == Quantiles(None, None, None)
    assert count.lost == 0
