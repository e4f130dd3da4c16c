"""No person's change goes unnoted: every function that changes the registry is looked at, and new ones fail by name."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import postroad.registry
from fixtures.granting import GrantingSite, subscription
from postroad.db import schema
from postroad.registry import (
    audit_details,
    carried,
    chosen,
    consents,
    documents,
    drivers,
    erasures,
    grants,
    rotation,
    service_accounts,
    sharing,
    streams,
    tokens,
    vehicle_owners,
)
from postroad.registry.actor import Actor
from postroad.registry.chosen import NewStream
from postroad.registry.outbox import Saying, Speaker
from postroad.registry.records import Person
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.subjects import identify, insert_subject

ADA = Actor(name="ada", role="operator", origin="rest", address="192.0.2.7")

Change = Callable[[], object]


@pytest.fixture
def store(tmp_path: Path, step_clock: Any) -> Iterator[RegistryStore]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=step_clock)
    yield store
    store.close()


class Site:
    """Two vehicles that are granted to an integration, one of which it has chosen; and what scenarios need of them."""

    def __init__(self, granting: GrantingSite, keys: KeyRing, folder: Path) -> None:
        self.granting, self.keys, self.folder = granting, keys, folder
        granting.declare({"AA": "F", "BB": "F"}, [subscription("all", "chosen")])
        granting.give("F")
        granting.add("AA")
        self.hub = granting.store
        self.ada = granting.store.acting(ADA)
        self.saying = Saying(by=Speaker(self.provider, "drivequant", 1), kind="x", body=b"{}", received_us=1)

    @property
    def provider(self) -> int:
        return self.granting.provider()[0]

    @property
    def organization(self) -> int:
        return self.granting.provider()[1]

    @property
    def stream(self) -> int:
        return max(self.hub.view().streams)

    def by_ada(self, change: Callable[..., object], *arguments: Any, **more: Any) -> Change:
        """A change in a transaction of hers."""

        def make() -> None:
            with self.ada.transaction() as transaction:
                change(transaction, *arguments, **more)

        return make

    def token(self, role: Any = "operator", owner: Any = None) -> str:
        return self.hub.issue_key(role, owner, "of the night shift")[0]

    def account(self, role: Any = "operator", owner: Any = None) -> str:
        return self.hub.create_service_account(role, owner, audience="a", key_id="k", public_key=b"p")

    def driver(self, name: str) -> int:
        with self.hub.transaction() as change:
            driver_id = insert_subject(change, self.organization, "driver", shard=0, declared=False)
            identify(change, self.organization, driver_id, "drivequant.user_id", name)
        return driver_id

    def removed(self, plate: str) -> None:
        with self.hub.transaction() as change:
            this = schema.subjects.c.id == self.granting.id_of(change, plate)
            change.connection.execute(schema.subjects.update().where(this).values(removed_us=1))

    def key_file(self) -> Path:
        KeyRing.load_or_create(self.folder / "postroad.key")
        return self.folder / "postroad.key"


def _trip(site: Site) -> dict[str, Any]:
    return {"provider_id": site.provider, "organization_id": site.organization, "shard": 0, "by": "operator"}


def _owner(site: Site) -> vehicle_owners.Owner:
    """Who has vehicle CC, which nobody else has granted, and a service that asks for scopes."""
    site.hub.create_vehicle(site.organization, {"plate": "CC"}, shard=0, issue=())
    with site.hub.transaction() as change:
        offered = {"title": "Garage", "url": "https://garage.example/"}
        change.connection.execute(schema.integrations.update().values(service=offered))
        scoped = {"vehicles": {"by": "granted", "scoped": True}, "options": {"scopes": ["user_name"]}}
        change.connection.execute(schema.subscriptions.update().values(scoped))
        owner = vehicle_owners.add(change, site.organization, "ida", password="$", person=Person(), shard=0)
        vehicle_owners.give_vehicle(change, owner, site.granting.id_of(change, "CC"))
    return owner


def _sharing(site: Site, change: Callable[..., object], *, shared: bool = True) -> Change:
    owner = _owner(site)
    of = site.granting.garage, site.granting.id("CC"), owner.account_id
    if shared:
        with site.hub.transaction() as before:
            sharing.share(before, *of, ["user_name"], personal=())
    if change is sharing.share:
        return site.by_ada(sharing.share, *of, [], personal=())
    return site.by_ada(change, *(of if change is sharing.unshare else (of[2], of[1])))


def _to_owner(change: Callable[..., object], *arguments: Any, whole: bool = False) -> Callable[[Site], Change]:
    def scenario(site: Site) -> Change:
        owner = _owner(site)
        values = [site.granting.id(value) if value in ("AA", "CC") else value for value in arguments]
        return site.by_ada(change, owner if whole else owner.id, *values)

    return scenario


def _done(site: Site) -> Change:
    with site.hub.transaction() as change:
        erasure_id = erasures.ask_trip(change, site.keys, "7", **_trip(site))
        assert erasure_id is not None
    return site.by_ada(erasures.note, msgspec.structs.replace(site.hub.erasure(erasure_id), state="done"))


def _allowed(site: Site) -> Change:
    _done(site)()
    [erasure] = site.hub.erasures()
    return site.by_ada(erasures.allow_again, erasure.id)


def _carried(site: Site) -> Change:
    """One of whom nothing is known here."""
    one = carried.CarriedErasure(
        organization_id=site.organization, kind="driver", digest="00", digests=("00",), provider_id=None, shard=0,
        asked_us=1, asked_by="operator", erased_us=2, done_us=3, receipt=erasures.Receipt(),
    )  # fmt: skip
    return site.by_ada(carried.receive, site.keys, carried.Opened(bytes(32), [one]))


def _retire(site: Site) -> Change:
    path = site.key_file()
    rotation.rotate(path, site.hub)
    return lambda: rotation.retire_unused(path, site.ada)


NOTED: dict[str, tuple[str, str, Callable[[Site], Change]]] = {
    "RegistryStore.create_vehicle": ("create", "vehicle", lambda site: lambda: site.ada.create_vehicle(
        site.organization, {"plate": "ZZ"}, shard=0, issue=())),
    "RegistryStore.end_stream": ("delete", "stream", lambda site: lambda: site.ada.end_stream(site.stream, None)),
    "RegistryStore.authorise": ("update", "stream", lambda site: lambda: site.ada.authorise(site.stream, ["gps"])),
    "RegistryStore.issue_token": ("create", "token", lambda site: lambda: site.ada.issue_token("cars", "x")),
    "RegistryStore.issue_integration_token": ("create", "token", lambda site: lambda: (
        site.ada.issue_integration_token("garage", "x"))),
    "RegistryStore.issue_key": ("create", "token", lambda site: lambda: site.ada.issue_key("auditor", "fleet", "x")),
    "RegistryStore.revoke_token": ("revoke", "token", lambda site: _after(site.token(), site.ada.revoke_token)),
    "RegistryStore.create_service_account": ("create", "service_account", lambda site: lambda: (
        site.ada.create_service_account("provider", "cars", audience="a", key_id="k", public_key=b"p"))),
    "RegistryStore.revoke_service_account": ("revoke", "service_account", lambda site: (
        _after(site.account(), site.ada.revoke_service_account))),
    "RegistryStore.set_subscription_state": ("update", "subscription", lambda site: lambda: (
        site.ada.set_subscription_state("all", "paused"))),
    "RegistryStore.rotate_signing_secret": ("update", "subscription", lambda site: lambda: (
        site.ada.rotate_signing_secret("all", site.keys, overlap_us=0))),
    "RegistryStore.record_backup": ("create", "backup", lambda site: lambda: site.ada.record_backup("/b", 1, None)),
    "RegistryStore.add_task": ("create", "task", lambda site: lambda: site.ada.add_task("ERASE")),
    "RegistryStore.cancel_task": ("cancel", "task", lambda site: _after(
        site.hub.add_task("ERASE").id, site.ada.cancel_task)),
    "RegistryStore.prune_audit_details": ("prune", "audit_log", lambda site: lambda: (
        site.ada.prune_audit_details(2**60, site.keys))),
    "audit_details.prune": ("prune", "audit_log", lambda site: site.by_ada(audit_details.prune, site.keys, 2**60)),
    "chosen.add": ("create", "stream", lambda site: site.by_ada(
        chosen.add, [site.granting.garage],
        [NewStream(site.granting.id("BB"), site.granting.subscription().id, "https://a.example")])),
    "chosen.delete": ("delete", "stream", lambda site: site.by_ada(
        chosen.delete, [site.granting.garage], [site.stream])),
    "chosen.delete_all": ("delete", "stream", lambda site: site.by_ada(
        chosen.delete_all, [site.granting.garage], [site.granting.id("AA")])),
    "chosen.update": ("update", "stream", lambda site: site.by_ada(
        chosen.update, [site.granting.garage], site.stream, "https://a.example")),
    "consents.withdraw": ("revoke", "consent", lambda site: site.by_ada(
        consents.withdraw, site.provider, [site.granting.id("AA")], None)),
    "documents.delete": ("delete", "document", lambda site: site.by_ada(
        documents.delete, site.organization, "7", site.saying, shard=0)),
    "drivers.forget": ("delete", "driver", lambda site: site.by_ada(
        drivers.forget, site.organization, "drivequant.user_id", "bob", site.saying, shard=0)),
    "carried.receive": ("carry", "erasure", _carried),
    "erasures.allow_again": ("allow_again", "erasure", _allowed),
    "erasures.ask_subject": ("create", "erasure", lambda site: site.by_ada(
        erasures.ask_subject, site.keys, site.driver("bob"), by="operator")),
    "erasures.ask_trip": ("create", "erasure", lambda site: site.by_ada(
        erasures.ask_trip, site.keys, "7", **_trip(site))),
    "erasures.note": ("complete", "erasure", _done),
    "grants.give": ("create", "grant", lambda site: site.by_ada(
        grants.give, site.granting.garage, site.granting.id("BB"))),
    "grants.revoke": ("revoke", "grant", lambda site: site.by_ada(
        grants.revoke, site.granting.garage, site.granting.id("F"))),
    "grants.delete_fleet": ("delete", "fleet", lambda site: site.by_ada(grants.delete_fleet, site.granting.id("F"))),
    "grants.move": ("update", "vehicle", lambda site: site.by_ada(grants.move, site.granting.id("AA"), None)),
    "grants.end_dead": ("revoke", "grant", lambda site: (site.removed("F"), site.by_ada(grants.end_dead))[1]),
    "rotation.rotate": ("create", "sealing_key", lambda site: _after(
        site.key_file(), lambda path: rotation.rotate(path, site.ada))),
    "rotation.retire_unused": ("delete", "sealing_key", _retire),
    "service_accounts.revoke_all": ("revoke", "service_account", lambda site: (
        site.account("integration", "garage"),
        site.by_ada(service_accounts.revoke_all, "integration", site.granting.garage))[1]),
    "sharing.share": ("create", "grant", lambda site: _sharing(site, sharing.share, shared=False)),
    "sharing.unshare": ("revoke", "grant", lambda site: _sharing(site, sharing.unshare)),
    "sharing.unshare_all": ("revoke", "grant", lambda site: _sharing(site, sharing.unshare_all)),
    "vehicle_owners.add": ("create", "owner", lambda site: site.by_ada(
        vehicle_owners.add, site.organization, "bo", password="$", person=Person(), shard=0)),
    "vehicle_owners.sign_in": ("sign_in", "owner", _to_owner(vehicle_owners.sign_in, "token", whole=True)),
    "vehicle_owners.sign_out": ("sign_out", "owner", _to_owner(vehicle_owners.sign_out, "token", whole=True)),
    "vehicle_owners.set_password": ("update", "owner", _to_owner(vehicle_owners.set_password, "$other")),
    "vehicle_owners.disable": ("update", "owner", _to_owner(vehicle_owners.disable)),
    "vehicle_owners.enable": ("update", "owner", _to_owner(vehicle_owners.enable)),
    "vehicle_owners.give_vehicle": ("update", "owner", _to_owner(vehicle_owners.give_vehicle, "AA", whole=True)),
    "vehicle_owners.take_vehicle": ("update", "owner", _to_owner(vehicle_owners.take_vehicle, "CC", whole=True)),
    "streams.end": ("delete", "stream", lambda site: site.by_ada(streams.end, site.stream, 5)),
    "tokens.revoke_all": ("revoke", "token", lambda site: (
        site.token("integration", "garage"), site.by_ada(tokens.revoke_all, "integration", site.granting.garage))[1]),
}  # fmt: skip
"""What notes, and what: the change -> action, kind, how somebody makes it."""

THROUGH_THE_STORE = {
    "backups.record", "service_accounts.create", "service_accounts.revoke", "signing.rotate", "streams.authorise",
    "subjects.create_vehicle", "subscriptions.set_state", "tasks.add", "tasks.end", "tokens.issue", "tokens.revoke",
}  # fmt: skip
"""What notes, as its method of the store shows."""

PARTS = {
    # of a change that is noted as a whole, or what follows from one
    "accounts.create", "accounts.tell", "blocklist.block", "blocklist.block_key", "blocklist.is_blocked",
    "blocklist.unblock", "checkpoints.forget", "consents.forget", "consents.hand_over", "coverage.clear",
    "coverage.reconcile", "coverage.reconcile_integration", "documents.forget", "documents.forget_owner",
    "drivers.reconcile", "governed.cover", "issuing.give", "memberships.end",
    "memberships.put", "outbox.pass_on", "outbox.say", "outbox.tell", "selected.cover", "signing.declare",
    "signing.forget", "streams.end_all", "streams.note_all", "streams.note_end", "streams.note_fleet",
    "idempotency.find", "idempotency.forget", "idempotency.keep", "streams.note_scopes", "streams.open_all",
    "subjects.identify", "subjects.insert_subject", "upstreams.forget",
    # of signing in and out
    "owner_sessions.begin", "owner_sessions.end", "owner_sessions.end_all", "owner_sessions.note_use",
    # of an erasure
    "audit_details.forget", "traces.remove", "traces.remove_issued", "traces.remove_told",
}  # fmt: skip

MACHINES = {
    # the hub, by itself; nothing is taken from anybody
    "checkpoints.save", "checkpoints.take_back", "RegistryStore.save_checkpoint",
    "RegistryStore.take_checkpoints_back",
    "alerts.clear_alert", "alerts.raise_alert", "issuing.give_all", "outbox.conclude", "outbox.forget_told",
    "outbox.relayed", "streams.activate", "subjects.create_named", "tasks.next_task", "tasks.progress",
    "upstreams.follow", "upstreams.record", "RegistryStore.activate_streams", "RegistryStore.clear_alert",
    "RegistryStore.finish_task", "RegistryStore.forget_told", "RegistryStore.issue_all", "RegistryStore.next_task",
    "RegistryStore.progress_task", "RegistryStore.prune_alerts", "RegistryStore.prune_answered",
    "RegistryStore.prune_attempts",
    "RegistryStore.prune_tasks", "RegistryStore.raise_alert", "RegistryStore.record_attempts",
    "RegistryStore.record_successes", "RegistryStore.record_upstream_run", "RegistryStore.relayed",
    "RegistryStore.scrub",
    # providers and their users, whose words are in the log; what they take away is noted: consents.withdraw
    "account_links.record", "account_links.visit", "consents.give", "consents.listed", "consents.move",
    "consents.note_fleet", "documents.note", "RegistryStore.visit_landing",
}  # fmt: skip

READS = {
    f"RegistryStore.{name}"
    for name in (
        "account_links", "acting", "alerts", "attempts", "attempts_page", "audit_log",
        "backups", "close", "delivered", "erasure",
        "erasures", "followed", "grants", "list_service_accounts", "list_tokens", "open", "pending", "provider_id",
        "checkpoint", "checkpoints", "checkpoints_saved_us",
        "reading",
        "seen_end", "streams_created_us", "subscription_id", "task", "tasks", "transaction", "unfinished_erasures",
        "upstream_run", "version", "view", "withdrawn", "within",
    )
}  # fmt: skip


def _after(made: Any, change: Callable[[Any], object]) -> Change:
    return lambda: change(made)


def _changing() -> Iterator[str]:
    """Every public function of the registry that is given a transaction, and every public method of its store."""
    for module_info in pkgutil.iter_modules(postroad.registry.__path__):
        module = importlib.import_module(f"postroad.registry.{module_info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                first = next(iter(inspect.signature(function).parameters), None)
                if first == "transaction" or name in ("rotate", "retire_unused"):
                    yield f"{module_info.name}.{name}"
    for name, _ in inspect.getmembers(RegistryStore):
        if not name.startswith("_"):
            yield f"RegistryStore.{name}"


def test_everything_that_changes_the_registry_is_noted_or_said_to_be_a_machines() -> None:
    said = [*NOTED, *THROUGH_THE_STORE, *PARTS, *MACHINES, *READS]
    assert sorted(said) == sorted(set(said))
    assert set(_changing()) - set(said) == set(), "say what these are: does a person's change go by unnoted?"
    assert set(said) - set(_changing()) == set(), "these are no more"


@pytest.mark.parametrize("name", NOTED)
def test_what_a_person_changes_is_an_entry(name: str, granting: GrantingSite, keys: KeyRing, tmp_path: Path) -> None:
    action, kind, scenario = NOTED[name]
    site = Site(granting, keys, tmp_path)
    change = scenario(site)
    before = site.hub.audit_log.head().number
    change()
    entries = [entry for entry in site.hub.audit_log.listed() if entry.number > before]
    assert (action, kind) in {(entry.action, entry.kind) for entry in entries}
    assert {(entry.origin, entry.role) for entry in entries} == {("rest", "operator")}
    assert all(entry.kind != "registry" for entry in entries)
    assert all(entry.who is not None and entry.who.address == ADA.address for entry in entries)


def test_what_the_hub_does_by_itself_is_an_entry_only_where_it_takes_something(
    granting: GrantingSite, keys: KeyRing, tmp_path: Path
) -> None:
    site = Site(granting, keys, tmp_path)
    before = site.hub.audit_log.head()
    site.hub.create_vehicle(site.organization, {"plate": "ZZ"}, shard=0, issue=())
    site.hub.activate_streams(0, 10)
    site.hub.cancel_task(site.hub.add_task("ERASE").id)
    with site.hub.transaction() as change:
        consents.give(change, site.provider, site.organization, [site.granting.id_of(change, "AA")])
    assert site.hub.audit_log.head() == before
    site.hub.set_subscription_state("all", "paused", reason="410 from the destination")
    [entry] = site.hub.audit_log.listed(limit=1)
    assert (entry.origin, entry.action, entry.kind) == ("hub", "update", "subscription")
    assert entry.what is not None
    assert entry.what.fields["paused_reason"] == (None, "410 from the destination")


def test_each_change_of_a_file_is_an_entry_and_a_secret_is_in_none(
    store: RegistryStore, declare: Callable[..., Any]
) -> None:
    text = """
    organizations:
      - name: Andes
        providers: [{name: gps, protocol: drivetech}]
        fleets: [{name: Trucks}]
        vehicles: [{plate: KXRT41, fleet: Trucks}]
        integrations:
          - name: insurer
            destinations:
              - {name: hook, transport: https, config: {url: "https://a.example/", headers: {X-Key: {env: KEY}}}}
            subscriptions:
              - {name: all, protocol: connected_cars, destination: hook, types: [gps_position], state: paused}
    """
    secret = {"KEY": "hunter2"}
    changes = declare(store.acting(ADA), text, environment=secret)
    entries = list(reversed(store.audit_log.listed()))
    assert sorted((e.action, e.kind, e.what.name) for e in entries if e.what is not None) == sorted(
        (change.action, change.kind, change.name) for change in changes
    )
    assert len(entries) == len(changes)
    assert "hunter2" not in repr([record.what for record in store.audit_log.records()])
    view = store.view()
    [organization] = view.organizations
    assert {entry.organization_id for entry in entries} == {organization}
    by_kind = {entry.kind: entry for entry in entries}
    assert by_kind["subscription"].id == str(*view.subscriptions)
    [vehicle] = [subject for subject in view.subjects.values() if subject.kind == "vehicle"]
    assert (by_kind["vehicle"].id, by_kind["vehicle"].subject_id) == (str(vehicle.id), vehicle.id)
    head = store.audit_log.head()
    assert declare(store.acting(ADA), text, dry_run=True, prune=True, environment=secret) == []
    declare(store.acting(ADA), "organizations: []", dry_run=True, prune=True)
    assert store.audit_log.head() == head
    declare(store.acting(ADA), "organizations: []", prune=True)
    gone = [(e.kind, e.what.name) for e in store.audit_log.listed() if e.action == "delete" and e.what is not None]
    assert {("organization", "Andes"), ("vehicle", "Andes/KXRT41"), ("subscription", "Andes/insurer/all")} <= {*gone}
    assert store.audit_log.verify() == store.audit_log.head()


def test_what_an_owner_agrees_to_changes_and_takes_back_is_in_the_audit_log(
    granting: GrantingSite, keys: KeyRing, tmp_path: Path
) -> None:
    site = Site(granting, keys, tmp_path)
    owner = _owner(site)
    of = site.granting.garage, site.granting.id("CC"), owner.account_id
    before = site.hub.audit_log.head().number
    changes: list[Any] = [(sharing.share, ["user_name"]), (sharing.share, []), (sharing.unshare,)]
    for change, *more in changes:
        with site.ada.transaction() as under_way:
            change(under_way, *of, *more, **({"personal": ()} if more else {}))
    noted = [entry for entry in reversed(site.hub.audit_log.listed()) if entry.number > before]
    assert [(entry.action, entry.kind) for entry in noted] == [
        ("create", "grant"), ("update", "grant"), ("revoke", "grant")
    ]  # fmt: skip
    assert [entry.what.fields.get("scopes") for entry in noted if entry.what is not None] == [
        (None, ["user_name"]), (["user_name"], []), ([], None)
    ]  # fmt: skip
    assert {(entry.organization_id, entry.subject_id) for entry in noted} == {(site.organization, of[1])}
