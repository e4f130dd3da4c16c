"""The client that waits for each answer."""

# Made by tools/client/generate.py: change the API and run `make reference`.

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from postroad.client.answers import Page
from postroad.client.base import ClientBase
from postroad.client.request import request
from postroad.client.types import (
    Applied,
    Destination,
    DriversPart,
    Fleet,
    Integration,
    Organization,
    Provider,
    Rotated,
    SigningPart,
    Subject,
    Subscription,
    Tried,
    Vehicle,
    VehiclesPart,
)


class Client(ClientBase):
    """Every operation of the REST API."""

    def list_organizations(self, *, limit: int | None = None) -> Iterator[Organization]:
        """List the organizations that you may see, in the order of their ids.

        Args:
            limit: how many are asked for at once.
        """
        return self._pages(request("GET", "/organizations", query={"limit": limit}), Page[Organization])

    def get_organization(self, organization: str | int) -> Organization:
        """Get an organization by its name or id.

        Args:
            organization: its name or id.
        """
        return self._ask(request("GET", "/organizations/{}", organization), Organization)

    def put_organization(
        self,
        organization: str | int,
        *,
        name: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Organization:
        """Have an organization of this name; what belongs to it is declared by itself.

        Args:
            organization: its name or id.
            name: its name; that of the path, if it is given.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return self._ask(
            request(
                "PUT",
                "/organizations/{}",
                organization,
                body={"name": name},
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Organization,
        )

    def delete_organization(
        self,
        organization: str | int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Remove an organization, with everything that belongs to it: its vehicles, streams and keys too.

        Ids are never used again, and what was delivered stays recorded. To remove what is known of people, erase.

        Args:
            organization: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        self._do(
            request(
                "DELETE",
                "/organizations/{}",
                organization,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_providers(self, organization: str | int, *, limit: int | None = None) -> Iterator[Provider]:
        """List an organization's providers; a provider sees itself.

        Args:
            organization: its name or id.
            limit: how many are asked for at once.
        """
        return self._pages(
            request("GET", "/organizations/{}/providers", organization, query={"limit": limit}), Page[Provider]
        )

    def get_provider(self, organization: str | int, provider: str | int) -> Provider:
        """Get a provider by its name or id.

        Args:
            organization: its name or id.
            provider: its name or id.
        """
        return self._ask(request("GET", "/organizations/{}/providers/{}", organization, provider), Provider)

    def put_provider(
        self,
        organization: str | int,
        provider: str | int,
        *,
        protocol: str,
        unknown_vehicles: Literal["create", "unassigned"] | UnsetType = UNSET,
        settings: Mapping[str, Any] | UnsetType = UNSET,
        upstream: Mapping[str, Any] | UnsetType | None = UNSET,
        name: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Provider:
        """Create a provider, or replace what is declared of it.

        Settings that differ are a new revision: what was received before is still read by those of its time. In
        `upstream`,
        null stands for a secret that is set.

        Args:
            organization: its name or id.
            provider: its name or id.
            protocol: by which it sends.
            unknown_vehicles: what becomes of items about vehicles that nobody knows.
            settings: how what it sends is read; by its protocol.
            upstream: how its own control plane is reached; null: that is left to people.
            name: that of the path; may be left out.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return self._ask(
            request(
                "PUT",
                "/organizations/{}/providers/{}",
                organization,
                provider,
                body={
                    "protocol": protocol,
                    "unknown_vehicles": unknown_vehicles,
                    "settings": settings,
                    "upstream": upstream,
                    "name": name,
                },
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Provider,
        )

    def delete_provider(
        self,
        organization: str | int,
        provider: str | int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Remove a provider: its tokens end, and nothing is taken in from it any more.

        Args:
            organization: its name or id.
            provider: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        self._do(
            request(
                "DELETE",
                "/organizations/{}/providers/{}",
                organization,
                provider,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_fleets(self, organization: str | int, *, limit: int | None = None) -> Iterator[Fleet]:
        """List an organization's fleets.

        Args:
            organization: its name or id.
            limit: how many are asked for at once.
        """
        return self._pages(
            request("GET", "/organizations/{}/fleets", organization, query={"limit": limit}), Page[Fleet]
        )

    def get_fleet(self, organization: str | int, fleet: str | int) -> Fleet:
        """Get a fleet by its name or id.

        Args:
            organization: its name or id.
            fleet: its name or id.
        """
        return self._ask(request("GET", "/organizations/{}/fleets/{}", organization, fleet), Fleet)

    def put_fleet(
        self,
        organization: str | int,
        fleet: str | int,
        *,
        name: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Fleet:
        """Have a fleet of this name.

        Args:
            organization: its name or id.
            fleet: its name or id.
            name: that of the path; may be left out.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return self._ask(
            request(
                "PUT",
                "/organizations/{}/fleets/{}",
                organization,
                fleet,
                body={"name": name},
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Fleet,
        )

    def delete_fleet(
        self,
        organization: str | int,
        fleet: str | int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Remove a fleet, and so the access that it gave. Its vehicles are in no fleet then.

        Args:
            organization: its name or id.
            fleet: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        self._do(
            request(
                "DELETE",
                "/organizations/{}/fleets/{}",
                organization,
                fleet,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def add_vehicle_to_fleet(
        self, organization: str | int, fleet: str | int, vehicle: int, *, idempotency_key: str | None = None
    ) -> None:
        """Have a vehicle in this fleet from now on; it leaves the one that it is in.

        Args:
            organization: its name or id.
            fleet: its name or id.
            vehicle: its id.
            idempotency_key: of the same request that was made before; else one is made.
        """
        self._do(
            request(
                "POST",
                "/organizations/{}/fleets/{}/vehicles/{}",
                organization,
                fleet,
                vehicle,
                idempotency_key=idempotency_key,
            )
        )

    def remove_vehicle_from_fleet(
        self, organization: str | int, fleet: str | int, vehicle: int, *, idempotency_key: str | None = None
    ) -> None:
        """Have a vehicle in no fleet from now on.

        Args:
            organization: its name or id.
            fleet: its name or id.
            vehicle: its id.
            idempotency_key: of the same request that was made before; else one is made.
        """
        self._do(
            request(
                "DELETE",
                "/organizations/{}/fleets/{}/vehicles/{}",
                organization,
                fleet,
                vehicle,
                idempotency_key=idempotency_key,
            )
        )

    def list_vehicles(
        self,
        organization: str | int,
        *,
        limit: int | None = None,
        identifier: str | None = None,
        namespace: str | None = None,
        fleet: str | None = None,
    ) -> Iterator[Vehicle]:
        """List an organization's vehicles: all, those of a fleet, or whatever is known by an identifier.

        Args:
            organization: its name or id.
            limit: how many are asked for at once.
            identifier: those known by this, in any spelling.
            namespace: known so here: `plate`, `vin`, or a provider's.
            fleet: those in this fleet, by its name or id.
        """
        return self._pages(
            request(
                "GET",
                "/organizations/{}/vehicles",
                organization,
                query={"limit": limit, "identifier": identifier, "namespace": namespace, "fleet": fleet},
            ),
            Page[Vehicle],
        )

    def create_vehicle(
        self,
        organization: str | int,
        *,
        plate: str | UnsetType | None = UNSET,
        vin: str | UnsetType | None = UNSET,
        identifiers: Mapping[str, str | int] | UnsetType = UNSET,
        fleet: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> Vehicle:
        """Have a vehicle: a new one, unless one is known by what is said here; then that is changed, as in a file.

        Args:
            organization: its name or id.
            plate: its registration, in any spelling.
            vin: its vehicle identification number.
            identifiers: namespace of a source protocol: what its providers call the vehicle.
            fleet: the name of the fleet that it is in.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return self._ask(
            request(
                "POST",
                "/organizations/{}/vehicles",
                organization,
                body={"plate": plate, "vin": vin, "identifiers": identifiers, "fleet": fleet},
                idempotency_key=idempotency_key,
            ),
            Vehicle,
        )

    def get_vehicle(self, organization: str | int, vehicle: int) -> Vehicle:
        """Get a vehicle.

        Args:
            organization: its name or id.
            vehicle: its id.
        """
        return self._ask(request("GET", "/organizations/{}/vehicles/{}", organization, vehicle), Vehicle)

    def put_vehicle(
        self,
        organization: str | int,
        vehicle: int,
        *,
        plate: str | UnsetType | None = UNSET,
        vin: str | UnsetType | None = UNSET,
        identifiers: Mapping[str, str | int] | UnsetType = UNSET,
        fleet: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Vehicle:
        """Replace what a vehicle is known by, and the fleet it is in.

        Args:
            organization: its name or id.
            vehicle: its id.
            plate: its registration, in any spelling.
            vin: its vehicle identification number.
            identifiers: namespace of a source protocol: what its providers call the vehicle.
            fleet: the name of the fleet that it is in.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return self._ask(
            request(
                "PUT",
                "/organizations/{}/vehicles/{}",
                organization,
                vehicle,
                body={"plate": plate, "vin": vin, "identifiers": identifiers, "fleet": fleet},
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Vehicle,
        )

    def delete_vehicle(
        self,
        organization: str | int,
        vehicle: int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Retire a vehicle: its streams end, and it is known by nothing any more.

        What was stored of it stays: to remove that, erase it.

        Args:
            organization: its name or id.
            vehicle: its id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        self._do(
            request(
                "DELETE",
                "/organizations/{}/vehicles/{}",
                organization,
                vehicle,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_subjects(
        self,
        *,
        limit: int | None = None,
        identifier: str | None = None,
        namespace: str | None = None,
        kind: Literal["account", "driver", "fleet", "vehicle"] | None = None,
        organization: str | None = None,
    ) -> Iterator[Subject]:
        """List subjects; whoever does not see all organizations names the one.

        Args:
            limit: how many are asked for at once.
            identifier: those known by this.
            namespace: known so here.
            kind: those of this kind.
            organization: those of this organization, by its name or id.
        """
        return self._pages(
            request(
                "GET",
                "/subjects",
                query={
                    "limit": limit,
                    "identifier": identifier,
                    "namespace": namespace,
                    "kind": kind,
                    "organization": organization,
                },
            ),
            Page[Subject],
        )

    def get_subject(self, subject: int) -> Subject:
        """Get a subject.

        Args:
            subject: its id.
        """
        return self._ask(request("GET", "/subjects/{}", subject), Subject)

    def list_drivers(
        self,
        organization: str | int,
        *,
        limit: int | None = None,
        identifier: str | None = None,
        namespace: str | None = None,
    ) -> Iterator[Subject]:
        """List an organization's drivers, as providers know them.

        Args:
            organization: its name or id.
            limit: how many are asked for at once.
            identifier: those known by this.
            namespace: known so here.
        """
        return self._pages(
            request(
                "GET",
                "/organizations/{}/drivers",
                organization,
                query={"limit": limit, "identifier": identifier, "namespace": namespace},
            ),
            Page[Subject],
        )

    def list_integrations(self, organization: str | int, *, limit: int | None = None) -> Iterator[Integration]:
        """List an organization's integrations; an integration sees itself.

        Args:
            organization: its name or id.
            limit: how many are asked for at once.
        """
        return self._pages(
            request("GET", "/organizations/{}/integrations", organization, query={"limit": limit}), Page[Integration]
        )

    def get_integration(self, organization: str | int, integration: str | int) -> Integration:
        """Get an integration by its name or id.

        Args:
            organization: its name or id.
            integration: its name or id.
        """
        return self._ask(request("GET", "/organizations/{}/integrations/{}", organization, integration), Integration)

    def put_integration(
        self,
        organization: str | int,
        integration: str | int,
        *,
        name: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Integration:
        """Have an integration of this name; its destinations and subscriptions are put by themselves.

        Args:
            organization: its name or id.
            integration: its name or id.
            name: that of the path; may be left out.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return self._ask(
            request(
                "PUT",
                "/organizations/{}/integrations/{}",
                organization,
                integration,
                body={"name": name},
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Integration,
        )

    def delete_integration(
        self,
        organization: str | int,
        integration: str | int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Remove an integration with its destinations and subscriptions: its streams, grants and tokens end.

        Args:
            organization: its name or id.
            integration: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        self._do(
            request(
                "DELETE",
                "/organizations/{}/integrations/{}",
                organization,
                integration,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_destinations(
        self, organization: str | int, integration: str | int, *, limit: int | None = None
    ) -> Iterator[Destination]:
        """List an integration's destinations.

        Args:
            organization: its name or id.
            integration: its name or id.
            limit: how many are asked for at once.
        """
        return self._pages(
            request(
                "GET",
                "/organizations/{}/integrations/{}/destinations",
                organization,
                integration,
                query={"limit": limit},
            ),
            Page[Destination],
        )

    def get_destination(self, organization: str | int, integration: str | int, destination: str | int) -> Destination:
        """Get a destination by its name or id.

        Args:
            organization: its name or id.
            integration: its name or id.
            destination: its name or id.
        """
        return self._ask(
            request("GET", "/organizations/{}/integrations/{}/destinations/{}", organization, integration, destination),
            Destination,
        )

    def put_destination(
        self,
        organization: str | int,
        integration: str | int,
        destination: str | int,
        *,
        transport: str,
        config: Mapping[str, Any] | UnsetType = UNSET,
        limits: Mapping[str, Any] | UnsetType = UNSET,
        name: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Destination:
        """Create a destination, or replace it; what is sent there must still fit.

        In `config`, a secret is written out, and null stands for one that is set; one that is left out goes.

        Args:
            organization: its name or id.
            integration: its name or id.
            destination: its name or id.
            transport: how it is reached.
            config: where it is, and our credentials; by its transport.
            limits: how much it can bear.
            name: that of the path; may be left out.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return self._ask(
            request(
                "PUT",
                "/organizations/{}/integrations/{}/destinations/{}",
                organization,
                integration,
                destination,
                body={"transport": transport, "config": config, "limits": limits, "name": name},
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Destination,
        )

    def delete_destination(
        self,
        organization: str | int,
        integration: str | int,
        destination: str | int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Remove a destination to which nothing is sent, with its secrets.

        Args:
            organization: its name or id.
            integration: its name or id.
            destination: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        self._do(
            request(
                "DELETE",
                "/organizations/{}/integrations/{}/destinations/{}",
                organization,
                integration,
                destination,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_subscriptions(
        self, organization: str | int, integration: str | int, *, limit: int | None = None
    ) -> Iterator[Subscription]:
        """List an integration's subscriptions.

        Args:
            organization: its name or id.
            integration: its name or id.
            limit: how many are asked for at once.
        """
        return self._pages(
            request(
                "GET",
                "/organizations/{}/integrations/{}/subscriptions",
                organization,
                integration,
                query={"limit": limit},
            ),
            Page[Subscription],
        )

    def get_subscription(
        self, organization: str | int, integration: str | int, subscription: str | int
    ) -> Subscription:
        """Get a subscription by its name or id.

        Args:
            organization: its name or id.
            integration: its name or id.
            subscription: its name or id.
        """
        return self._ask(
            request(
                "GET", "/organizations/{}/integrations/{}/subscriptions/{}", organization, integration, subscription
            ),
            Subscription,
        )

    def put_subscription(
        self,
        organization: str | int,
        integration: str | int,
        subscription: str | int,
        *,
        protocol: str,
        destination: str,
        types: Sequence[str],
        vehicles: Literal["all", "chosen", "granted", "none"] | VehiclesPart | UnsetType = UNSET,
        drivers: Literal["all", "none"] | DriversPart | UnsetType = UNSET,
        options: Mapping[str, Any] | UnsetType = UNSET,
        delivery: Mapping[str, Any] | UnsetType = UNSET,
        signing: SigningPart | UnsetType = UNSET,
        state: Literal["active", "paused"] | UnsetType = UNSET,
        name: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Subscription:
        """Create a subscription, or replace what is declared of it. It goes on where it is.

        `signing` and `state` stay as they are if they are left out.

        Args:
            organization: its name or id.
            integration: its name or id.
            subscription: its name or id.
            protocol: by which it is sent.
            destination: the name of a destination of the same integration.
            types: types of events, by the names that the protocol has for them.
            vehicles: of which vehicles: of those selected here, those granted, or those its customer chooses.
            drivers: of which drivers.
            options: of the translation; by its protocol.
            delivery: what is other than the protocol's contract says.
            signing: how its requests are signed; left out: that stays as it is.
            state: left out: as it is, and active when it is new.
            name: that of the path; may be left out.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return self._ask(
            request(
                "PUT",
                "/organizations/{}/integrations/{}/subscriptions/{}",
                organization,
                integration,
                subscription,
                body={
                    "protocol": protocol,
                    "destination": destination,
                    "types": types,
                    "vehicles": vehicles,
                    "drivers": drivers,
                    "options": options,
                    "delivery": delivery,
                    "signing": signing,
                    "state": state,
                    "name": name,
                },
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Subscription,
        )

    def delete_subscription(
        self,
        organization: str | int,
        integration: str | int,
        subscription: str | int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Remove a subscription: its streams end, and what was not delivered yet is not any more.

        Args:
            organization: its name or id.
            integration: its name or id.
            subscription: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        self._do(
            request(
                "DELETE",
                "/organizations/{}/integrations/{}/subscriptions/{}",
                organization,
                integration,
                subscription,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def pause_subscription(
        self,
        organization: str | int,
        integration: str | int,
        subscription: str | int,
        *,
        idempotency_key: str | None = None,
    ) -> Subscription:
        """Stop sending. Events are kept; resuming goes on where it stopped.

        Args:
            organization: its name or id.
            integration: its name or id.
            subscription: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return self._ask(
            request(
                "POST",
                "/organizations/{}/integrations/{}/subscriptions/{}/pause",
                organization,
                integration,
                subscription,
                idempotency_key=idempotency_key,
            ),
            Subscription,
        )

    def resume_subscription(
        self,
        organization: str | int,
        integration: str | int,
        subscription: str | int,
        *,
        idempotency_key: str | None = None,
    ) -> Subscription:
        """Go on sending, whoever stopped it.

        Args:
            organization: its name or id.
            integration: its name or id.
            subscription: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return self._ask(
            request(
                "POST",
                "/organizations/{}/integrations/{}/subscriptions/{}/resume",
                organization,
                integration,
                subscription,
                idempotency_key=idempotency_key,
            ),
            Subscription,
        )

    def rotate_signing_secret(
        self,
        organization: str | int,
        integration: str | int,
        subscription: str | int,
        *,
        overlap_s: int | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> Rotated:
        """Make a new signing secret; requests are signed with those before it too until the overlap is over.

        It is shown this once: with an `Idempotency-Key`, the same request is answered with it again for a day.

        Args:
            organization: its name or id.
            integration: its name or id.
            subscription: its name or id.
            overlap_s: how long the secrets before it stay valid; 0 ends them now.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return self._ask(
            request(
                "POST",
                "/organizations/{}/integrations/{}/subscriptions/{}/rotate-secret",
                organization,
                integration,
                subscription,
                body={"overlap_s": overlap_s},
                idempotency_key=idempotency_key,
            ),
            Rotated,
        )

    def try_subscription(
        self,
        organization: str | int,
        integration: str | int,
        subscription: str | int,
        *,
        idempotency_key: str | None = None,
    ) -> Tried:
        """Try a subscription's destination, step by step. Nothing of the log is sent.

        Args:
            organization: its name or id.
            integration: its name or id.
            subscription: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return self._ask(
            request(
                "POST",
                "/organizations/{}/integrations/{}/subscriptions/{}/test",
                organization,
                integration,
                subscription,
                idempotency_key=idempotency_key,
            ),
            Tried,
        )

    def apply_document(
        self,
        *,
        text: str,
        media_type: Literal["application/yaml", "application/json"] = "application/yaml",
        dry_run: bool | None = None,
        prune: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Applied:
        """Make the registry what a document declares: all of it, or nothing if anything is wrong.

        It is the document of `postroad apply`, but for its secrets: they are written out, and null stands for one
        that is
        set. References to the environment or to files are refused: those of the hub are nobody's.

        Args:
            text: the body.
            media_type: what the body is.
            dry_run: only tell what would change.
            prune: remove what the document does not declare.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return self._ask(
            request(
                "POST",
                "/apply",
                query={"dry_run": dry_run, "prune": prune},
                text=(media_type, text),
                idempotency_key=idempotency_key,
            ),
            Applied,
        )
