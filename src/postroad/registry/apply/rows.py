"""Makes the rows of one table, within their owner, those that a file wants; tells what it changed."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from postroad.registry.transaction import Transaction, insert

Values = Mapping[str, Any]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that applying a file changes, or would change.

    ``fields`` holds what was and what is to be; a secret shows as ``postroad.registry.notes.SECRET``.
    """

    action: Literal["create", "update", "delete"]
    kind: str
    name: str
    """With the names of its owners: ``Andes Transport/insurer/webhook``."""
    fields: Mapping[str, tuple[Any, Any]] = {}


class Rows:
    """Applies wanted rows, in one transaction, and collects the changes."""

    def __init__(self, transaction: Transaction, *, prune: bool) -> None:
        """With ``prune``, rows that are not wanted are removed; else they stay as they are."""
        self.transaction = transaction
        self.connection = transaction.connection
        self.prune = prune
        self.organization_id: int | None = None
        """Of which the changes are that come next."""
        self._changes: dict[tuple[str, str, bool], Change] = {}

    @property
    def changes(self) -> list[Change]:
        """Every change so far, in order."""
        return list(self._changes.values())

    def tell(self, change: Change, id_: int | None = None) -> None:
        """Add a change to the list, and to the transaction. Of an update, fields join what was told of it before.

        ``id_`` is that of what it is, where that has one.
        """
        self.transaction.note(
            change.action,
            change.kind,
            id_,
            change.name,
            organization_id=id_ if change.kind == "organization" else self.organization_id,
            subject_id=id_ if change.kind in ("vehicle", "fleet") else None,
            fields=change.fields,
        )
        key = (change.kind, change.name, change.action == "delete")
        told = self._changes.get(key)
        if told is not None:
            change = msgspec.structs.replace(told, fields={**told.fields, **change.fields})
        self._changes[key] = change
        self.transaction.touched = True

    def sync(
        self,
        table: sa.Table,
        kind: str,
        owner: Values,
        wanted: Mapping[str, Values],
        *,
        prefix: str,
        remove: Callable[[int, str], object] = lambda _id, _name: None,
        new: Values | None = None,
        shown: Callable[[str, Any], Any] = lambda _column, value: value,
    ) -> dict[str, int]:
        """Make the living rows of ``table`` that belong to ``owner`` those in ``wanted``.

        Args:
            table: has the columns ``id``, ``name`` and ``removed_us``.
            kind: what a row is, for the list of changes.
            owner: columns and values that tell whose rows are meant.
            wanted: name -> columns and values. A value of None is left as it is.
            prefix: goes before the name in the list of changes.
            remove: called with id and full name before a row is removed, to remove what belongs to it.
            new: more columns of a row that is new.
            shown: makes a column's value readable for the list of changes.

        Returns:
            The ids of the wanted rows, by name.
        """
        mine = [table.c[column] == value for column, value in owner.items()] + [table.c.removed_us.is_(None)]
        found = {row["name"]: row for row in self.connection.execute(sa.select(table).where(*mine)).mappings()}
        ids = {}
        for name, values in wanted.items():
            row = found.get(name)
            given = {column: value for column, value in values.items() if value is not None}
            before = {column: None if row is None else row[column] for column in given}
            differing = {column: value for column, value in given.items() if before[column] != value}
            fields = {c: (None if row is None else shown(c, before[c]), shown(c, v)) for c, v in differing.items()}
            if row is None:
                ids[name] = insert(self.connection, table, **{**owner, **(new or {}), **given}, name=name)
                self.tell(Change(action="create", kind=kind, name=prefix + name, fields=fields), ids[name])
                continue
            ids[name] = row["id"]
            if differing:
                self.connection.execute(sa.update(table).where(table.c.id == row["id"]).values(differing))
                self.tell(Change(action="update", kind=kind, name=prefix + name, fields=fields), row["id"])
        if self.prune:
            for name, row in found.items():
                if name not in wanted:
                    self.delete(table, kind, row["id"], prefix + name, empty=remove)
        return ids

    def delete(self, table: sa.Table, kind: str, id_: int, name: str, *, empty: Callable[[int, str], object]) -> None:
        """Remove one row, after what belongs to it, and tell it."""
        empty(id_, name)
        self.remove(table, id_)
        self.tell(Change(action="delete", kind=kind, name=name), id_)

    def remove(self, table: sa.Table, id_: int) -> None:
        """Mark one row as removed."""
        values = {"removed_us": self.transaction.now_us}
        self.connection.execute(sa.update(table).where(table.c.id == id_).values(values))
