"""How many events of what is to be erased a subscription was delivered, by its account.

The terms are those of each chapter; where nobody wrote them down, and before the account begins, today's. The subject
has lost its names by now, but it had them when its events were written: so they are read by a view that has them still.
"""

from collections.abc import Callable, Sequence, Set

from msgspec import structs

from postroad.delivery.expected import Expectations, Read
from postroad.delivery.terms import terms_of
from postroad.log.delivery import Account, Chapter, LetterId, skip_that_names
from postroad.log.interface import Batch
from postroad.log.tally import NOTHING
from postroad.model.identifiers import PLATE, VIN
from postroad.registry.erasures import Erasure, Names
from postroad.registry.records import RegistryView, Subscription

Expect = Callable[[Subscription, Read], Expectations]


class Received:
    """Of one subscription in one shard."""

    def __init__(self, subscription: Subscription, account: Account, expect: Expect) -> None:
        """Nothing was looked at yet."""
        self.events = 0
        """That were delivered, of all items that were looked at."""
        self._subscription = subscription
        self._account = account
        self._expect = expect
        today, begins = terms_of(subscription), account.chapters[0].first
        self._chapters = [
            structs.replace(chapter, terms=chapter.terms or today)
            for chapter in (Chapter(0, begins, NOTHING, 0), *account.chapters)
        ]

    def look_at(self, batches: Sequence[Batch], positions: Set[int]) -> None:
        """Count the events of the items at these positions. Raises ``PostroadError``."""
        first, end = batches[0].position, batches[-1].end
        expectations = self._expect(
            self._subscription, lambda position: [batch for batch in batches if batch.end > position]
        )
        near = [skip for skip in self._account.skips if skip.first < end and first < skip.end]
        letters = self._account.parked | self._account.dead
        for chapter in self._chapters:
            expected = expectations.look(chapter) if chapter.first < end and first < chapter.end else None
            for position, slots in expected.items if expected is not None else ():
                if position in positions:
                    events = [LetterId(position, slot) for slot in slots]
                    self.events += sum(
                        event not in letters and skip_that_names(near, *event.place) is None for event in events
                    )


def as_it_was(view: RegistryView, erasure: Erasure, names: Names) -> RegistryView:
    """The view with the names that an erased subject had."""
    subject = view.subjects.get(erasure.subject_id or 0)
    if subject is None or not names.identifiers:
        return view
    named = dict(names.identifiers)
    known = structs.replace(subject, plate=named.get(PLATE), vin=named.get(VIN), removed=False)
    identifiers = {(subject.organization_id, *pair): subject.id for pair in names.identifiers}
    return structs.replace(
        view,
        subjects={**view.subjects, subject.id: known},
        identifiers={**view.identifiers, **identifiers},
    )
