"""Accounts: what subscriptions to the account feed of Connected Cars' older push are told.

An organization owns its vehicles, so it has one account, which shares with a subscription what that covers. A
subscription that covers vehicles of several organizations, by grants, is told of an account of each.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import Any

import sqlalchemy as sa

from postroad.db import schema
from postroad.model.identifiers import LEGACY_USER_ID, Issue
from postroad.protocols import postroad as words
from postroad.registry import issuing, outbox, streams
from postroad.registry.transaction import Transaction, insert

VEHICLES_A_WORD = 1_000
"""Vehicles of an account that are told in one item: neither it nor a message made of it grows without bound."""

_ACCOUNT = "organization"
_ISSUE = Issue(LEGACY_USER_ID, "account", text=True)


def tell(transaction: Transaction, subscription: Any, before: Mapping[int, Any]) -> None:
    """Have accounts share what a subscription covers now, if it is to be told of accounts.

    Args:
        transaction: the change that this is part of.
        subscription: its row.
        before: its open streams before the change, as ``streams.open_of`` gives them.
    """
    removed = subscription.removed_us is not None  # then there is nobody to tell any more
    follows = not removed and subscription.options.get("feed") == "account"  # by which a protocol asks for it
    accounts = {row.organization_id: row for row in before.values() if row.kind == "account"}
    if not follows and not accounts:
        return
    had = _vehicles(before)
    has = _vehicles(streams.open_of(transaction.connection, subscription.id)) if follows else {}
    told: list[outbox.Told] = []
    for organization_id in sorted(accounts.keys() | has.keys()):
        account = accounts.get(organization_id)
        shares, shared = has.get(organization_id, {}), had.get(organization_id, {}).keys()
        said: list[Any]
        if account is None:
            account = _open(transaction, subscription.id, organization_id, shard=min(shares.values()))
            first, *more = _pieces(sorted(shares))
            said = [(words.UserSignedUp, {"vehicle_ids": first})] + [
                (words.VehiclesShared, {"vehicle_ids": vehicle_ids}) for vehicle_ids in more
            ]
        elif not shares:
            streams.end_all(transaction, [account.id])
            said = [(words.UserRemoved, {})]
        else:
            said = _differences(shared, shares.keys())
        told += [
            outbox.Told(
                stream_id=account.id,
                shard=account.shard,
                word=word(
                    at_us=transaction.now_us, subject_id=account.subject_id, subscription_id=subscription.id, **fields
                ),
                farewell=not shares,
            )
            for word, fields in said
        ]
    if not removed:
        outbox.tell(transaction, subscription.organization_id, told)


def _differences(shared: Set[int], shares: Set[int]) -> list[Any]:
    gone: list[Any] = [(words.VehicleUnshared, {"vehicle_id": id_}) for id_ in sorted(shared - shares)]
    return gone + [(words.VehiclesShared, {"vehicle_ids": ids}) for ids in _pieces(sorted(shares - shared))]


def _vehicles(rows: Mapping[int, Any]) -> dict[int, dict[int, int]]:
    """Organization -> its vehicles among these streams -> shard."""
    found = defaultdict[int, dict[int, int]](dict)
    for id_, row in rows.items():
        if row.kind == "vehicle":
            found[row.organization_id][id_] = row.shard
    return found


def _pieces(ids: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(ids[i : i + VEHICLES_A_WORD]) for i in range(0, len(ids), VEHICLES_A_WORD)]


def _open(transaction: Transaction, subscription_id: int, organization_id: int, *, shard: int) -> Any:
    """The row of a new stream of an organization's account, which is made if it has none, to live in ``shard``."""
    subjects, connection = schema.subjects, transaction.connection
    mine = sa.select(subjects.c.id, subjects.c.shard).where(
        subjects.c.organization_id == organization_id,
        subjects.c.kind == "account",
        subjects.c.name == _ACCOUNT,
        subjects.c.removed_us.is_(None),
    )
    found = connection.execute(mine).one_or_none()
    if found is None:
        values = {"organization_id": organization_id, "kind": "account", "name": _ACCOUNT, "declared": False}
        account_id = insert(connection, subjects, shard=shard, created_us=transaction.now_us, **values)
        issuing.give(transaction, organization_id, [_ISSUE], subject_id=account_id)
    else:
        account_id, shard = found.id, found.shard
    streams.open_all(transaction, subscription_id, {account_id: streams.New(shard)})
    return streams.open_of(connection, subscription_id)[account_id]
