"""Tokens: by what providers, integrations and people of other roles are known."""

from postroad.access.policy import HUB, Operation, Target
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.resources.credentials import check_owner, instant, place, seen
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.credential import CredentialList, IssuedToken, Token, TokenBody
from postroad.api.rest.types.paging import Page
from postroad.clock import from_us
from postroad.errors import NotFound
from postroad.registry.tokens import TokenInfo

ALL = "/tokens"
ONE = ALL + "/{token}"

tokens = Resource("tokens", "By what providers, integrations and people of other roles are known.")


@tokens.get(ALL, Operation.READ_REGISTRY)
def list_tokens(call: Call, query: CredentialList) -> Page[Token]:
    """List tokens, the oldest first, those that were revoked too; never their texts."""
    found = seen(call, query, call.registry.list_tokens(), after=key_of(query, str))
    return page_of(found, query, _shown, key=place)


@tokens.get(ONE, Operation.READ_REGISTRY)
def get_token(call: Call, token: str) -> Token:
    """Get what may be shown of a token."""
    found = _find(call, token)
    call.require(_target(found))
    return _shown(found)


@tokens.post(ALL, Operation.CHANGE_REGISTRY)
def issue_token(call: Call, body: TokenBody) -> IssuedToken | Created:
    """Issue a token. Its text is shown this once."""
    call.require(HUB)
    check_owner(call, body.role, body.owner_id)
    id_, text = call.registry.issue_key(body.role, body.owner_id, body.label)
    shown = _shown(_find(call, id_))
    values = {name: getattr(shown, name) for name in shown.__struct_fields__}
    return Created(IssuedToken(**values, token=text), ONE.format(token=id_))


@tokens.delete(ONE, Operation.CHANGE_REGISTRY, current=get_token)
def revoke_token(call: Call, token: str) -> None:
    """Revoke a token, now. It stays listed. Doing it again changes nothing."""
    call.require(_target(_find(call, token)))
    call.registry.revoke_token(token)


def _find(call: Call, id_: str) -> TokenInfo:
    for one in call.registry.list_tokens():
        if one.id == id_:
            return one
    raise NotFound("there is no token with this id")


def _target(one: TokenInfo) -> Target:
    return Target(organization_id=one.organization_id)


def _shown(one: TokenInfo) -> Token:
    return Token(
        id=one.id,
        role=one.role,
        owner=one.owner,
        owner_id=one.owner_id,
        organization_id=one.organization_id,
        label=one.label,
        created_at=from_us(one.created_us),
        revoked_at=instant(one.revoked_us),
    )
