"""Who asks: what is shown stands for one principal, and for no more than it is."""

from itertools import product
from typing import get_args

import pytest

from postroad.access.principals import Principal, Role, principal_of_key
from postroad.api.authenticator import Authenticator
from postroad.ingest.access_tokens import CLIENTS, SERVICE_ACCOUNTS, AccessTokens
from postroad.registry.records import (
    Account,
    Integration,
    Organization,
    Provider,
    RegistryView,
    RoleName,
    ServiceAccount,
)
from postroad.registry.secrets import KeyRing
from postroad.registry.tokens import digest

KEYS = KeyRing({b"0001": bytes(32)}, b"0001")
VIEW = RegistryView(
    version=1,
    organizations={1: Organization(1, "Andes")},
    providers={11: Provider(id=11, organization_id=1, name="gps", protocol="drivetech")},
    integrations={21: Integration(21, 1, "insurer")},
    provider_settings={},
    tokens={digest("prt_one"): 11, digest("prt_gone"): 99},
    clients={"client12": digest("prt_one")},
    integration_tokens={digest("pit_one"): 21, digest("pit_gone"): 99},
    api_keys={
        digest("pop_one"): Account(id="keyo", role="operator"),
        digest("pau_one"): Account(id="keya", role="auditor", organization_id=1),
        digest("pfo_one"): Account(id="keyf", role="fleet_owner", organization_id=1),
    },
    service_accounts={
        "machine1": ServiceAccount(
            id="machine1", role="integration", organization_id=1, integration_id=21, audience="", key_id="",
            public_key=b"",
        ),
        "client12": ServiceAccount(id="client12", role="operator", audience="", key_id="", public_key=b""),
    },
    subjects={}, identifiers={}, destinations={}, subscriptions={}, streams={},
)  # fmt: skip

KNOWN = {
    "prt_one": Principal(name="provider gps", role=Role.PROVIDER, organization_id=1, provider_id=11),
    "pit_one": Principal(name="integration insurer", role=Role.INTEGRATION, organization_id=1, integration_id=21),
    "pop_one": Principal(name="API key keyo", role=Role.OPERATOR),
    "pau_one": Principal(name="API key keya", role=Role.AUDITOR, organization_id=1),
    "pfo_one": Principal(name="API key keyf", role=Role.FLEET_OWNER, organization_id=1),
}


@pytest.fixture
def tokens(clock: object) -> AccessTokens:
    return AccessTokens(KEYS, lifetime_s=600, clock=clock, place=SERVICE_ACCOUNTS)  # type: ignore[arg-type]


def test_the_registry_and_the_policy_name_the_same_roles() -> None:
    assert set(get_args(RoleName)) == set(Role) - {Role.OWNER}, "owners have a password, and no key"


@pytest.mark.parametrize("key", KNOWN)
def test_a_key_stands_for_its_principal(key: str, tokens: AccessTokens) -> None:
    assert principal_of_key(key, VIEW) == KNOWN[key]
    authenticator = Authenticator(tokens)
    for authorization in (f"Bearer {key}", f"bearer   {key}  "):
        assert authenticator.principal(authorization, VIEW) == KNOWN[key]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer pop_", "Bearer pop_two", "Basic pop_one", "pop_one", "Bearer prt_gone",
     "Bearer pit_gone", "Bearer pat_", "Bearer pat_AAAA", "Bearer \udcff", "Bearer pat_\udcff"],
)  # fmt: skip
def test_what_is_not_known_is_nobodys(authorization: str | None, tokens: AccessTokens) -> None:
    assert Authenticator(tokens).principal(authorization, VIEW) is None


def test_an_access_token_stands_for_its_service_account_until_it_expires(tokens: AccessTokens, clock: object) -> None:
    authorization = f"Bearer {tokens.issue('machine1')}"
    found = Authenticator(tokens).principal(authorization, VIEW)
    assert found == Principal(
        name="service account machine1", role=Role.INTEGRATION, organization_id=1, integration_id=21
    )
    clock.us += 599_999_999  # type: ignore[attr-defined]
    assert Authenticator(tokens).principal(authorization, VIEW) == found
    clock.us += 1  # type: ignore[attr-defined]
    assert Authenticator(tokens).principal(authorization, VIEW) is None


def test_an_access_token_dies_with_its_service_account(tokens: AccessTokens) -> None:
    authorization = f"Bearer {tokens.issue('gone')}"
    assert Authenticator(tokens).principal(authorization, VIEW) is None


def test_a_token_of_a_client_is_none_of_a_service_account_nor_the_reverse(tokens: AccessTokens, clock: object) -> None:
    """Though both have an id of the same text."""
    of_clients = AccessTokens(KEYS, lifetime_s=600, clock=clock, place=CLIENTS)  # type: ignore[arg-type]
    shown = of_clients.issue("client12")
    assert of_clients.provider_of(f"Bearer {shown}".encode(), VIEW) is VIEW.providers[11]
    assert Authenticator(tokens).principal(f"Bearer {shown}", VIEW) is None
    assert of_clients.provider_of(f"Bearer {tokens.issue('client12')}".encode(), VIEW) is None


def test_a_principal_that_its_role_does_not_go_with_cannot_be_made() -> None:
    whole = set()
    for role, ids in product(Role, product((None, 1), repeat=4)):
        organization_id, provider_id, integration_id, account_id = ids
        try:
            Principal(
                name="x",
                role=role,
                organization_id=organization_id,
                provider_id=provider_id,
                integration_id=integration_id,
                account_id=account_id,
            )
        except ValueError:
            continue
        whole.add((role, *ids))
    assert whole == {
        (Role.OPERATOR, None, None, None, None), (Role.AUDITOR, None, None, None, None),
        (Role.AUDITOR, 1, None, None, None), (Role.FLEET_OWNER, 1, None, None, None),
        (Role.PROVIDER, 1, 1, None, None), (Role.INTEGRATION, 1, None, 1, None), (Role.OWNER, 1, None, None, 1),
    }  # fmt: skip
