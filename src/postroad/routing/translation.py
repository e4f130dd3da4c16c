"""Translation of a batch's items, each done once however many subscriptions want it.

Items are decoded only if somebody wants them; ingest's own decoding is used while it is at hand. An item is written
once per target protocol and options, and filtered once per set of agreed types.
"""

import functools
import operator
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from postroad.errors import ConfigError, NotFound
from postroad.log.interface import FLAG_AHEAD, FLAG_LATE, UNREADABLE, Batch
from postroad.model.events import AccessChanged, Event, Header, MembershipChanged
from postroad.protocols import postroad
from postroad.protocols.base import Addressing, Item, Outgoing, SourceProtocol, TargetProtocol
from postroad.protocols.filling import FillingTarget, Known
from postroad.protocols.scoped import Scopes
from postroad.registry.records import RegistryView, Subscription
from postroad.routing.addresses import Addresses


class Selection(msgspec.Struct, frozen=True):
    """What a subscription wants said, and how. Equal selections share their work."""

    protocol: str
    options: Any
    """Of the target protocol's ``options_type``: frozen and hashable."""
    slots: frozenset[int]
    """The agreed types."""


def mask_of(slots: Iterable[int]) -> int:
    """Bit n is set for slot n."""
    return functools.reduce(operator.or_, [1 << slot for slot in slots], 0)


def selection_of(subscription: Subscription, target: TargetProtocol) -> Selection:
    """The selection of a subscription to ``target``. Types and options were checked when they were declared."""
    options = msgspec.convert(dict(subscription.options), target.options_type)
    return Selection(
        subscription.protocol,
        options,
        frozenset(
            target.slots[wire_type]
            for wire_type in target.agreed(subscription.types, options)
            if wire_type in target.slots
        ),
    )


class Decoder:
    """Decodes stored items as their provider's settings of that time say."""

    def __init__(self, sources: Mapping[str, SourceProtocol]) -> None:
        """Know the protocols that are taken in."""
        self._sources = sources
        self._values: Mapping[tuple[int, int], Mapping[str, Any]] = {}
        self._settings: dict[tuple[int, int], Any] = {}

    def use(self, view: RegistryView) -> None:
        """Decode by this view's settings, also those of providers that are gone: the log still holds their items."""
        self._values = view.provider_settings
        self._settings = {}

    def settings(self, provider_id: int, revision: int, protocol: str) -> Any:
        """A revision of a provider's settings; the protocol's defaults if nobody knows it.

        Raises ``NotFound`` for an unknown protocol, ``ConfigError`` for settings that it does not take any more.
        """
        key = provider_id, revision
        if key not in self._settings:
            try:
                values = dict(self._values.get(key, {}))
                self._settings[key] = msgspec.convert(values, self.source(protocol).settings_type)
            except msgspec.ValidationError as exc:
                raise ConfigError(f"the settings of provider {provider_id}, revision {revision}: {exc}") from exc
        return self._settings[key]

    def source(self, protocol: str) -> SourceProtocol:
        """The protocol of that name. Raises ``NotFound``."""
        try:
            return self._sources[protocol]
        except KeyError as exc:
            raise NotFound(f"there is no protocol {protocol}") from exc


def _tells_itself(event: Event) -> bool:
    """Whether the hub tells customers in its own words what follows for them from a provider's event.

    That is so of access that ends and of fleets: each is told once, to whoever has the vehicle, in the hub's numbers.
    """
    return isinstance(event, MembershipChanged) or (isinstance(event, AccessChanged) and not event.granted)


