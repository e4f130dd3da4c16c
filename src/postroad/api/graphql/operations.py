"""The operations: who may do them, what they do, and what they answer.

Each follows the source's page: what is all or nothing, what is an error, what does nothing. Whoever asks is known
already; what he may do is asked of ``postroad.access.policy`` alone. What he may not have and what does not exist are
refused alike, in the same time, and after what depends on the request alone.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from postroad.access import policy
from postroad.access.policy import Operation, Target
from postroad.access.principals import Principal, actor_of
from postroad.api.graphql import insight
from postroad.api.graphql.errors import Refused, bad_input, forbidden
from postroad.api.graphql.index import ViewIndex
from postroad.api.graphql.insight import Insight, Wait
from postroad.api.graphql.limits import MAX_LIST
from postroad.api.graphql.paging import MAX_FIRST, USUAL_FIRST, Cursor, Page, checked_first, page_of_ids
from postroad.api.graphql.schema import Resolver
from postroad.api.graphql.types import (
    DeadLetter,
    DeliveryAttempt,
    IntegrationAccess,
    IntegrationTopic,
    IntegrationVehicle,
    NewStream,
    StreamUpdate,
    TopicLag,
    VehicleDataStream,
    VehicleIds,
)
from postroad.registry import chosen, grants
from postroad.registry.records import Subject
from postroad.registry.store import RegistryStore

NOBODY: Final = 0
"""The id of what is not there. It goes the way of what is another's, so that it takes as long."""
MAX_REFERENCE_CHARS: Final = 2000
"""Of a ``referenceUrl``."""


class Call:
    """One operation that is being carried out, for somebody."""

    def __init__(
        self,
        principal: Principal,
        index: ViewIndex,
        *,
        address: str | None,
        wait: Wait,
        in_time: Callable[[], bool],
    ) -> None:
        """``address`` is where the request came from; ``in_time`` says whether there is time left."""
        self.index = index
        self.principal = principal
        self.actor = actor_of(principal, "graphql", address)
        """Who changes what is changed."""
        self.wait = wait
        self.changed = False
        """Whether the registry was."""
        self._in_time = in_time

    def go_on(self) -> None:
        """Raises ``Refused`` when the time is up."""
        if not self._in_time():
            raise Refused("INTERNAL", "This took too long; ask for less at once")

    def integrations(self, operation: Operation) -> frozenset[int]:
        """Those that the caller may do this to. Raises ``Refused`` if he may do it to none."""
        found = policy.integrations_of(self.principal, self.index.view, operation)
        if not found:
            raise forbidden()
        return found


