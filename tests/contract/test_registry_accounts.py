"""What the registry promises of API keys and service accounts, on every database that it runs on."""

from typing import Any

import pytest

from postroad.access.principals import principal_of_account, principal_of_key
from postroad.errors import ConfigError, NotFound
from postroad.registry import service_accounts
from postroad.registry.records import RoleName, ServiceAccount
from postroad.registry.store import RegistryStore

DECLARED = """
organizations:
  - name: Andes
    providers: [{name: gps, protocol: drivetech}]
    integrations: [{name: insurer}]
  - name: Baltic
    providers: [{name: gps, protocol: drivetech}]
    integrations: [{name: garage}]
"""

OWNED: list[tuple[RoleName, str | None]] = [
    ("operator", None), ("auditor", None), ("auditor", "Andes"), ("fleet_owner", "Andes"), ("provider", "Andes/gps"),
    ("integration", "insurer"),
]  # fmt: skip

REFUSED: list[tuple[RoleName, str | None, type[Exception]]] = [
    ("operator", "Andes", ConfigError), ("fleet_owner", None, ConfigError), ("provider", None, ConfigError),
    ("integration", None, ConfigError), ("auditor", "Nordic", NotFound), ("fleet_owner", "insurer", NotFound),
    ("provider", "gps", ConfigError), ("provider", "insurer", NotFound), ("integration", "Baltic/insurer", NotFound),
]  # fmt: skip

every_role = pytest.mark.parametrize(("role", "owner"), OWNED)


@pytest.fixture
def declared(store: RegistryStore, declare: Any) -> RegistryStore:
    declare(store, DECLARED)
    return store


def account(store: RegistryStore, role: RoleName, owner: str | None) -> str:
    return store.create_service_account(role, owner, audience="https://hub", key_id="k", public_key=b"der", label="x")


@every_role
def test_a_key_stands_for_its_role_and_owner_until_it_is_revoked(
    declared: RegistryStore, role: RoleName, owner: str | None
) -> None:
    id_, key = declared.issue_key(role, owner, "label")
    _, other = declared.issue_key(role, owner, "")
    assert key != other
    view = declared.view()
    found = principal_of_key(key, view)
    assert found is not None
    assert (found.role, found.organization_id is None) == (role, owner is None)
    if found.organization_id is not None:
        assert view.organizations[found.organization_id].name == "Andes"
    [listed] = [token for token in declared.list_tokens() if token.id == id_]
    assert (listed.role, listed.owner, listed.label) == (role, owner and owner.split("/")[-1], "label")
    declared.revoke_token(id_)
    assert principal_of_key(key, declared.view()) is None
    assert principal_of_key(other, declared.view()) is not None


def test_the_prefix_of_a_key_tells_what_it_opens(declared: RegistryStore) -> None:
    prefixes = {declared.issue_key(role, owner, "")[1][:4] for role, owner in OWNED}
    assert prefixes == {"pop_", "pau_", "pfo_", "prt_", "pit_"}


@every_role
def test_a_service_account_stands_for_its_role_and_owner_until_it_is_revoked(
    declared: RegistryStore, role: RoleName, owner: str | None
) -> None:
    id_, other = account(declared, role, owner), account(declared, role, owner)
    view = declared.view()
    found = view.service_accounts[id_]
    key = principal_of_key(declared.issue_key(role, owner, "")[1], declared.view())
    assert key is not None
    assert principal_of_account(found, key.name) == key, "as a key of the same role and owner"
    assert (found.audience, found.key_id, found.public_key) == ("https://hub", "k", b"der")
    assert [(a.id, a.role, a.owner) for a in declared.list_service_accounts()] == [
        (one, role, owner and owner.split("/")[-1]) for one in (id_, other)
    ]
    before = declared.version()
    declared.revoke_service_account(id_)
    assert declared.view().service_accounts.keys() == {other}
    assert declared.version() == before + 1
    declared.revoke_service_account(id_)
    assert declared.version() == before + 1
    revoked = {a.id: a.revoked_us for a in declared.list_service_accounts()}
    assert revoked[id_] is not None
    assert revoked[other] is None


@pytest.mark.parametrize(("role", "owner", "error"), REFUSED)
def test_an_owner_that_the_role_does_not_go_with_is_refused_and_nothing_is_kept(
    declared: RegistryStore, role: RoleName, owner: str | None, error: type[Exception]
) -> None:
    before = declared.version()
    with pytest.raises(error):
        declared.issue_key(role, owner, "")
    with pytest.raises(error):
        account(declared, role, owner)
    assert declared.version() == before
    assert (declared.list_tokens(), declared.list_service_accounts()) == ([], [])


def test_what_there_is_not_cannot_be_revoked(declared: RegistryStore) -> None:
    with pytest.raises(NotFound):
        declared.revoke_service_account("nosuch")
    with pytest.raises(NotFound):
        declared.revoke_token(account(declared, "operator", None))


def test_what_a_removed_owner_had_ends_with_it_and_nothing_else(declared: RegistryStore, declare: Any) -> None:
    baltic: list[tuple[RoleName, str]] = [
        ("auditor", "Baltic"), ("fleet_owner", "Baltic"), ("provider", "Baltic/gps"), ("integration", "garage")
    ]  # fmt: skip
    gone = {account(declared, role, owner) for role, owner in baltic}
    kept = {account(declared, role, owner) for role, owner in OWNED}
    keys = {role: declared.issue_key(role, owner, "")[1] for role, owner in baltic}
    still = [declared.issue_key(role, owner, "")[1] for role, owner in OWNED]
    declare(declared, DECLARED[: DECLARED.index("  - name: Baltic")], prune=True)
    view = declared.view()
    assert view.service_accounts.keys() == kept
    assert {role for role, key in keys.items() if principal_of_key(key, view)} == set()
    assert all(principal_of_key(key, view) for key in still)
    assert {a.id for a in declared.list_service_accounts() if a.revoked_us is not None} == gone
    declare(declared, DECLARED)
    again = declared.view()
    assert again.service_accounts.keys() == kept, "an organization that comes again under the same name is another"
    assert {role for role, key in keys.items() if principal_of_key(key, again)} == set()


def test_an_account_of_something_that_is_not_there_any_more_is_in_no_view(declared: RegistryStore) -> None:
    """Even if nobody revoked it."""
    account(declared, "integration", "insurer")
    account(declared, "auditor", "Andes")
    view = declared.view()
    with declared.transaction() as transaction:
        assert service_accounts.active(transaction.connection, {}, {}, {}) == {}
        [only] = service_accounts.active(transaction.connection, view.organizations, {}, {}).values()
    assert isinstance(only, ServiceAccount)
    assert only.role == "auditor"
