"""Signing in with a service account: an assertion signed by our key is exchanged for a short-lived token.

The assertion is a JWT (RFC 7519) signed by RS256: two lines of JSON and a signature, made by the library that seals
secrets too. A library for JWTs is mostly about reading those of others, which is where they go wrong; we read none.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from postroad.clock import Clock
from postroad.egress.client import Answer
from postroad.egress.failures import EgressFailed
from postroad.egress.tokens import SharedToken, TokenFailed
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream, ServiceAccount, signing_key
from postroad.upstream.connected_cars.problem import Problem, of_status

ASSERTION_S = 3600
"""How long an assertion says that it is good."""
UNSTATED_LIFETIME_S = 300.0

SIGN_IN = "sign_in"

Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Answer]]


class SignInFailed(TokenFailed):
    """No token could be had."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Token(msgspec.Struct):
    """What the auth service answers; ``expires`` is a lifetime in seconds."""

    token: str
    expires: float = UNSTATED_LIFETIME_S


def assertion(account: ServiceAccount, now_us: int) -> str:
    """A JWT that says who we are, good from now on."""
    now_s = now_us // 1_000_000
    header = {"typ": "JWT", "alg": "RS256", "kid": account.key_id}
    claims = {"aud": account.audience, "iss": account.issuer, "iat": now_s, "exp": now_s + ASSERTION_S}
    signed = _encoded(msgspec.json.encode(header)) + b"." + _encoded(msgspec.json.encode(claims))
    signature = signing_key(account.private_key).sign(signed, PKCS1v15(), SHA256())
    return (signed + b"." + _encoded(signature)).decode()


def _encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def shared_token(config: ConnectedCarsUpstream, post: Post, clock: Clock) -> SharedToken:
    """The current token of a provider's service account, renewed before its end."""

    async def fetch() -> tuple[str, float]:
        ours = assertion(config.service_account, clock.now_us())
        headers = {"Content-Type": "application/json", "X-Organization-Namespace": config.namespace}
        try:
            answer = await post(config.auth_url, msgspec.json.encode({"token": ours}), headers)
        except EgressFailed as exc:
            problem = Problem(kind="unreachable", operation=SIGN_IN, detail=str(exc))
            raise SignInFailed(problem) from exc
        bad = of_status(SIGN_IN, answer, clock.now_us(), (ours,))
        if bad is not None:
            raise SignInFailed(bad)
        try:
            read = msgspec.json.decode(answer.body, type=_Token)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            detail = "the answer holds no token in JSON"
            raise SignInFailed(Problem(kind="unreadable", operation=SIGN_IN, detail=detail, status=200)) from exc
        if not read.token.isascii() or not read.token.isprintable() or not read.token or " " in read.token:
            detail = "the token cannot be sent in a header"
            raise SignInFailed(Problem(kind="unreadable", operation=SIGN_IN, detail=detail, status=200))
        return read.token, max(0.0, read.expires)

    return SharedToken(fetch, clock)
