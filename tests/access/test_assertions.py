"""Assertions of service accounts: which are good, for how long, and that whatever else is shown is nobody's."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroad.access import assertions
from postroad.access.assertions import LEEWAY_S, MAX_LIFETIME_S, account_of
from postroad.access.service_keys import issuer, key_id, new_key_pair, stored_key
from postroad.errors import StoreCorrupt
from postroad.registry.records import ServiceAccount

NOW_S = 1_700_000_000
AUDIENCE = "https://hub.example/auth/login/serviceAccountConverter"
PAIR, OTHER_PAIR = new_key_pair(), new_key_pair()
ACCOUNT = ServiceAccount(
    id="abcdefgh",
    role="integration",
    organization_id=1,
    integration_id=21,
    audience=AUDIENCE,
    key_id=key_id(PAIR.public_key),
    public_key=PAIR.public_key,
)
ACCOUNTS = {ACCOUNT.id: ACCOUNT}
HEADER = {"typ": "JWT", "alg": "RS256", "kid": ACCOUNT.key_id}
CLAIMS = {"iss": issuer(ACCOUNT.id), "aud": AUDIENCE, "iat": NOW_S, "exp": NOW_S + 3600}

Sign = Callable[[bytes], bytes]


def by(private_pem: str) -> Sign:
    """RS256, without the library that is tested."""
    key = load_pem_private_key(private_pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return lambda signed: key.sign(signed, PKCS1v15(), hashes.SHA256())


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


OURS = by(PAIR.private_pem)


def jwt(header: Any, claims: Any, sign: Sign = OURS) -> str:
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{encoded(sign(signed.encode()))}"


def made(*, header: dict[str, Any] | None = None, without: str = "", **claims: Any) -> str:
    said = {name: value for name, value in (CLAIMS | claims).items() if name != without}
    return jwt({name: value for name, value in (HEADER | (header or {})).items() if name != without}, said)


def who(assertion: str, now_s: int = NOW_S) -> ServiceAccount | None:
    return account_of(assertion, ACCOUNTS, now_s)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"nbf": NOW_S},
        {"nbf": None, "jti": None, "sub": None, "email": None, "amr": None},
        {"jti": "1", "sub": "x", "scope": "a b", "amr": ["pwd"], "ons": "market", "email_verified": True},
        {"aud": ["https://elsewhere.example", AUDIENCE]},
        {"iat": NOW_S - 0.5, "exp": NOW_S + 10.5},
    ],
)
def test_what_the_account_signed_is_good(claims: dict[str, Any]) -> None:
    assert who(made(**claims)) is ACCOUNT


def test_a_header_may_say_more_than_is_known_here() -> None:
    assert who(made(header={"x-of-somebody": 1, "typ": None})) is None, "but not what is known, wrongly"
    assert who(made(header={"x-of-somebody": 1})) is ACCOUNT


WRONG: dict[str, dict[str, Any]] = {
    "no issuer": {"without": "iss"},
    "no audience": {"without": "aud"},
    "no key id": {"without": "kid"},
    "no expiry": {"without": "exp"},
    "no beginning": {"without": "iat"},
    "another issuer": {"iss": issuer("stranger")},
    "no address": {"iss": ACCOUNT.id},
    "an issuer that is no text": {"iss": [issuer(ACCOUNT.id)]},
    "another audience": {"aud": "https://elsewhere.example"},
    "an audience that goes on": {"aud": AUDIENCE + "/"},
    "an audience that is no text": {"aud": {AUDIENCE: AUDIENCE}},
    "another key id": {"header": {"kid": "0" * 16}},
    "a key id that is no text": {"header": {"kid": [ACCOUNT.key_id]}},
    "expired": {"iat": NOW_S - 3600, "exp": NOW_S - LEEWAY_S},
    "good for too long": {"exp": NOW_S + MAX_LIFETIME_S + 1},
    "good for ever": {"exp": 10**400},
    "of the future": {"iat": NOW_S + LEEWAY_S + 1},
    "not good yet": {"nbf": NOW_S + LEEWAY_S + 1},
    "an expiry that is text": {"exp": str(NOW_S + 60)},
    "an expiry that is no number": {"exp": float("nan")},
    "an expiry without end": {"exp": float("inf")},
    "a beginning that is no number": {"iat": float("nan")},
    "a beginning without end": {"iat": float("-inf")},
    "a time that is a truth": {"iat": True},
    "something critical": {"header": {"crit": ["exp"], "exp": 1}},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_lacks_something_or_says_it_wrongly_is_nobodys(wrong: str) -> None:
    assert who(made(**WRONG[wrong])) is None


def test_the_clocks_may_differ_by_the_leeway_and_no_more() -> None:
    late = made(iat=NOW_S - 3600, exp=NOW_S)
    assert [who(late, NOW_S + by_s) is ACCOUNT for by_s in (LEEWAY_S - 1, LEEWAY_S)] == [True, False]
    early = made(iat=NOW_S, nbf=NOW_S, exp=NOW_S + 60)
    assert [who(early, NOW_S - by_s) is ACCOUNT for by_s in (LEEWAY_S, LEEWAY_S + 1)] == [True, False]


def test_it_is_good_for_an_hour_at_most() -> None:
    assert who(made(exp=NOW_S + MAX_LIFETIME_S)) is ACCOUNT
    assert who(made(exp=NOW_S + MAX_LIFETIME_S + 0.5)) is None


def test_another_algorithm_is_refused_whatever_it_would_find() -> None:
    """Above all an HMAC whose secret is the public key, which anybody may know."""
    der = PAIR.public_key
    pem = stored_key(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def hmac_by(secret: bytes) -> Sign:
        def sign(signed: bytes) -> bytes:
            mac = hmac.HMAC(secret, hashes.SHA256())
            mac.update(signed)
            return mac.finalize()

        return sign

    for secret in (der, pem, pem.strip()):
        assert who(jwt(HEADER | {"alg": "HS256"}, CLAIMS, hmac_by(secret))) is None
    for algorithm in ("none", "None", "NONE", "", "RS512", "PS256", "ES256", "EdDSA", None, 256, ["RS256"]):
        assert who(jwt(HEADER | {"alg": algorithm}, CLAIMS)) is None, "signed as RS256 does"
        assert who(jwt(HEADER | {"alg": algorithm}, CLAIMS, lambda _: b"")) is None


NO_HEADER: dict[str, Any] = {
    "text": "alg",
    "a list": ["alg"],
    "nothing in a list": [],
    "a number": 5,
    "null": None,
    "nothing": {},
    "an algorithm that is an object": {"alg": {}},
    "null critical": HEADER | {"crit": None},
    "lists critical": HEADER | {"crit": [[]]},
    "a number critical": HEADER | {"crit": 5},
    "a payload as it is": HEADER | {"crit": ["b64"], "b64": False},
    "certificates that are none": HEADER | {"x5c": 1},
    "too long": HEADER | {"kid": "k" * 600},
}


@pytest.mark.parametrize("header", NO_HEADER)
def test_a_header_that_is_none_makes_it_nobodys(header: str) -> None:
    assert who(jwt(NO_HEADER[header], CLAIMS)) is None


def test_what_somebody_else_signed_or_nobody_or_another_text_is_nobodys() -> None:
    good = made()
    assert who(jwt(HEADER, CLAIMS, by(OTHER_PAIR.private_pem))) is None
    head, _, signature = good.rpartition(".")
    assert who(head + ".") is None
    other = made(exp=NOW_S + 1800).rpartition(".")[0]
    assert who(f"{other}.{signature}") is None
    for cut in (signature[:-2], signature[2:], signature + "AAAA"):
        assert who(f"{head}.{cut}") is None


def test_a_key_in_the_header_is_not_believed() -> None:
    numbers = stored_key(OTHER_PAIR.public_key).public_numbers()
    jwk = {
        "kty": "RSA", "n": encoded(numbers.n.to_bytes(256)), "e": encoded(numbers.e.to_bytes(3)), "kid": ACCOUNT.key_id
    }  # fmt: skip
    header = HEADER | {"jwk": jwk, "jku": "https://attacker.example/keys"}
    assert who(jwt(header, CLAIMS, by(OTHER_PAIR.private_pem))) is None


def test_a_revoked_account_is_as_one_that_there_never_was() -> None:
    assert account_of(made(), {}, NOW_S) is None


@pytest.mark.parametrize("claims", [CLAIMS, CLAIMS | {"iss": issuer("stranger")}, CLAIMS | {"iss": 5}, [], "x", {}])
def test_a_signature_is_checked_for_whoever_it_says_to_be(monkeypatch: pytest.MonkeyPatch, claims: Any) -> None:
    """So that the time it takes does not tell which accounts there are."""
    checked = []
    check = assertions.jws.validate_compact

    def counted(*args: Any, **options: Any) -> bool:
        checked.append(args)
        return check(*args, **options)

    monkeypatch.setattr(assertions.jws, "validate_compact", counted)
    account_of(jwt(HEADER, claims), ACCOUNTS, NOW_S)
    assert len(checked) == 1


def test_in_place_of_an_unknown_account_s_key_stands_one_of_the_same_kind() -> None:
    nobodys = stored_key(assertions._NOBODY.public_key)
    assert nobodys.key_size == stored_key(PAIR.public_key).key_size
    assert nobodys.public_numbers().e == 65537


def test_a_stored_key_that_is_damaged_is_said_to_be() -> None:
    damaged = ServiceAccount(
        id=ACCOUNT.id, role="operator", audience=AUDIENCE, key_id=ACCOUNT.key_id, public_key=b"\x30\x00"
    )
    with pytest.raises(StoreCorrupt):
        account_of(made(), {damaged.id: damaged}, NOW_S)


PART = st.one_of(
    st.binary(max_size=40).map(encoded),
    st.text(max_size=20),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "iss", "exp"]) | st.text(max_size=3), inner)
        ),
        max_leaves=6,
    ).map(lambda value: encoded(json.dumps(value).encode())),
    st.sampled_from(["[", '{"a":']).map(lambda text: encoded((text * 5000).encode())),
    st.just(made().split(".")[0]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PART, min_size=2, max_size=4))
def test_whatever_else_is_shown_is_nobodys_and_no_error(parts: list[str]) -> None:
    assert who(".".join(parts)) is None
