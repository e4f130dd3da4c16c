"""The token endpoint: ``POST /oauth/token``, the client credentials grant of OAuth 2.0 (RFC 6749 section 4.4).

A client names itself by basic authentication or in the form (section 2.3.1). ``grant_type`` may be left out, as may the
body: some senders send none. Further headers, form fields and query parameters are passed over. Errors are those of
section 5.2; a secret in the query is not looked for, since URLs are written to logs.
"""

import base64
from collections.abc import Callable, Collection
from typing import Final
from urllib.parse import parse_qs, unquote_plus

import msgspec

from postroad.ingest.access_tokens import AccessTokens, client_of
from postroad.ingest.http import problems
from postroad.ingest.http.answers import JSON, Answer, Headers, Send, header
from postroad.metrics.counts import Counts
from postroad.registry.records import RegistryView

PATH: Final = "/oauth/token"
_BODY_LIMIT_BYTES: Final = 8 * 1024
_MAX_FIELDS: Final = 50
_NOT_KEPT: Final = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))  # section 5.1


def _error(status: int, code: str, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(status, msgspec.json.encode({"error": code}), (JSON, *_NOT_KEPT, *headers))


INVALID_REQUEST = _error(400, "invalid_request")
UNSUPPORTED_GRANT_TYPE = _error(400, "unsupported_grant_type")
UNAUTHORIZED_CLIENT = _error(400, "unauthorized_client")
INVALID_CLIENT = _error(401, "invalid_client", (b"www-authenticate", b"Basic"))

ERRORS = (INVALID_REQUEST, UNSUPPORTED_GRANT_TYPE, UNAUTHORIZED_CLIENT, INVALID_CLIENT)


class _Granted(msgspec.Struct, frozen=True):
    """Section 5.1."""

    access_token: str
    token_type: str
    expires_in: int


class TokenEndpoint:
    """See ``Entrance``, of which it is one that takes nothing in."""

    paths: tuple[str, ...] = (PATH,)
    method = "POST"
    body_limit_bytes = _BODY_LIMIT_BYTES
    too_large = problems.TOO_LARGE
    wrong_method = problems.METHOD_NOT_ALLOWED

    def __init__(
        self,
        tokens: AccessTokens,
        *,
        view: Callable[[], RegistryView],
        protocols: Collection[str],
        counts: Counts,
    ) -> None:
        """For clients of providers that speak one of ``protocols``, whose entrances take such tokens."""
        self._tokens = tokens
        self._view = view
        self._protocols = protocols
        self._counts = counts

    def unavailable(self, retry_after_s: int) -> Answer:
        """See ``Entrance``."""
        return problems.unavailable(retry_after_s)

    def refuses(self, headers: Headers) -> Answer | None:  # noqa: ARG002 - a client may be named in the body
        """See ``Entrance``."""
        return None

    def receive(self, headers: Headers, body: bytes, send: Send) -> None:
        """Answer with a token, or with what is wrong."""
        answer = self._answer(headers, body)
        if answer is INVALID_CLIENT:
            self._counts.unauthorized.add()
        send(answer)

    def _answer(self, headers: Headers, body: bytes) -> Answer:
        try:
            form = _form(body)
            client_id, secret = _client(header(headers, b"authorization"), form)
        except ValueError:
            return INVALID_REQUEST
        provider = client_of(client_id, secret, self._view())
        if provider is None:
            return INVALID_CLIENT
        if form.get("grant_type", "client_credentials") != "client_credentials":
            return UNSUPPORTED_GRANT_TYPE
        if provider.protocol not in self._protocols:
            return UNAUTHORIZED_CLIENT
        granted = _Granted(self._tokens.issue(client_id), "Bearer", self._tokens.lifetime_s)
        return Answer(200, msgspec.json.encode(granted), (JSON, *_NOT_KEPT))


def _form(body: bytes) -> dict[str, str]:
    """The fields; an empty body, and JSON's ``{}``, have none. Raises ``ValueError``, also for one given twice."""
    text = body.decode()
    if not text.strip() or text.strip() == "{}":
        return {}
    fields = parse_qs(text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FIELDS)
    if any(len(values) > 1 for values in fields.values()):
        raise ValueError("a field stands there twice")
    return {name: values[0] for name, values in fields.items()}


def _client(authorization: bytes | None, form: dict[str, str]) -> tuple[str, str]:
    """Id and secret as they were given; empty where there are none. Raises ``ValueError`` if they are given twice."""
    in_form = "client_secret" in form
    if authorization is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    if in_form:
        raise ValueError("two ways of authentication at once")  # section 2.3
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return "", ""
    try:
        user, separator, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""  # nobody's: 401, by which a client knows that its credentials are meant
    return (unquote_plus(user), unquote_plus(password)) if separator else ("", "")
