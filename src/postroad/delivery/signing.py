"""Signatures, by which a customer knows that a request is ours, whole and fresh.

Source   Standard Webhooks 1.0.0: symmetric signatures (``v1``), HMAC-SHA256 over ``id.timestamp.body``.

Whatever the order of delivery, a request is signed as it is sent: ``SigningTransport`` stands around the transport. The
id stays the same over all attempts, the time and so the signature are those of the attempt. While secrets change, there
is a signature for each that is valid, so that the customer can take the new one in at leisure.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec
from msgspec import structs

from postroad.clock import Clock
from postroad.errors import ConfigError
from postroad.registry.records import Subscription
from postroad.registry.secrets import KeyRing
from postroad.registry.signing import PREFIX, decoded, signing_place
from postroad.transports.answers import mask_cut
from postroad.transports.base import Failed, Message, Outcome, Transport
from postroad.transports.headers import WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A signing secret of a subscription, opened."""

    value: str
    """``whsec_`` and base64."""
    expires_us: int | None = None
    """From then on nothing is signed with it; ``None``: until it is taken away."""

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Secret(value=<hidden>, expires_us={self.expires_us})"


class SealedSecret(Protocol):
    """What is known of a secret before it is opened."""

    @property
    def expires_us(self) -> int | None:
        """See ``Secret``."""


_Sealed = TypeVar("_Sealed", bound=SealedSecret)


def opened(sealed: Sequence[_Sealed], unseal: Callable[[_Sealed], str]) -> tuple[Secret, ...]:
    """The secrets in their order, opened by ``unseal``. Raises what that raises."""
    return tuple(Secret(value=unseal(secret), expires_us=secret.expires_us) for secret in sealed)


def signing_key(secret: str, *, field: str) -> bytes:
    """The bytes that a secret's text stands for.

    Raises:
        ConfigError: It is not written as the standard wants. The message names ``field`` and quotes nothing.
    """
    try:
        return decoded(secret)
    except ConfigError as exc:
        raise ConfigError(exc.message, field=field) from None  # without a cause: it could quote the secret


class Signer:
    """Signs with every key that is valid at the moment. Pure: the time is passed in."""

    def __init__(self, keys: Sequence[tuple[bytes, int | None]], secrets: Sequence[str] = ()) -> None:
        """Hold ``keys``, each with when it expires (microseconds since 1970), in the order of their signatures.

        ``secrets`` are their texts, which must not come to light.
        """
        self._keys = tuple(keys)
        self.secrets = tuple(secrets)

    def headers(self, id_: str, body: bytes, now_us: int) -> Mapping[str, str] | None:
        """The three headers of a request that is sent at ``now_us``; ``None`` if every key has expired.

        Raises:
            ValueError: The id holds a full stop, so that it could be taken for the beginning of another content.
        """
        if "." in id_:
            raise ValueError("an id with a full stop cannot be signed")
        valid = [key for key, expires_us in self._keys if expires_us is None or now_us < expires_us]
        if not valid:
            return None
        timestamp = str(now_us // 1_000_000)
        beginning = f"{id_}.{timestamp}.".encode()
        return {
            WEBHOOK_ID: id_,
            WEBHOOK_TIMESTAMP: timestamp,
            WEBHOOK_SIGNATURE: " ".join(_signature(key, beginning, body) for key in valid),
        }


def signer_of(secrets: Sequence[Secret], *, field: str = "signing.secrets") -> Signer:
    """A signer with a subscription's secrets, the newest first.

    Raises:
        ConfigError: One is malformed. The message names it by its place in ``field``.
    """
    keys = [
        (signing_key(secret.value, field=f"{field}[{number}]"), secret.expires_us)
        for number, secret in enumerate(secrets)
    ]
    return Signer(keys, [secret.value.removeprefix(PREFIX) for secret in secrets])


def signer_for(subscription: Subscription, keys: KeyRing) -> Signer | None:
    """The signer of a subscription's requests; ``None`` if it has no secrets.

    Raises:
        ConfigError, StoreCorrupt: A secret cannot be opened, or is malformed.
    """
    if not subscription.signing:
        return None
    return signer_of(
        opened(
            subscription.signing,
            lambda secret: keys.unseal(signing_place(subscription.id, secret.number), secret.sealed),
        )
    )


class SigningTransport:
    """A ``Transport`` that signs what it hands on to another. Nothing is sent unsigned."""

    def __init__(self, transport: Transport, signer: Signer, clock: Clock) -> None:
        self._transport = transport
        self._signer = signer
        self._clock = clock

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        signed = self._signer.headers(message.request_id, message.body, self._clock.now_us())
        if signed is None:
            return Failed(reason="credentials", detail="every signing secret of the subscription has expired")
        outcome = await self._transport.send(structs.replace(message, headers={**message.headers, **signed}))
        if isinstance(outcome, Failed):
            return structs.replace(outcome, detail=mask_cut(outcome.detail, self._signer.secrets))
        return outcome

    def endpoint(self, wire_type: str) -> str:
        """See ``Transport``."""
        return self._transport.endpoint(wire_type)

    async def close(self) -> None:
        """See ``Transport``."""
        await self._transport.close()


def _signature(key: bytes, beginning: bytes, body: bytes) -> str:
    mac = hmac.new(key, beginning, hashlib.sha256)
    mac.update(body)  # apart: a large body is not copied
    return f"v1,{base64.b64encode(mac.digest()).decode()}"
