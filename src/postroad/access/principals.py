"""Who asks: whatever was shown, a key or a token, it stands for a principal of one role.

A principal is what it is for good: its role, and whose it is. What it may do, ``postroad.access.policy`` alone says.
"""

import enum

import msgspec

from postroad.registry.actor import Actor, Origin
from postroad.registry.records import Account, RegistryView
from postroad.registry.tokens import digest
from postroad.registry.vehicle_owners import Owner


class Role(enum.StrEnum):
    """What a principal is to the hub."""

    OPERATOR = "operator"
    """Runs the hub: everything of everybody."""
    AUDITOR = "auditor"
    """Reads, and changes nothing: of one organization, or of all."""
    FLEET_OWNER = "fleet_owner"
    """Of one organization: its fleets and vehicles, and what they grant to whom."""
    PROVIDER = "provider"
    """Sends to us, and sees what became of that."""
    INTEGRATION = "integration"
    """Receives from us, and looks after what it receives."""
    OWNER = "owner"
    """A person who has vehicles, and shares them with services."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks. One that is not whole cannot be made, so that nobody is taken for more than he is."""

    name: str
    """For people and records: which key, token or service account it was; never a secret."""
    role: Role
    organization_id: int | None = None
    """Of an operator, and of an auditor of everything: None."""
    provider_id: int | None = None
    """Of a provider only."""
    integration_id: int | None = None
    """Of an integration only."""
    account_id: int | None = None
    """Of an owner only: subject id of the account."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a principal that its role does not go with."""
        ids = (self.organization_id, self.provider_id, self.integration_id, self.account_id)
        has = tuple(id_ is not None for id_ in ids)
        if has not in _HAS[self.role]:
            raise ValueError(f"no {self.role} is made so")

    @property
    def key(self) -> str:
        """What counts as one caller; nobody else's is the same."""
        ids = (self.organization_id, self.provider_id, self.integration_id, self.account_id)
        return " ".join([self.role, *map(str, ids), self.name])


def actor_of(principal: Principal, origin: Origin, address: str | None) -> Actor:
    """A principal who changes something, for the audit log; ``address``: from where, as the request tells."""
    return Actor(name=principal.name, role=principal.role.value, origin=origin, address=address)


_HAS: dict[Role, tuple[tuple[bool, bool, bool, bool], ...]] = {
    Role.OPERATOR: ((False, False, False, False),),
    Role.AUDITOR: ((False, False, False, False), (True, False, False, False)),
    Role.FLEET_OWNER: ((True, False, False, False),),
    Role.PROVIDER: ((True, True, False, False),),
    Role.INTEGRATION: ((True, False, True, False),),
    Role.OWNER: ((True, False, False, True),),
}
"""Role -> which of organization, provider, integration and account it has."""


def principal_of_key(key: str, view: RegistryView) -> Principal | None:
    """Who has this API key: one of its own kind, or the token of a provider or an integration.

    The look-up is by digest: how long it takes tells nothing about any key.
    """
    sha256 = digest(key)
    if (account := view.api_keys.get(sha256)) is not None:
        return principal_of_account(account, f"API key {account.id}")
    if (id_ := view.integration_tokens.get(sha256)) is not None and (integration := view.integrations.get(id_)):
        return Principal(
            name=f"integration {integration.name}",
            role=Role.INTEGRATION,
            organization_id=integration.organization_id,
            integration_id=id_,
        )
    if (id_ := view.tokens.get(sha256)) is not None and (provider := view.providers.get(id_)):
        return Principal(
            name=f"provider {provider.name}",
            role=Role.PROVIDER,
            organization_id=provider.organization_id,
            provider_id=id_,
        )
    return None


def principal_of_owner(owner: Owner) -> Principal:
    """Whom an owner's session stands for."""
    return Principal(
        name=f"owner {owner.login}",
        role=Role.OWNER,
        organization_id=owner.organization_id,
        account_id=owner.account_id,
    )


def principal_of_account(account: Account, name: str) -> Principal:
    """Whom an API key or a service account stands for."""
    return Principal(
        name=name,
        role=Role(account.role),
        organization_id=account.organization_id,
        provider_id=account.provider_id,
        integration_id=account.integration_id,
    )
