"""Erasures in the registry, on each database."""

from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from msgspec import structs

from fixtures.granting import GrantingSite, subscription
from postroad.db import schema
from postroad.errors import NotFound
from postroad.registry import carried, chosen, erasures, subscriptions, traces
from postroad.registry.chosen import NewStream
from postroad.registry.erasures import Backup, Receipt, Receiver
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.subjects import identify, insert_subject
from postroad.registry.transaction import insert


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.load_or_create(tmp_path / "postroad.key")


def driver(store: RegistryStore, name: str = "ada") -> int:
    with store.transaction() as change:
        organization_id = insert(change.connection, schema.organizations, name=f"Andes {name}")
        driver_id = insert_subject(change, organization_id, "driver", shard=0, declared=False)
        identify(change, organization_id, driver_id, "drivequant.user_id", name)
    return driver_id


def asked(store: RegistryStore, keys: KeyRing, driver_id: int) -> erasures.Erasure:
    with store.transaction() as change:
        erasure_id = erasures.ask_subject(change, keys, driver_id, by="operator")
        assert erasure_id is not None
    return store.erasure(erasure_id)


def test_who_is_erased_loses_his_names_at_once_and_for_all(store: RegistryStore, keys: KeyRing) -> None:
    erasure = asked(store, keys, driver_id := driver(store))
    view = store.view()
    assert (view.identifiers, view.subjects[driver_id].removed, len(view.blocked)) == ({}, True, 1)
    assert erasures.names(erasure, keys).identifiers == (("drivequant.user_id", "ada"),)
    assert b"ada" not in (erasure.sealed or b"")
    assert (erasure.state, erasure.asked_by, erasure.receipt) == ("asked", "operator", Receipt())


def test_how_far_an_erasure_is_is_kept_as_it_was_noted(store: RegistryStore, keys: KeyRing) -> None:
    erasure = asked(store, keys, driver(store))
    receiver = Receiver(subscription_id=7, subscription="insurer", events=3, since_us=4, notice="under_way")
    receipt = Receipt(items=2**40, receivers=(receiver,), backups=(Backup(place="/b", made_us=1),), declared_in=("x",))
    noted = structs.replace(
        erasure, state="erased", searched_to=2**60, notices=(2**41,), erased_us=5, sealed=b"\x00\xff", receipt=receipt
    )
    with store.transaction() as change:
        erasures.note(change, noted)
    assert store.erasure(erasure.id) == noted
    assert store.unfinished_erasures() == [noted] == store.erasures()
    with store.transaction() as change:
        erasures.note(change, structs.replace(noted, state="done", sealed=None))
    assert store.unfinished_erasures() == []
    assert store.erasure(erasure.id).sealed is None


def test_texts_that_quote_it_are_cleared_and_others_stay(store: RegistryStore, keys: KeyRing) -> None:
    erasure = asked(store, keys, driver(store))
    store.raise_alert("k", "1", "they said: no user ada here")
    store.raise_alert("k", "2", "they said: no user bob here")
    names = erasures.names(erasure, keys)
    with store.transaction() as change:
        assert traces.remove(change, erasure.subject_id, names, lambda text: "ada" in text) == 1
        assert traces.declared_in(change.connection, erasure.subject_id, lambda _: False) == ()
    assert {alert.about: alert.detail for alert in store.alerts()} == {"1": "", "2": "they said: no user bob here"}


def test_scrubbing_loses_nothing_that_is_there(store: RegistryStore, keys: KeyRing) -> None:
    asked(store, keys, driver(store, "ada"))
    kept = driver(store, "bob")
    store.scrub()
    assert list(store.view().identifiers.values()) == [kept]
    driver(store, "eve")


def test_backups_are_named_until_they_are_said_to_be_gone(store: RegistryStore) -> None:
    store.record_backup("/weekly", 10, 20)
    store.record_backup("/for ever", 5, None)
    assert [one.place for one in store.backups(15)] == ["/for ever", "/weekly"]
    assert [one.place for one in store.backups(20)] == ["/for ever"]


def test_issued_texts_go_and_issued_numbers_are_never_given_again(store: RegistryStore, keys: KeyRing) -> None:
    driver_id = driver(store)
    with store.transaction() as change:
        values = {"namespace": "n", "subject_id": driver_id}
        change.connection.execute(sa.insert(schema.issued_texts).values(text="a-uuid", **values))
        change.connection.execute(sa.insert(schema.issued_numbers).values(number=1, **values))
    asked(store, keys, driver_id)
    with store.transaction() as change:
        assert traces.remove_issued(change, driver_id) == 1
    assert store.view().subjects[driver_id].issued == {"n": 1}


def test_what_an_erased_vehicle_granted_ends_and_each_who_had_it_is_told_once(
    granting: GrantingSite, keys: KeyRing
) -> None:
    subscriptions = [subscription("all"), subscription("words", "chosen", types=[])]
    granting.declare({"AA": "F", "BB": "F", "CC": None}, subscriptions)
    for name in ("F", "CC"):
        granting.give(name)
    granting.said_to_each()
    for plate in ("AA", "CC"):
        granting.change(lambda change, id_: erasures.ask_subject(change, keys, id_, by="operator"), granting.id(plate))
    word = "access_removed_from_vehicle vehicle"
    assert granting.said_to_each() == {"all": [word, word], "words": [word, word]}
    view = granting.store.view()
    assert (granting.open(), view.accesses) == ({"BB"}, {granting.garage: {granting.id("BB")}})
    assert [grant.kind for grant in view.grants.values()] == ["fleet"]
    assert granting.revoke("F")
    assert granting.said_to_each() == {name: ["access_removed_from_fleet F"] for name in ("all", "words")}


