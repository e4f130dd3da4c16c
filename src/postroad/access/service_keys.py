"""The RSA keys of service accounts, and what the holder of an account is given to sign in with."""

import hashlib
from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from postroad.errors import ConfigError

MIN_BITS: Final = 2048
MAX_BITS: Final = 4096
"""The longer the key, the longer the hub checks a signature."""
SIGN_IN_PATH: Final = "/auth/login/serviceAccountConverter"

_KEY_ID_CHARS: Final = 16
_ISSUER: Final = "@serviceaccount.postroad"


class KeyPair(NamedTuple):
    """A new pair."""

    private_pem: str
    """PKCS #8, without a password."""
    public_key: bytes
    """DER of SubjectPublicKeyInfo."""


def new_key_pair() -> KeyPair:
    """Make one. It takes some tenths of a second."""
    private = generate_private_key(65537, MIN_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return KeyPair(pem, _der(private.public_key()))


def read_public_key(pem: bytes) -> bytes:
    """The key that a PEM text holds, as DER of SubjectPublicKeyInfo.

    Raises:
        ConfigError: It holds no RSA public key of the sizes that are taken; quotes nothing of it.
    """
    if b"PRIVATE KEY" in pem:
        raise ConfigError("holds a private key: keep that where it is used, and give its public half")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise ConfigError("holds no RSA public key in PEM")
    if not MIN_BITS <= key.key_size <= MAX_BITS:
        raise ConfigError(f"the key has {key.key_size} bits; {MIN_BITS} to {MAX_BITS} are taken")
    return _der(key)


def stored_key(public_key: bytes) -> RSAPublicKey:
    """The key that ``read_public_key`` gave. Raises ``ValueError`` if it is none."""
    key = load_der_public_key(public_key)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA public key")  # noqa: TRY004 - a value
    return key


def nobodys_key() -> bytes:
    """A public key as long as most, made of digits: nobody has a private half of it."""
    digits = int.from_bytes(hashlib.shake_256(b"nobody").digest(MIN_BITS // 8))
    return _der(RSAPublicNumbers(65537, digits | 1 | 1 << (MIN_BITS - 1)).public_key())


def key_id(public_key: bytes) -> str:
    """What assertions say in ``kid``: the beginning of the key's SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:_KEY_ID_CHARS]


def issuer(account_id: str) -> str:
    """What an account's assertions say in ``iss``."""
    return account_id + _ISSUER


def account_id_of(issuer: object) -> str | None:
    """The account that ``iss`` names, if it may be one."""
    if not isinstance(issuer, str) or not issuer.endswith(_ISSUER):
        return None
    return issuer.removesuffix(_ISSUER)


def _der(key: RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
