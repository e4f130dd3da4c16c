"""What may be declared to this hub."""

from postroad.delivery.gate import DestinationLimits
from postroad.delivery.options import DeliveryOptions
from postroad.protocols import SOURCES, TARGETS, connected_cars, damoov
from postroad.protocols.scoped import ScopedTarget
from postroad.registry.apply import Catalogue
from postroad.transports import PUSHES, RECEIVERS, TRANSPORTS
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream


def catalogue() -> Catalogue:
    """What may be declared: this hub's protocols, transports and delivery options."""
    return Catalogue(
        source_settings={name: source.settings_type for name, source in SOURCES.items()},
        vehicle_namespaces={name: source.vehicle_namespaces for name, source in SOURCES.items()},
        target_types={name: tuple(target.slots) for name, target in TARGETS.items()},
        target_options={name: target.options_type for name, target in TARGETS.items()},
        target_agreed={name: target.agreed for name, target in TARGETS.items()},
        scoped={name for name, target in TARGETS.items() if isinstance(target, ScopedTarget)},
        delivery_type=DeliveryOptions,
        target_orders={name: next(iter(target.contracts.values())).order for name, target in TARGETS.items()},
        limits_type=DestinationLimits,
        transport_config={name: spec.config_type for name, spec in TRANSPORTS.items()},
        transport_types={name: spec.types for name, spec in TRANSPORTS.items()},
        stores={name: spec.stores for name, spec in TRANSPORTS.items()},
        copies={damoov.PROTOCOL.name: lambda options: options.stored_url is not None},
        sent_singly={
            name
            for name, target in TARGETS.items()
            if all(contract.item_ceiling == 1 for contract in target.contracts.values())
        },
        upstream_config={connected_cars.PROTOCOL.name: ConnectedCarsUpstream},
        receiver_config={name: spec.config_type for name, spec in (RECEIVERS | PUSHES).items()},
        issues=[issue for target in TARGETS.values() for issue in target.issues],
    )