def test_what_a_customer_noted_with_a_stream_goes_with_its_vehicle(granting: GrantingSite, keys: KeyRing) -> None:
    granting.declare({"AA": "F", "BB": "F"}, [subscription("all", "chosen")])
    granting.give("F")
    wanted = [NewStream(granting.id(plate), granting.subscription().id, f"https://{plate}/") for plate in ("AA", "BB")]
    granting.change(chosen.add, [granting.garage], wanted)
    erasure = asked(granting.store, keys, granting.id("AA"))
    names = erasures.names(erasure, keys)
    with granting.store.transaction() as change:
        traces.remove(change, erasure.subject_id, names, lambda _: False)
    noted = {one.subject_id: one.reference_url for one in granting.store.view().streams.values()}
    assert noted == {erasure.subject_id: None, granting.id("BB"): "https://BB/"}


def test_where_it_was_told_of_is_forgotten_at_the_end(granting: GrantingSite, keys: KeyRing) -> None:
    granting.declare({"AA": "F", "CC": None})
    granting.give("CC")
    granting.give("F")
    erasure = asked(granting.store, keys, granting.id("CC"))
    granting.said()
    assert {at.subject_id for at in granting.store.view().told} == {erasure.subject_id, granting.id("F")}
    with granting.store.transaction() as change:
        traces.remove_told(change, erasure.subject_id or 0)
    assert {at.subject_id for at in granting.store.view().told} == {granting.id("F")}


def done(store: RegistryStore, erasure: erasures.Erasure) -> erasures.Erasure:
    with store.transaction() as change:
        erasures.note(change, structs.replace(erasure, state="done", sealed=None, done_us=9))
    return store.erasure(erasure.id)


def test_what_was_erased_is_blocked_until_it_is_allowed_again_and_by_the_newest_erasure_of_it(
    store: RegistryStore, keys: KeyRing
) -> None:
    first = done(store, asked(store, keys, driver_id := driver(store)))
    organization_id = store.view().subjects[driver_id].organization_id
    with store.transaction() as change:
        identify(change, organization_id, driver_id, "drivequant.user_id", "ada")
        change.connection.execute(sa.update(schema.subjects).values(name="ada", removed_us=None))
        change.connection.execute(sa.update(schema.erasures).values(subject_id=None))
    second = done(store, asked(store, keys, driver_id))
    assert (first.digest, len(store.view().blocked)) == (second.digest, 1)
    with store.transaction() as change, pytest.raises(NotFound, match="erased again since"):
        erasures.allow_again(change, first.id)
    with store.transaction() as change:
        allowed = erasures.allow_again(change, second.id)
    assert store.view().blocked == frozenset()
    assert store.erasure(second.id) == allowed
    assert allowed.receipt.allowed == (second.digest.hex(),)


def test_what_was_erased_is_found_by_its_hashes_in_a_registry_that_knows_nothing_of_it(
    store: RegistryStore, keys: KeyRing
) -> None:
    erasure = done(store, asked(store, keys, driver_id := driver(store)))
    with store.transaction() as change:
        elsewhere = carried.read(msgspec.json.encode(carried.carried(change.connection))).opened(keys)
        assert elsewhere.missing_in(change.connection).erasures == []
    with store.transaction() as change:  # as a backup has it that was made before
        for table in (schema.blocked, schema.erasures, schema.block_key):
            change.connection.execute(sa.delete(table))
        identify(change, erasure.organization_id, driver_id, "drivequant.user_id", "ada")
        change.connection.execute(sa.update(schema.subjects).values(name="ada", removed_us=None))
    with store.transaction() as change:
        [again] = carried.receive(change, keys, elsewhere.missing_in(change.connection))
    assert {one.state for one in store.erasures()} == {"asked", "done"}
    assert (store.erasure(again).digest, store.erasure(again).subject_id) == (erasure.digest, driver_id)
    assert (store.view().identifiers, store.view().blocked) == ({}, frozenset([erasure.digest]))
    with store.transaction() as change:
        assert elsewhere.missing_in(change.connection).erasures == []


def test_a_subscription_that_is_removed_is_known_to_who_asks_by_its_number(granting: GrantingSite) -> None:
    granting.declare({"AA": "F"}, [subscription("all"), subscription("gone")])
    before = {one.name: one for one in granting.store.view().subscriptions.values()}
    granting.declare({"AA": "F"}, [subscription("all")])
    with granting.store.transaction() as change:
        found = subscriptions.removed(change.connection, [one.id for one in before.values()])
    [(id_, gone)] = found.items()
    known = before["gone"]
    assert (id_, gone.name, gone.organization_id) == (known.id, known.name, known.organization_id)
    assert (gone.types, gone.options, gone.protocol) == (known.types, known.options, known.protocol)
