"""The push protocols, a folder each: wire structs, read, write, contract. They know nothing of each other."""

from collections.abc import Mapping

from postroad.protocols import connected_cars, connected_cars_legacy, damoov, drivequant, drivetech, postroad
from postroad.protocols.base import SourceProtocol, TargetProtocol
from postroad.protocols.connected_cars.table import FACTS as CONNECTED_CARS_FACTS
from postroad.protocols.connected_cars_legacy.table import FACTS as CONNECTED_CARS_LEGACY_FACTS
from postroad.protocols.contract import Contract
from postroad.protocols.damoov.table import FACTS as DAMOOV_FACTS
from postroad.protocols.drivequant.table import FACTS as DRIVEQUANT_FACTS
from postroad.protocols.drivetech.table import FACTS as DRIVETECH_FACTS
from postroad.protocols.fact_table import FactTable
from postroad.protocols.format import Format

SOURCES: Mapping[str, SourceProtocol] = {
    drivetech.PROTOCOL.name: drivetech.PROTOCOL,
    connected_cars.PROTOCOL.name: connected_cars.PROTOCOL,
    connected_cars_legacy.PROTOCOL.name: connected_cars_legacy.PROTOCOL,
    drivequant.PROTOCOL.name: drivequant.PROTOCOL,
    damoov.PROTOCOL.name: damoov.PROTOCOL,
}
"""What can be taken in, by name: there is an entrance for it."""

READABLE: Mapping[str, SourceProtocol] = {**SOURCES, postroad.PROTOCOL.name: postroad.PROTOCOL}
"""What the log can hold, by name: what was taken in, and what the hub says itself."""

TARGETS: Mapping[str, TargetProtocol] = {
    connected_cars.PROTOCOL.name: connected_cars.PROTOCOL,
    connected_cars_legacy.PROTOCOL.name: connected_cars_legacy.PROTOCOL,
    drivequant.PROTOCOL.name: drivequant.PROTOCOL,
    drivetech.PROTOCOL.name: drivetech.PROTOCOL,
    damoov.PROTOCOL.name: damoov.PROTOCOL,
}
"""What can be sent on, by name."""

TRIP_TYPES: Mapping[str, frozenset[str]] = {
    "drivequant": frozenset({"trip", "trip_deleted"}),
    "damoov": frozenset({"IncomingTrackReceived", "TrackEnrichmentFinished", "IncomingTrackRemoved"}),
}
"""By target protocol, the types that tell of trips: a subscription to one has the trips of its vehicles derived."""

FORMATS: Mapping[str, Format] = {
    connected_cars.PROTOCOL.name: connected_cars.FORMAT,
    connected_cars_legacy.PROTOCOL.name: connected_cars_legacy.FORMAT,
    drivequant.PROTOCOL.name: drivequant.FORMAT,
    drivetech.PROTOCOL.name: drivetech.FORMAT,
    damoov.PROTOCOL.name: damoov.FORMAT,
}
"""What the bodies of each protocol are made of, by name."""

CONTRACTS: Mapping[str, Contract] = {
    contract.name: contract
    for contract in (
        connected_cars.CONTRACT,
        connected_cars_legacy.CONTRACT,
        damoov.CONTRACT,
        *drivequant.CONTRACTS.values(),
        drivetech.CONTRACT,
    )
}
"""Every delivery contract, by name."""

FACTS: Mapping[str, FactTable] = {
    drivetech.PROTOCOL.name: DRIVETECH_FACTS,
    connected_cars.PROTOCOL.name: CONNECTED_CARS_FACTS,
    connected_cars_legacy.PROTOCOL.name: CONNECTED_CARS_LEGACY_FACTS,
    drivequant.PROTOCOL.name: DRIVEQUANT_FACTS,
    damoov.PROTOCOL.name: DAMOOV_FACTS,
}
"""What each protocol says of every fact of the common language, by name: the table of translation."""
