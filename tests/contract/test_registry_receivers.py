"""What receiving from queues asks of a registry, on every engine: receivers, their secrets, and checkpoints."""

from typing import Any

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa

from postroad.db import schema
from postroad.db.engine import Database
from postroad.errors import ConfigError
from postroad.registry.apply import Declaring
from postroad.registry.checkpoints import FAILING, Part
from postroad.registry.secrets import KeyRing, opened_receiver
from postroad.registry.store import RegistryStore
from postroad.service import catalogue

SECRET = "a-secret-of-16-or-more"
PUSHED = {"transport": "event_grid", "config": {"secret": SECRET}}
PULLED = {"transport": "pubsub", "config": {"subscription": "projects/p-12345/subscriptions/hub"}}


class Site:
    """A registry with one provider that has a receiver."""

    def __init__(self, store: RegistryStore, keys: KeyRing) -> None:
        self.store = store
        self._keys = keys
        self.put(PUSHED)
        [self.provider] = store.view().providers

    def declaring(self, under_way: Any) -> Declaring:
        return Declaring(under_way, catalogue=catalogue(), keys=self._keys, shard=0)

    def put(self, receive: dict[str, Any] | None) -> None:
        with self.store.transaction() as under_way:
            put = self.declaring(under_way)
            put.put_organization("Andes")
            body = {"name": "gps", "protocol": "drivetech"} | ({"receive": receive} if receive else {})
            put.put_provider(put.declared.organization("Andes"), body)

    def remove(self) -> None:
        with self.store.transaction() as under_way:
            put = self.declaring(under_way)
            andes = put.declared.organization("Andes")
            put.remove("provider", put.declared.provider(andes.id, "gps"), andes)

    def opened(self) -> tuple[str, dict[str, Any]] | None:
        receiver = self.store.view().providers[self.provider].receiver
        return None if receiver is None else (receiver.transport, opened_receiver(self.provider, receiver, self._keys))

    def rows(self) -> dict[str, int]:
        tables = (schema.receivers, schema.receiver_secrets, schema.checkpoints)
        with self.store.reading() as connection:
            return {one.name: connection.scalar(sa.select(sa.func.count()).select_from(one)) or 0 for one in tables}


@pytest.fixture
def site(store: RegistryStore, keys: KeyRing) -> Site:
    return Site(store, keys)


def test_a_receiver_is_what_was_declared_last_and_its_secrets_are_apart_and_sealed(site: Site) -> None:
    assert site.opened() == ("event_grid", PUSHED["config"])
    receiver = site.store.view().providers[site.provider].receiver
    assert receiver is not None
    assert receiver.config == {}
    assert SECRET.encode() not in receiver.sealed["secret"]
    site.put(PULLED)
    assert site.opened() == ("pubsub", PULLED["config"])
    assert site.rows() == {"receivers": 1, "receiver_secrets": 0, "checkpoints": 0}


def test_checkpoints_are_kept_by_provider_source_and_partition_and_no_view_is_new_for_them(site: Site) -> None:
    version = site.store.version()
    assert site.store.checkpoint(site.provider, "hub/a/b", "0") is None
    for partition, mark in (("0", "10"), ("1", "7"), ("0", "11")):
        site.store.save_checkpoint(site.provider, "hub/a/b", partition, mark)
    assert site.store.checkpoints() == {
        Part(site.provider, "hub/a/b", "0"): "11",
        Part(site.provider, "hub/a/b", "1"): "7",
    }
    assert site.store.checkpoint(site.provider, "hub/a/c", "0") is None
    assert site.store.version() == version


def test_taken_back_checkpoints_are_what_they_were_and_newer_ones_are_gone(site: Site) -> None:
    site.store.save_checkpoint(site.provider, "hub", "0", "10")
    earlier = site.store.checkpoints()
    site.store.save_checkpoint(site.provider, "hub", "0", "20")
    site.store.save_checkpoint(site.provider, "hub", "1", "1")
    site.store.take_checkpoints_back(earlier)
    assert site.store.checkpoints() == earlier == {Part(site.provider, "hub", "0"): "10"}


@pytest.mark.parametrize("gone", ["receiver", "provider"])
def test_with_a_receiver_or_its_provider_go_secrets_checkpoints_and_what_was_wrong(site: Site, gone: str) -> None:
    site.store.save_checkpoint(site.provider, "hub", "0", "10")
    site.store.raise_alert(FAILING, f"provider {site.provider}", "away")
    if gone == "provider":
        site.remove()
    else:
        site.put(None)
    assert set(site.rows().values()) == {0}
    assert site.store.alerts() == []
    site.store.save_checkpoint(site.provider, "hub", "0", "11")
    assert site.store.checkpoints() == {}, "of one who is just stopping"


def test_a_receiver_that_cannot_be_leaves_what_there_was(site: Site) -> None:
    with pytest.raises(ConfigError, match="secret"):
        site.put({"transport": "event_grid", "config": {"secret": "short"}})
    assert site.opened() == ("event_grid", PUSHED["config"])


def test_it_is_noted_that_a_receiver_changes_and_no_secret_with_it(site: Site) -> None:
    site.put(PULLED)
    noted = repr([entry.what for entry in site.store.audit_log.listed(limit=10)])
    assert "projects/p-12345/subscriptions/hub" in noted
    assert SECRET not in noted


def test_a_registry_of_before_there_were_receivers_is_upgraded_and_nobody_has_one(url: str) -> None:
    database = Database(url)
    with database.write() as transaction:
        config = alembic.config.Config()
        config.set_main_option("script_location", "postroad.db:migrations")
        config.attributes["connection"] = transaction.connection
        alembic.command.upgrade(config, "registry_12")
        for statement in (
            "INSERT INTO organizations (name) VALUES ('Andes')",
            (
                "INSERT INTO providers (organization_id, name, protocol, unknown_vehicles, revision)"
                " VALUES (1, 'gps', 'drivetech', 'create', 1)"
            ),
            "INSERT INTO provider_revisions (provider_id, revision, settings, created_us) VALUES (1, 1, '{}', 5)",
        ):
            transaction.connection.exec_driver_sql(statement)
    database.close()
    with pytest.raises(ConfigError, match="postroad upgrade"):
        RegistryStore.open(url)
    store = RegistryStore.open(url, upgrade=True)
    assert (store.view().providers[1].receiver, store.checkpoints()) == (None, {})
    store.save_checkpoint(1, "hub", "0", "1")
    assert store.checkpoints() == {}, "it receives nothing"
    store.close()
