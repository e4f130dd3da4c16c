"""Whether each event that a subscription was to have is accounted for, exactly once."""

from collections import Counter
from collections.abc import Callable, Mapping

import msgspec

from postroad.administration.shards import Shards
from postroad.delivery.audit import Audit, Auditor, Expected, Look
from postroad.delivery.expected import Expectations, Read
from postroad.log.delivery import Chapter
from postroad.log.reader import ShardReader
from postroad.protocols import READABLE, TARGETS
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.store import RegistryStore
from postroad.routing.translation import Decoder


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one subscription in one shard."""

    subscription: Subscription
    shard: int
    audit: Audit
    complete: bool
    """Whether all that is recorded was looked at; what was not, for want of time, is told as unproven."""

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Outcome -> events, of what was looked at."""
        found: Counter[str] = Counter()
        for stretch in self.audit.ranges:
            found[stretch.outcome] += stretch.events
        return found


def audit(
    registry: RegistryStore, shards: Shards, subscription: Subscription, *, in_time: Callable[[], bool] = lambda: True
) -> list[Audited]:
    """In each shard where the subscription has a cursor. All of the log is read, chapter by chapter, while ``in_time``.

    Raises:
        StoreUnavailable, StoreCorrupt: See ``ShardReader.read``.
    """
    found = []
    for shard, reader in shards.items():
        account = reader.account(subscription.id)
        if account is None:
            continue
        view = registry.view()  # newer than the account, so that it knows each stream by which that came about
        looking = _InTime(_expectations(subscription, reader.read, view).look, in_time)
        audited = looking.told(Auditor(account, looking.look, _first_position(reader)).audit())
        found.append(Audited(subscription=subscription, shard=shard, audit=audited, complete=looking.complete))
    return found


class _InTime:
    """Looks at chapters as long as there is time; from then on at none."""

    def __init__(self, look: Look, in_time: Callable[[], bool]) -> None:
        self._look = look
        self._in_time = in_time
        self._late_from: int | None = None

    @property
    def complete(self) -> bool:
        return self._late_from is None

    def look(self, chapter: Chapter) -> Expected | None:
        if self._late_from is None and chapter.first < chapter.end and not self._in_time():
            self._late_from = chapter.first
        return self._look(chapter) if self._late_from is None else None

    def told(self, audit: Audit) -> Audit:
        """The same, but what was not looked at for want of time is told as that."""
        late_from = self._late_from
        if late_from is None:
            return audit
        unproven = [
            msgspec.structs.replace(one, why="time") if one.why == "terms" and one.end > late_from else one
            for one in audit.unproven
        ]
        return msgspec.structs.replace(audit, unproven=unproven)


def _first_position(reader: ShardReader) -> Callable[[], int]:
    return lambda: reader.heads().first_position


def _expectations(subscription: Subscription, read: Read, view: RegistryView) -> Expectations:
    decoder = Decoder(READABLE)
    decoder.use(view)
    return Expectations(subscription, read, view=view, decoder=decoder, targets=TARGETS)
