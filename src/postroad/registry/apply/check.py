"""Checks a document beyond the shape of its parts: names, references, what the catalogue says, secrets."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import UNSET

from postroad.errors import ConfigError
from postroad.model.identifiers import DRIVEQUANT_USER_ID, PLATE, VIN
from postroad.registry import service_urls, signing
from postroad.registry.apply import desired, document
from postroad.registry.apply.catalogue import Catalogue
from postroad.registry.apply.hints import did_you_mean
from postroad.registry.apply.secret_fields import Resolver
from postroad.registry.apply.source import ROOT, Source
from postroad.registry.records import Service
from postroad.registry.selection import DriverSelector, Selector
from postroad.registry.subjects import normalised

_HOW_TO_COPY = "say by stored_url where the receiver finds it, or name another destination"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _Takes(NamedTuple):
    """What a destination can be sent."""

    types: Collection[str] | None
    """Those that it has endpoints for; ``None``: one takes any."""
    copies: bool
    """It has a storage for them."""


class Checker:
    """Turns a source into what it wants the registry to be."""

    def __init__(self, source: Source, catalogue: Catalogue, resolver: Resolver) -> None:
        self._source = source
        self._catalogue = catalogue
        self._resolver = resolver

    def organizations(self) -> tuple[desired.Organization, ...]:
        """Everything that the file declares.

        Raises:
            ConfigError: The first thing that is wrong, with its file, line and field.
        """
        parts = self._source.convert(self._source.data, document.Document).organizations
        path = f"{ROOT}.organizations"
        self._names(parts, path)
        return tuple(self._organization(part, f"{path}[{i}]") for i, part in enumerate(parts))

    def _organization(self, part: document.OrganizationPart, path: str) -> desired.Organization:
        fleets = self._names(part.fleets, f"{path}.fleets")
        self._names(part.providers, f"{path}.providers")
        self._names(part.integrations, f"{path}.integrations")
        return desired.Organization(
            name=part.name,
            providers=tuple(self._provider(p, f"{path}.providers[{i}]") for i, p in enumerate(part.providers)),
            fleets=tuple(fleets),
            vehicles=self._vehicles(part.vehicles, fleets, f"{path}.vehicles"),
            integrations=tuple(
                self._integration(p, fleets, f"{path}.integrations[{i}]") for i, p in enumerate(part.integrations)
            ),
        )

    def _provider(self, part: document.ProviderPart, path: str) -> desired.Provider:
        settings = self._catalogue.source_settings
        self._known(part.protocol, settings, "protocol that can be taken in", f"{path}.protocol")
        self._source.convert(part.settings, settings[part.protocol], f"{path}.settings")
        return desired.Provider(
            name=part.name,
            protocol=part.protocol,
            unknown_vehicles=part.unknown_vehicles,
            settings=part.settings,
            upstream=self._upstream(part, f"{path}.upstream"),
            receiver=None if part.receive is None else self._receiver(part.receive, f"{path}.receive"),
        )

    def _upstream(self, part: document.ProviderPart, path: str) -> desired.Upstream | None:
        if part.upstream is None:
            return None
        type_ = self._catalogue.upstream_config.get(part.protocol)
        if type_ is None:
            raise self._source.error(path, f"providers of {part.protocol} have no control plane that we know")
        config = self._resolver.config(part.upstream, type_, path)
        self._source.convert(config.whole, type_, path)
        return desired.Upstream(config=config.public, secrets=config.secrets)

    def _receiver(self, part: document.ReceivePart, path: str) -> desired.Receiver:
        configs = self._catalogue.receiver_config
        self._known(part.transport, configs, "transport that can be received from", f"{path}.transport")
        config = self._resolver.config(part.config, configs[part.transport], f"{path}.config")
        self._source.convert(config.whole, configs[part.transport], f"{path}.config")
        return desired.Receiver(transport=part.transport, config=config.public, secrets=config.secrets)

    def _vehicles(
        self, parts: Sequence[document.VehiclePart], fleets: Collection[str], path: str
    ) -> tuple[desired.Vehicle, ...]:
        seen: dict[tuple[str, str], int] = {}
        vehicles = []
        for i, part in enumerate(parts):
            at = f"{path}[{i}]"
            identifiers = self._identifiers(part, at)
            for namespace, value in identifiers.items():
                first = seen.setdefault((namespace, value), i)
                if first != i:
                    where = desired.path_of(at, namespace)
                    raise self._source.error(where, f"the same as that of vehicle [{first}]")
            if part.fleet is not None:
                self._known(part.fleet, fleets, "fleet declared in this organization", f"{at}.fleet")
            vehicles.append(desired.Vehicle(path=at, identifiers=identifiers, fleet=part.fleet))
        return tuple(vehicles)

    def _identifiers(self, part: document.VehiclePart, path: str) -> dict[str, str]:
        known = {namespace for of in self._catalogue.vehicle_namespaces.values() for namespace in of} - {PLATE, VIN}
        for namespace in part.identifiers:
            self._known(namespace, known, "namespace of vehicles", f"{path}.identifiers.{namespace}")
        declared = {PLATE: part.plate, VIN: part.vin, **part.identifiers}
        identifiers: dict[str, str] = {}
        for namespace, value in declared.items():
            if value is not None:
                identifiers |= self._normalised(namespace, str(value), desired.path_of(path, namespace))
        if not identifiers:
            raise self._source.error(path, "a vehicle needs a plate, a vin or another identifier")
        return identifiers

    def _normalised(self, namespace: str, value: str, path: str) -> dict[str, str]:
        try:
            return normalised({namespace: value})
        except ConfigError as exc:
            raise self._source.error(path, exc.message) from exc

    def _integration(self, part: document.IntegrationPart, fleets: Collection[str], path: str) -> desired.Integration:
        self._names(part.destinations, f"{path}.destinations")
        self._names(part.subscriptions, f"{path}.subscriptions")
        destinations = dict[str, _Takes]()
        wanted = list[desired.Destination]()
        for i, p in enumerate(part.destinations):
            destination, destinations[p.name] = self._destination(p, f"{path}.destinations[{i}]")
            wanted.append(destination)
        subscriptions = tuple(
            self._subscription(p, destinations, fleets, f"{path}.subscriptions[{i}]")
            for i, p in enumerate(part.subscriptions)
        )
        return desired.Integration(
            name=part.name,
            service=self._service(part.service, subscriptions, f"{path}.service"),
            destinations=tuple(wanted),
            subscriptions=subscriptions,
        )

    def _service(
        self, part: document.ServicePart | None, subscriptions: Sequence[desired.Subscription], path: str
    ) -> Service | None:
        if part is None:
            return None
        if not part.title.isprintable() or part.title != part.title.strip():
            raise self._source.error(
                f"{path}.title", "people are to read it: no control characters, no space around it"
            )
        problem = service_urls.problem(part.url)
        if problem is not None:
            raise self._source.error(f"{path}.url", problem)
        if not any(one.vehicles.covers_shared for one in subscriptions):
            protocols = ", ".join(sorted(self._catalogue.scoped))
            needed = f"owners can share nothing: it needs a subscription by {protocols} with vehicles: granted"
            raise self._source.error(path, needed)
        return Service(title=part.title, url=part.url)

    def _destination(self, part: document.DestinationPart, path: str) -> tuple[desired.Destination, _Takes]:
        configs = self._catalogue.transport_config
        self._known(part.transport, configs, "transport", f"{path}.transport")
        type_ = configs[part.transport]
        config = self._resolver.config(part.config, type_, f"{path}.config")
        converted = self._source.convert(config.whole, type_, f"{path}.config")
        self._source.convert(part.limits, self._catalogue.limits_type, f"{path}.limits")
        types_of = self._catalogue.transport_types.get(part.transport)
        destination = desired.Destination(
            name=part.name,
            transport=part.transport,
            config=config.public,
            limits=part.limits,
            secrets=config.secrets,
        )
        stores = self._catalogue.stores.get(part.transport)
        return destination, _Takes(
            types=None if types_of is None else types_of(converted), copies=stores is not None and stores(converted)
        )

    def _subscription(
        self,
        part: document.SubscriptionPart,
        destinations: Mapping[str, _Takes],
        fleets: Collection[str],
        path: str,
    ) -> desired.Subscription:
        types = self._catalogue.target_types
        self._known(part.protocol, types, "protocol that can be sent on", f"{path}.protocol")
        self._known(part.destination, destinations, "destination of this integration", f"{path}.destination")
        for i, type_ in enumerate(part.types):
            self._known(type_, types[part.protocol], f"type of {part.protocol}", f"{path}.types[{i}]")
            if type_ in part.types[:i]:
                raise self._source.error(f"{path}.types[{i}]", "the same type twice")
        destination = destinations[part.destination]
        self._endpoints(part, destination.types, path)
        options = self._source.convert(part.options, self._catalogue.target_options[part.protocol], f"{path}.options")
        told = self._comes_with_more(part.protocol, options)
        if not part.types and not told:
            raise self._source.error(f"{path}.types", "name at least one type")
        copies = self._catalogue.copies.get(part.protocol)
        self._storage(part, destination, copies is not None and copies(options), path)
        self._delivery(part, f"{path}.delivery")
        return desired.Subscription(
            name=part.name,
            protocol=part.protocol,
            destination=part.destination,
            types=part.types,
            vehicles=self._selector(part, fleets, f"{path}.vehicles", told=told),
            drivers=self._drivers(part.drivers, f"{path}.drivers"),
            options=part.options,
            delivery=part.delivery,
            state=None if part.state is UNSET else part.state,
            signing=None if part.signing is UNSET else self._signing(part.signing, f"{path}.signing"),
        )

    def _comes_with_more(self, protocol: str, options: object) -> bool:
        """Whether types come with a subscription that nobody has to name: of a protocol that tells of access."""
        agreed = self._catalogue.target_agreed.get(protocol)
        return agreed is not None and bool(agreed((), options))

    def _delivery(self, part: document.SubscriptionPart, path: str) -> None:
        self._source.convert(part.delivery, self._catalogue.delivery_type, path)
        schedules = part.delivery.get("retry_of", {})
        for type_ in schedules:
            types = self._catalogue.target_types[part.protocol]
            self._known(type_, types, f"type of {part.protocol}", f"{path}.retry_of.{type_}")
        order = part.delivery.get("order") or self._catalogue.target_orders.get(part.protocol)
        if schedules and order == "bulk":
            what = "where everything stays in order, all types wait by one schedule: say it in retry"
            raise self._source.error(f"{path}.retry_of", what)

    def _endpoints(self, part: document.SubscriptionPart, endpoints: Collection[str] | None, path: str) -> None:
        """Check that each type has an endpoint, where a destination has one for each."""
        if endpoints is None:
            return
        if part.protocol not in self._catalogue.sent_singly:
            several = "has a URL for each type, which needs a protocol that sends each event by itself"
            raise self._source.error(f"{path}.destination", f"{part.destination!r} {several}")
        if part.delivery.get("order") == "bulk":
            raise self._source.error(
                f"{path}.delivery.order",
                f"destination {part.destination!r} has a URL for each type: nothing is in bulk",
            )
        for i, type_ in enumerate(part.types):
            if type_ not in endpoints:
                raise self._source.error(
                    f"{path}.types[{i}]", f"destination {part.destination!r} has no URL for {type_}: add it to urls"
                )

    def _storage(self, part: document.SubscriptionPart, destination: _Takes, copies: bool, path: str) -> None:
        """Check that what is to be copied has a storage, and that a storage does not stand there for nothing."""
        if copies and not destination.copies:
            what = f"destination {part.destination!r} has no storage to copy to: add it to its config"
            raise self._source.error(f"{path}.destination", what)
        if destination.copies and not copies:
            what = f"destination {part.destination!r} has a storage, and nothing is copied there: {_HOW_TO_COPY}"
            raise self._source.error(f"{path}.options", what)

    def _signing(self, part: document.SigningPart, path: str) -> tuple[str, ...]:
        secrets: list[str] = []
        for i, reference in enumerate(part.secrets):
            at = f"{path}.secrets[{i}]"
            secret = self._resolver.secret(reference, at)
            try:
                signing.decoded(secret)
            except ConfigError as exc:
                raise self._source.error(at, exc.message) from exc
            if secret in secrets:
                raise self._source.error(at, f"the same secret as [{secrets.index(secret)}]")
            secrets.append(secret)
        return tuple(secrets)

    def _selector(self, part: document.SubscriptionPart, fleets: Collection[str], path: str, *, told: bool) -> Selector:
        declared = part.vehicles
        match declared:
            case "all" | "none":
                return Selector(everything=declared == "all")
            case "granted" | "chosen":
                return Selector(by=declared, told=told, scoped=part.protocol in self._catalogue.scoped)
        for i, fleet in enumerate(declared.fleets):
            self._known(fleet, fleets, "fleet declared in this organization", f"{path}.fleets[{i}]")
        plates = [
            self._normalised(PLATE, plate, f"{path}.plates[{i}]")[PLATE] for i, plate in enumerate(declared.plates)
        ]
        # Sorted, because another order selects the same.
        return Selector(fleets=tuple(sorted({*declared.fleets})), plates=tuple(sorted({*plates})))

    def _drivers(self, declared: str | document.DriversPart, path: str) -> DriverSelector:
        if isinstance(declared, str):
            return DriverSelector(everything=declared == "all")
        for i, id_ in enumerate(declared.ids):
            self._normalised(DRIVEQUANT_USER_ID, id_, f"{path}.ids[{i}]")  # which leaves it as it is
        return DriverSelector(ids=tuple(sorted({*declared.ids})))

    def _names(self, parts: Sequence[_Named], path: str) -> list[str]:
        names: list[str] = []
        for i, part in enumerate(parts):
            if part.name in names:
                raise self._source.error(f"{path}[{i}].name", f"the same name as [{names.index(part.name)}]")
            names.append(part.name)
        return names

    def _known(self, name: str, known: Collection[str] | Mapping[str, object], what: str, path: str) -> None:
        if name not in known:
            raise self._source.error(path, f"no {what} is called {name!r}{did_you_mean(name, known)}")
