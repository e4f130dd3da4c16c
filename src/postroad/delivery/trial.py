"""Trying out a subscription's destination, step by step, without sending anything of the log."""

from collections.abc import Sequence

import msgspec

from postroad.clock import Clock
from postroad.delivery.signing import Signer, signer_for
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.protocols import TARGETS
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import Destination, Subscription
from postroad.registry.secrets import KeyRing, opened_config
from postroad.transports import TRANSPORTS, Step
from postroad.transports.base import Message


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How far one comes."""

    steps: Sequence[Step]
    """The last is the only one that may have failed."""
    has_message: bool
    """An empty bulk is sent at last; by a protocol that sends each event by itself there is no message without one."""

    @property
    def ok(self) -> bool:
        """Whether every step went well."""
        return all(step.ok for step in self.steps)


async def tried(
    subscription: Subscription, destination: Destination, keys: KeyRing, egress: EgressClient, clock: Clock
) -> Trial:
    """Try a subscription's destination out.

    Raises:
        ConfigError: Its config or a secret in it cannot be used.
        StoreCorrupt: A secret is damaged.
    """
    spec = TRANSPORTS[destination.transport]
    try:
        config = msgspec.convert(opened_config(destination, keys), spec.config_type)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"destination {destination.name}: {exc}") from exc
    message = _empty_bulk(
        TARGETS[subscription.protocol], signer_for(subscription, keys), clock, keyed=spec.keyed(config)
    )
    return Trial(steps=await spec.probe(config, egress, clock, message), has_message=message is not None)


def _empty_bulk(target: TargetProtocol, signer: Signer | None, clock: Clock, *, keyed: bool) -> Message | None:
    """``None`` if the protocol has none: where each event goes by itself, nothing is no message."""
    if all(contract.item_ceiling == 1 for contract in target.contracts.values()):
        return None
    body, id_ = target.bulk([]), "postroad-test"
    signed = signer.headers(id_, body, clock.now_us()) if signer is not None else None
    return Message(
        body=body,
        content_type=target.content_type,
        request_id=id_,
        headers=signed or {},
        key=id_ if keyed else None,  # nobody's: no subject waits behind it
    )
