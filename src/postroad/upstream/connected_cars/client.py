"""The operations on vehicle data streams, typed, each with its answer or its ``Problem``.

Mutations do all or nothing: after a ``Problem`` of the kind ``refused`` nothing was done. Each may be repeated, except
that deleting a stream which is gone may be refused. A vehicle's ``id`` is text there and a number everywhere else.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream
from postroad.upstream.connected_cars.graphql import GraphQL
from postroad.upstream.connected_cars.problem import Problem
from postroad.upstream.connected_cars.service_account import shared_token

PAGE = 100
"""Asked for at once: what the vendor's page calls usual, and well within the bytes of an answer that are read."""
MAX_PAGES = 10_000

T = TypeVar("T")
_Id = Annotated[str, Meta(pattern=r"^[0-9]{1,10}$")]


class ConsentingVehicle(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A vehicle that gave the integration access."""

    id: _Id
    vin: str | None = None
    unit_serial: str | None = None
    unit_provider: str | None = None
    fleet_id: int | None = None
    """None: access was given for the vehicle alone."""

    @property
    def number(self) -> int:
        """The ``id`` as streams and events have it."""
        return int(self.id)


class NewStream(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stream to add."""

    vehicle_id: int
    integration_topic_id: int
    reference_url: str | None = None


class Stream(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A vehicle data stream: one vehicle x one integration topic."""

    id: int
    vehicle_id: int
    integration_topic_id: int
    reference_url: str | None = None


class Topic(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An integration topic."""

    id: int
    name: str
    parameters: tuple[str, ...] = ()
    """The event types that it carries."""


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


class _Page(msgspec.Struct, Generic[T], rename="camel"):
    items: list[T]
    page_info: _PageInfo


_STREAM_FIELDS = "{ id vehicleId integrationTopicId referenceUrl }"
_PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


class ConnectedCarsClient:
    """What can be asked of a provider. ``close`` it."""

    def __init__(
        self, config: ConnectedCarsUpstream, egress: EgressClient, *, clock: Clock, random: Callable[[], float]
    ) -> None:
        """Nothing is asked yet. Needs a running event loop."""
        self._pool = egress.pool()
        self._token = shared_token(config, self._pool.post, clock)
        self._graphql = GraphQL(config, self._pool.post, self._token, clock=clock, random=random)

    async def close(self) -> None:
        """End what is under way, and let go of the connections."""
        await self._token.close()
        await self._pool.close()

    async def consented_integration_vehicles(
        self, *, fleet_ids: Collection[int] = (), vehicle_ids: Collection[int] = ()
    ) -> list[ConsentingVehicle] | Problem:
        """Every vehicle that consents, or those of some fleets, or some."""
        fields = f"{{ items {{ id vin unitSerial unitProvider fleetId }} {_PAGE_INFO} }}"
        which = {"fleetIds": list(fleet_ids) or None, "vehicleIds": list(vehicle_ids) or None}
        return await self._pages("consentedIntegrationVehicles", which, fields, _Page[ConsentingVehicle])

    async def integration_topics(self) -> list[Topic] | Problem:
        """The topics that we may use (the vendor's page since 2025-07)."""
        return await self._graphql.ask("query", "integrationTopics", {}, "{ id name parameters }", list[Topic])

    async def vehicle_data_streams(
        self, *, topic_ids: Collection[int] = (), vehicle_ids: Collection[int] = ()
    ) -> list[Stream] | Problem:
        """Every stream that we may see, or those of some topics or vehicles."""
        which = {"integrationTopicIds": list(topic_ids) or None, "vehicleIds": list(vehicle_ids) or None}
        return await self._pages(
            "vehicleDataStreams", which, f"{{ items {_STREAM_FIELDS} {_PAGE_INFO} }}", _Page[Stream]
        )

    async def add_vehicle_data_streams(self, new: Sequence[NewStream]) -> list[Stream] | Problem:
        """Add streams; where there is an active one already it is returned, as it is."""
        rows = [msgspec.to_builtins(stream) for stream in new]
        return await self._graphql.ask(
            "mutation", "addVehicleDataStreams", {"input": rows}, _STREAM_FIELDS, list[Stream]
        )

    async def delete_vehicle_data_streams(self, stream_ids: Collection[int]) -> bool | Problem:
        """Delete streams by their ids."""
        return await self._graphql.ask("mutation", "deleteVehicleDataStreams", {"input": list(stream_ids)}, "", bool)

    async def delete_all_vehicle_data_streams(self, vehicle_ids: Collection[int]) -> bool | Problem:
        """Delete every stream of some vehicles, of *all* topics of the integrations that we may manage."""
        arguments = {"input": {"vehicleIds": list(vehicle_ids)}}
        return await self._graphql.ask("mutation", "deleteAllVehicleDataStreams", arguments, "", bool)

    async def update_vehicle_data_stream(self, stream_id: int, reference_url: str) -> Stream | Problem:
        """Change what a stream refers to."""
        arguments = {"input": {"id": stream_id, "referenceUrl": reference_url}}
        return await self._graphql.ask("mutation", "updateVehicleDataStream", arguments, _STREAM_FIELDS, Stream)

    async def _pages(
        self, operation: str, which: Mapping[str, Any], fields: str, type_: type[_Page[T]]
    ) -> list[T] | Problem:
        """The items of every page: all of them or a ``Problem``, because a list with a hole would be acted upon."""
        found: list[T] = []
        after: str | None = None
        for _ in range(MAX_PAGES):
            arguments = {**which, "first": PAGE, "after": after}
            page = await self._graphql.ask("query", operation, arguments, fields, type_)
            if isinstance(page, Problem):
                return page
            found += page.items
            if not page.page_info.has_next_page:
                return found
            if page.page_info.end_cursor in (None, after):
                break
            after = page.page_info.end_cursor
        return Problem(kind="unreadable", operation=operation, detail="its pages lead nowhere", status=200)
