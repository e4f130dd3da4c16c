"""The client for an event loop."""

# Made by tools/client/generate.py: change the API and run `make reference`.

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from postroad.client.answers import Page
from postroad.client.async_base import AsyncClientBase
from postroad.client.request import request
from postroad.client.types import (
    Alert,
    Applied,
    AuditEntry,
    AuditHead,
    AuditRecord,
    CreatedServiceAccount,
    DeadLetter,
    DeadLetterCounts,
    DeadLetterWithBody,
    DeliveryAudit,
    Destination,
    DriversPart,
    Erasure,
    ErasurePreview,
    Explanation,
    Fleet,
    Grant,
    Integration,
    IssuedToken,
    Organization,
    PlacedAttempt,
    Provider,
    QuarantinedItem,
    QuarantinedItemWithBody,
    ReceivePart,
    Receiver,
    Rotated,
    ServiceAccount,
    ServicePart,
    SigningPart,
    Stream,
    Subject,
    Subscription,
    Task,
    Token,
    Tried,
    Vehicle,
    VehiclesPart,
)


class AsyncClient(AsyncClientBase):
    """Every operation of the REST API."""

    def list_organizations(self, *, limit: int | None = None) -> AsyncIterator[Organization]:
        """List the organizations that you may see, in the order of their ids.

        Args:
            limit: how many are asked for at once.
        """
        return self._pages(request("GET", "/organizations", query={"limit": limit}), Page[Organization])

    async def get_organization(self, organization: str | int) -> Organization:
        """Get an organization by its name or id.

        Args:
            organization: its name or id.
        """
        return await self._ask(request("GET", "/organizations/{}", organization), Organization)

    async def put_organization(
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
        return await self._ask(
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

    async def delete_organization(
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
        await self._do(
            request(
                "DELETE",
                "/organizations/{}",
                organization,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_providers(self, organization: str | int, *, limit: int | None = None) -> AsyncIterator[Provider]:
        """List an organization's providers; a provider sees itself.

        Args:
            organization: its name or id.
            limit: how many are asked for at once.
        """
        return self._pages(
            request("GET", "/organizations/{}/providers", organization, query={"limit": limit}), Page[Provider]
        )

    async def get_provider(self, organization: str | int, provider: str | int) -> Provider:
        """Get a provider by its name or id.

        Args:
            organization: its name or id.
            provider: its name or id.
        """
        return await self._ask(request("GET", "/organizations/{}/providers/{}", organization, provider), Provider)

    async def put_provider(
        self,
        organization: str | int,
        provider: str | int,
        *,
        protocol: str,
        unknown_vehicles: Literal["create", "unassigned"] | UnsetType = UNSET,
        settings: Mapping[str, Any] | UnsetType = UNSET,
        upstream: Mapping[str, Any] | UnsetType | None = UNSET,
        receive: ReceivePart | UnsetType | None = UNSET,
        name: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Provider:
        """Create a provider, or replace what is declared of it.

        Settings that differ are a new revision: what was received before is still read by those of its time. In
        `upstream` and in the config of `receive`, null stands for a secret that is set.

        Args:
            organization: its name or id.
            provider: its name or id.
            protocol: by which it sends.
            unknown_vehicles: what becomes of items about vehicles that nobody knows.
            settings: how what it sends is read; by its protocol.
            upstream: how its own control plane is reached; null: that is left to people.
            receive: the queue or topic they come from; null: by the entrances only.
            name: that of the path; may be left out.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return await self._ask(
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
                    "receive": receive,
                    "name": name,
                },
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Provider,
        )

    async def delete_provider(
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
        await self._do(
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

    def list_fleets(self, organization: str | int, *, limit: int | None = None) -> AsyncIterator[Fleet]:
        """List an organization's fleets.

        Args:
            organization: its name or id.
            limit: how many are asked for at once.
        """
        return self._pages(
            request("GET", "/organizations/{}/fleets", organization, query={"limit": limit}), Page[Fleet]
        )

    async def get_fleet(self, organization: str | int, fleet: str | int) -> Fleet:
        """Get a fleet by its name or id.

        Args:
            organization: its name or id.
            fleet: its name or id.
        """
        return await self._ask(request("GET", "/organizations/{}/fleets/{}", organization, fleet), Fleet)

    async def put_fleet(
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
        return await self._ask(
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

    async def delete_fleet(
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
        await self._do(
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

    async def add_vehicle_to_fleet(
        self, organization: str | int, fleet: str | int, vehicle: int, *, idempotency_key: str | None = None
    ) -> None:
        """Have a vehicle in this fleet from now on; it leaves the one that it is in.

        Args:
            organization: its name or id.
            fleet: its name or id.
            vehicle: its id.
            idempotency_key: of the same request that was made before; else one is made.
        """
        await self._do(
            request(
                "POST",
                "/organizations/{}/fleets/{}/vehicles/{}",
                organization,
                fleet,
                vehicle,
                idempotency_key=idempotency_key,
            )
        )

    async def remove_vehicle_from_fleet(
        self, organization: str | int, fleet: str | int, vehicle: int, *, idempotency_key: str | None = None
    ) -> None:
        """Have a vehicle in no fleet from now on.

        Args:
            organization: its name or id.
            fleet: its name or id.
            vehicle: its id.
            idempotency_key: of the same request that was made before; else one is made.
        """
        await self._do(
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
    ) -> AsyncIterator[Vehicle]:
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

    async def create_vehicle(
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
        return await self._ask(
            request(
                "POST",
                "/organizations/{}/vehicles",
                organization,
                body={"plate": plate, "vin": vin, "identifiers": identifiers, "fleet": fleet},
                idempotency_key=idempotency_key,
            ),
            Vehicle,
        )

    async def get_vehicle(self, organization: str | int, vehicle: int) -> Vehicle:
        """Get a vehicle.

        Args:
            organization: its name or id.
            vehicle: its id.
        """
        return await self._ask(request("GET", "/organizations/{}/vehicles/{}", organization, vehicle), Vehicle)

    async def put_vehicle(
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
        return await self._ask(
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

    async def delete_vehicle(
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
        await self._do(
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
    ) -> AsyncIterator[Subject]:
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

    async def get_subject(self, subject: int) -> Subject:
        """Get a subject.

        Args:
            subject: its id.
        """
        return await self._ask(request("GET", "/subjects/{}", subject), Subject)

    def list_drivers(
        self,
        organization: str | int,
        *,
        limit: int | None = None,
        identifier: str | None = None,
        namespace: str | None = None,
    ) -> AsyncIterator[Subject]:
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

    def list_integrations(self, organization: str | int, *, limit: int | None = None) -> AsyncIterator[Integration]:
        """List an organization's integrations; an integration sees itself.

        Args:
            organization: its name or id.
            limit: how many are asked for at once.
        """
        return self._pages(
            request("GET", "/organizations/{}/integrations", organization, query={"limit": limit}), Page[Integration]
        )

    async def get_integration(self, organization: str | int, integration: str | int) -> Integration:
        """Get an integration by its name or id.

        Args:
            organization: its name or id.
            integration: its name or id.
        """
        return await self._ask(
            request("GET", "/organizations/{}/integrations/{}", organization, integration), Integration
        )

    async def put_integration(
        self,
        organization: str | int,
        integration: str | int,
        *,
        name: str | UnsetType = UNSET,
        service: ServicePart | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Integration:
        """Create an integration, or replace what is declared of it.

        Its destinations and subscriptions are put by themselves. A `service` needs a subscription by which owners can
        share, so it is put once that is there.

        Args:
            organization: its name or id.
            integration: its name or id.
            name: that of the path; may be left out.
            service: what it is to owners of vehicles; null: they are not offered it.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return await self._ask(
            request(
                "PUT",
                "/organizations/{}/integrations/{}",
                organization,
                integration,
                body={"name": name, "service": service},
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Integration,
        )

    async def delete_integration(
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
        await self._do(
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
    ) -> AsyncIterator[Destination]:
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

    async def get_destination(
        self, organization: str | int, integration: str | int, destination: str | int
    ) -> Destination:
        """Get a destination by its name or id.

        Args:
            organization: its name or id.
            integration: its name or id.
            destination: its name or id.
        """
        return await self._ask(
            request("GET", "/organizations/{}/integrations/{}/destinations/{}", organization, integration, destination),
            Destination,
        )

    async def put_destination(
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
        return await self._ask(
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

    async def delete_destination(
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
        await self._do(
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
    ) -> AsyncIterator[Subscription]:
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

    async def get_subscription(
        self, organization: str | int, integration: str | int, subscription: str | int
    ) -> Subscription:
        """Get a subscription by its name or id.

        Args:
            organization: its name or id.
            integration: its name or id.
            subscription: its name or id.
        """
        return await self._ask(
            request(
                "GET", "/organizations/{}/integrations/{}/subscriptions/{}", organization, integration, subscription
            ),
            Subscription,
        )

    async def put_subscription(
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
        return await self._ask(
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

    async def delete_subscription(
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
        await self._do(
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

    async def pause_subscription(
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
        return await self._ask(
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

    async def resume_subscription(
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
        return await self._ask(
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

    async def rotate_signing_secret(
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
        return await self._ask(
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

    async def try_subscription(
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
        return await self._ask(
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

    def list_streams(
        self,
        *,
        limit: int | None = None,
        subscription_id: int | None = None,
        subject_id: int | None = None,
        ended: bool | None = None,
    ) -> AsyncIterator[Stream]:
        """List the streams of integrations that you may see, in the order of their ids, those that have ended too.

        Args:
            limit: how many are asked for at once.
            subscription_id: into this subscription.
            subject_id: of this vehicle, driver or account.
            ended: only those that have ended, or have not.
        """
        return self._pages(
            request(
                "GET",
                "/streams",
                query={"limit": limit, "subscription_id": subscription_id, "subject_id": subject_id, "ended": ended},
            ),
            Page[Stream],
        )

    async def add_stream(
        self,
        *,
        subscription_id: int,
        vehicle_id: int,
        reference_url: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> Stream:
        """Choose a vehicle for a subscription that leaves that to its customer; one that is open is answered as it is.

        Args:
            subscription_id: into which; one whose vehicles are chosen.
            vehicle_id: the subject's id of a vehicle that its integration has.
            reference_url: what the customer notes with it.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/streams",
                body={"subscription_id": subscription_id, "vehicle_id": vehicle_id, "reference_url": reference_url},
                idempotency_key=idempotency_key,
            ),
            Stream,
        )

    async def get_stream(self, stream: int) -> Stream:
        """Get a stream.

        Args:
            stream: its id.
        """
        return await self._ask(request("GET", "/streams/{}", stream), Stream)

    async def update_stream(
        self,
        stream: int,
        *,
        reference_url: str | None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Stream:
        """Change what is noted with a chosen stream that is open.

        Args:
            stream: its id.
            reference_url: what the customer notes with it; null: nothing.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        return await self._ask(
            request(
                "PATCH",
                "/streams/{}",
                stream,
                body={"reference_url": reference_url},
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
            Stream,
        )

    async def delete_stream(
        self,
        stream: int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """End a chosen stream. Of others the subscription, or a grant, decides: change that.

        Args:
            stream: its id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        await self._do(
            request(
                "DELETE",
                "/streams/{}",
                stream,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_grants(
        self, *, limit: int | None = None, integration_id: int | None = None, subject_id: int | None = None
    ) -> AsyncIterator[Grant]:
        """List the grants that stand and that you may see, at either end, the oldest first.

        Args:
            limit: how many are asked for at once.
            integration_id: to this integration.
            subject_id: of this vehicle or fleet itself.
        """
        return self._pages(
            request(
                "GET", "/grants", query={"limit": limit, "integration_id": integration_id, "subject_id": subject_id}
            ),
            Page[Grant],
        )

    async def give_grant(self, *, integration_id: int, subject_id: int, idempotency_key: str | None = None) -> Grant:
        """Give an integration access to a vehicle, or to a fleet; what stands already is answered as it is.

        Args:
            integration_id: to whom, of whichever organization.
            subject_id: of the vehicle, or of the fleet with every vehicle in it.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/grants",
                body={"integration_id": integration_id, "subject_id": subject_id},
                idempotency_key=idempotency_key,
            ),
            Grant,
        )

    async def get_grant(self, grant: int) -> Grant:
        """Get a grant that stands.

        Args:
            grant: its id.
        """
        return await self._ask(request("GET", "/grants/{}", grant), Grant)

    async def revoke_grant(
        self,
        grant: int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Withdraw a grant: streams of the vehicle, or of the fleet's vehicles, end.

        What waits to be sent of them is not sent any more.

        Args:
            grant: its id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        await self._do(
            request(
                "DELETE",
                "/grants/{}",
                grant,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_tokens(
        self,
        *,
        limit: int | None = None,
        role: Literal["auditor", "fleet_owner", "integration", "operator", "provider"] | None = None,
        revoked: bool | None = None,
    ) -> AsyncIterator[Token]:
        """List tokens, the oldest first, those that were revoked too; never their texts.

        Args:
            limit: how many are asked for at once.
            role: of this role.
            revoked: only those that were revoked, or were not.
        """
        return self._pages(
            request("GET", "/tokens", query={"limit": limit, "role": role, "revoked": revoked}), Page[Token]
        )

    async def issue_token(
        self,
        *,
        role: Literal["auditor", "fleet_owner", "integration", "operator", "provider"],
        owner_id: int | UnsetType | None = UNSET,
        label: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> IssuedToken:
        """Issue a token. Its text is shown this once.

        Args:
            role: what its holder is to the hub.
            owner_id: of the provider, of the integration, or of a fleet owner's or an auditor's organization.
                Null: an operator, or an auditor of all organizations.
            label: what it is for, to tell several apart.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/tokens",
                body={"role": role, "owner_id": owner_id, "label": label},
                idempotency_key=idempotency_key,
            ),
            IssuedToken,
        )

    async def get_token(self, token: str | int) -> Token:
        """Get what may be shown of a token.

        Args:
            token: its name or id.
        """
        return await self._ask(request("GET", "/tokens/{}", token), Token)

    async def revoke_token(
        self,
        token: str | int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Revoke a token, now. It stays listed. Doing it again changes nothing.

        Args:
            token: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        await self._do(
            request(
                "DELETE",
                "/tokens/{}",
                token,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_service_accounts(
        self,
        *,
        limit: int | None = None,
        role: Literal["auditor", "fleet_owner", "integration", "operator", "provider"] | None = None,
        revoked: bool | None = None,
    ) -> AsyncIterator[ServiceAccount]:
        """List service accounts, the oldest first, those that were revoked too.

        Args:
            limit: how many are asked for at once.
            role: of this role.
            revoked: only those that were revoked, or were not.
        """
        return self._pages(
            request("GET", "/service-accounts", query={"limit": limit, "role": role, "revoked": revoked}),
            Page[ServiceAccount],
        )

    async def create_service_account(
        self,
        *,
        role: Literal["auditor", "fleet_owner", "integration", "operator", "provider"],
        url: str,
        owner_id: int | UnsetType | None = UNSET,
        label: str | UnsetType = UNSET,
        public_key: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> CreatedServiceAccount:
        """Create a service account. A private key that is made for it is shown this once and not stored.

        Args:
            role: what its holder is to the hub.
            url: the hub's URL, as the account's holder reaches it.
            owner_id: of the provider, of the integration, or of a fleet owner's or an auditor's organization.
                Null: an operator, or an auditor of all organizations.
            label: what it is for, to tell several apart.
            public_key: pEM of the holder's RSA public key, 2048 to 4096 bits; null: a pair is made.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/service-accounts",
                body={"role": role, "owner_id": owner_id, "label": label, "url": url, "public_key": public_key},
                idempotency_key=idempotency_key,
            ),
            CreatedServiceAccount,
        )

    async def get_service_account(self, account: str | int) -> ServiceAccount:
        """Get a service account.

        Args:
            account: its name or id.
        """
        return await self._ask(request("GET", "/service-accounts/{}", account), ServiceAccount)

    async def revoke_service_account(
        self,
        account: str | int,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Revoke a service account, now, with every access token that it got. It stays listed.

        Args:
            account: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
            if_match: an entity tag: change it only if it still is so.
            if_none_match: an entity tag: only if it is not so; `*`: only if there is none.
        """
        await self._do(
            request(
                "DELETE",
                "/service-accounts/{}",
                account,
                idempotency_key=idempotency_key,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def list_audit_log(
        self,
        *,
        limit: int | None = None,
        organization_id: int | None = None,
        subject_id: int | None = None,
        action: str | None = None,
        kind: str | None = None,
        id: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[AuditEntry]:
        """List entries, the newest first.

        Args:
            limit: how many are asked for at once.
            organization_id: those of this organization. Left out by who sees one only: that one.
            subject_id: those about this vehicle, driver, fleet or account.
            action: what was done: `create`, `update`, `delete`, `revoke` ...
            kind: to what: `token`, `grant`, `subscription` ...
            id: to the one with this id, as a text.
            actor: by whom, by the whole name.
            since: not older.
            until: older than this.
        """
        return self._pages(
            request(
                "GET",
                "/audit-log",
                query={
                    "limit": limit,
                    "organization_id": organization_id,
                    "subject_id": subject_id,
                    "action": action,
                    "kind": kind,
                    "id": id,
                    "actor": actor,
                    "since": since,
                    "until": until,
                },
            ),
            Page[AuditEntry],
        )

    async def get_audit_head(self) -> AuditHead:
        """Get the number and hash of the newest entry, to be kept where nobody of the hub's can change it."""
        return await self._ask(request("GET", "/audit-log/head"), AuditHead)

    def list_audit_records(self, *, limit: int | None = None) -> AsyncIterator[AuditRecord]:
        """Get entries from the first on, with all that is needed to verify the chain.

        Written one a line, the items of all pages are a file for `postroad audit-log verify --file`.

        Args:
            limit: how many are asked for at once.
        """
        return self._pages(request("GET", "/audit-log/records", query={"limit": limit}), Page[AuditRecord])

    async def get_audit_entry(self, number: int) -> AuditEntry:
        """Get an entry.

        Args:
            number: its id.
        """
        return await self._ask(request("GET", "/audit-log/{}", number), AuditEntry)

    async def apply_document(
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
        that is set. References to the environment or to files are refused: those of the hub are nobody's.

        Args:
            text: the body.
            media_type: what the body is.
            dry_run: only tell what would change.
            prune: remove what the document does not declare.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/apply",
                query={"dry_run": dry_run, "prune": prune},
                text=(media_type, text),
                idempotency_key=idempotency_key,
            ),
            Applied,
        )

    def list_receivers(self, *, limit: int | None = None) -> AsyncIterator[Receiver]:
        """List how the receivers of providers stand; a provider sees its own.

        Args:
            limit: how many are asked for at once.
        """
        return self._pages(request("GET", "/receivers", query={"limit": limit}), Page[Receiver])

    async def explain_event(self, event: str | int) -> Explanation:
        """Tell the story of an event: who brought it, to whom it went or why not, and each attempt.

        An event is named by the id that a customer got, or, as SHARD:POSITION, by its item. An integration is told
        what became of it for its own subscriptions, and that there is such an event only if it was to have it.

        Args:
            event: its name or id.
        """
        return await self._ask(request("GET", "/events/{}/explanation", event), Explanation)

    def list_quarantined_items(
        self, *, limit: int | None = None, provider_id: int | None = None, resolved: bool | None = None
    ) -> AsyncIterator[QuarantinedItem]:
        """List the items that could not be read, the oldest first.

        Args:
            limit: how many are asked for at once.
            provider_id: only what this provider sent.
            resolved: also those that were read since.
        """
        return self._pages(
            request("GET", "/quarantine", query={"limit": limit, "provider_id": provider_id, "resolved": resolved}),
            Page[QuarantinedItem],
        )

    async def get_quarantined_item(self, item: str | int) -> QuarantinedItemWithBody:
        """Get an item, with what was sent.

        Args:
            item: its name or id.
        """
        return await self._ask(request("GET", "/quarantine/{}", item), QuarantinedItemWithBody)

    async def redrive_quarantined_items(
        self,
        *,
        items: Sequence[str] | UnsetType = UNSET,
        provider_id: int | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> Task:
        """Have items read again, by today's decoder and settings.

        What can be read now is taken in as if it had just arrived. The rest stays where it is.

        Args:
            items: only these.
            provider_id: only what this provider sent.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/quarantine/redrive",
                body={"items": items, "provider_id": provider_id},
                idempotency_key=idempotency_key,
            ),
            Task,
        )

    async def drop_quarantined_items(
        self,
        *,
        items: Sequence[str] | UnsetType = UNSET,
        provider_id: int | UnsetType | None = UNSET,
        all: bool | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> Task:
        """Take items out of quarantine for good, unread. They stay in the log until retention removes them.

        Args:
            items: only these.
            provider_id: only what this provider sent.
            all: needed where nothing else is given.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/quarantine/drop",
                body={"items": items, "provider_id": provider_id, "all": all},
                idempotency_key=idempotency_key,
            ),
            Task,
        )

    def list_attempts(
        self,
        *,
        limit: int | None = None,
        subscription_id: int | None = None,
        event_id: int | None = None,
        outcome: Literal["delivered", "failed"] | None = None,
    ) -> AsyncIterator[PlacedAttempt]:
        """List attempts to deliver, the newest first.

        Args:
            limit: how many are asked for at once.
            subscription_id: only of this subscription.
            event_id: only those that may have had this event in them.
            outcome: only those that ended so.
        """
        return self._pages(
            request(
                "GET",
                "/attempts",
                query={"limit": limit, "subscription_id": subscription_id, "event_id": event_id, "outcome": outcome},
            ),
            Page[PlacedAttempt],
        )

    def list_dead_letters(
        self,
        *,
        subscription_id: int | None = None,
        type: str | None = None,
        subject_id: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        reason: str | None = None,
        event_id: int | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[DeadLetter]:
        """List dead letters by subscription, the oldest event first.

        Args:
            subscription_id: only of this subscription.
            type: only events of this wire type, such as `gps_position`.
            subject_id: only about this subject.
            since: only those given up since then.
            until: only those given up before then.
            reason: only those given up for this reason.
            event_id: only of this event, by the id its customer gets.
            limit: how many are asked for at once.
        """
        return self._pages(
            request(
                "GET",
                "/dead-letters",
                query={
                    "subscription_id": subscription_id,
                    "type": type,
                    "subject_id": subject_id,
                    "since": since,
                    "until": until,
                    "reason": reason,
                    "event_id": event_id,
                    "limit": limit,
                },
            ),
            Page[DeadLetter],
        )

    async def count_dead_letters(
        self,
        *,
        subscription_id: int | None = None,
        type: str | None = None,
        subject_id: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        reason: str | None = None,
        event_id: int | None = None,
    ) -> DeadLetterCounts:
        """Count dead letters, by subscription and reason: what a redrive of them would be about.

        Args:
            subscription_id: only of this subscription.
            type: only events of this wire type, such as `gps_position`.
            subject_id: only about this subject.
            since: only those given up since then.
            until: only those given up before then.
            reason: only those given up for this reason.
            event_id: only of this event, by the id its customer gets.
        """
        return await self._ask(
            request(
                "GET",
                "/dead-letters/counts",
                query={
                    "subscription_id": subscription_id,
                    "type": type,
                    "subject_id": subject_id,
                    "since": since,
                    "until": until,
                    "reason": reason,
                    "event_id": event_id,
                },
            ),
            DeadLetterCounts,
        )

    async def get_dead_letter(self, letter: str | int) -> DeadLetterWithBody:
        """Get a dead letter, with its body.

        Args:
            letter: its name or id.
        """
        return await self._ask(request("GET", "/dead-letters/{}", letter), DeadLetterWithBody)

    async def redrive_dead_letters(
        self,
        *,
        subscription_ids: Sequence[int] | UnsetType = UNSET,
        types: Sequence[str] | UnsetType = UNSET,
        subject_id: int | UnsetType | None = UNSET,
        since: datetime | UnsetType | None = UNSET,
        until: datetime | UnsetType | None = UNSET,
        reasons: Sequence[str] | UnsetType = UNSET,
        event_ids: Sequence[int] | UnsetType = UNSET,
        rate_per_s: float | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> Task:
        """Have dead letters sent once more, as if they were new: by their contract's schedule, from the first attempt.

        Subscriptions that are paused are left out, unless they are named: that is a conflict. Until its task is
        finished, nobody can ask for another one.

        Args:
            subscription_ids: only of these subscriptions.
            types: only events of these wire types.
            subject_id: only about this subject.
            since: only those given up since then.
            until: only those given up before then.
            reasons: only those given up for these reasons.
            event_ids: only these events.
            rate_per_s: events a second at most; null: no limit.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/dead-letters/redrive",
                body={
                    "subscription_ids": subscription_ids,
                    "types": types,
                    "subject_id": subject_id,
                    "since": since,
                    "until": until,
                    "reasons": reasons,
                    "event_ids": event_ids,
                    "rate_per_s": rate_per_s,
                },
                idempotency_key=idempotency_key,
            ),
            Task,
        )

    async def drop_dead_letters(
        self,
        *,
        subscription_ids: Sequence[int] | UnsetType = UNSET,
        types: Sequence[str] | UnsetType = UNSET,
        subject_id: int | UnsetType | None = UNSET,
        since: datetime | UnsetType | None = UNSET,
        until: datetime | UnsetType | None = UNSET,
        reasons: Sequence[str] | UnsetType = UNSET,
        event_ids: Sequence[int] | UnsetType = UNSET,
        all: bool | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> Task:
        """Drop dead letters for good. That they were dropped stays recorded.

        Args:
            subscription_ids: only of these subscriptions.
            types: only events of these wire types.
            subject_id: only about this subject.
            since: only those given up since then.
            until: only those given up before then.
            reasons: only those given up for these reasons.
            event_ids: only these events.
            all: needed where nothing else is given.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/dead-letters/drop",
                body={
                    "subscription_ids": subscription_ids,
                    "types": types,
                    "subject_id": subject_id,
                    "since": since,
                    "until": until,
                    "reasons": reasons,
                    "event_ids": event_ids,
                    "all": all,
                },
                idempotency_key=idempotency_key,
            ),
            Task,
        )

    async def audit_deliveries(self, *, subscription_id: int) -> DeliveryAudit:
        """Hold what is recorded of a subscription against the log: what was delivered, and what not, and why.

        Each event that it was to have, up to where it has come, must have exactly one outcome; where that is not so
        there is a gap. What cannot be looked at, or not in the time of a request, is told as unproven: that is an
        answer, too.

        Args:
            subscription_id: this one.
        """
        return await self._ask(
            request("GET", "/delivery-audit", query={"subscription_id": subscription_id}), DeliveryAudit
        )

    def list_tasks(self, *, limit: int | None = None) -> AsyncIterator[Task]:
        """List tasks, the newest first: an integration's own, or all.

        Args:
            limit: how many are asked for at once.
        """
        return self._pages(request("GET", "/tasks", query={"limit": limit}), Page[Task])

    async def get_task(self, task: str | int) -> Task:
        """Get a task.

        Args:
            task: its name or id.
        """
        return await self._ask(request("GET", "/tasks/{}", task), Task)

    async def cancel_task(self, task: str | int, *, idempotency_key: str | None = None) -> Task:
        """Cancel a task. What it has done stays done; one that is finished stays as it is.

        Args:
            task: its name or id.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(request("POST", "/tasks/{}/cancel", task, idempotency_key=idempotency_key), Task)

    def list_alerts(self, *, limit: int | None = None, cleared: bool | None = None) -> AsyncIterator[Alert]:
        """List what is wrong, the newest first: with your subscriptions and providers, or with all of the hub.

        Args:
            limit: how many are asked for at once.
            cleared: also those that were cleared.
        """
        return self._pages(request("GET", "/alerts", query={"limit": limit, "cleared": cleared}), Page[Alert])

    def list_erasures(self, *, limit: int | None = None) -> AsyncIterator[Erasure]:
        """List erasures, the newest first. They name nobody.

        Args:
            limit: how many are asked for at once.
        """
        return self._pages(request("GET", "/erasures", query={"limit": limit}), Page[Erasure])

    async def create_erasure(
        self,
        *,
        kind: Literal["driver", "trip", "vehicle"],
        name: str,
        organization: str | UnsetType | None = UNSET,
        provider_id: int | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> Erasure:
        """Have a driver, a vehicle or a trip forgotten, for good. The hub begins within a second.

        Get it again to see how far that is. What was erased already, or is being erased, is not found.

        Args:
            kind: what it is.
            name: a driver: what a provider calls him. A vehicle: its plate or VIN, or what a provider calls
                it. A trip: its provider's key.
            organization: of this organization (name or id), where several have one of that name.
            provider_id: who sent the trip; for a trip only, and needed there.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/erasures",
                body={"kind": kind, "name": name, "organization": organization, "provider_id": provider_id},
                idempotency_key=idempotency_key,
            ),
            Erasure,
        )

    async def get_erasure(self, erasure: int) -> Erasure:
        """Get the receipt of an erasure: what was removed where, who had it and was told, which backups hold it.

        Args:
            erasure: its id.
        """
        return await self._ask(request("GET", "/erasures/{}", erasure), Erasure)

    async def preview_erasure(
        self,
        *,
        kind: Literal["driver", "trip", "vehicle"],
        name: str,
        organization: str | UnsetType | None = UNSET,
        provider_id: int | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> ErasurePreview:
        """Say what would be erased, and who had it; change nothing.

        Args:
            kind: what it is.
            name: a driver: what a provider calls him. A vehicle: its plate or VIN, or what a provider calls
                it. A trip: its provider's key.
            organization: of this organization (name or id), where several have one of that name.
            provider_id: who sent the trip; for a trip only, and needed there.
            idempotency_key: of the same request that was made before; else one is made.
        """
        return await self._ask(
            request(
                "POST",
                "/erasures/preview",
                body={"kind": kind, "name": name, "organization": organization, "provider_id": provider_id},
                idempotency_key=idempotency_key,
            ),
            ErasurePreview,
        )
