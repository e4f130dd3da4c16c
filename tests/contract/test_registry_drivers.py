"""What the registry promises of drivers, and of documents that were deleted, on every database that it runs on."""

from typing import Any

import pytest

from postroad.model.identifiers import DRIVEQUANT_USER_ID, PLATE, Issue
from postroad.registry import documents, drivers, subjects
from postroad.registry.outbox import Pending, Saying, Speaker
from postroad.registry.store import RegistryStore

ISSUE = (Issue("connected_cars.vehicle_id", "vehicle"), Issue("drivequant.driver_id", "driver", text=True))
DECLARED = """
organizations:
  - name: Andes
    providers: [{{name: gps, protocol: drivetech}}]
    integrations:
      - name: insurer
        destinations:
          - {{name: webhook, transport: https, config: {{url: "https://customer.example/events"}}}}
        subscriptions:
          - {{name: one, protocol: connected_cars, destination: webhook, types: [gps_position], drivers: {one}}}
          - {{name: two, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: all}}
"""


class Site:
    def __init__(self, store: RegistryStore, declare: Any) -> None:
        self.store = store
        self._declare = declare

    def declare(self, one: str) -> list[tuple[str, str, dict[str, Any]]]:
        changes = self._declare(self.store, DECLARED.format(one=one), prune=True)
        return [(one.action, one.name, dict(one.fields)) for one in changes if one.kind == "stream"]

    def drive(self, *values: str, namespace: str = DRIVEQUANT_USER_ID) -> list[int]:
        with self.store.transaction() as change:
            subjects.create_named(change, 1, namespace, values, shard=0, issue=ISSUE)
        view = self.store.view()
        return [view.identifiers[1, namespace, value] for value in values]

    def streams(self) -> set[tuple[int, int]]:
        """Subscription and subject of each open stream."""
        return {(one.subscription_id, one.subject_id) for one in self.store.view().streams.values() if not one.ended}

    def saying(self, kind: str = "driver_deleted", body: bytes = b"{}") -> Saying:
        return Saying(by=Speaker(1, "drivequant", 1), kind=kind, body=body, received_us=5)

    def forget(self, value: str, body: bytes = b"{}") -> bool:
        with self.store.transaction() as change:
            return drivers.forget(change, 1, DRIVEQUANT_USER_ID, value, self.saying(body=body), shard=0)

    def note(self, key: str, subject_id: int = 0) -> bool:
        with self.store.transaction() as change:
            return documents.note(change, 1, key, subject_id)

    def delete(self, key: str) -> bool:
        with self.store.transaction() as change:
            return documents.delete(change, 1, key, self.saying("trip_deleted", key.encode()), shard=0)

    def pending(self) -> list[Pending]:
        return self.store.pending(0, limit=10)


@pytest.fixture
def site(store: RegistryStore, declare: Any) -> Site:
    return Site(store, declare)


def test_a_subscription_covers_no_driver_unless_it_says_so(site: Site) -> None:
    site.declare("none")
    site.drive("ada", "bob")
    assert site.streams() == set()
    ada, bob = site.drive("ada", "bob")
    assert site.declare("all") == [("create", "Andes/insurer/one", {"drivers": (None, 2)})]
    assert site.streams() == {(1, ada), (1, bob)}
    [car] = site.drive("KXRT41", namespace=PLATE)
    assert site.streams() == {(1, ada), (1, bob), (2, car)}


def test_a_driver_who_becomes_known_gets_its_identifier_and_its_streams(site: Site) -> None:
    site.declare("{ids: [ada, later]}")
    ada, bob = site.drive("ada", "bob")
    assert site.streams() == {(1, ada)}
    [later] = site.drive("later")
    assert site.streams() == {(1, ada), (1, later)}
    view = site.store.view()
    issued = {view.subjects[id_].issued["drivequant.driver_id"] for id_ in (ada, bob, later)}
    assert (len(issued), view.subjects[ada].kind) == (3, "driver")
    version = site.store.version()
    site.drive("ada", "bob", "later")
    assert site.declare("{ids: [later, ada]}") == []
    assert site.store.version() == version, "nothing of this is new"


def test_many_at_once_get_their_streams_too(site: Site) -> None:
    site.declare("all")
    made = site.drive(*(f"d{number}" for number in range(300)))
    assert site.streams() == {(1, id_) for id_ in made}


def test_a_driver_whom_the_selector_excludes_has_no_stream_any_more_and_nobody_is_told(site: Site) -> None:
    site.declare("all")
    ada, bob = site.drive("ada", "bob")
    assert site.declare("{ids: [bob]}") == [("delete", "Andes/insurer/one", {"drivers": (1, None)})]
    assert site.streams() == {(1, bob)}
    assert site.pending() == []
    site.store.activate_streams(0, 7)
    assert {one.until_position for one in site.store.view().streams.values() if one.subject_id == ada} == {7}
    site.declare("none")
    assert site.streams() == set()


