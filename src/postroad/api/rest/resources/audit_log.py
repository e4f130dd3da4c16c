"""The audit log: who changed what, when and from where. To read only."""

import msgspec

from postroad.access.policy import HUB, Operation, Target
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.routes import Resource
from postroad.api.rest.types.audit import AuditEntry, AuditHead, AuditLogList, AuditRecord
from postroad.api.rest.types.paging import Page, Paging
from postroad.clock import from_us, to_us
from postroad.registry import audit_export
from postroad.registry.audit_chain import Record
from postroad.registry.audit_log import Entry, Wanted

audit_log = Resource("audit log", "Who changed what, when and from where.")


@audit_log.get("/audit-log", Operation.READ_AUDIT)
def list_audit_log(call: Call, query: AuditLogList) -> Page[AuditEntry]:
    """List entries, the newest first."""
    organization_id = query.organization_id if query.organization_id is not None else call.principal.organization_id
    call.require(_target(organization_id))
    wanted = Wanted(
        organization_id=organization_id,
        subject_id=query.subject_id,
        action=query.action,
        kind=query.kind,
        id=query.id,
        actor=query.actor,
        since_us=None if query.since is None else to_us(query.since),
        until_us=None if query.until is None else to_us(query.until),
    )
    some = call.registry.audit_log.listed(wanted, below=key_of(query, int), limit=query.limit + 1)
    return page_of(some, query, _shown, key=lambda entry: entry.number)


@audit_log.get("/audit-log/head", Operation.READ_AUDIT)
def get_audit_head(call: Call) -> AuditHead:
    """Get the number and hash of the newest entry, to be kept where nobody of the hub's can change it."""
    call.require(HUB)
    head = call.registry.audit_log.head()
    return AuditHead(number=head.number, hash=head.hash.hex(), head=str(head))


@audit_log.get("/audit-log/records", Operation.READ_AUDIT)
def list_audit_records(call: Call, query: Paging) -> Page[AuditRecord]:
    """Get entries from the first on, with all that is needed to verify the chain.

    Written one a line, the items of all pages are a file for `postroad audit-log verify --file`.
    """
    call.require(HUB)
    some = call.registry.audit_log.part(after=key_of(query, int) or 0, limit=query.limit + 1)
    return page_of(some, query, _record, key=lambda record: record.link.number)


@audit_log.get("/audit-log/{number}", Operation.READ_AUDIT)
def get_audit_entry(call: Call, number: int) -> AuditEntry:
    """Get an entry."""
    entry = call.registry.audit_log.entry(number)
    call.require(_target(entry.organization_id))
    return _shown(entry)


def _target(organization_id: int | None) -> Target:
    return HUB if organization_id is None else Target(organization_id=organization_id)


def _shown(entry: Entry) -> AuditEntry:
    who, what = entry.who, entry.what
    return AuditEntry(
        number=entry.number,
        at=from_us(entry.at_us),
        actor=None if who is None else who.name,
        pseudonym=entry.pseudonym,
        role=entry.role,
        origin=entry.origin,
        address=None if who is None else who.address,
        action=entry.action,
        kind=entry.kind,
        id=entry.id,
        name=None if what is None else what.name,
        organization_id=entry.organization_id,
        subject_id=entry.subject_id,
        registry_version=entry.version,
        fields=None if what is None else what.fields,
        who_gone=entry.who_gone,
        what_gone=entry.what_gone,
        hash=entry.hash.hex(),
    )


def _record(record: Record) -> AuditRecord:
    return msgspec.json.decode(audit_export.line(record), type=AuditRecord)
