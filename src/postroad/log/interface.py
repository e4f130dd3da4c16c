"""The log's seam: what every engine promises. ``tests/contract/test_log.py`` holds every engine to it.

A *part* is what is appended at once: up to 10,000 items of one provider and protocol, or one large item. Stored, with
positions, it is a *batch*. An engine never looks inside an item; the columns beside the bytes say what routing needs to
know.

Instants are whole microseconds since 1970, UTC: they are stored and compared here, never shown.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from postroad.errors import StoreUnavailable
from postroad.log.delivery import DeliveryStore

MAX_PART_ITEMS = 10_000
MAX_PART_BYTES = 1024 * 1024
MAX_ITEM_BYTES = 33 * 1024 * 1024
"""An item may be longer than ``MAX_PART_BYTES``, and is then a part by itself."""
EMPTY_BODY_BYTES = 256
"""What a batch of tombstones alone counts where bodies are counted to bound what is read at once."""
DEDUP_KEY_BYTES = 16
"""A digest of the protocol's own key of an item; see ``Part.dedup_keys``."""

MAX_POSITION = 2**63 - 1
EPOCH_BITS = 40
"""A shard's epoch n begins at position ``(n << EPOCH_BITS) + 1``; within one epoch there is room for 10^12 items."""

UNASSIGNED = 0
"""The subject of an item whose vehicle the registry does not know (yet)."""

FLAG_LATE = 1
"""The source said that the item is old (Drivetech's ``buff``)."""
FLAG_AHEAD = 2
"""Its recorded time lies ahead of its arrival by more than the setting allows."""

UNREADABLE = 255
"""Kind of an item that could not be read, in every protocol. Its bytes are kept, its subject is ``UNASSIGNED``."""
ERASED = 254
"""Kind of a tombstone, in every protocol: an item that was erased. It has no bytes, its subject is ``UNASSIGNED``."""
SILENT = frozenset({UNREADABLE, ERASED})
"""Kinds of items that say nothing, to nobody."""


class Unreadable(msgspec.Struct, frozen=True):
    """Why an item of a part could not be read."""

    index: int
    reason: str
    """For people, such as ``vehicleId: missing``; never a value."""


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """An item that could not be read, as it is listed until retention removes it."""

    position: int
    provider_id: int
    protocol: str
    reason: str
    received_us: int
    resolved_by: int | None = None
    """Position of the item that took its place, once it could be read after all."""


class Part(msgspec.Struct, kw_only=True):
    """Items on their way into a shard, in order.

    The bytes of item i are the next ``lengths[i]`` bytes of ``body`` after those before it, with one separator byte
    between two items (a comma, so that ``[body]`` is a JSON array when the items are JSON).
    """

    provider_id: int
    protocol: str
    revision: int
    """Of the provider's decoding settings: what a later reader needs to read the items the same way."""
    received_us: int
    """When the first item arrived."""
    subjects: Sequence[int]
    """The subject of each item, or ``UNASSIGNED``."""
    kinds: bytes
    """Index of each item's kind in its protocol's own list of kinds."""
    flags: bytes
    """``FLAG_...`` of each item."""
    lengths: Sequence[int]
    body: bytes
    dedup_keys: bytes = b""
    """``DEDUP_KEY_BYTES`` for each item, or nothing at all."""
    received_offsets_us: Sequence[int] = ()
    """For each item, how long after ``received_us`` it arrived (below 2^32), or nothing when all came at once."""
    key: bytes = b""
    """Names the part: a part whose key the shard has seen is not stored again. Empty: not wanted."""
    request_id: str = ""
    """What the sender called the request that brought it; empty: nothing."""
    unreadable: Sequence[Unreadable] = ()
    """One for each item of the kind ``UNREADABLE``, in order: they are listed in quarantine."""
    resolves: int | None = None
    """Position of an item in quarantine that this part's first item takes the place of."""
    decoded: Any = None
    """The items as ingest decoded them, for routing in the same process; never stored. ``None`` where unreadable."""

    def __len__(self) -> int:
        """The number of items."""
        return len(self.kinds)


class Batch(Part, kw_only=True):
    """A part as it stands in the log: its items have positions ``position`` to ``position + len(batch) - 1``."""

    position: int
    stored_us: int

    @property
    def end(self) -> int:
        """The position after its last item."""
        return self.position + len(self.kinds)

    def received_at_us(self, index: int) -> int:
        """When item ``index`` arrived."""
        return self.received_us + (self.received_offsets_us[index] if self.received_offsets_us else 0)

    def items(self) -> Iterator[bytes]:
        """Each item's own bytes, in order."""
        start, body = 0, self.body
        for length in self.lengths:
            yield body[start : start + length]
            start += length + 1


class Appended(msgspec.Struct, frozen=True):
    """Where a part stands in the log."""

    position: int
    """Of its first item."""
    duplicate: bool = False
    """True when the part's key was known: ``position`` is where it stood already."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was answered with an error by its content, kept so that a person can look at it.

    ``body`` holds what was sent, cut to a bound; never a header, so never a token.
    """

    received_us: int
    provider_id: int
    protocol: str
    reason: str
    body: bytes


class Retained(msgspec.Struct, frozen=True):
    """What a run of retention removed."""

    items: int
    batches: int
    first_position: int
    """The first position that is still stored, or the next one to be given when nothing is."""


def keep_all(_refusal: Refusal) -> bool:
    """Chooses no refusal."""
    return False


