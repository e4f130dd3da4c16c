"""Makes the message of an attempt and sends it once, under a span if traces are wanted."""

from collections.abc import Mapping, Sequence

from postroad.delivery.attempt import Attempt, bulk_of
from postroad.delivery.delivery import Bulk, Means
from postroad.delivery.entry import Entry
from postroad.delivery.letter import request_id
from postroad.protocols.contract import Contract
from postroad.protocols.parcel import unpacked
from postroad.transports.base import Copy, Delivered, Message, Outcome


class Sender:
    """What of an attempt is the same for all of a delivery's."""

    def __init__(self, means: Means) -> None:
        """Send through the transport what the target makes of events."""
        self._transport = means.transport
        self._keyed = means.keyed
        self._target = means.target
        self._types = {slot: wire_type for wire_type, slot in means.target.slots.items()}
        self._subscription_id = means.feed.subscription_id
        self._shard = means.shard
        self._clock = means.clock
        self._begin_span = means.begin_span

    def bulk(self, attempt: Attempt, bodies: Sequence[bytes], *, settles: int) -> Bulk:
        """What the attempt sends; events that have become late since they were written say so."""
        pairs = zip(attempt.entries, bodies, strict=True)
        return bulk_of(
            attempt.entries,
            [self._as_of_now(entry, body, attempt.contract) for entry, body in pairs],
            self._target,
            request_id=request_id(self._subscription_id, self._shard, [entry.id for entry in attempt.entries]),
            settles=settles,
        )

    async def send(self, attempt: Attempt, bulk: Bulk) -> Outcome:
        """Try once."""
        wire_type = self._types[attempt.entries[0].letter.slot] if attempt.contract.max_items == 1 else None
        key = str(attempt.entries[0].letter.subject_id) if self._keyed else None
        if self._begin_span is None:
            return await self._transport.send(self._message(bulk, wire_type, key, {}))
        span = self._begin_span(bulk, attempt.number)
        try:
            outcome = await self._transport.send(self._message(bulk, wire_type, key, span.headers))
        except BaseException:  # the hub stops, or the subscription was changed
            span.end("interrupted", None, failed=True)
            raise
        if isinstance(outcome, Delivered):
            span.end("delivered", outcome.status, failed=False)
        else:
            span.end(outcome.reason, outcome.status, failed=True)
        return outcome

    def _message(self, bulk: Bulk, wire_type: str | None, key: str | None, headers: Mapping[str, str]) -> Message:
        parcel = unpacked(bulk.body)
        copied = parcel.copied
        return Message(
            body=parcel.body,
            content_type=self._target.content_type,
            request_id=bulk.request_id,
            headers=headers,
            key=key,
            wire_type=wire_type,
            copy=None if copied is None else Copy(key=copied.key, edition=copied.edition, body=copied.body),
        )

    def _as_of_now(self, entry: Entry, body: bytes, contract: Contract) -> bytes:
        recorded_us, after_s = entry.letter.recorded_us, contract.late_after_s
        if after_s is None or recorded_us is None or self._clock.now_us() - recorded_us < round(after_s * 1e6):
            return body
        return self._target.late(body)
