"""Having a driver, a vehicle or a trip forgotten: who is meant, what that would erase, and asking for it."""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from postroad.administration.shards import Shards
from postroad.erasure.receivers import access_was_had
from postroad.erasure.search import Sought
from postroad.errors import ConfigError, NotFound
from postroad.layout import SHARDS
from postroad.model.identifiers import SubjectKind, normalise
from postroad.protocols import READABLE, drivequant
from postroad.registry import documents, erasures
from postroad.registry.blocklist import document_namespace, is_blocked
from postroad.registry.erasures import Erasure, Names, Receipt
from postroad.registry.outbox import Saying, Speaker
from postroad.registry.records import Provider, RegistryView
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import TaskUnfinished
from postroad.registry.transaction import Transaction
from postroad.routing.translation import Decoder

_MAX_REFUSALS = 1_000_000


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be erased."""

    kind: erasures.ErasureKind
    organization_id: int
    subject_id: int | None
    provider_id: int | None
    names: Names
    shard: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would be erased, and who had it."""

    kind: erasures.ErasureKind
    items: int
    refusals: int
    subscriptions: tuple[str, ...]
    """That had access."""
    backups: tuple[str, ...]
    """That keep it: their places."""
    complete: bool
    """Whether the whole log was searched; if not, there may be more."""


def subject(view: RegistryView, kind: SubjectKind, name: str, *, organization: str | None = None) -> Meant:
    """The driver or vehicle that is called so: by a provider, or by plate or VIN; of an organization by id or name.

    Raises:
        NotFound: There is none.
        ConfigError: There are several.
    """
    found = {
        subject_id
        for (organization_id, namespace, value), subject_id in view.identifiers.items()
        if value == normalise(namespace, name)
        and view.subjects[subject_id].kind == kind
        and organization in (None, _name(view, organization_id), str(organization_id))
    }
    if not found:
        raise NotFound(f"there is no such {kind}; `postroad erase list` shows what was erased already")
    if len(found) > 1:
        raise ConfigError(f"several {kind}s are called so; say of which organization")
    [subject_id] = found
    known = view.subjects[subject_id]
    identifiers = [(ns, value) for (_, ns, value), id_ in view.identifiers.items() if id_ == subject_id]
    return Meant(
        kind="driver" if kind == "driver" else "vehicle",
        organization_id=known.organization_id,
        subject_id=subject_id,
        provider_id=None,
        names=Names(identifiers=tuple(identifiers)),
        shard=known.shard,
    )


def _name(view: RegistryView, organization_id: int) -> str | None:
    organization = view.organizations.get(organization_id)
    return None if organization is None else organization.name


def trip(provider: Provider, key: str) -> Meant:
    """The trip that its provider calls so, whether or not there is one."""
    return Meant(
        kind="trip",
        organization_id=provider.organization_id,
        subject_id=None,
        provider_id=provider.id,
        names=Names(document=key),
        shard=SHARDS[0],
    )


def preview(
    registry: RegistryStore,
    view: RegistryView,
    shards: Shards,
    meant: Meant,
    *,
    in_time: Callable[[], bool] = lambda: True,
) -> Preview:
    """Search the log for what would be erased, while ``in_time``. Raises ``StoreUnavailable`` and ``StoreCorrupt``."""
    decoder = Decoder(READABLE)
    decoder.use(view)
    sought = Sought(_not_asked(meant), meant.names, decoder=decoder, view=view)
    items, position, complete = 0, 0, True
    reader = shards[meant.shard]
    while complete and (batches := reader.read(position)):
        items += sum(len(sought.in_batch(batch, batch.end).positions) for batch in batches)
        position = batches[-1].end
        complete = in_time()
    had = access_was_had(view, {meant.subject_id}) if meant.subject_id is not None else set()
    return Preview(
        kind=meant.kind,
        items=items,
        refusals=sum(map(sought.in_refusal, reader.refusals(limit=_MAX_REFUSALS))),
        subscriptions=tuple(
            sorted(view.subscriptions[id_].name if id_ in view.subscriptions else str(id_) for id_ in had)
        ),
        backups=tuple(one.place for one in registry.backups(0)),
        complete=complete,
    )


def ask(registry: RegistryStore, keys: KeyRing, view: RegistryView, meant: Meant) -> Erasure:
    """Have it erased: the hub begins within a second, and goes on after a restart.

    Raises:
        NotFound: It was erased already, or that is under way.
    """
    with registry.transaction() as transaction:
        erasure_id = ask_within(transaction, keys, view, meant)
    with suppress(TaskUnfinished):  # that one carries this out too, or the hub does within a minute
        registry.add_task("ERASE")
    return registry.erasure(erasure_id)


def allow_again(registry: RegistryStore, erasure_id: int) -> Erasure:
    """Take in what was erased if it comes again. Raises ``NotFound`` and ``ConfigError``: see the registry's."""
    with registry.transaction() as transaction:
        return erasures.allow_again(transaction, erasure_id)


def ask_within(transaction: Transaction, keys: KeyRing, view: RegistryView, meant: Meant) -> int:
    """The change of the registry alone; the erasure's id. Raises as ``ask`` does."""
    erasure_id = _ask(transaction, keys, view, meant)
    if erasure_id is None:
        raise NotFound(f"that {meant.kind} was erased already, or that is under way; see: postroad erase list")
    return erasure_id


def _ask(transaction: Transaction, keys: KeyRing, view: RegistryView, meant: Meant) -> int | None:
    if meant.subject_id is not None:
        return erasures.ask_subject(transaction, keys, meant.subject_id, by="operator")
    key, provider = meant.names.document or "", view.providers[meant.provider_id or 0]
    if is_blocked(transaction, keys, provider.organization_id, document_namespace(provider.id), key):
        return None
    if provider.protocol == drivequant.PROTOCOL.name:  # its customers have words for it
        saying = _deletion(provider, key, transaction.now_us)
        documents.delete(transaction, provider.organization_id, key, saying, shard=meant.shard)
    return erasures.ask_trip(
        transaction,
        keys,
        key,
        provider_id=provider.id,
        organization_id=provider.organization_id,
        shard=meant.shard,
        by="operator",
    )


def _deletion(provider: Provider, key: str, now_us: int) -> Saying:
    """What the provider itself would say."""
    push = drivequant.TripDeletedPush(itin_id=key, event=drivequant.TRIP_DELETION)
    return Saying(
        by=Speaker(provider.id, provider.protocol, provider.revision),
        kind="trip_deleted",
        body=msgspec.json.encode(push),
        received_us=now_us,
    )


def _not_asked(meant: Meant) -> Erasure:
    """An erasure as it would be asked for, to search by."""
    return Erasure(
        id=0,
        organization_id=meant.organization_id,
        kind=meant.kind,
        digest=b"",
        subject_id=meant.subject_id,
        provider_id=meant.provider_id,
        shard=meant.shard,
        asked_us=0,
        asked_by="operator",
        sealed=None,
        state="asked",
        searched_to=0,
        notices=(),
        erased_us=None,
        done_us=None,
        receipt=Receipt(),
    )