class Erasing(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be erased from a shard."""

    positions: Sequence[int]
    """Of items, in order. One that is not stored (any more), or is a tombstone already, is passed over."""
    subject_id: int | None = None
    """Whose letters go, wherever they stand; letters at ``positions`` go in any case."""
    besides: Sequence[int] = ()
    """Positions whose letters stay, also if they are the subject's."""
    letters_only: bool = False
    """The items are tombstones already."""
    refused: Callable[[Refusal], bool] = keep_all
    """Chooses the refusals that go."""


class Erased(msgspec.Struct, frozen=True):
    """What an erasure removed from a shard; done again, it removes nothing."""

    items: int = 0
    """Turned into tombstones."""
    letters: int = 0
    refusals: int = 0

    def __add__(self, other: "Erased") -> "Erased":
        """Both."""
        return Erased(self.items + other.items, self.letters + other.letters, self.refusals + other.refusals)


Listener = Callable[[Sequence[Batch]], None]
Done = Callable[[Appended | StoreUnavailable], None]


class ShardLog(Protocol):
    """One shard of the log. All calls come from one event loop; all callbacks are made on it."""

    shard: int

    @property
    def epoch(self) -> int:
        """Raised by ``begin_epoch`` only."""

    @property
    def next_position(self) -> int:
        """The position that the next item will get. Never goes back, whatever is removed or restored."""

    @property
    def first_position(self) -> int:
        """The first position still stored, or ``next_position`` when nothing is."""

    def submit(self, part: Part, done: Done) -> None:
        """Append ``part``; call ``done`` on the event loop once it is durable, or once it is sure that it is not.

        Parts are stored in the order of submission, each whole or not at all. Raises ``ValueError`` at once for a
        malformed part, and keeps nothing of it.
        """

    async def append(self, part: Part) -> Appended:
        """``submit`` as a coroutine. Raises ``StoreUnavailable``; then nothing of the part is kept."""

    def listen(self, listener: Listener) -> None:
        """Have ``listener`` called with every batch stored from now on, in order, before its ``done``."""

    async def read(self, position: int, *, max_bytes: int = 4 * MAX_PART_BYTES) -> list[Batch]:
        """The batches from the one that holds ``position`` (or the first after it) on, in order, whole.

        Stops after the batch with which ``max_bytes`` of bodies is reached; one without any counts
        ``EMPTY_BODY_BYTES``. Empty: there is nothing from there on.
        Batches read back carry no ``decoded``, ``dedup_keys``, ``unreadable`` or ``resolves``.
        Raises ``StoreCorrupt`` at a damaged one.
        """

    async def dedup_keys(self, *, since_us: int, limit: int) -> list[tuple[int, bytes]]:
        """``(received_us, keys)`` of the newest parts received since then, oldest first, about ``limit`` keys in all.

        Kept apart from the batches: retention of the log does not forget them before their own time.
        """

    def refuse(self, refusal: Refusal) -> None:
        """Keep a refusal for viewing, soon and best effort; the oldest beyond a bound go."""

    async def refusals(self, *, limit: int = 100) -> list[Refusal]:
        """The newest refusals, newest first."""

    async def bytes_from(self, position: int) -> int:
        """The bytes of bodies, as stored, of the batch that holds ``position`` (or the first after it) and all later.

        Costs a look-up or two, however much is stored.
        """

    async def surplus_end(self, *, max_bytes: int, below: int) -> int:
        """The end of the oldest batches that must go for at most ``max_bytes`` of bodies, as stored, to stay.

        ``first_position`` when none must. Only batches that end at or below ``below`` are looked at.
        """

    async def quarantined(self, *, after: int = 0, unresolved_only: bool = True, limit: int = 100) -> list[Quarantined]:
        """Items in quarantine at positions above ``after``, in order. They go with their batch."""

    async def dismiss(self, positions: Collection[int]) -> int:
        """Take items out of quarantine, for good; how many stood in it. They themselves stay stored, as unreadable."""

    async def retain(
        self, *, received_before_us: int, settled: int, max_bytes: int, given_up: int = MAX_POSITION
    ) -> Retained:
        """Remove batches from the oldest on: those received before the instant that end at or below ``settled``.

        And, while more than ``max_bytes`` of bodies (as stored) remain, the oldest whatever their state, as far as they
        end at or below ``given_up``. It stops at the first batch that may stay, so that what is stored is always one
        stretch.
        """

    async def erase(self, erasing: Erasing) -> Erased:
        """Turn items into tombstones, for good: when this returns, no file of the shard holds their bytes any more.

        A tombstone stands at the item's position, of the kind ``ERASED`` and the subject ``UNASSIGNED``, with no bytes,
        flags or dedup key; when it arrived stays. All else of its batch is as it was, but for the ``request_id``,
        which goes: it named the request that brought the item. Rows of quarantine at the positions go. So do
        letters, with their bodies, each recorded as a skip with the reason ``ERASED_REASON``; cursors stay.

        Slice by slice, so that appends go on meanwhile. Ended half-way (``StoreUnavailable``, ``StoreCorrupt``), it
        can be done again. What readers hold in memory it does not reach. The measures of bytes (``bytes_from``,
        ``surplus_end``, ``retain``) may count the erased bytes until retention removes their batches.
        """

    async def begin_epoch(self, above_epoch: int = 0) -> int:
        """After a restore from a copy: go on at a position higher than any ever given, and return the new epoch.

        The new epoch is the lowest above both the shard's own and ``above_epoch``: the highest that another copy of
        the shard is known to have reached.
        """

    @property
    def jumps(self) -> Sequence[range]:
        """Positions that were never given: from the end of an epoch to the beginning of the next, in order."""

    @property
    def delivery(self) -> DeliveryStore:
        """The delivery state kept in this shard."""

    async def close(self) -> None:
        """Finish what was submitted and let go. Later calls raise ``StoreUnavailable`` with reason ``closed``."""
