"""``postroad owner``: in this process, of a hub that is not running."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.consent_page import CHEAP, PASSWORD, declared, service_of
from fixtures.prepared_hub import Ran, run_here
from postroad.access.passwords import Passwords
from postroad.layout import REGISTRY_FILE
from postroad.registry import sharing, vehicle_owners
from postroad.registry.store import RegistryStore

Command = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    file, folder = tmp_path / "declared.yaml", tmp_path / "hub"
    file.write_text(yaml.safe_dump(declared(service_of("insurer", "Insurer"))))
    for arguments in (["init"], ["apply", str(file)]):
        assert run_here(folder, *arguments).code == 0
    return folder


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr("postroad.cli.owner.Passwords", lambda: Passwords(CHEAP))

    def run(*arguments: str, stdin: str | None = None) -> Ran:
        return run_here(folder, "owner", *arguments, stdin=stdin)

    return run


@pytest.fixture
def registry(folder: Path) -> Any:
    store = RegistryStore.open(folder / REGISTRY_FILE)
    yield store
    store.close()


def add(command: Command, login: str = "Ida@Example.org", *more: str) -> Ran:
    return command("add", login, "--organization", "nord", *more, "--password-stdin", stdin=f"{PASSWORD}\n")


def checked(registry: RegistryStore, password: str) -> bool:
    with registry.reading() as connection:
        kept = vehicle_owners.get(connection, "ida@example.org").password
    return Passwords(CHEAP).check(password, kept).right


def test_an_owner_is_added_with_a_password_that_nothing_shows(command: Command, registry: RegistryStore) -> None:
    ran = add(command, "Ida@Example.org", "--first-names", "Ida", "--phone", "+4587654321")
    assert (ran.code, ran.out) == (0, "")
    assert "Owner ida@example.org is added" in ran.err
    assert checked(registry, PASSWORD)
    [person] = registry.view().people.values()
    assert (person.first_names, person.last_name, person.phone) == ("Ida", None, "+4587654321")
    [row] = json.loads(command("list", "--json").out)
    assert (row["login"], row["organization"], row["vehicles"], row["services"], row["disabled"]) == (
        "ida@example.org", "nord", [], 0, None
    )  # fmt: skip
    for said in (ran.err, command("list").out, command("list", "--json").out):
        assert PASSWORD not in said
        assert "argon2" not in said


def test_a_password_can_be_asked_for_twice_and_is_not_echoed(command: Command, registry: RegistryStore) -> None:
    wanted = ("add", "ida@example.org", "--organization", "nord")
    assert command(*wanted, stdin=f"{PASSWORD}\nanother password\n").code != 0
    ran = command(*wanted, stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert ran.code == 0
    assert PASSWORD not in ran.out + ran.err
    assert checked(registry, PASSWORD)


def test_what_cannot_be_is_said_in_a_sentence(command: Command) -> None:
    short = command("add", "bo", "--organization", "nord", "--password-stdin", stdin="short\n")
    assert (short.code, "password: has 10 to 500 characters" in short.err) == (1, True)
    assert add(command).code == 0
    again = add(command, "IDA@example.org")
    assert (again.code, "somebody has this login already" in again.err) == (1, True)
    nobody = command("disable", "eve")
    assert (nobody.code, "there is no owner with this login" in nobody.err) == (1, True)
    none = command("add", "bo", "--organization", "south", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (none.code, "there is no organization 'south'" in none.err) == (1, True)


def test_vehicles_are_given_and_taken_and_what_is_shared_of_them_ends(
    command: Command, registry: RegistryStore
) -> None:
    add(command)
    assert command("give-vehicle", "ida@example.org", "aa-11").code == 0
    with registry.transaction() as under_way:
        owner = vehicle_owners.get(under_way.connection, "ida@example.org")
        [vehicle] = sharing.vehicles_of(under_way.connection, owner.id)
        [integration_id] = sharing.offers(under_way.connection)
        sharing.share(under_way, integration_id, vehicle.id, owner.account_id, ["user_name"], personal=())
    [row] = json.loads(command("list", "--json").out)
    assert (row["vehicles"], row["services"]) == (["AA11"], 1)
    assert command("take-vehicle", "ida@example.org", "nord/AA11").code == 0
    [row] = json.loads(command("list", "--json").out)
    assert (row["vehicles"], row["services"]) == ([], 0)
    assert registry.view().grants == {}


def test_a_password_is_changed_and_signing_in_forbidden_and_allowed(command: Command, registry: RegistryStore) -> None:
    add(command)
    assert command("set-password", "ida@example.org", "--password-stdin", stdin="another password\n").code == 0
    assert (checked(registry, PASSWORD), checked(registry, "another password")) == (False, True)
    for name, disabled in (("disable", True), ("enable", False)):
        assert json.loads(command(name, "ida@example.org", "--json").out) == {
            "login": "ida@example.org", "disabled": disabled
        }  # fmt: skip
        assert (json.loads(command("list", "--json").out)[0]["disabled"] is not None) == disabled
