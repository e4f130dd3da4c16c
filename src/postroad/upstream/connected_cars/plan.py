"""What to change upstream so that its streams become those that are wanted. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from postroad.upstream.connected_cars.client import NewStream, Stream
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream

SLICE = 100
"""Streams in one mutation."""

T = TypeVar("T")


class NewReference(msgspec.Struct, frozen=True):
    """A stream that is to refer to something else."""

    stream_id: int
    reference_url: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of one topic's streams; in any order they lead to the same."""

    add: tuple[NewStream, ...] = ()
    delete: tuple[int, ...] = ()
    update: tuple[NewReference, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing is to be changed."""
        return not (self.add or self.delete or self.update)


def plan(config: ConnectedCarsUpstream, wanted: Iterable[int], actual: Iterable[Stream]) -> Plan:
    """Compare.

    Args:
        config: names the topic, and what streams refer to.
        wanted: the vehicles that are to have a stream, by their numbers.
        actual: the streams there are. Those of other topics are none of our business.
    """
    kept: dict[int, Stream] = {}
    delete: list[int] = []
    wanted = set(wanted)
    for stream in sorted(actual, key=lambda stream: stream.id):
        if stream.integration_topic_id != config.topic:
            continue
        if stream.vehicle_id in wanted and stream.vehicle_id not in kept:
            kept[stream.vehicle_id] = stream
        else:
            delete.append(stream.id)
    return Plan(
        add=tuple(
            NewStream(vehicle_id=id_, integration_topic_id=config.topic, reference_url=config.reference(id_))
            for id_ in sorted(wanted - kept.keys())
        ),
        delete=tuple(delete),
        update=tuple(_updates(config, kept)),
    )


def _updates(config: ConnectedCarsUpstream, kept: Mapping[int, Stream]) -> Iterator[NewReference]:
    for vehicle_id, stream in sorted(kept.items()):
        reference = config.reference(vehicle_id)
        if reference is not None and reference != stream.reference_url:
            yield NewReference(stream.id, reference)


def slices(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """``SLICE`` at a time."""
    for start in range(0, len(things), SLICE):
        yield things[start : start + SLICE]
