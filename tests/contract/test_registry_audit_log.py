"""The audit log, on each database: what is written of a change, that it stands, and what shows that it was touched."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postroad.db import schema
from postroad.db.engine import Database
from postroad.errors import PostroadError
from postroad.registry import audit_details, audit_export, erasures, grants
from postroad.registry.actor import Actor
from postroad.registry.audit_chain import EMPTY, Broken, Head, Link, verified
from postroad.registry.audit_log import Wanted, verify
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.subjects import identify, insert_subject
from postroad.registry.transaction import insert

ADA = Actor(name="service account ada", role="operator", origin="rest", address="192.0.2.7")
BOB = Actor(name="bob", origin="command_line")

_log, _details, _head = schema.audit_log, schema.audit_details, schema.audit_head


@pytest.fixture
def written(store: RegistryStore, step_clock: Any) -> RegistryStore:
    """Six entries by two people, a second apart: three keys issued, and each revoked."""
    ids = []
    for number in range(3):
        step_clock.us += 1_000_000
        ids.append(store.acting(ADA).issue_key("operator", None, f"key {number}")[0])
    for id_ in ids:
        step_clock.us += 1_000_000
        store.acting(BOB).revoke_token(id_)
    return store


@contextmanager
def intruding(url: str) -> Iterator[sa.Connection]:
    """Somebody who may write the database, and knows what keeps him from it."""
    database = Database(url)
    with database.write() as transaction:
        connection = transaction.connection
        if connection.dialect.name == "sqlite":
            for name in ("audit_log_no_update", "audit_log_no_delete"):
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
            connection.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
        else:
            connection.execute(sa.text("DROP TRIGGER audit_log_no_change ON audit_log"))
            connection.execute(sa.text("ALTER TABLE audit_details DROP CONSTRAINT fk_audit_details_number"))
        yield connection
    database.close()


# What is written


def test_an_entry_says_who_did_what_when_and_from_where(store: RegistryStore) -> None:
    id_, token = store.acting(ADA).issue_key("operator", None, "of the night shift")
    [entry] = store.audit_log.listed()
    assert (entry.number, entry.version, entry.at_us > 0) == (1, store.version(), True)
    assert (entry.origin, entry.role, entry.action, entry.kind, entry.id) == (
        "rest",
        "operator",
        "create",
        "token",
        id_,
    )
    assert entry.who is not None
    assert (entry.who.name, entry.who.address) == (ADA.name, ADA.address)
    assert entry.what is not None
    assert (entry.what.name, entry.what.fields["role"]) == ("of the night shift", (None, "operator"))
    assert token not in repr(entry)
    assert store.audit_log.entry(1) == entry


def test_what_is_undone_or_fails_leaves_no_entry_and_no_gap(store: RegistryStore) -> None:
    with store.transaction() as change:
        change.note("create", "thing", 1)
        change.dropped = True
    with pytest.raises(ZeroDivisionError), store.transaction() as change:
        change.note("create", "thing", 1)
        raise ZeroDivisionError
    assert (store.audit_log.head(), store.audit_log.listed()) == (EMPTY, [])
    store.acting(BOB).issue_key("operator", None, "")
    assert [entry.number for entry in store.audit_log.listed()] == [1]


def test_what_changes_nothing_is_no_entry(written: RegistryStore) -> None:
    head = written.audit_log.head()
    written.acting(BOB).revoke_token(written.list_tokens()[0].id)
    assert written.audit_log.head() == head


def test_a_persons_change_that_nobody_noted_is_an_entry_all_the_same(store: RegistryStore) -> None:
    with store.acting(BOB).transaction() as change:
        change.touched = True
    with store.transaction() as change:  # the hub's own
        change.touched = True
    [entry] = store.audit_log.listed()
    assert (entry.action, entry.kind, entry.version) == ("change", "registry", store.version() - 1)


def test_the_same_thing_noted_twice_is_one_entry_with_what_was_first_and_what_is_last(store: RegistryStore) -> None:
    with store.transaction() as change:
        change.note("create", "thing", 1, "one", fields={"a": (None, 1)})
        change.note("update", "thing", 1, fields={"a": (1, 2), "b": (None, 3)})
        change.note("update", "thing", 2, fields={"a": (1, 2)})
        change.note("update", "thing", 2, "two", organization_id=7, fields={"a": (2, 4)})
        change.note("delete", "thing", 2)
    entries = store.audit_log.listed()
    assert [(entry.action, entry.id, entry.organization_id) for entry in reversed(entries)] == [
        ("create", "1", None),
        ("update", "2", 7),
        ("delete", "2", None),
    ]
    shown = [None if entry.what is None else (entry.what.name, entry.what.fields) for entry in reversed(entries)]
    assert shown == [("one", {"a": (None, 2), "b": (None, 3)}), ("two", {"a": (1, 4)}), ("", {})]


def test_values_of_any_kind_are_kept_and_of_a_large_one_its_size(store: RegistryStore) -> None:
    with store.transaction() as change:
        fields = {
            "scopes": (frozenset({"gps"}), ("a", "b")),
            "plates": (None, ["x" * 80] * 200),
            "at": (None, Path("/a")),
        }
        change.note("update", "thing", 1, fields=fields)
    [entry] = store.audit_log.listed()
    assert entry.what is not None
    assert entry.what.fields == {
        "scopes": (["gps"], ["a", "b"]),
        "plates": (None, {"bytes": 16_601}),
        "at": (None, "/a"),
    }


def test_the_same_said_twice_cannot_be_told_from_its_commitments(store: RegistryStore) -> None:
    for _ in range(2):
        store.acting(BOB).issue_key("operator", None, "same")
    first, second = store.audit_log.records()
    assert first.who is not None
    assert second.who is not None
    assert first.who.content == second.who.content
    assert (first.link.who != second.link.who, first.link.what != second.link.what) == (True, True)
    assert len({detail.salt for one in (first, second) for detail in (one.who, one.what) if detail}) == 4


def test_writers_at_once_are_chained_one_after_another(url: str, store: RegistryStore) -> None:
    stores = [store, *(RegistryStore.open(url) for _ in range(3))]

    def write(one: RegistryStore) -> None:
        for _ in range(8):
            one.acting(BOB).issue_key("operator", None, "")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, stores))
    for one in stores[1:]:
        one.close()
    head = store.audit_log.verify()
    assert isinstance(head, Head)
    assert head.number == 32
    assert [record.link.number for record in store.audit_log.records()] == [*range(1, 33)]


# What is read


def test_entries_are_found_by_what_they_hold(written: RegistryStore) -> None:
    def numbers(below: int | None = None, limit: int = 100, **wanted: object) -> list[int]:
        return [one.number for one in written.audit_log.listed(Wanted(**wanted), below=below, limit=limit)]  # type: ignore[arg-type]  # any of them

    third = written.audit_log.entry(3)
    assert numbers() == [6, 5, 4, 3, 2, 1]
    assert numbers(below=4, limit=2) == [3, 2]
    assert numbers(action="revoke") == [6, 5, 4] == numbers(actor="bob")
    assert numbers(actor="bob", below=6, limit=1) == [5]
    assert numbers(id=third.id) == [6, 3]
    assert numbers(kind="grant") == [] == numbers(organization_id=1)
    assert numbers(since_us=third.at_us) == [6, 5, 4, 3]
    assert numbers(until_us=third.at_us) == [2, 1]


# What shows that it was touched


def _set(number: int, **values: object) -> Callable[[sa.Connection], object]:
    return lambda connection: connection.execute(sa.update(_log).where(_log.c.number == number).values(values))


def _set_detail(number: int, part: str, **values: object) -> Callable[[sa.Connection], object]:
    this = (_details.c.number == number) & (_details.c.part == part)
    return lambda connection: connection.execute(sa.update(_details).where(this).values(values))


def _delete(*numbers: int) -> Callable[[sa.Connection], object]:
    def tamper(connection: sa.Connection) -> None:
        connection.execute(sa.delete(_details).where(_details.c.number.in_(numbers)))
        connection.execute(sa.delete(_log).where(_log.c.number.in_(numbers)))

    return tamper


def _delete_and_renumber(connection: sa.Connection) -> None:
    _delete(3)(connection)
    for table in (_details, _log):
        connection.execute(sa.update(table).where(table.c.number > 3).values(number=table.c.number - 1))


def _swap(connection: sa.Connection) -> None:
    for before, after in ((3, 99), (4, 3), (99, 4)):
        for table in (_details, _log):
            connection.execute(sa.update(table).where(table.c.number == before).values(number=after))


def _insert(connection: sa.Connection) -> None:
    for table in (_details, _log):
        for number in (6, 5, 4):
            connection.execute(sa.update(table).where(table.c.number == number).values(number=number + 1))
        copied = [dict(row) for row in connection.execute(sa.select(table).where(table.c.number == 2)).mappings()]
        connection.execute(sa.insert(table), [{**row, "number": 4} for row in copied])


def _forge_tail(connection: sa.Connection) -> None:
    """One more, rightly chained; only the head apart from it does not know it."""
    for table in (_log, _details):
        copied = [dict(row) for row in connection.execute(sa.select(table).where(table.c.number == 6)).mappings()]
        for row in copied:
            row["number"] = 7
            if table is _log:
                last = row["hash"]
                row["hash"] = _relinked(row, last)
        connection.execute(sa.insert(table), copied)


def _relinked(row: dict[str, object], before: bytes) -> bytes:
    link = Link(**{name: row[name] for name in Link.__struct_fields__})  # type: ignore[arg-type]  # a row's values
    return link.hash_after(before)


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        (_set_detail(3, "what", content=b'{"name":"","fields":{}}'), Broken(3, "detail_changed")),
        (_set_detail(3, "who", content=None, salt=None, gone="erasure/1"), Broken(3, "detail_missing")),
        (lambda c: c.execute(sa.delete(_details).where(_details.c.number == 3)), Broken(3, "detail_missing")),
        (_delete(3), Broken(3, "missing")),
        (_delete(5, 6), Broken(5, "cut_off")),
        (_delete(*range(1, 7)), Broken(1, "cut_off")),
        (_delete_and_renumber, Broken(3, "changed")),
        (_swap, Broken(3, "changed")),
        (_insert, Broken(4, "changed")),
        (_forge_tail, Broken(7, "not_counted")),
    ],
)  # fmt: skip
def test_whatever_is_tampered_with_is_named_by_its_first_number(
    url: str, written: RegistryStore, tamper: Callable[[sa.Connection], object], broken: Broken
) -> None:
    assert written.audit_log.verify() == written.audit_log.head()
    with intruding(url) as connection:
        tamper(connection)
    assert written.audit_log.verify() == broken


def test_each_column_of_an_entry_and_of_its_details_is_guarded(url: str, written: RegistryStore) -> None:
    others: dict[str, object] = {
        "at_us": 1, "version": 77, "origin": "hub", "role": "auditor", "action": "delete", "kind": "grant",
        "id": "other", "organization_id": 5, "subject_id": 5, "who": bytes(32), "what": bytes(32), "hash": bytes(32),
    }  # fmt: skip
    assert {*others, "number"} == {column.name for column in _log.c}
    of_details = [
        (_set_detail(3, "who", content=b'{"name":"bob","address":null}'), "detail_changed"),
        (_set_detail(3, "what", salt=bytes(32)), "detail_changed"),
        (_set_detail(3, "who", content=None, salt=None), "detail_missing"),
        (_set_detail(3, "who", content=None, salt=None, gone="retention"), "detail_missing"),
        (lambda c: c.execute(sa.update(_head).values(number=2)), "not_counted"),
    ]
    tampers = [(_set(3, **{name: value}), "changed") for name, value in others.items()] + of_details
    with intruding(url) as connection:
        for tamper, fault in tampers:
            with connection.begin_nested() as undone:
                tamper(connection)
                assert verify(connection) == Broken(3, fault)  # type: ignore[arg-type]  # one of them
                undone.rollback()
        connection.execute(sa.update(_head).values(hash=bytes(32)))
    assert written.audit_log.verify() == Broken(6, "changed")


def test_a_chain_that_was_made_anew_as_a_whole_is_told_by_a_head_kept_elsewhere(
    url: str, written: RegistryStore
) -> None:
    noted = written.audit_log.head()
    written.acting(BOB).issue_key("operator", None, "")
    assert written.audit_log.verify(noted) == written.audit_log.head()
    with intruding(url) as connection:
        rows = [dict(row) for row in connection.execute(sa.select(_log).order_by(_log.c.number)).mappings()]
        before = bytes(32)
        for row in rows:
            row["action"] = "create" if row["number"] == 4 else row["action"]
            before = row["hash"] = _relinked(row, before)
            connection.execute(sa.update(_log).where(_log.c.number == row["number"]).values(row))
        connection.execute(sa.update(_head).values(hash=before))
    assert isinstance(written.audit_log.verify(), Head)  # by itself it cannot tell
    assert written.audit_log.verify(noted) == Broken(6, "other_head")


def test_a_tail_that_was_cut_off_with_its_count_is_told_by_a_head_kept_elsewhere(
    url: str, written: RegistryStore
) -> None:
    noted = written.audit_log.head()
    with intruding(url) as connection:
        _delete(5, 6)(connection)
        fourth = connection.execute(sa.select(_log.c.hash).where(_log.c.number == 4)).scalar_one()
        connection.execute(sa.update(_head).values(number=4, hash=fourth))
    assert isinstance(written.audit_log.verify(), Head)
    assert written.audit_log.verify(noted) == Broken(5, "cut_off")


@pytest.mark.parametrize(
    "change", [sa.update(_log).values(action="x"), sa.delete(_log), sa.update(_log).values(hash=bytes(32))]
)
def test_the_database_itself_refuses_to_change_an_entry(written: RegistryStore, change: sa.Update | sa.Delete) -> None:
    with pytest.raises((PostroadError, sa.exc.DBAPIError)), written.transaction() as transaction:
        transaction.connection.execute(sa.delete(_details))
        transaction.connection.execute(change)
    assert written.audit_log.verify() == written.audit_log.head()


# Details that go


def _vehicle(store: RegistryStore) -> tuple[int, int]:
    """A vehicle with the plate AB123, and an integration."""
    with store.transaction() as change:
        organization_id = insert(change.connection, schema.organizations, name="Andes")
        integration_id = insert(change.connection, schema.integrations, organization_id=organization_id, name="insurer")
        vehicle_id = insert_subject(change, organization_id, "vehicle", shard=0, declared=False)
        identify(change, organization_id, vehicle_id, "plate", "AB123")
    return vehicle_id, integration_id


def test_who_is_erased_is_named_nowhere_any_more_and_the_chain_holds(store: RegistryStore, keys: KeyRing) -> None:
    vehicle_id, integration_id = _vehicle(store)
    with store.acting(ADA).transaction() as change:
        grants.give(change, integration_id, vehicle_id)
    with store.acting(ADA).transaction() as change:
        change.note("update", "subscription", 5, fields={"vehicles": ({"plates": ["AB123", "CD456"]}, None)})
        change.note("update", "subscription", 6, fields={"vehicles": ({"plates": ["AB1234"]}, None)})
    noted = store.audit_log.head()
    with store.acting(BOB).transaction() as change:
        erasure_id = erasures.ask_subject(change, keys, vehicle_id, by="operator")
        assert erasure_id is not None
    with store.transaction() as change:
        changed = audit_details.forget(change, erasure_id, vehicle_id, lambda text: "AB123" in text.split("/"))
    entries = list(reversed(store.audit_log.listed()))
    assert [(entry.action, entry.kind, entry.what_gone) for entry in entries] == [
        ("create", "grant", f"erasure/{erasure_id}"),
        ("update", "subscription", f"erasure/{erasure_id}"),
        ("update", "subscription", None),
        ("revoke", "grant", f"erasure/{erasure_id}"),
        ("create", "erasure", None),
    ]
    assert changed == 3
    assert all(entry.who is not None for entry in entries)  # who did it was somebody else
    assert store.audit_log.verify(noted) == store.audit_log.head()
    with store.transaction() as change:
        assert audit_details.forget(change, erasure_id, vehicle_id, lambda _: False) == 0


def test_an_actor_who_is_erased_is_named_no_more(store: RegistryStore, keys: KeyRing) -> None:
    vehicle_id, _ = _vehicle(store)
    store.acting(Actor(name="driver AB123", origin="page")).issue_key("operator", None, "")
    with store.transaction() as change:
        erasure_id = erasures.ask_subject(change, keys, vehicle_id, by="operator")
        assert erasure_id is not None
        audit_details.forget(change, erasure_id, vehicle_id, lambda text: "AB123" in text)
    entry = store.audit_log.entry(1)
    assert (entry.who, entry.who_gone) == (None, f"erasure/{erasure_id}")
    assert isinstance(store.audit_log.verify(), Head)


def test_old_details_go_and_the_same_actor_keeps_one_pseudonym(written: RegistryStore, keys: KeyRing) -> None:
    fifth = written.audit_log.entry(5)
    assert written.prune_audit_details(fifth.at_us, keys) == 4
    assert written.prune_audit_details(fifth.at_us, keys) == 0
    entries = {entry.number: entry for entry in written.audit_log.listed()}
    assert {number: entry.who_gone for number, entry in entries.items()} == {
        **dict.fromkeys([1, 2, 3, 4], "retention"),
        **dict.fromkeys([5, 6, 7]),
    }
    assert (entries[7].action, entries[7].kind, entries[7].origin) == ("prune", "audit_log", "hub")
    pseudonyms = [entries[number].pseudonym for number in (1, 2, 3, 4)]
    assert len(set(pseudonyms[:3])) == 1
    assert len({*pseudonyms, None}) == 3
    assert "ada" not in repr(pseudonyms)
    assert isinstance(written.audit_log.verify(), Head)


# Exports


def test_an_export_is_verified_without_the_hub_and_whatever_is_changed_in_it_shows(
    written: RegistryStore, keys: KeyRing
) -> None:
    written.prune_audit_details(written.audit_log.entry(2).at_us, keys)
    lines = [audit_export.line(record) for record in written.audit_log.records()]
    head = written.audit_log.head()

    def looked_through(some: list[bytes], noted: Head | None = None) -> Head | Broken:
        return verified(audit_export.read(some, "export"), None, noted)

    assert looked_through(lines) == head == audit_export.head(str(head))
    for field, value in json.loads(lines[2]).items():
        other = {field: 5 if field.endswith("_id") else _other(value)}
        if field in ("at_us", "at"):
            other = {"at_us": 5, "at": "1970-01-01T00:00:00.000005Z"}
        changed = json.dumps({**json.loads(lines[2]), **other}).encode()
        found = looked_through([*lines[:2], changed, *lines[3:]])
        assert isinstance(found, Broken), field
        assert found.number == 3, field
    assert looked_through(lines[:3] + lines[4:]) == Broken(4, "missing")
    assert looked_through(lines[:4], head) == Broken(5, "cut_off")


def _other(value: object) -> object:
    match value:
        case int():
            return value + 1
        case {"content": str()}:
            return {**value, "content": '{"name":"somebody else","fields":{}}'}
        case str() if len(value) == 64:
            return "00" * 32
        case "rest" | "command_line":
            return "hub"
    return "other" if value is None or isinstance(value, str) else None
