"""What can be wrong with destinations: secrets that cannot be opened, and addresses that cannot be reached."""

import msgspec

from postroad.cli.doctor.findings import Finding
from postroad.clock import Clock
from postroad.errors import ConfigError, PostroadError, StoreCorrupt
from postroad.registry.records import RegistryView
from postroad.registry.secrets import KeyRing, opened_config
from postroad.registry.signing import opened_signing
from postroad.service import egress_of
from postroad.settings import Settings
from postroad.transports import TRANSPORTS


def secrets(view: RegistryView, keys: KeyRing) -> str:
    """Whether the key opens every secret. Raises what the first that it does not open raises."""
    wrong: dict[str, ConfigError | StoreCorrupt] = {}
    for destination in view.destinations.values():
        try:
            opened_config(destination, keys)
        except (ConfigError, StoreCorrupt) as exc:
            wrong[destination.name] = exc
    for subscription in view.subscriptions.values():
        try:
            opened_signing(subscription, keys, now_us=0)  # those that have ended too
        except (ConfigError, StoreCorrupt) as exc:
            wrong[subscription.name] = exc
    if wrong:
        raise ConfigError(f"cannot be opened for {', '.join(wrong)}: {next(iter(wrong.values()))}")
    destinations = sum(bool(destination.sealed) for destination in view.destinations.values())
    subscriptions = sum(bool(subscription.signing) for subscription in view.subscriptions.values())
    return f"those of {destinations} destinations and {subscriptions} subscriptions can be opened"


async def reach(view: RegistryView, keys: KeyRing, settings: Settings, clock: Clock) -> list[Finding]:
    """Reach every destination that an active subscription uses; nothing is sent there."""
    egress = egress_of(settings, clock)
    findings = []
    try:
        used = {s.destination_id for s in view.subscriptions.values() if s.state == "active"}
        for destination in (view.destinations[id_] for id_ in sorted(used)):
            check = f"destination {destination.name}"
            try:
                spec = TRANSPORTS[destination.transport]
                config = msgspec.convert(opened_config(destination, keys), spec.config_type)
                steps = await spec.probe(config, egress, clock, None)
                warning = next((step.warning for step in steps if step.warning), "")
                failed = [step for step in steps if not step.ok]
                told = "; ".join(f"{step.name}: {step.detail}" for step in failed or steps[-1:])
                reached = sum(step.name.startswith("tls of ") for step in steps)
                if not failed and reached:
                    told = f"each of {reached} URLs reached; {told}"
                findings.append(Finding(check, not failed and not warning, "; ".join(filter(None, (told, warning)))))
            except PostroadError as exc:
                findings.append(Finding(check, False, str(exc)))
    finally:
        await egress.close()
    return findings
