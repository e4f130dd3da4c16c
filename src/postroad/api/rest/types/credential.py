"""Tokens and service accounts: by what callers are known."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.api.rest.types.paging import Paging
from postroad.api.rest.types.scalars import Id, Instant

RoleOf = Literal["operator", "auditor", "fleet_owner", "provider", "integration"]
Label = Annotated[str, Meta(max_length=200)]
Pem = Annotated[str, Meta(max_length=4096)]
Url = Annotated[str, Meta(max_length=2000, pattern="^https?://")]


class CredentialBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose it is to be."""

    role: Annotated[RoleOf, Meta(description="What its holder is to the hub.")]
    owner_id: Annotated[
        Id | None,
        Meta(
            description="Of the provider, of the integration, or of a fleet owner's or an auditor's organization. "
            "Null: an operator, or an auditor of all organizations."
        ),
    ] = None
    label: Annotated[Label, Meta(description="What it is for, to tell several apart.")] = ""


class TokenBody(CredentialBody, frozen=True, kw_only=True):
    """A token to be issued."""


class ServiceAccountBody(CredentialBody, frozen=True, kw_only=True):
    """A service account to be created."""

    url: Annotated[Url, Meta(description="The hub's URL, as the account's holder reaches it.")]
    public_key: Annotated[
        Pem | None,
        Meta(description="PEM of the holder's RSA public key, 2048 to 4096 bits; null: a pair is made."),
    ] = None


class CredentialList(Paging, frozen=True, kw_only=True):
    """Which of them."""

    role: Annotated[RoleOf | None, Meta(description="Of this role.")] = None
    revoked: Annotated[bool | None, Meta(description="Only those that were revoked, or were not.")] = None


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of it."""

    id: Annotated[str, Meta(description="Public: it may be shown and logged.")]
    role: Annotated[RoleOf, Meta(description="What its holder is to the hub.")]
    owner: Annotated[str | None, Meta(description="The owner's name; null: it has none.")]
    owner_id: Annotated[int | None, Meta(description="Of the provider, the integration or the organization.")]
    organization_id: Annotated[int | None, Meta(description="Of the owner; null: of all.")]
    label: Annotated[str, Meta(description="What it is for.")]
    created_at: Annotated[Instant, Meta(description="When it was made.")]
    revoked_at: Annotated[Instant | None, Meta(description="When it was ended; null: it is good.")]


class Token(Credential, frozen=True, kw_only=True):
    """A token, or API key: never its text."""


class IssuedToken(Token, frozen=True, kw_only=True):
    """A token that was just made."""

    token: Annotated[
        str,
        Meta(description="Its text, shown this once; with an `Idempotency-Key` the same request shows it for a day."),
    ]


class ServiceAccount(Credential, frozen=True, kw_only=True):
    """A machine that signs in with a key pair of its own."""

    iss: Annotated[str, Meta(description="What its assertions name as their issuer.")]
    aud: Annotated[str, Meta(description="For whom they are: where it signs in.")]
    kid: Annotated[str, Meta(description="The id of its key.")]


class CreatedServiceAccount(ServiceAccount, frozen=True, kw_only=True):
    """A service account that was just made."""

    private_key: Annotated[
        str | None,
        Meta(description="PEM (PKCS #8) of a key that was made, shown this once and not stored. Null: it brought its."),
    ]
