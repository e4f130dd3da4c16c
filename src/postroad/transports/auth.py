"""How a destination knows us: the ``auth`` of an HTTPS destination, as an operator writes it."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.transports.headers import check_headers

Secret = Annotated[str, Meta(extra_json_schema={"writeOnly": True})]
"""Marked ``writeOnly`` in the JSON schema: to be sealed at rest, never shown."""

_HIDDEN = "<hidden>"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class NoAuth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="none"):
    """Nothing: the URL or a static header says enough."""


class BasicAuth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="basic"):
    """HTTP basic authentication (RFC 7617)."""

    username: Annotated[str, Meta(description="User name; holds no colon.")]
    password: Annotated[Secret, Meta(description="Password.")]

    def __post_init__(self) -> None:
        """A colon would end the name early (RFC 7617 section 2)."""
        if ":" in self.username:
            raise ValueError("username holds a colon, which basic authentication cannot say")

    def __repr__(self) -> str:
        """Without the secret."""
        return f"BasicAuth(username={self.username!r}, password={_HIDDEN})"


class BearerAuth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="bearer"):
    """A bearer token that does not change (RFC 6750 section 2.1)."""

    token: Annotated[Secret, Meta(description="The token, without the word Bearer.")]

    def __post_init__(self) -> None:
        """Refuse what cannot stand in the header, such as a value that says ``Bearer`` itself."""
        if not _TOKEN.fullmatch(self.token):
            raise ValueError("token is no bearer token (RFC 6750 section 2.1): give it alone, without the word Bearer")

    def __repr__(self) -> str:
        """Without the secret."""
        return f"BearerAuth(token={_HIDDEN})"


class ClientCredentialsAuth(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="oauth2_client_credentials",
):
    """A bearer token by OAuth 2.0 client credentials (RFC 6749 section 4.4)."""

    token_url: Annotated[str, Meta(description="The token endpoint, https.")]
    client_id: Annotated[str, Meta(description="Sent with client_secret as basic authentication.")]
    client_secret: Annotated[Secret, Meta(description="Secret of the client.")]
    client_encoding: Annotated[
        Literal["form", "plain"],
        Meta(description="How both are written there: form-encoded (RFC 6749, 2.3.1), or as they are."),
    ] = "form"
    scope: Annotated[str | None, Meta(description="Scopes asked for, separated by spaces.")] = None
    headers: Annotated[dict[str, Secret], Meta(description="More headers of the token request.")] = {}
    params: Annotated[dict[str, Secret], Meta(description="More form fields of the token request.")] = {}
    query: Annotated[dict[str, Secret], Meta(description="More parameters in the query of the token request.")] = {}
    renew_on: Annotated[
        tuple[Literal[401, 403], ...],
        Meta(description="Statuses that mean the token is no longer good: fetch another and send once more."),
    ] = (401,)

    def __post_init__(self) -> None:
        """Refuse what would change the grant itself."""
        check_headers(self.headers, also=("accept", "authorization"))
        if taken := {"grant_type", "scope"} & self.params.keys():
            raise ValueError(f"params may not hold {', '.join(sorted(taken))}")

    def __repr__(self) -> str:
        """Without the secrets."""
        return (
            f"ClientCredentialsAuth(client_id={self.client_id!r}, client_secret={_HIDDEN}, scope={self.scope!r}, "
            f"headers={sorted(self.headers)}, params={sorted(self.params)}, query={sorted(self.query)}, "
            f"renew_on={self.renew_on})"
        )


Auth = NoAuth | BasicAuth | BearerAuth | ClientCredentialsAuth
