"""Commands for keys of every role, and for service accounts: in this process, of a hub that is not running."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import RSAKey

from postroad.access.assertions import account_of
from postroad.access.principals import Principal, Role, principal_of_key
from postroad.cli.main import cli
from postroad.layout import REGISTRY_FILE
from postroad.registry.store import RegistryStore

DECLARED = """\
organizations:
  - name: Andes
    providers: [{name: gps, protocol: drivetech}]
    integrations: [{name: insurer}]
"""
URL = "https://hub.example/"
SIGN_IN = "https://hub.example/auth/login/serviceAccountConverter"

Command = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    declared = tmp_path / "fleet.yaml"
    declared.write_text(DECLARED)
    folder = tmp_path / "hub"
    for arguments in (["init"], ["apply", str(declared)]):
        assert CliRunner().invoke(cli, [*arguments, "--data", str(folder)]).exit_code == 0
    return folder


@pytest.fixture
def command(folder: Path) -> Command:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, [*arguments, "--data", str(folder)])

    return run


@pytest.fixture
def registry(folder: Path) -> Any:
    store = RegistryStore.open(folder / REGISTRY_FILE)
    yield store
    store.close()


ROLES = {
    ("--operator",): ("operator", None),
    ("--auditor",): ("auditor", None),
    ("--auditor", "Andes"): ("auditor", "Andes"),
    ("--fleet-owner", "Andes"): ("fleet_owner", "Andes"),
    ("--integration", "Andes/insurer"): ("integration", "insurer"),
}


def test_a_key_of_every_role_is_shown_once_and_listed_and_revoked(command: Command, registry: RegistryStore) -> None:
    made = {}
    for options, (role, owner) in ROLES.items():
        shown = json.loads(command("token", "issue", *options, "--label", role, "--json").stdout)
        principal = principal_of_key(shown["token"], registry.view())
        assert isinstance(principal, Principal)
        assert (principal.role, principal.organization_id is None) == (Role(role), owner is None)
        made[shown["id"]] = (role, owner)
    listed = command("token", "list", "--json").stdout
    assert {row["id"]: (row["role"], row["organization"] or row["integration"]) for row in json.loads(listed)} == made
    table = command("token", "list").stdout
    assert "fleet owner Andes" in table
    assert "pop_" not in listed + table
    for id_ in made:
        assert command("token", "revoke", id_).exit_code == 0
    assert registry.view().api_keys == registry.view().integration_tokens == {}


@pytest.mark.parametrize(
    "options",
    [[], ["--operator", "--auditor"], ["gps", "--operator"], ["--operator", "--client"], ["--fleet-owner"]],
    ids=" ".join,
)
def test_a_key_is_for_one_thing(command: Command, registry: RegistryStore, options: list[str]) -> None:
    assert command("token", "issue", *options).exit_code == 2
    assert registry.list_tokens() == []


def test_what_is_printed_of_a_new_account_is_all_that_signing_in_takes(
    command: Command, registry: RegistryStore
) -> None:
    """In the vendor's form: three lines, then the key in PEM."""
    done = command("service-account", "create", "--integration", "insurer", "--url", URL)
    assert done.exit_code == 0
    lines, begin, rest = done.stdout.partition("-----BEGIN PRIVATE KEY-----")
    said = dict(line.split(": ") for line in lines.splitlines())
    assert list(said) == ["iss", "aud", "kid"]
    assert said["aud"] == SIGN_IN
    now_s = int(time.time())
    claims = {"iss": said["iss"], "aud": said["aud"], "iat": now_s, "exp": now_s + 3600}
    shown = jwt.encode({"alg": "RS256", "kid": said["kid"]}, claims, RSAKey.import_key(begin + rest))
    accounts = registry.view().service_accounts
    found = account_of(shown, accounts, now_s)
    assert found is not None
    assert found.role == "integration"
    assert {found.id} == accounts.keys()


def test_the_private_key_is_kept_nowhere(command: Command, folder: Path) -> None:
    shown = json.loads(command("service-account", "create", "--operator", "--url", URL, "--json").stdout)
    middle = shown["private_key"].splitlines()[5]
    assert len(middle) == 64
    for file in folder.iterdir():
        assert middle.encode() not in file.read_bytes()


def test_with_a_public_key_no_private_one_is_made(command: Command, registry: RegistryStore, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 3072)
    file = tmp_path / "key.pem"
    file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    created = ["service-account", "create", "--auditor", "--url", URL, "--public-key", str(file)]
    assert "PRIVATE" not in command(*created).output
    shown = json.loads(command(*created, "--json").stdout)
    assert shown["private_key"] is None
    stored = registry.view().service_accounts[shown["id"]]
    assert stored.public_key == key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def _unfit() -> dict[str, tuple[bytes, str]]:
    good = rsa.generate_private_key(65537, 2048)
    return {
        "short": (_pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        "another kind": (_pem(ec.generate_private_key(ec.SECP256R1())), "no RSA public key"),
        "private": (good.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "private key"),
        "no key": (b"secret-text", "no RSA public key"),
    }


def test_a_key_that_is_not_fit_is_refused_without_a_word_of_it(
    command: Command, registry: RegistryStore, tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    for content, said in _unfit().values():
        file.write_bytes(content)
        done = command("service-account", "create", "--operator", "--url", URL, "--public-key", str(file))
        assert str(done.exception).startswith(f"{file}: ")
        assert said in str(done.exception)
        assert content.splitlines()[-1].decode() not in str(done.exception)
    file.unlink()
    done = command("service-account", "create", "--operator", "--url", URL, "--public-key", str(file))
    assert "cannot be read" in str(done.exception)
    assert registry.list_service_accounts() == []


@pytest.mark.parametrize(
    "options",
    [["--url", URL], ["--operator"], ["--operator", "--auditor", "--url", URL], ["--operator", "--url", "hub.example"],
     ["--operator", "--url", "https://hub.example/?x=1"], ["--operator", "--url", "ftp://hub.example"]],
    ids=" ".join,
)  # fmt: skip
def test_an_account_is_for_one_thing_at_a_url(command: Command, registry: RegistryStore, options: list[str]) -> None:
    assert command("service-account", "create", *options).exit_code == 2
    assert registry.list_service_accounts() == []


def test_accounts_are_listed_and_revoked(command: Command, registry: RegistryStore) -> None:
    created = ["service-account", "create", "--provider", "gps", "--url", URL, "--label", "depot", "--json"]
    shown = json.loads(command(*created).stdout)
    [row] = json.loads(command("service-account", "list", "--json").stdout)
    assert {name: row[name] for name in ("id", "iss", "aud", "kid")} == {
        name: shown[name] for name in ("id", "iss", "aud", "kid")
    }
    assert (row["role"], row["provider"], row["label"], row["revoked"]) == ("provider", "gps", "depot", None)
    assert "provider gps" in command("service-account", "list").stdout
    assert command("service-account", "revoke", shown["id"]).exit_code == 0
    assert registry.view().service_accounts == {}
    assert "there is no service account" in str(command("service-account", "revoke", "nosuch").exception)
