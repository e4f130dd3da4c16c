"""What became of runs against providers' control planes, and how far their admin events were followed."""

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.registry import alerts
from postroad.registry.alerts import about_provider
from postroad.registry.text import storable
from postroad.registry.transaction import Transaction

FAILED = "upstream_failed"
"""The alert on a provider whose last run failed; the next one that succeeds clears it."""

_runs, _followed = schema.upstream_runs, schema.followed


class UpstreamRun(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of a provider. Instants are microseconds since 1970, UTC; counts that were not reached are None."""

    provider_id: int
    reason: str
    """Why it ran: ``start``, ``daily``, ``admin_event``, ``retry`` or ``asked``."""
    started_us: int
    finished_us: int
    succeeded_us: int | None = None
    """When a run last succeeded; of one that is being recorded: ignored."""
    consenting: int | None = None
    """Vehicles that give access."""
    wanted: int | None = None
    """Those of them that are declared."""
    streams: int | None = None
    """Streams of the topic before the run."""
    added: int = 0
    deleted: int = 0
    updated: int = 0
    error: str | None = None
    """None: it succeeded."""


def record(transaction: Transaction, run: UpstreamRun) -> None:
    """Keep a run as the provider's last, and raise or clear the alert. No view shows either."""
    mine = _runs.c.provider_id == run.provider_id
    before = transaction.connection.scalar(sa.select(_runs.c.succeeded_us).where(mine))
    values = msgspec.structs.asdict(run)
    values["succeeded_us"] = run.finished_us if run.error is None else before
    values["error"] = None if run.error is None else storable(run.error)
    transaction.connection.execute(sa.delete(_runs).where(mine))
    transaction.connection.execute(sa.insert(_runs).values(values))
    if run.error is None:
        alerts.clear_alert(transaction, FAILED, about_provider(run.provider_id))
    else:
        alerts.raise_alert(transaction, FAILED, about_provider(run.provider_id), run.error)


def last_run(connection: sa.Connection, provider_id: int) -> UpstreamRun | None:
    """The last run of a provider, if there was one."""
    row = connection.execute(sa.select(_runs).where(_runs.c.provider_id == provider_id)).mappings().one_or_none()
    return None if row is None else UpstreamRun(**row)


def forget(transaction: Transaction, provider_id: int) -> None:
    """Forget the run and its alert: the provider has no control plane any more."""
    transaction.connection.execute(sa.delete(_runs).where(_runs.c.provider_id == provider_id))
    alerts.clear_alert(transaction, FAILED, about_provider(provider_id))


def followed(connection: sa.Connection, shard: int) -> int:
    """Admin events below this position have had their effect."""
    return connection.scalar(sa.select(_followed.c.position).where(_followed.c.shard == shard)) or 0


def follow(transaction: Transaction, shard: int, position: int) -> None:
    """Note, in the transaction of the effects themselves, that admin events below ``position`` have had theirs."""
    this = sa.update(_followed).where(_followed.c.shard == shard).values(position=position)
    if transaction.connection.execute(this).rowcount == 0:
        transaction.connection.execute(sa.insert(_followed).values(shard=shard, position=position))