class Operations:
    """The schema's resolvers. They block: they run in the server's threads."""

    def __init__(self, registry: RegistryStore, insight: Insight) -> None:
        """``registry`` is changed by the mutations; what is read is in each call's index."""
        self._registry = registry
        self._insight = insight

    def resolvers(self) -> dict[str, dict[str, Resolver]]:
        """Type -> field -> who answers it."""
        return {
            "Query": {
                "consentedIntegrationVehicles": _root(self.consented_vehicles),
                "vehicleDataStreams": _root(self.streams),
                "integrationTopics": _root(self.topics),
            },
            "Mutation": {
                "addVehicleDataStreams": _root(self.add_streams),
                "updateVehicleDataStream": _root(self.update_stream),
                "deleteVehicleDataStreams": _root(self.delete_streams),
                "deleteAllVehicleDataStreams": _root(self.delete_all_streams),
                "revokeIntegrationAccess": _root(self.revoke_access),
                "grantIntegrationAccess": _root(self.grant_access),
            },
            "IntegrationTopic": {
                "vehicleDataStreams": _of_topic(self.streams_of_topic),
                "lag": _of_topic(self.lag),
                "attempts": _of_topic(self.attempts),
                "deadLetterCount": _of_topic(self.dead_letter_count),
                "deadLetters": _of_topic(self.dead_letters),
            },
        }

    def consented_vehicles(
        self,
        call: Call,
        *,
        fleet_ids: Sequence[int] | None = None,
        vehicle_ids: Sequence[int] | None = None,
        first: int | None = None,
        after: Cursor | None = None,
    ) -> Page[IntegrationVehicle]:
        """``consentedIntegrationVehicles``. An empty filter fits nothing."""
        integrations, index = call.integrations(Operation.LIST_VEHICLES), call.index
        numbers = index.consented(integrations, fleets=fleet_ids, vehicles=vehicle_ids)
        return page_of_ids(
            numbers,
            lambda number: index.vehicle(number, integrations),
            first=checked_first(first, usual=USUAL_FIRST, most=MAX_FIRST),
            after=after,
        )

    def streams(
        self,
        call: Call,
        *,
        integration_topic_ids: Sequence[int] | None = None,
        vehicle_ids: Sequence[int] | None = None,
        first: int | None = None,
        after: Cursor | None = None,
    ) -> Page[VehicleDataStream]:
        """``vehicleDataStreams``. What the caller may not see does not fit a filter."""
        topics = call.index.topic_ids(call.integrations(Operation.LIST_STREAMS))
        if integration_topic_ids is not None:
            topics &= set(integration_topic_ids)
        return page_of_ids(
            call.index.streams(topics, vehicles=vehicle_ids),
            call.index.stream,
            first=checked_first(first, usual=USUAL_FIRST, most=MAX_FIRST),
            after=after,
        )

    def topics(self, call: Call) -> Sequence[IntegrationTopic]:
        """``integrationTopics``."""
        return call.index.topics(call.integrations(Operation.LIST_TOPICS))

    def streams_of_topic(self, call: Call, topic: IntegrationTopic) -> Sequence[VehicleDataStream]:
        """``IntegrationTopic.vehicleDataStreams``."""
        _require_of_topic(call, Operation.LIST_STREAMS, topic)
        return [call.index.stream(id_) for id_ in call.index.streams({topic.id})[:MAX_LIST]]

    def add_streams(self, call: Call, *, input: Sequence[NewStream]) -> Sequence[VehicleDataStream]:  # noqa: A002 - its name
        """``addVehicleDataStreams``."""
        if len({(new.vehicle_id, new.integration_topic_id) for new in input}) < len(input):
            raise bad_input("The input names a vehicle and topic twice")
        for new in input:
            _check_reference(new.reference_url)
        integrations = call.integrations(Operation.ADD_STREAMS)
        wanted = [
            chosen.NewStream(
                _id(call.index.vehicles.get(new.vehicle_id), -n), new.integration_topic_id, new.reference_url
            )
            for n, new in enumerate(input, 1)
        ]
        with self._registry.acting(call.actor).transaction() as transaction:
            added = chosen.add(transaction, integrations, wanted)
        call.changed = True
        return [call.index.shown(stream) for stream in added]

    def update_stream(self, call: Call, *, input: StreamUpdate) -> VehicleDataStream:  # noqa: A002 - its name
        """``updateVehicleDataStream``."""
        _check_reference(input.reference_url)
        integrations = call.integrations(Operation.UPDATE_STREAM)
        with self._registry.acting(call.actor).transaction() as transaction:
            stream = chosen.update(transaction, integrations, input.id, input.reference_url)
        call.changed = True
        return call.index.shown(stream)

    def delete_streams(self, call: Call, *, input: Sequence[int]) -> bool:  # noqa: A002 - its name
        """``deleteVehicleDataStreams``. A stream that is named twice could not be there the second time."""
        if len(set(input)) < len(input):
            raise bad_input("The input names a stream twice")
        integrations = call.integrations(Operation.DELETE_STREAMS)
        with self._registry.acting(call.actor).transaction() as transaction:
            chosen.delete(transaction, integrations, input)
        call.changed = True
        return True

    def delete_all_streams(self, call: Call, *, input: VehicleIds) -> bool:  # noqa: A002 - its name
        """``deleteAllVehicleDataStreams``. Access to the vehicles is not needed: it may be why they are to go."""
        if not input.vehicle_ids:
            raise bad_input("`vehicleIds` is empty")
        integrations = call.integrations(Operation.DELETE_STREAMS)
        vehicle_ids = {_id(call.index.vehicles.get(number)) for number in input.vehicle_ids}
        with self._registry.acting(call.actor).transaction() as transaction:
            chosen.delete_all(transaction, integrations, vehicle_ids)
        call.changed = True
        return True

    def revoke_access(self, call: Call, *, input: IntegrationAccess) -> bool:  # noqa: A002 - its name
        """``revokeIntegrationAccess``, at either end of the grant."""
        subject = _subject_of(call, input)
        integration = call.index.view.integrations.get(input.integration_id)
        ends = []
        if integration is not None:
            ends.append(Target(organization_id=integration.organization_id, integration_id=integration.id))
        if subject is not None:
            ends.append(Target(organization_id=subject.organization_id))
        if not policy.allowed(call.principal, Operation.WITHDRAW_GRANT, *ends):
            raise forbidden()
        with self._registry.acting(call.actor).transaction() as transaction:
            grants.revoke(transaction, NOBODY if integration is None else integration.id, _id(subject))
        call.changed = True
        return True

    def grant_access(self, call: Call, *, input: IntegrationAccess) -> bool:  # noqa: A002 - its name
        """``grantIntegrationAccess``, beyond the source: what its users do in the vendor's own products."""
        subject = _subject_of(call, input)
        if subject is None:
            raise forbidden()
        target = Target(organization_id=subject.organization_id)
        if not policy.allowed(call.principal, Operation.GIVE_GRANT, target):
            raise forbidden()
        if input.integration_id not in call.index.view.integrations:
            raise Refused("NOT_FOUND", "There is no such integration")
        with self._registry.acting(call.actor).transaction() as transaction:
            grants.give(transaction, input.integration_id, subject.id)
        call.changed = True
        return True

    def lag(self, call: Call, topic: IntegrationTopic) -> TopicLag:
        """``IntegrationTopic.lag``."""
        _require_of_topic(call, Operation.READ_DELIVERIES, topic)
        return self._insight.lag(topic.subscription, call.index.view, call.wait)

    def attempts(self, call: Call, topic: IntegrationTopic, *, first: int | None = None) -> Sequence[DeliveryAttempt]:
        """``IntegrationTopic.attempts``."""
        _require_of_topic(call, Operation.READ_DELIVERIES, topic)
        most = checked_first(first, usual=insight.USUAL_FIRST, most=insight.MAX_FIRST)
        return self._insight.attempts(topic.id, most)

    def dead_letter_count(self, call: Call, topic: IntegrationTopic) -> int:
        """``IntegrationTopic.deadLetterCount``."""
        _require_of_topic(call, Operation.READ_DELIVERIES, topic)
        return self._insight.dead_letter_count(topic.id, call.wait)

    def dead_letters(
        self, call: Call, topic: IntegrationTopic, *, first: int | None = None, after: Cursor | None = None
    ) -> Page[DeadLetter]:
        """``IntegrationTopic.deadLetters``."""
        _require_of_topic(call, Operation.READ_DELIVERIES, topic)
        most = checked_first(first, usual=insight.USUAL_FIRST, most=insight.MAX_FIRST)
        return self._insight.dead_letters(topic.subscription, call.index.view, call.wait, first=most, after=after)


