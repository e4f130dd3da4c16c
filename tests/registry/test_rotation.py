"""Rotation of the sealing key: no moment of it loses a secret."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from postroad.db import schema
from postroad.db.engine import Database, sqlite_url
from postroad.errors import ConfigError, PostroadError
from postroad.registry import rotation
from postroad.registry.rotation import key_use, retire_unused, rotate
from postroad.registry.secrets import KeyRing, add_key, drop_keys, receiver_place, secret_place, upstream_place
from postroad.registry.signing import signing_place
from postroad.registry.store import RegistryStore
from postroad.registry.transaction import insert

SECRETS = {"auth.client_secret": "hunter2", "headers.X-Api-Key": "correct horse"}
SIGNING = "signing"
"""Stands for the place of the subscription's signing secret beside those of the destination."""


class Site:
    """A key file, and a registry with secrets of one destination and of one subscription."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "postroad.key"
        self.url = sqlite_url(folder / "registry.db")
        self.registry = RegistryStore.open(folder / "registry.db")
        self.keys = KeyRing.load_or_create(self.path)
        with self.registry.transaction() as transaction:
            connection = transaction.connection
            organization = insert(connection, schema.organizations, name="Andes")
            integration = insert(connection, schema.integrations, organization_id=organization, name="insurer")
            self.destination = insert(
                connection, schema.destinations, integration_id=integration, name="hook", transport="https", config={}
            )
            for path in SECRETS:
                sealed = self.keys.seal(secret_place(self.destination, path), SECRETS[path])
                values = {"destination_id": self.destination, "path": path, "sealed": sealed}
                connection.execute(sa.insert(schema.destination_secrets).values(values))
            self.subscription = insert(
                connection, schema.subscriptions, integration_id=integration, destination_id=self.destination,
                name="all", protocol="connected_cars", types=[], vehicles={}, options={}, delivery={}, state="active",
            )  # fmt: skip
        self.secrets = SECRETS | {SIGNING: self.registry.rotate_signing_secret("all", self.keys, overlap_us=0)}

    def place(self, path: str) -> str:
        return signing_place(self.subscription, 1) if path == SIGNING else secret_place(self.destination, path)

    def sealed(self) -> dict[str, bytes]:
        database = Database(self.url)
        with database.read() as connection:
            found = {row.path: row.sealed for row in connection.execute(sa.select(schema.destination_secrets))}
            [found[SIGNING]] = connection.execute(sa.select(schema.subscription_secrets.c.sealed)).scalars()
        database.close()
        return found

    def opened(self, keys: KeyRing) -> dict[str, str]:
        return {path: keys.unseal(self.place(path), sealed) for path, sealed in self.sealed().items()}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_after_a_rotation_everything_is_sealed_with_the_new_key(site: Site) -> None:
    before, version = site.sealed(), site.registry.version()
    done = rotate(site.path, site.registry)
    assert (done.current, done.resealed) == (KeyRing.load(site.path).current_id, 3)
    assert {sealed[1:5].hex() for sealed in site.sealed().values()} == {done.current}
    assert site.opened(KeyRing.load(site.path)) == site.secrets
    assert site.registry.version() == version + 1, "a running hub hears of it, once"
    old = KeyRing.load(site.path)
    assert {old.unseal(site.place(path), s) for path, s in before.items()} == set(site.secrets.values())
    assert site.path.stat().st_mode & 0o777 == 0o600
    assert site.path.read_text().startswith("# "), "comments stay"


def test_what_is_asked_and_received_of_providers_is_sealed_with_the_new_key_too(site: Site) -> None:
    of_a_provider = ((schema.upstream_secrets, upstream_place), (schema.receiver_secrets, receiver_place))
    with site.registry.transaction() as transaction:
        connection = transaction.connection
        values = {"name": "gps", "protocol": "drivetech", "unknown_vehicles": "create", "revision": 1}
        provider = insert(connection, schema.providers, organization_id=1, **values)
        for table, place in of_a_provider:
            sealed = site.keys.seal(place(provider, "key"), table.name)
            connection.execute(sa.insert(table).values(provider_id=provider, path="key", sealed=sealed))
    done = rotate(site.path, site.registry)
    retire_unused(site.path, site.registry)
    keys = KeyRing.load(site.path)
    assert (done.resealed, keys.ids) == (5, [done.current])
    with site.registry.reading() as connection:
        for table, place in of_a_provider:
            [sealed] = connection.execute(sa.select(table.c.sealed)).scalars()
            assert keys.unseal(place(provider, "key"), sealed) == table.name


def test_a_running_hub_that_meets_an_unknown_key_reads_the_file_anew(site: Site) -> None:
    rotate(site.path, site.registry)
    retire_unused(site.path, site.registry)
    assert site.opened(site.keys) == site.secrets
    assert site.keys.seal("x", "y")[1:5].hex() == KeyRing.load(site.path).current_id


def test_a_process_that_began_before_a_rotation_seals_with_the_new_key(site: Site) -> None:
    done = rotate(site.path, site.registry)
    retire_unused(site.path, site.registry)
    assert site.keys.seal("x", "y")[1:5].hex() == done.current


def test_retiring_drops_what_nothing_needs_and_never_the_current_key(site: Site) -> None:
    old = site.keys.current_id
    assert retire_unused(site.path, site.registry) == ()
    done = rotate(site.path, site.registry)
    assert retire_unused(site.path, site.registry) == (old,)
    assert KeyRing.load(site.path).ids == [done.current]
    assert drop_keys(site.path, [done.current]) == ()
    add_key(site.path)
    assert retire_unused(site.path, site.registry) == (), "secrets need the older one"


def test_a_rotation_that_cannot_open_everything_changes_nothing(site: Site) -> None:
    stranger = KeyRing({b"lost": bytes(32)}, b"lost").seal(secret_place(site.destination, "gone"), "z")
    with site.registry.transaction() as transaction:
        values = {"destination_id": site.destination, "path": "gone", "sealed": stranger}
        transaction.connection.execute(sa.insert(schema.destination_secrets).values(values))
    before, file = site.sealed(), site.path.read_bytes()
    with pytest.raises(ConfigError, match="6c6f7374"):
        rotate(site.path, site.registry)
    assert (site.sealed(), site.path.read_bytes()) == (before, file)
    assert [(use.held, use.secrets) for use in key_use(site.path, site.registry)] == [(True, 3), (False, 1)]


def test_a_rotation_that_dies_between_file_and_registry_loses_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_path: Path) -> None:
        add_key(_path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rotation, "add_key", die)
        with pytest.raises(KeyboardInterrupt):
            rotate(site.path, site.registry)
    assert site.opened(KeyRing.load(site.path)) == site.secrets
    rotate(site.path, site.registry)
    assert len(retire_unused(site.path, site.registry)) == 2
    assert site.opened(KeyRing.load(site.path)) == site.secrets


def test_a_key_file_that_cannot_be_replaced_stays_as_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = site.path.read_bytes()

    def full(_source: str, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(PostroadError, match="No space left"):
        add_key(site.path)
    assert site.path.read_bytes() == before
    assert [p.name for p in site.path.parent.glob("postroad.key*")] == ["postroad.key"], "no copy of keys lies about"
