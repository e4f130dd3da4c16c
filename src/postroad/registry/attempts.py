"""The ledger of attempts to deliver: a failure is a row, successes in a row share one.

A healthy subscription sends thousands of bulks an hour: what matters of those is that they went, when, and how fast. It
is for people (``explain``, lists): the cursors of the log decide what is sent. It has a bounded life.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.registry.text import storable

MAX_SUCCESS_ROW_US = 3600 * 1_000_000
"""How long after its first success a row takes further ones."""

_MOST_LANES = 1_000
"""Named in one statement at most: databases bound the values of one."""

_attempts = schema.attempts
Lane = tuple[int, int]
"""A subscription and a shard."""


class FailedAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One bulk that was not confirmed."""

    subscription_id: int
    shard: int
    first_position: int
    last_position: int
    items: int
    at_us: int
    attempt: int
    """1 for the first try of the bulk."""
    reason: str
    status: int | None = None
    detail: str = ""
    elapsed_ms: float = 0.0
    request_id: str | None = None


class Success(msgspec.Struct, frozen=True, kw_only=True):
    """One bulk that was confirmed."""

    subscription_id: int
    shard: int
    first_position: int
    last_position: int
    items: int
    at_us: int
    elapsed_ms: float


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the ledger: one failure, or one or more successes. Instants are microseconds since 1970, UTC."""

    subscription_id: int
    shard: int
    succeeded: bool
    first_position: int
    last_position: int
    items: int
    bulks: int
    first_at_us: int
    last_at_us: int
    min_elapsed_ms: float
    max_elapsed_ms: float
    attempt: int | None = None
    reason: str | None = None
    status: int | None = None
    detail: str | None = None
    request_id: str | None = None


_COLUMNS = [_attempts.c[field] for field in Attempt.__struct_fields__]


def record_failures(connection: sa.Connection, failures: Sequence[FailedAttempt]) -> None:
    """Add a row for each."""
    rows = [
        {
            "subscription_id": failed.subscription_id,
            "shard": failed.shard,
            "succeeded": False,
            "first_position": failed.first_position,
            "last_position": failed.last_position,
            "items": failed.items,
            "bulks": 1,
            "first_at_us": failed.at_us,
            "last_at_us": failed.at_us,
            "min_elapsed_ms": failed.elapsed_ms,
            "max_elapsed_ms": failed.elapsed_ms,
            "attempt": failed.attempt,
            "reason": failed.reason,
            "status": failed.status,
            "detail": storable(failed.detail),
            "request_id": failed.request_id,
        }
        for failed in failures
    ]
    if rows:
        connection.execute(sa.insert(_attempts), rows)


def record_successes(connection: sa.Connection, successes: Sequence[Success]) -> None:
    """Extend the newest row of each subscription and shard if it is one of successes and young enough, else add one."""
    lanes: dict[Lane, list[Success]] = {}
    for success in successes:
        lanes.setdefault((success.subscription_id, success.shard), []).append(success)
    newest = {lane: found for some in _in_groups(list(lanes)) for lane, found in _newest(connection, some).items()}
    added: list[Attempt] = []
    changed: list[tuple[int, Attempt]] = []
    for lane, of_lane in lanes.items():
        id_, current = newest.get(lane, (None, None))
        extended = False
        for success in of_lane:
            if current is not None and current.succeeded and success.at_us - current.first_at_us < MAX_SUCCESS_ROW_US:
                current, extended = _extended(current, success), True
                continue
            _keep(id_, current, extended, added, changed)
            id_, current, extended = None, _first(success), True
        _keep(id_, current, extended, added, changed)
    # Two statements for all of them: one for each lane and second kept the interpreter's lock from the event loop.
    if changed:
        row: dict[str, sa.BindParameter[Any]] = {
            name: sa.bindparam(f"new_{name}") for name in Attempt.__struct_fields__
        }
        statement = sa.update(_attempts).where(_attempts.c.id == sa.bindparam("of_id")).values(row)
        connection.execute(
            statement,
            [
                {"of_id": id_} | {f"new_{name}": value for name, value in msgspec.structs.asdict(attempt).items()}
                for id_, attempt in changed
            ],
        )
    if added:
        connection.execute(sa.insert(_attempts), [msgspec.structs.asdict(attempt) for attempt in added])


def listed(
    connection: sa.Connection,
    subscription_id: int | None,
    *,
    shard: int | None,
    position: int | None,
    limit: int,
) -> list[Attempt]:
    """The newest rows first; with ``position``, only those whose bulks reached over it."""
    query = sa.select(*_COLUMNS).order_by(_attempts.c.id.desc()).limit(limit)
    if subscription_id is not None:
        query = query.where(_attempts.c.subscription_id == subscription_id)
    if shard is not None:
        query = query.where(_attempts.c.shard == shard)
    if position is not None:
        query = query.where(_attempts.c.first_position <= position, _attempts.c.last_position >= position)
    return [Attempt(**row) for row in connection.execute(query).mappings()]


def page(
    connection: sa.Connection,
    *,
    subscription_ids: Collection[int] | None,
    place: tuple[int, int] | None,
    succeeded: bool | None,
    before: int | None,
    limit: int,
) -> list[tuple[int, Attempt]]:
    """Rows with their ids, the newest first, from the one behind ``before`` on; see ``RegistryStore.attempts_page``."""
    query = sa.select(_attempts.c.id, *_COLUMNS).order_by(_attempts.c.id.desc()).limit(limit)
    if subscription_ids is not None:
        query = query.where(_attempts.c.subscription_id.in_(subscription_ids))
    if place is not None:
        shard, position = place
        query = query.where(_attempts.c.shard == shard, _attempts.c.first_position <= position)
        query = query.where(_attempts.c.last_position >= position)
    if succeeded is not None:
        query = query.where(_attempts.c.succeeded == succeeded)
    if before is not None:
        query = query.where(_attempts.c.id < before)
    return [(id_, Attempt(**row)) for id_, row in map(_with_id, connection.execute(query).mappings())]


def delivered(connection: sa.Connection) -> dict[int, int]:
    """Confirmed events by subscription, of all rows that are kept."""
    query = (
        sa.select(_attempts.c.subscription_id, sa.func.sum(_attempts.c["items"]))
        .where(_attempts.c.succeeded)
        .group_by(_attempts.c.subscription_id)
    )
    return {subscription_id: int(items) for subscription_id, items in connection.execute(query)}


def prune(connection: sa.Connection, before_us: int) -> int:
    """Forget rows whose last attempt was before an instant; how many those were."""
    return connection.execute(sa.delete(_attempts).where(_attempts.c.last_at_us < before_us)).rowcount


def _in_groups(lanes: list[Lane]) -> Iterator[list[Lane]]:
    """So many as one statement may name."""
    for start in range(0, len(lanes), _MOST_LANES):
        yield lanes[start : start + _MOST_LANES]


def _newest(connection: sa.Connection, lanes: list[Lane]) -> dict[Lane, tuple[int, Attempt]]:
    """Each lane's newest row and its id."""
    place = sa.tuple_(_attempts.c.subscription_id, _attempts.c.shard)
    ids = (
        sa.select(sa.func.max(_attempts.c.id))
        .where(place.in_(lanes))
        .group_by(_attempts.c.subscription_id, _attempts.c.shard)
    )
    query = sa.select(_attempts.c.id, *_COLUMNS).where(_attempts.c.id.in_(ids)).with_for_update()
    newest = {}
    for row in connection.execute(query).mappings():
        id_, fields = _with_id(row)
        newest[row.subscription_id, row.shard] = id_, Attempt(**fields)
    return newest


