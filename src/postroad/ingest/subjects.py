"""Who items are about: subjects by the names that providers have for them, known, new, or erased.

Items that come one by one look known subjects up by themselves, and wait together for new ones (``intake.py``).
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from postroad.errors import PostroadError, StoreUnavailable, WireError
from postroad.ingest.slices import Slices
from postroad.log.interface import UNASSIGNED
from postroad.protocols.base import Item
from postroad.registry.records import Provider, RegistryView


class NewSubject(msgspec.Struct, frozen=True):
    """A vehicle, fleet or account that the registry does not know, as a provider names it."""

    organization_id: int
    namespace: str
    identifier: str


IsErased = Callable[[int, str, str], bool]
"""(Organization id, namespace, identifier): whether that was erased, so that nothing of it is taken in."""


def nothing_erased(_organization_id: int, _namespace: str, _identifier: str) -> bool:
    """Nothing ever was."""
    return False


CreateSubjects = Callable[[Sequence[NewSubject]], Awaitable[None]]
"""Make the subjects known; when it returns, ``Intake.use`` has been called with a view that holds them."""


class Subjects:
    """By the present view of the registry."""

    def __init__(self, create: CreateSubjects, is_erased: IsErased, *, default_shard: int) -> None:
        """``use`` must be called first. ``is_erased`` is asked of the unknown; ``default_shard`` is nobody's."""
        self.create = create
        self.default_shard = default_shard
        self._is_erased = is_erased
        self._view: RegistryView

    def use(self, view: RegistryView) -> None:
        """Go by this view from now on."""
        self._view = view

    async def make_known(
        self, provider: Provider, outcomes: Sequence[Item | WireError], slices: Slices
    ) -> StoreUnavailable | None:
        """Have every subject created that the registry does not know, all at once; or why that failed."""
        if provider.unknown_vehicles != "create":
            return None
        identifiers, organization_id = self._view.identifiers, provider.organization_id
        unknown: dict[NewSubject, None] = {}
        for outcome in outcomes:
            if (
                not isinstance(outcome, WireError)
                and outcome.identifier
                and (organization_id, outcome.namespace, outcome.identifier) not in identifiers
                and not self._is_erased(organization_id, outcome.namespace, outcome.identifier)
            ):
                unknown[NewSubject(organization_id, outcome.namespace, outcome.identifier)] = None
            if slices.over():
                await slices.pause()
        if not unknown:
            return None
        try:
            await self.create(list(unknown))
        except PostroadError as exc:
            return StoreUnavailable("locked", f"The registry could not take a new subject: {exc}")
        view = self._view
        if any((organization_id, new.namespace, new.identifier) not in view.identifiers for new in unknown):
            return StoreUnavailable("lost", "A new subject did not appear")
        return None

    def is_erased(self, provider: Provider, outcome: Item | WireError) -> bool:
        """Whether an item is of a subject that was erased: it is confirmed, and not kept."""
        if isinstance(outcome, WireError) or not outcome.identifier:
            return False
        name = provider.organization_id, outcome.namespace, outcome.identifier
        return name not in self._view.identifiers and self._is_erased(*name)

    def of(self, provider: Provider, outcome: Item | WireError) -> tuple[int, int]:
        """Subject and shard of an item; ``UNASSIGNED`` for one that could not be read or whose subject is unknown."""
        if not isinstance(outcome, WireError):
            key = (provider.organization_id, outcome.namespace, outcome.identifier)
            subject_id = self._view.identifiers.get(key)
            if subject_id is not None:
                return subject_id, self._view.subjects[subject_id].shard
        return UNASSIGNED, self.default_shard