def _root(method: Callable[..., Any]) -> Resolver:
    def resolve(_source: None, info: Any, **arguments: Any) -> Any:
        info.context.go_on()
        return method(info.context, **arguments)

    return resolve


def _of_topic(method: Callable[..., Any]) -> Resolver:
    def resolve(topic: IntegrationTopic, info: Any, **arguments: Any) -> Any:
        info.context.go_on()
        return method(info.context, topic, **arguments)

    return resolve


def _require_of_topic(call: Call, operation: Operation, topic: IntegrationTopic) -> None:
    subscription = topic.subscription
    target = Target(organization_id=subscription.organization_id, integration_id=subscription.integration_id)
    if not policy.allowed(call.principal, operation, target):
        raise forbidden()


def _subject_of(call: Call, access: IntegrationAccess) -> Subject | None:
    """The fleet or vehicle; ``None``: there is none. Raises ``Refused`` unless exactly one is named."""
    if access.fleet_id is not None and access.vehicle_id is None:
        return call.index.fleets.get(access.fleet_id)
    if access.vehicle_id is not None and access.fleet_id is None:
        return call.index.vehicles.get(access.vehicle_id)
    raise bad_input("Name either `fleetId` or `vehicleId`")


def _id(subject: Subject | None, nobody: int = NOBODY) -> int:
    return nobody if subject is None else subject.id


def _check_reference(url: str | None) -> None:
    if url is not None and len(url) > MAX_REFERENCE_CHARS:
        raise bad_input(f"`referenceUrl` has more than {MAX_REFERENCE_CHARS} characters")