def _with_id(row: sa.RowMapping) -> tuple[int, dict[str, Any]]:
    """A row's id, and its other columns."""
    fields = {str(name): value for name, value in row.items()}
    return fields.pop("id"), fields


def _first(success: Success) -> Attempt:
    return Attempt(
        subscription_id=success.subscription_id,
        shard=success.shard,
        succeeded=True,
        first_position=success.first_position,
        last_position=success.last_position,
        items=success.items,
        bulks=1,
        first_at_us=success.at_us,
        last_at_us=success.at_us,
        min_elapsed_ms=success.elapsed_ms,
        max_elapsed_ms=success.elapsed_ms,
    )


def _extended(row: Attempt, success: Success) -> Attempt:
    return msgspec.structs.replace(
        row,
        first_position=min(row.first_position, success.first_position),
        last_position=max(row.last_position, success.last_position),
        items=row.items + success.items,
        bulks=row.bulks + 1,
        last_at_us=max(row.last_at_us, success.at_us),
        min_elapsed_ms=min(row.min_elapsed_ms, success.elapsed_ms),
        max_elapsed_ms=max(row.max_elapsed_ms, success.elapsed_ms),
    )


def _keep(
    id_: int | None, row: Attempt | None, extended: bool, added: list[Attempt], changed: list[tuple[int, Attempt]]
) -> None:
    """Note a row that is complete for now, if it is new or was extended."""
    if row is None or not extended:
        return
    if id_ is None:
        added.append(row)
    else:
        changed.append((id_, row))