class BatchTranslation:
    """One batch on its way to its subscriptions."""

    def __init__(
        self, batch: Batch, decoder: Decoder, targets: Mapping[str, TargetProtocol], view: RegistryView
    ) -> None:
        """Nothing is decoded yet."""
        self.batch = batch
        self._decoder = decoder
        self._targets = targets
        self.view = view
        self._raws: list[bytes] | None = None
        self._addresses: dict[str, Addresses] = {}
        self._events: dict[int, tuple[Event, ...]] = {}
        self._written: dict[tuple[int, str, Any, Scopes], list[Outgoing]] = {}

    def events(self, index: int) -> tuple[Event, ...]:
        """What the batch's item ``index`` says; one in quarantine says nothing.

        Raises ``PostroadError`` if it cannot be read any more.
        """
        events = self._events.get(index)
        if events is None:
            batch = self.batch
            if batch.kinds[index] == UNREADABLE:  # also where it could be read today: redriving it makes a new item
                return ()
            header = Header(
                subject_id=batch.subjects[index],
                provider_id=batch.provider_id,
                recorded_us=(item := self._item(index)).recorded_us,
                received_us=batch.received_at_us(index),
                late=bool(batch.flags[index] & FLAG_LATE),
                ahead=bool(batch.flags[index] & FLAG_AHEAD),
            )
            source, settings = self._reading
            events = self._events[index] = source.events(item, header, settings)
        return events

    def meant_for(self, index: int, subscription_id: int) -> bool:
        """Whether the item may be told to the subscription: of its changes the hub tells one only.

        Raises ``PostroadError`` as ``events`` does.
        """
        return not self.of_the_hub or postroad.subscription_of(self._item(index)) in {None, subscription_id}

    @property
    def of_the_hub(self) -> bool:
        """Whether the hub itself said it: then not everybody may be meant."""
        return self.batch.protocol == postroad.NAME

    def outgoing(self, index: int, protocol: str, options: Any, scopes: Scopes = None) -> list[Outgoing]:
        """Everything ``protocol`` can say of the item, as far as ``scopes`` were authorised."""
        key = (index, protocol, options, scopes)
        written = self._written.get(key)
        if written is None:
            target, position, written = self._targets[protocol], self.batch.position + index, []
            for event, to in self._addressed(index, target, scopes):
                written += target.write(event, to=to, position=position, options=options)
            self._written[key] = written
        return written

    def filled(self, index: int, protocol: str, options: Any, scopes: Scopes, known: Known) -> list[Outgoing]:
        """As ``outgoing``, of a target that fills events from what was known as of the item.

        It is written anew each time: another subscription may know something else.
        """
        target, position = self._targets[protocol], self.batch.position + index
        if not isinstance(target, FillingTarget):
            raise TypeError(f"{protocol} fills nothing")
        written: list[Outgoing] = []
        for event, to in self._addressed(index, target, scopes):
            written += target.write(event, to=to, position=position, options=options, known=known)
        return written

    def _addressed(self, index: int, target: TargetProtocol, scopes: Scopes) -> Iterator[tuple[Event, Addressing]]:
        """What is to be written of the item, and of whom it speaks."""
        addresses = self._addresses.get(target.name)
        if addresses is None:
            addresses = self._addresses[target.name] = Addresses(self.view, target)
        for said in self.events(index):
            event = addresses.in_issued_identifiers(said) if self.of_the_hub else said
            if event is not None and (self.of_the_hub or not _tells_itself(event)):
                yield event, addresses.of(event, self.batch.provider_id, scopes)

    def selected(self, index: int, selection: Selection, scopes: Scopes = None) -> tuple[Outgoing, ...]:
        """The encoded events of the item that the selection asks for, in the target's order."""
        outgoing = self.outgoing(index, selection.protocol, selection.options, scopes)
        return tuple(one for one in outgoing if one.slot in selection.slots)

    @cached_property
    def _reading(self) -> tuple[SourceProtocol, Any]:
        """The batch's protocol and settings: asked for with an item, so that their lack is that item's defect."""
        batch, decoder = self.batch, self._decoder
        return decoder.source(batch.protocol), decoder.settings(batch.provider_id, batch.revision, batch.protocol)

    def _item(self, index: int) -> Item:
        if self.batch.decoded is not None:
            item: Item = self.batch.decoded[index]
            return item
        if self._raws is None:
            self._raws = list(self.batch.items())
        source, settings = self._reading
        return source.read(self._raws[index], settings, self.batch.kinds[index])
