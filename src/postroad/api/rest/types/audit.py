"""The audit log: who changed what, when and from where."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from postroad.api.rest.types.paging import Paging
from postroad.api.rest.types.scalars import Id, Instant


class AuditLogList(Paging, frozen=True, kw_only=True):
    """Which entries."""

    organization_id: Annotated[
        Id | None, Meta(description="Those of this organization. Left out by who sees one only: that one.")
    ] = None
    subject_id: Annotated[Id | None, Meta(description="Those about this vehicle, driver, fleet or account.")] = None
    action: Annotated[str | None, Meta(description="What was done: `create`, `update`, `delete`, `revoke` ...")] = None
    kind: Annotated[str | None, Meta(description="To what: `token`, `grant`, `subscription` ...")] = None
    id: Annotated[str | None, Meta(description="To the one with this id, as a text.")] = None
    actor: Annotated[str | None, Meta(description="By whom, by the whole name.")] = None
    since: Annotated[Instant | None, Meta(description="Not older.")] = None
    until: Annotated[Instant | None, Meta(description="Older than this.")] = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A change that somebody made."""

    number: Annotated[int, Meta(description="From 1, without a gap; a list of one organization's has gaps.")]
    at: Annotated[Instant, Meta(description="When.")]
    actor: Annotated[str | None, Meta(description="Which key, account, provider or user it was; null: that is gone.")]
    pseudonym: Annotated[
        str | None, Meta(description="Of an actor whose name is gone because it was old: the same for the same actor.")
    ]
    role: Annotated[str | None, Meta(description="Of the actor; null: whoever sits at the hub's machine, or the hub.")]
    origin: Annotated[
        str,
        Meta(description="By which way: `command_line`, `rest`, `graphql`, `page`, `provider`; `hub`: by itself."),
    ]
    address: Annotated[str | None, Meta(description="From where, as the connection tells.")]
    action: Annotated[str, Meta(description="What was done.")]
    kind: Annotated[str, Meta(description="To what.")]
    id: Annotated[str | None, Meta(description="Its id, as a text.")]
    name: Annotated[str | None, Meta(description="What people called it; null: that is gone.")]
    organization_id: Annotated[int | None, Meta(description="Whose it is; null: the hub's, or of all.")]
    subject_id: Annotated[int | None, Meta(description="The vehicle, driver, fleet or account that it is about.")]
    registry_version: Annotated[int, Meta(description="Of the registry, after the change.")]
    fields: Annotated[
        dict[str, tuple[Any, Any]] | None,
        Meta(description="What was and what is, by field; a secret is `(secret)`. Null: that is gone."),
    ]
    who_gone: Annotated[str | None, Meta(description="What took actor and address: `erasure/N`, or `retention`.")]
    what_gone: Annotated[str | None, Meta(description="What took name and fields: `erasure/N`, or `retention`.")]
    hash: Annotated[str, Meta(description="SHA-256, in hex, over the entry and the hash before it.")]


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entry. Kept elsewhere, it proves later that none below was changed."""

    number: Annotated[int, Meta(description="How many entries there are.")]
    hash: Annotated[str, Meta(description="Of the newest, in hex.")]
    head: Annotated[str, Meta(description="Both as `postroad audit-log verify --head` takes them.")]


class AuditDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an entry's personal details."""

    commitment: Annotated[str, Meta(description="SHA-256, in hex, over salt and content.")]
    salt: Annotated[str | None, Meta(description="In hex; null: it is gone.")]
    content: Annotated[str | None, Meta(description="JSON, as a text; null: it is gone.")]
    gone: Annotated[str | None, Meta(description="What took it.")]
    pseudonym: Annotated[str | None, Meta(description="Of an actor whose name is gone.")]


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with all that is needed to verify the chain; one line of an export."""

    number: Annotated[int, Meta(description="From 1, without a gap.")]
    at_us: Annotated[int, Meta(description="When: microseconds since 1970, UTC.")]
    at: Annotated[str, Meta(description="The same, for people.")]
    version: Annotated[int, Meta(description="Of the registry, after the change.")]
    origin: Annotated[str, Meta(description="By which way.")]
    role: Annotated[str | None, Meta(description="Of the actor.")]
    action: Annotated[str, Meta(description="What was done.")]
    kind: Annotated[str, Meta(description="To what.")]
    id: Annotated[str | None, Meta(description="Its id, as a text.")]
    organization_id: Annotated[int | None, Meta(description="Whose it is.")]
    subject_id: Annotated[int | None, Meta(description="Whom or what it is about.")]
    who: Annotated[AuditDetail, Meta(description="Who did it.")]
    what: Annotated[AuditDetail, Meta(description="What was done, in detail.")]
    hash: Annotated[str, Meta(description="SHA-256, in hex, over the entry and the hash before it.")]
