"""Trying an HTTPS destination out, for ``postroad subscriptions test`` and ``postroad doctor``."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from msgspec import structs

from postroad.clock import Clock, from_us
from postroad.egress.client import EgressClient, Pool
from postroad.egress.client_certificate import Certificate
from postroad.egress.failures import EgressFailed
from postroad.egress.guard import check_url
from postroad.egress.tokens import TokenFailed
from postroad.errors import EgressRefused
from postroad.transports.auth import ClientCredentialsAuth
from postroad.transports.base import Message
from postroad.transports.https import Https, HttpsConfig
from postroad.transports.spec import Step, answer_step
from postroad.transports.storage.storing import probe_storage

EXPIRES_SOON = timedelta(days=14)


async def probe_https(
    config: HttpsConfig, egress: EgressClient, clock: Clock, message: Message | None = None
) -> tuple[Step, ...]:
    """The steps taken. See ``TransportSpec.probe``.

    With several URLs each is tried as far as it goes, and named in its steps. The token is asked for, and the message
    sent, once all of them can be reached.
    """
    https = Https(config, egress, clock)
    taken: list[Step] = []
    try:
        for endpoint in config.endpoints.values():
            reached = await _Reach(https.pool, config, endpoint.url, egress, clock).steps()
            taken += [structs.replace(step, name=_named(step.name, endpoint.name)) for step in reached]
        if all(step.ok for step in taken) and config.storage is not None:
            taken.append(await probe_storage(config.storage, egress, clock, ca_file=config.ca_file))
        if all(step.ok for step in taken) and isinstance(config.auth, ClientCredentialsAuth):
            taken.append(await _take("token", partial(_token, https)))
        if all(step.ok for step in taken) and message is not None:
            taken.append(answer_step(await https.send(message)))
        return tuple(taken)
    finally:
        await https.close()


class _Reach:
    """Comes as near to a URL as one can without sending anything."""

    def __init__(self, pool: Pool, config: HttpsConfig, url: str, egress: EgressClient, clock: Clock) -> None:
        self._pool = pool
        self._config = config
        self._url = url
        self._egress = egress
        self._clock = clock
        self._warnings: dict[str, str] = {}

    async def steps(self) -> list[Step]:
        """Up to the first that fails."""
        wanted: list[tuple[str, Callable[[], Awaitable[str]]]]
        wanted = [("url", self._check), ("addresses", self._addresses), ("tls", self._tls)]
        if (certificate := self._pool.client_certificate()) is not None:
            wanted.insert(2, ("client certificate", partial(self._client_certificate, certificate)))
        taken: list[Step] = []
        for name, step in wanted:
            taken.append(structs.replace(await _take(name, step), warning=self._warnings.get(name, "")))
            if not taken[-1].ok:
                break
        return taken

    async def _check(self) -> str:
        parsed = check_url(self._url, self._egress.allowed)
        return f"{parsed.host}:{parsed.port}"

    async def _addresses(self) -> str:
        return ", ".join(await self._pool.addresses(self._url))

    async def _client_certificate(self, ours: Certificate) -> str:
        left = ours.expires - from_us(self._clock.now_us())
        until = f"{ours.expires:%Y-%m-%d %H:%M} UTC"
        if left <= timedelta():
            raise EgressFailed("tls", f"our client certificate {ours.name} has expired on {until}: have it renewed")
        if left < EXPIRES_SOON:
            self._warnings["client certificate"] = f"our client certificate expires on {until}: have it renewed"
        return f"{ours.name} by {ours.issuer}, expires {until}"

    async def _tls(self) -> str:
        peer = await self._pool.peer(self._url, timeout_s=self._config.connect_timeout_s)
        if peer.expires - from_us(self._clock.now_us()) < EXPIRES_SOON:
            self._warnings["tls"] = f"the certificate expires on {peer.expires:%Y-%m-%d %H:%M} UTC: have it renewed"
        return (
            f"{peer.tls_version}; certificate for {', '.join(peer.names)} by {peer.issuer}, "
            f"expires {peer.expires:%Y-%m-%d %H:%M} UTC"
        )


def _named(step: str, endpoint: str) -> str:
    return f"{step} of {endpoint}" if endpoint else step


async def _token(https: Https) -> str:
    await https.credentials.authorization()
    return "obtained"


async def _take(name: str, step: Callable[[], Awaitable[str]]) -> Step:
    try:
        return Step(name=name, ok=True, detail=await step())
    except (EgressFailed, EgressRefused, TokenFailed) as exc:
        return Step(name=name, ok=False, detail=str(exc))
