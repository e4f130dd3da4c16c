"""Copies as objects of S3, or of a server that speaks its protocol.

obstore finds the credentials and signs; our own outbound client sends. So the addresses are checked where the socket
is made, TLS is ours, and nothing is tried again but by the contract. A presigned URL signs no header beside ``host``:
which edition an object has stands in a header that S3 keeps without a signature, as a parameter of ``Content-Type``.
"""

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from postroad.clock import Clock
from postroad.egress.client import Answer, EgressClient, Timeouts
from postroad.egress.failures import EgressFailed
from postroad.errors import ConfigError, EgressRefused
from postroad.transports.answers import reason_of
from postroad.transports.base import Copy, Reason
from postroad.transports.storage.base import StorageFailed, check_key
from postroad.transports.storage.config import S3Storage

if TYPE_CHECKING:
    from obstore.store import S3Credential, S3Store

VALID: Final = timedelta(minutes=5)
"""Of a signature. Also how far the clocks may be apart."""
_EDITION = re.compile(r"^application/json; *edition=(-?\d{1,20})$")
_CODE = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")
_OF_THE_COPY: Final[dict[str, Reason]] = {"EntityTooLarge": "too_large", "KeyTooLongError": "rejected"}
"""Codes of S3 that speak of what was sent; any other speaks of the bucket, of us, or of the server."""


class S3:
    """A ``Storage``."""

    def __init__(self, config: S3Storage, egress: EgressClient, clock: Clock, *, ca_file: str | None = None) -> None:
        """Raises ``ConfigError`` where obstore is not installed."""
        self._config = config
        self._clock = clock
        self._store = _store(config)
        self._pool = egress.pool(ca_file=ca_file)
        self._timeouts = Timeouts(config.timeout_s)
        self.name = f"bucket {config.bucket}"

    async def put(self, copy: Copy) -> None:
        """See ``Storage``."""
        check_key(copy.key)
        try:
            async with asyncio.timeout(self._config.timeout_s):
                edition = await self._edition(copy.key)
                if edition is None or edition <= copy.edition:
                    headers = {"Content-Type": f"application/json; edition={copy.edition}"}
                    _check(await self._ask("PUT", copy.key, copy.body, headers))
        except TimeoutError as exc:
            raise StorageFailed("timeout", "no complete answer in time") from exc

    async def close(self) -> None:
        """See ``Storage``."""
        await self._pool.close()

    async def _edition(self, key: str) -> int | None:
        """Of what is there; None: nothing is, or it is not ours."""
        answer = await self._ask("HEAD", key)
        if answer.status == 404:
            return None
        _check(answer)
        found = _EDITION.match(answer.headers.get("content-type", ""))
        return int(found[1]) if found else None

    async def _ask(
        self, method: Literal["HEAD", "PUT"], key: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        from obstore import sign_async
        from obstore.exceptions import BaseError

        try:
            url = await sign_async(self._store, method, key, VALID)
        except (BaseError, ValueError) as exc:
            raise StorageFailed("credentials", "no credentials for the bucket could be had") from exc
        try:
            return await self._pool.send(method, url, body, headers or {}, self._timeouts)
        except EgressRefused as exc:
            raise StorageFailed("refused_address", str(exc)) from exc
        except EgressFailed as exc:
            raise StorageFailed(exc.reason, exc.detail) from exc


def _store(config: S3Storage) -> "S3Store":
    """Everything is said, so that no variable of the environment says otherwise."""
    try:
        from obstore.store import S3Store
    except ImportError as exc:
        raise ConfigError("storage of type s3 needs obstore: install postroad[storage]", field="storage.type") from exc

    def ours() -> "S3Credential":
        return {
            "access_key_id": config.access_key_id or "",
            "secret_access_key": config.secret_access_key or "",
            "token": None,
            "expires_at": None,
        }

    # A name with dots has no certificate as a host.
    as_host = config.endpoint is None and "." not in config.bucket
    amazon = f"https://{config.bucket}." if as_host else "https://"
    return S3Store(
        config.bucket,
        prefix=config.prefix,
        region=config.region,
        endpoint=config.endpoint or f"{amazon}s3.{config.region}.amazonaws.com",
        virtual_hosted_style_request=as_host,
        skip_signature=False,
        credential_provider=None if config.access_key_id is None else ours,
    )


def _check(answer: Answer) -> None:
    """Raise ``StorageFailed`` unless the answer confirms. Of its body only the code is told, not the signatures."""
    reason = reason_of(answer.status)
    if reason is None:
        return
    found = _CODE.search(answer.body)
    code = found[1].decode() if found else ""
    if reason in ("rejected", "too_large"):
        reason = _OF_THE_COPY.get(code, "too_large" if answer.status == 413 else "unexpected")
    raise StorageFailed(reason, f"answered {answer.status}{f' {code}' if code else ''}")
