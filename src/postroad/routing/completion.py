"""Whether events that were incomplete are complete by now: late reports may have told what nobody knew.

The log is read once, from a window before the first of the events to its end, for the vehicles concerned. An event is
filled by the rule of ``postroad.routing.history``, but for one thing: what came behind it in the log counts too, as
long as it was recorded at or before the event's own instant.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from postroad.access.streams import StreamIndex
from postroad.log.delivery import Letter, LetterId
from postroad.log.interface import Batch, ShardLog
from postroad.model.events import Report
from postroad.protocols.base import Outgoing, TargetProtocol
from postroad.protocols.filling import FillingTarget
from postroad.registry.records import RegistryView
from postroad.routing.history import History, Wanted, warm_from
from postroad.routing.translation import BatchTranslation, Decoder, selection_of

READ_BYTES = 1024 * 1024
SLICE_ITEMS = 128

_log = logging.getLogger(__name__)


def _may_fill(letters: Sequence[Letter], window_us: int) -> Wanted:
    """Whether a report was recorded when it may fill one of these events."""
    instants: dict[int, list[int]] = {}
    for letter in letters:
        if letter.recorded_us is not None:
            instants.setdefault(letter.subject_id, []).append(letter.recorded_us)

    def wanted(report: Report) -> bool:
        at_us = report.header.recorded_us
        return any(0 <= us - at_us <= window_us for us in instants.get(report.header.subject_id, ()))

    return wanted


class Completion:
    """Completes what was incomplete, of any subscription."""

    def __init__(
        self,
        logs: Mapping[int, ShardLog],
        *,
        decoder: Decoder,
        targets: Mapping[str, TargetProtocol],
        view: Callable[[], RegistryView],
        streams: Callable[[], StreamIndex],
    ) -> None:
        """By shard: ``logs``."""
        self._logs = logs
        self._decoder = decoder
        self._targets = targets
        self._view = view
        self._streams = streams

    async def complete(self, shard: int, subscription_id: int, letters: Sequence[Letter]) -> dict[LetterId, Outgoing]:
        """Those events that are complete by now. Raises ``StoreUnavailable`` or ``StoreCorrupt``."""
        subscription = self._view().subscriptions.get(subscription_id)
        target = self._targets.get(subscription.protocol) if subscription is not None else None
        if subscription is None or not isinstance(target, FillingTarget):
            return {}
        selection = selection_of(subscription, target)
        window_us = target.max_fill_age_us(selection.options)
        history = History(target.fills, window_us, _may_fill(letters, window_us))
        log = self._logs[shard]
        await self._learn(log, history, subscription_id, letters)
        complete: dict[LetterId, Outgoing] = {}
        for letter in letters:
            batches = await log.read(letter.position, max_bytes=1)
            if not batches or not batches[0].position <= letter.position < batches[0].end:
                continue  # retention has removed it
            translation = BatchTranslation(batches[0], self._decoder, self._targets, self._view())
            index, streams = letter.position - batches[0].position, self._streams()
            if not streams.covers(subscription_id, letter.subject_id, letter.position):
                continue
            first = streams.begins_at(subscription_id, letter.subject_id)
            known = history.all_of(letter.subject_id, first=first)
            scopes = streams.scopes(subscription_id, letter.subject_id)
            for event in translation.filled(index, selection.protocol, selection.options, scopes, known):
                if event.slot == letter.slot and not event.incomplete:
                    complete[letter.id] = event
        return complete

    async def _learn(self, log: ShardLog, history: History, subscription_id: int, letters: Sequence[Letter]) -> None:
        """Take in all that may fill one of the letters."""
        subjects = {letter.subject_id for letter in letters}
        first = min(letter.position for letter in letters)
        position = await warm_from(log, first, history.window_us, now_us=0)
        end = log.next_position
        while position < end and (batches := await log.read(position, max_bytes=READ_BYTES)):
            for batch in batches:
                await self._learn_batch(history, subscription_id, subjects, batch)
            position = batches[-1].end

    async def _learn_batch(self, history: History, subscription_id: int, subjects: set[int], batch: Batch) -> None:
        translation = BatchTranslation(batch, self._decoder, self._targets, self._view())
        streams = self._streams()
        for index in range(len(batch)):
            if index % SLICE_ITEMS == SLICE_ITEMS - 1:
                await asyncio.sleep(0)
            subject_id = batch.subjects[index]
            if subject_id in subjects and streams.covers(subscription_id, subject_id, batch.position + index):
                try:
                    history.learn(translation, index)
                except Exception as error:  # noqa: BLE001 - as in routing: a defect of one item is that item's
                    _log.warning("Position %d tells nothing: %s", batch.position + index, error)
