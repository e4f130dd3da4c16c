"""Service accounts: machines that sign in with a key pair of their own."""

from typing import Any

from postroad.access.policy import HUB, Operation, Target
from postroad.access.service_keys import SIGN_IN_PATH, issuer, key_id, new_key_pair, read_public_key
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.resources.credentials import check_owner, instant, place, seen
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.credential import (
    CreatedServiceAccount,
    CredentialList,
    ServiceAccount,
    ServiceAccountBody,
)
from postroad.api.rest.types.paging import Page
from postroad.clock import from_us
from postroad.errors import ConfigError, NotFound
from postroad.registry.service_accounts import ServiceAccountInfo

ALL = "/service-accounts"
ONE = ALL + "/{account}"

service_accounts = Resource("service accounts", "Machines that sign in with a key pair of their own.")


@service_accounts.get(ALL, Operation.READ_REGISTRY)
def list_service_accounts(call: Call, query: CredentialList) -> Page[ServiceAccount]:
    """List service accounts, the oldest first, those that were revoked too."""
    found = seen(call, query, call.registry.list_service_accounts(), after=key_of(query, str))
    return page_of(found, query, lambda one: ServiceAccount(**_values(one)), key=place)


@service_accounts.get(ONE, Operation.READ_REGISTRY)
def get_service_account(call: Call, account: str) -> ServiceAccount:
    """Get a service account."""
    found = _find(call, account)
    call.require(Target(organization_id=found.organization_id))
    return ServiceAccount(**_values(found))


@service_accounts.post(ALL, Operation.CHANGE_REGISTRY)
def create_service_account(call: Call, body: ServiceAccountBody) -> CreatedServiceAccount | Created:
    """Create a service account. A private key that is made for it is shown this once and not stored."""
    call.require(HUB)
    check_owner(call, body.role, body.owner_id)
    private_pem, public_key = _pair(body.public_key)
    id_ = call.registry.create_service_account(
        body.role,
        body.owner_id,
        audience=body.url.rstrip("/") + SIGN_IN_PATH,
        key_id=key_id(public_key),
        public_key=public_key,
        label=body.label,
    )
    created = CreatedServiceAccount(**_values(_find(call, id_)), private_key=private_pem)
    return Created(created, ONE.format(account=id_))


@service_accounts.delete(ONE, Operation.CHANGE_REGISTRY, current=get_service_account)
def revoke_service_account(call: Call, account: str) -> None:
    """Revoke a service account, now, with every access token that it got. It stays listed."""
    call.require(Target(organization_id=_find(call, account).organization_id))
    call.registry.revoke_service_account(account)


def _pair(pem: str | None) -> tuple[str | None, bytes]:
    """The private key, if one is made, and the public one."""
    if pem is None:
        return new_key_pair()
    try:
        return None, read_public_key(pem.encode())
    except ConfigError as exc:
        raise ConfigError(exc.message, field="public_key") from exc


def _find(call: Call, id_: str) -> ServiceAccountInfo:
    for one in call.registry.list_service_accounts():
        if one.id == id_:
            return one
    raise NotFound("there is no service account with this id")


def _values(one: ServiceAccountInfo) -> dict[str, Any]:
    return {
        "id": one.id,
        "role": one.role,
        "owner": one.owner,
        "owner_id": one.owner_id,
        "organization_id": one.organization_id,
        "label": one.label,
        "created_at": from_us(one.created_us),
        "revoked_at": instant(one.revoked_us),
        "iss": issuer(one.id),
        "aud": one.audience,
        "kid": one.key_id,
    }
