"""The tables, as this version of the code wants them. *Stored format*: a change here needs a migration beside it.

Instants are microseconds since 1970, UTC, in columns named ``..._us``. What the log or a customer may still refer to is
never deleted but marked with ``removed_us``: ids, revisions and issued numbers are not used twice, and ended streams
answer who had what. Names are unique among what is not removed.
"""

from postroad.db.schema.auditing import audit_details, audit_head, audit_log
from postroad.db.schema.common import INT32_MAX, metadata
from postroad.db.schema.credentials import api_keys, integration_tokens, provider_tokens, service_accounts
from postroad.db.schema.erasing import backups, block_key, blocked, erasures
from postroad.db.schema.owners import account_links, consents, grants, landings, owned_vehicles, owner_sessions, owners
from postroad.db.schema.parties import (
    checkpoints,
    integrations,
    organizations,
    provider_revisions,
    providers,
    receiver_secrets,
    receivers,
    upstream_runs,
    upstream_secrets,
    upstreams,
)
from postroad.db.schema.sending import (
    accesses,
    destination_secrets,
    destinations,
    followed,
    outbox,
    streams,
    subscription_secrets,
    subscriptions,
    told,
)
from postroad.db.schema.subjects import documents, identifiers, issued_numbers, issued_texts, memberships, subjects
from postroad.db.schema.version import registry_version
from postroad.db.schema.working import alerts, answered, attempts, tasks

__all__ = [
    "INT32_MAX",
    "accesses",
    "account_links",
    "alerts",
    "answered",
    "api_keys",
    "attempts",
    "audit_details",
    "audit_head",
    "audit_log",
    "backups",
    "block_key",
    "blocked",
    "checkpoints",
    "consents",
    "destination_secrets",
    "destinations",
    "documents",
    "erasures",
    "followed",
    "grants",
    "identifiers",
    "integration_tokens",
    "integrations",
    "issued_numbers",
    "issued_texts",
    "landings",
    "memberships",
    "metadata",
    "organizations",
    "outbox",
    "owned_vehicles",
    "owner_sessions",
    "owners",
    "provider_revisions",
    "provider_tokens",
    "providers",
    "receiver_secrets",
    "receivers",
    "registry_version",
    "service_accounts",
    "streams",
    "subjects",
    "subscription_secrets",
    "subscriptions",
    "tasks",
    "told",
    "upstream_runs",
    "upstream_secrets",
    "upstreams",
]