def test_a_driver_id_is_case_sensitive_and_one_that_cannot_be_stored_is_refused_in_its_line(site: Site) -> None:
    site.declare("{ids: [Ada]}")
    site.drive("ada")
    assert site.streams() == set()
    with pytest.raises(Exception, match=r"subscriptions\[0\].drivers.ids\[0\]"):
        site.declare('{ids: ["' + "x" * 65 + '"]}')


def test_a_forgotten_driver_has_no_stream_and_what_was_said_is_the_farewell_of_each(site: Site) -> None:
    site.declare("all")
    ada, bob = site.drive("ada", "bob")
    site.store.activate_streams(0, 3)
    assert site.forget("ada", b'{"userId":"ada"}')
    assert site.streams() == {(1, bob)}
    view = site.store.view()
    assert (view.subjects[ada].removed, view.identifiers[1, DRIVEQUANT_USER_ID, "ada"]) == (True, ada)
    [row] = site.pending()
    [gone] = [one for one in view.streams.values() if one.subject_id == ada]
    assert (row.payload, row.subject_id, row.farewell_of) == (b'{"userId":"ada"}', ada, (gone.id,))
    assert (row.by, row.kind, row.created_us) == (Speaker(1, "drivequant", 1), "driver_deleted", 5)
    site.store.activate_streams(0, 8)
    assert site.store.view().streams[gone.id].until_position is None, "it is told: it ends where that stands"
    site.store.relayed([row], {row.id: 9})
    ended = site.store.view().streams[gone.id]
    assert (ended.farewell_position, ended.until_position, site.pending()) == (9, 10, [])


def test_a_driver_is_forgotten_once_and_no_selector_brings_it_back(site: Site) -> None:
    site.declare("none")
    [ada] = site.drive("ada")
    assert (site.forget("ada"), site.forget("ada")) == (True, False)
    assert len(site.pending()) == 1
    assert site.drive("ada") == [ada]
    site.declare("all")
    site.declare("{ids: [ada]}")
    assert site.streams() == set()


def test_a_stream_that_ended_before_is_not_told_that_the_driver_is_forgotten(site: Site) -> None:
    site.declare("all")
    site.drive("ada")
    site.declare("none")
    site.forget("ada")
    assert site.pending()[0].farewell_of == ()


def test_a_driver_whom_nobody_knew_is_forgotten_before_it_comes(site: Site) -> None:
    site.declare("all")
    assert site.forget("new")
    [new] = site.drive("new")
    assert site.store.view().subjects[new].removed
    assert site.streams() == set()


def test_a_deleted_document_is_told_to_whom_it_belonged_and_does_not_come_back(site: Site) -> None:
    site.declare("all")
    [ada] = site.drive("ada")
    version = site.store.version()
    assert site.note("t1")
    assert site.note("t1", ada), "whose it is may become known later"
    assert site.note("t1", ada)
    assert site.store.version() == version, "no view shows it"
    assert (site.delete("t1"), site.delete("t1")) == (True, False)
    assert [(row.subject_id, row.payload, row.farewell_of) for row in site.pending()] == [(ada, b"t1", ())]
    assert site.store.version() == version + 1, "by which the relay knows"
    assert not site.note("t1", ada)


def test_a_document_deleted_before_it_comes_is_nobodys_and_does_not_come(site: Site) -> None:
    site.declare("all")
    [ada] = site.drive("ada")
    assert site.delete("t1")
    assert [row.subject_id for row in site.pending()] == [documents.UNASSIGNED]
    assert not site.note("t1", ada)
    assert site.note("t2", ada)


def test_of_a_forgotten_driver_only_tombstones_of_documents_stay(site: Site) -> None:
    site.declare("all")
    [ada] = site.drive("ada")
    for key in ("kept", "gone"):
        site.note(key, ada)
    site.delete("gone")
    site.forget("ada")
    assert site.delete("kept"), "whose it was is forgotten, so it is like one that nobody knows"
    assert [row.subject_id for row in site.pending()] == [ada, ada, documents.UNASSIGNED]
    assert not site.note("gone")


def test_documents_of_two_providers_are_two(site: Site, declare: Any) -> None:
    site.declare("all")
    with site.store.transaction() as change:
        assert documents.note(change, 1, "t1", 0)
    text = DECLARED.format(one="all").replace("providers: [", "providers: [{name: other, protocol: drivetech}, ")
    declare(site.store, text)
    site.delete("t1")
    with site.store.transaction() as change:
        assert documents.note(change, 2, "t1", 0)
