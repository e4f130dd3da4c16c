"""Accounts: what subscriptions to the account feed of Connected Cars' older push are told.

What an owner of vehicles shares with a service, his own account shares. Whatever else a subscription covers, the
account of the vehicles' organization shares, which is one. So a subscription may be told of several accounts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.model.identifiers import LEGACY_USER_ID, Issue
from postroad.protocols import postroad as words
from postroad.registry import issuing, outbox, streams
from postroad.registry.transaction import Transaction, insert

VEHICLES_A_WORD = 1_000
"""Vehicles of an account that are told in one item: neither it nor a message made of it grows without bound."""
ISSUE: Final = Issue(LEGACY_USER_ID, "account", text=True)
"""By what an account is known to services."""

_ACCOUNT = "organization"
_OF_THE_ORGANIZATION = 0


class _Sharer(NamedTuple):
    """Whose account shares a vehicle."""

    organization_id: int
    account_id: int = _OF_THE_ORGANIZATION
    """Subject id of an owner's account."""


def tell(transaction: Transaction, subscription: Any, before: Mapping[int, Any]) -> None:
    """Have accounts share what a subscription covers now, if it is to be told of accounts.

    Of an owner's account as much is authorised as of all vehicles together that it shares: who allows a service to know
    his address with one of them, does so with the account.

    Args:
        transaction: the change that this is part of.
        subscription: its row.
        before: its open streams before the change, as ``streams.open_of`` gives them.
    """
    removed = subscription.removed_us is not None  # then there is nobody to tell any more
    follows = not removed and subscription.options.get("feed") == "account"  # by which a protocol asks for it
    accounts = {_sharer(row): row for row in before.values() if row.kind == "account"}
    if not follows and not accounts:
        return
    now = streams.open_of(transaction.connection, subscription.id) if follows else {}
    had, has = _vehicles(before), _vehicles(now)
    taken: list[outbox.Told] = []
    given: list[outbox.Told] = []
    for sharer in sorted(accounts.keys() | has.keys()):
        account = accounts.get(sharer)
        shares, shared = has.get(sharer, {}), had.get(sharer, {}).keys()
        if account is None:
            account = _open(transaction, subscription.id, sharer, shard=min(shares.values()))
            first, *more = _pieces(sorted(shares))
            new = [(words.UserSignedUp, {"vehicle_ids": first}), *_shared(more)]
            gone: list[Any] = []
        elif not shares:
            streams.end_all(transaction, [account.id])
            gone, new = [(words.UserRemoved, {})], []
        else:
            gone = [(words.VehicleUnshared, {"vehicle_id": id_}) for id_ in sorted(shared - shares.keys())]
            new = _shared(_pieces(sorted(shares.keys() - shared)))
        if shares and sharer.account_id:
            agreed = {scope for id_ in shares for scope in now[id_].scopes or ()}
            if account.scopes is None or agreed != {*account.scopes}:
                streams.note_scopes(transaction, subscription.id, account.subject_id, agreed)
        for told, said in ((taken, gone), (given, new)):
            told += [
                outbox.Told(
                    stream_id=account.id,
                    shard=account.shard,
                    word=word(
                        at_us=transaction.now_us,
                        subject_id=account.subject_id,
                        subscription_id=subscription.id,
                        **fields,
                    ),
                    farewell=not shares,
                )
                for word, fields in said
            ]
    if not removed:
        outbox.tell(transaction, subscription.organization_id, taken + given)


def _sharer(row: Any) -> _Sharer:
    """Whose a stream's account is, or the account that shares a stream's vehicle."""
    if row.kind == "account":
        return _Sharer(row.organization_id, _OF_THE_ORGANIZATION if row.name == _ACCOUNT else row.subject_id)
    return _Sharer(row.organization_id, row.account_id or _OF_THE_ORGANIZATION)


def _shared(pieces: Sequence[tuple[int, ...]]) -> list[Any]:
    return [(words.VehiclesShared, {"vehicle_ids": vehicle_ids}) for vehicle_ids in pieces]


def _vehicles(rows: Mapping[int, Any]) -> dict[_Sharer, dict[int, int]]:
    """Sharer -> the vehicles among these streams that it shares -> shard."""
    found = defaultdict[_Sharer, dict[int, int]](dict)
    for id_, row in rows.items():
        if row.kind == "vehicle":
            found[_sharer(row)][id_] = row.shard
    return found


def _pieces(ids: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(ids[i : i + VEHICLES_A_WORD]) for i in range(0, len(ids), VEHICLES_A_WORD)]


def _open(transaction: Transaction, subscription_id: int, sharer: _Sharer, *, shard: int) -> Any:
    """The row of a new stream of an account. An organization's is made if it has none, to live in ``shard``."""
    subjects, connection = schema.subjects, transaction.connection
    mine = sa.select(subjects.c.id, subjects.c.shard).where(
        subjects.c.organization_id == sharer.organization_id,
        subjects.c.kind == "account",
        subjects.c.removed_us.is_(None),
        subjects.c.id == sharer.account_id if sharer.account_id else subjects.c.name == _ACCOUNT,
    )
    found = connection.execute(mine).one_or_none()
    if found is None:
        account_id = create(transaction, sharer.organization_id, shard=shard, name=_ACCOUNT)
    else:
        account_id, shard = found.id, found.shard
    streams.open_all(transaction, subscription_id, {account_id: streams.New(shard)})
    return streams.open_of(connection, subscription_id)[account_id]


def create(transaction: Transaction, organization_id: int, *, shard: int, name: str | None = None) -> int:
    """Make an account, without a name that of an owner, to live in ``shard``; its subject id."""
    values = {"organization_id": organization_id, "kind": "account", "name": name, "declared": False}
    account_id = insert(transaction.connection, schema.subjects, shard=shard, created_us=transaction.now_us, **values)
    issuing.give(transaction, organization_id, [ISSUE], subject_id=account_id)
    return account_id
