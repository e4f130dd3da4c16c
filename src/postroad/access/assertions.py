"""What a service account shows to sign in: a JWT (RFC 7519) that it signed itself, good for an hour at most.

Only RS256 is known here, whatever a header says, so that a public key can never be taken for the secret of an HMAC. Of
``iss``, ``aud``, ``kid``, ``exp`` and ``iat`` each must be there and right, ``nbf`` may be. What else it says is passed
over. The same assertion is taken again within its life: see the decision (docs/decisions/0024-service-accounts.md).

Whoever is refused learns nothing from it. There is one answer, and a signature is checked in every case: for an
account that there is not, or no more, with a key that is nobody's.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jwt import JWTClaimsRegistry

from postroad.access.service_keys import account_id_of, issuer, nobodys_key, stored_key
from postroad.errors import StoreCorrupt
from postroad.registry.records import ServiceAccount

MAX_LIFETIME_S: Final = 3600
"""From ``iat`` to ``exp``."""
LEEWAY_S: Final = 60
"""By how much the clocks of an account and of the hub may differ."""

_ALGORITHM: Final = "RS256"
_SIGNED: Final = jws.JWSRegistry(algorithms=[_ALGORITHM], strict_check_header=False)  # RFC 7515, section 4
_MALFORMED: Final = (JoseError, ValueError, TypeError)
"""What the library raises for texts that are no JWT: its own errors, and Python's where a header is no object."""


def account_of(assertion: str, accounts: Mapping[str, ServiceAccount], now_s: int) -> ServiceAccount | None:
    """Who has signed an assertion that is good now (seconds since 1970); ``None``: nobody that may sign in.

    Raises:
        StoreCorrupt: The account's own key cannot be read.
    """
    try:
        signed = jws.extract_compact(assertion.encode(), registry=_SIGNED)
    except _MALFORMED:
        return None
    claims = _claims(signed.payload)
    account = accounts.get(account_id_of(claims.get("iss")) or "")
    if not _is_signed(signed, _key_of(account or _NOBODY)) or account is None:
        return None
    if signed.headers().get("kid") != account.key_id or not _is_good(claims, account, now_s):
        return None
    return account


def _is_signed(signed: jws.CompactSignature, key: RSAKey) -> bool:
    try:
        return jws.validate_compact(signed, key, registry=_SIGNED)
    except _MALFORMED:
        return False


def _claims(payload: bytes) -> dict[str, Any]:
    """What is said, none of it believed yet; empty if it is no JSON object. One that is null is as if left out."""
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in claims.items() if value is not None} if isinstance(claims, dict) else {}


def _is_good(claims: dict[str, Any], account: ServiceAccount, now_s: int) -> bool:
    """Whether everything that must be said is said, and right."""
    registry = JWTClaimsRegistry(
        now=now_s,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer(account.id)},
        aud={"essential": True, "value": account.audience},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError:
        return False
    return bool(claims["exp"] <= claims["iat"] + MAX_LIFETIME_S)


def _key_of(account: ServiceAccount) -> RSAKey:
    try:
        return RSAKey.import_key(stored_key(account.public_key))
    except ValueError as exc:
        raise StoreCorrupt(f"the key of service account {account.id} is none") from exc


_NOBODY: Final = ServiceAccount(id="", role="auditor", audience="", key_id="", public_key=nobodys_key())
"""In whose place an unknown account's signature is checked."""
