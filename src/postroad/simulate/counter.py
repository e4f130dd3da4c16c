"""The independent counter: what was acknowledged to the provider against what the customer has.

Every Drivetech event of whatever type carries a position, so each acknowledged one must become exactly one
``gps_position`` of its vehicle with the same time. A unit reports each instant once, at a whole millisecond, which is
the precision of the customer's times: (vehicle, time in ms) names an event on both sides.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import msgspec

from postroad.simulate.ledger import Ledger, Sent
from postroad.simulate.record import Record

AGREED_TYPE = "gps_position"


class Quantiles(msgspec.Struct, frozen=True):
    """Of a set of latencies, in ms; None when there are none."""

    p50: float | None
    p99: float | None
    highest: float | None


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison."""

    acknowledged: int
    """Events that the provider was told are saved."""
    delivered: int
    """Of these, those that the customer has."""
    lost: int
    """Of these, those that it has not. Once everything is quiet, this must be 0."""
    unacknowledged: int
    """Delivered, begun by the provider, never answered with 200: saved, but the answer was cut off."""
    unknown: int
    """Delivered, but no provider ever sent it. Must be 0."""
    altered: int
    """Delivered with another position than was sent. Must be 0."""
    redelivered: int
    """Repeats with the same id."""
    doubled: int
    """Repeats with another id. Must be 0."""
    out_of_order: int
    """First deliveries behind a later event of the same vehicle. Must be 0."""
    malformed: int
    """Events that break the documented shape. Must be 0."""
    sent_to_delivered_ms: Quantiles
    """From the moment an event was first sent: what the vehicle's owner waits."""
    acked_to_delivered_ms: Quantiles
    """From the moment the provider was told; 0 where the customer had it before."""

    @property
    def duplicates(self) -> int:
        """Repeats of either sort."""
        return self.redelivered + self.doubled


def compare(ledgers: Sequence[Ledger], record: Record, vehicle_ids: Mapping[str, int] | None = None) -> Count:
    """Count. ``vehicle_ids``: the customer's id of each plate; when absent, they are told by the positions."""
    acknowledged = [sent for ledger in ledgers for sent in ledger.acknowledged]
    pending = [sent for ledger in ledgers for sent in ledger.pending.values()]
    if vehicle_ids is None:
        vehicle_ids = match_vehicles(chain(acknowledged, pending), record)
    positions = {
        (vehicle_id, time_ms): delivery
        for (vehicle_id, kind, time_ms), delivery in record.first.items()
        if kind == AGREED_TYPE
    }
    out_of_order = _against_time(record)
    altered = unacknowledged = 0
    since_sent: list[float] = []
    since_acked: list[float] = []
    for sent in chain(acknowledged, pending):
        delivery = positions.pop((vehicle_ids.get(sent.plate, -1), sent.recorded_us // 1000), None)
        if delivery is None:
            continue
        altered += delivery.place != (sent.latitude_deg, sent.longitude_deg)
        if sent.acked_us is None:
            unacknowledged += 1
        else:
            since_sent.append((delivery.delivered_us - sent.first_sent_us) / 1000)
            since_acked.append(max(delivery.delivered_us - sent.acked_us, 0) / 1000)
    return Count(
        acknowledged=len(acknowledged),
        delivered=len(since_acked),
        lost=len(acknowledged) - len(since_acked),
        unacknowledged=unacknowledged,
        unknown=len(positions),
        altered=altered,
        redelivered=record.redelivered,
        doubled=record.doubled,
        out_of_order=max(record.out_of_order, out_of_order),
        malformed=record.malformed,
        sent_to_delivered_ms=_quantiles(since_sent),
        acked_to_delivered_ms=_quantiles(since_acked),
    )


def match_vehicles(events: Iterable[Sent], record: Record) -> dict[str, int]:
    """Find each plate's vehicle id by what only the vehicle itself can have told: the same place at the same time.

    Two vehicles may meet by chance; so the id that agrees most often is the plate's, and no id is given to two plates.
    """
    ids: dict[tuple[int, tuple[float, float] | None], list[int]] = {}
    for (vehicle_id, kind, time_ms), delivery in record.first.items():
        if kind == AGREED_TYPE:
            ids.setdefault((time_ms, delivery.place), []).append(vehicle_id)
    votes: Counter[tuple[str, int]] = Counter()
    for sent in events:
        place = (sent.latitude_deg, sent.longitude_deg)
        for vehicle_id in ids.get((sent.recorded_us // 1000, place), ()):
            votes[sent.plate, vehicle_id] += 1
    matched: dict[str, int] = {}
    taken: set[int] = set()
    for (plate, vehicle_id), _ in votes.most_common():
        if plate not in matched and vehicle_id not in taken:
            matched[plate] = vehicle_id
            taken.add(vehicle_id)
    return matched


def _against_time(record: Record) -> int:
    """First deliveries, in the order they came, that lie before an earlier one of the same vehicle in time.

    The provider sends each vehicle's events in the order of time, so this needs no trust in the ids.
    """
    latest: dict[int, int] = {}
    behind = 0
    for vehicle_id, kind, time_ms in record.first:
        if kind == AGREED_TYPE:
            behind += time_ms < latest.get(vehicle_id, time_ms)
            latest[vehicle_id] = max(time_ms, latest.get(vehicle_id, time_ms))
    return behind


def _quantiles(values: list[float]) -> Quantiles:
    values.sort()
    if not values:
        return Quantiles(None, None, None)
    last = len(values) - 1
    return Quantiles(*(round(values[round(last * share)], 3) for share in (0.5, 0.99, 1.0)))
