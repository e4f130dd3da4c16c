"""Trying an HTTPS destination out, for ``postroad subscriptions test`` and ``postroad doctor``."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from msgspec import structs

from postroad.clock import Clock, from_us
from postroad.egress.client import EgressClient
from postroad.egress.client_certificate import Certificate
from postroad.egress.failures import EgressFailed
from postroad.egress.guard import check_url
from postroad.egress.tokens import TokenFailed
from postroad.errors import EgressRefused
from postroad.transports.auth import ClientCredentialsAuth
from postroad.transports.base import Delivered, Message
from postroad.transports.https import Https, HttpsConfig
from postroad.transports.spec import Step

EXPIRES_SOON = timedelta(days=14)


async def probe_https(
    config: HttpsConfig, egress: EgressClient, clock: Clock, message: Message | None = None
) -> tuple[Step, ...]:
    """The steps taken; the last one is the first that failed, if any did. See ``TransportSpec.probe``."""
    https = Https(config, egress, clock)
    warnings: dict[str, str] = {}

    async def url() -> str:
        parsed = check_url(config.target_url, egress.allowed)
        return f"{parsed.host}:{parsed.port}"

    async def addresses() -> str:
        return ", ".join(await https.pool.addresses(config.target_url))

    async def client_certificate(ours: Certificate) -> str:
        left = ours.expires - from_us(clock.now_us())
        until = f"{ours.expires:%Y-%m-%d %H:%M} UTC"
        if left <= timedelta():
            raise EgressFailed("tls", f"our client certificate {ours.name} has expired on {until}: have it renewed")
        if left < EXPIRES_SOON:
            warnings["client certificate"] = f"our client certificate expires on {until}: have it renewed"
        return f"{ours.name} by {ours.issuer}, expires {until}"

    async def tls() -> str:
        peer = await https.pool.peer(config.target_url, timeout_s=config.connect_timeout_s)
        if peer.expires - from_us(clock.now_us()) < EXPIRES_SOON:
            warnings["tls"] = f"the certificate expires on {peer.expires:%Y-%m-%d %H:%M} UTC: have it renewed"
        return (
            f"{peer.tls_version}; certificate for {', '.join(peer.names)} by {peer.issuer}, "
            f"expires {peer.expires:%Y-%m-%d %H:%M} UTC"
        )

    async def token() -> str:
        await https.credentials.authorization()
        return "obtained"

    steps: list[tuple[str, Callable[[], Awaitable[str]]]] = [("url", url), ("addresses", addresses), ("tls", tls)]
    if (certificate := https.pool.client_certificate()) is not None:
        steps.insert(2, ("client certificate", partial(client_certificate, certificate)))
    if isinstance(config.auth, ClientCredentialsAuth):
        steps.append(("token", token))
    taken: list[Step] = []
    try:
        for name, step in steps:
            taken.append(structs.replace(await _take(name, step), warning=warnings.get(name, "")))
            if not taken[-1].ok:
                return tuple(taken)
        if message is not None:
            taken.append(await _send(https, message))
        return tuple(taken)
    finally:
        await https.close()


async def _take(name: str, step: Callable[[], Awaitable[str]]) -> Step:
    try:
        return Step(name=name, ok=True, detail=await step())
    except (EgressFailed, EgressRefused, TokenFailed) as exc:
        return Step(name=name, ok=False, detail=str(exc))


async def _send(https: Https, message: Message) -> Step:
    outcome = await https.send(message)
    if isinstance(outcome, Delivered):
        return Step(name="answer", ok=True, detail=f"{outcome.status} in {outcome.elapsed_s * 1000:.0f} ms")
    status = "" if outcome.status is None else f" {outcome.status}"
    return Step(name="answer", ok=False, detail=f"{outcome.reason}{status}: {outcome.detail}")
