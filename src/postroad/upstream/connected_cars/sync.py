"""One run: ask who consents and which streams there are, plan, and carry the plan out in slices.

A run that is killed half way leaves some of its changes made; the next one plans from what there is then. When they
refuse a slice, somebody else may have made the same change meanwhile: it is planned once more from what there is.
"""

import msgspec

from postroad.upstream.connected_cars.client import ConnectedCarsClient, ConsentingVehicle
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream
from postroad.upstream.connected_cars.plan import Plan, plan, slices
from postroad.upstream.connected_cars.problem import Problem

ROUNDS = 2


class Outcome(msgspec.Struct, kw_only=True):
    """How far a run came. Counts of vehicles and streams are None until they are known."""

    consenting: list[ConsentingVehicle] | None = None
    wanted: frozenset[int] | None = None
    streams: int | None = None
    planned: Plan = Plan()
    """What was to be changed when the run began."""
    added: int = 0
    deleted: int = 0
    updated: int = 0
    missing_types: tuple[str, ...] = ()
    """Declared, and not carried by the topic."""
    problem: Problem | None = None

    @property
    def error(self) -> str | None:
        """Why the run did not succeed; None if it did."""
        if self.problem is not None:
            return str(self.problem)
        if self.missing_types:
            return f"the topic does not carry {', '.join(self.missing_types)}; ask Connected Cars to add them"
        return None


async def synchronise(client: ConnectedCarsClient, config: ConnectedCarsUpstream, *, dry_run: bool = False) -> Outcome:
    """Make the topic's streams those that are wanted: of vehicles that consent and are declared. Never raises."""
    outcome = Outcome()
    outcome.problem = await _run(client, config, outcome, dry_run=dry_run)
    return outcome


async def _run(
    client: ConnectedCarsClient, config: ConnectedCarsUpstream, outcome: Outcome, *, dry_run: bool
) -> Problem | None:
    consenting = await client.consented_integration_vehicles()
    if isinstance(consenting, Problem):
        return consenting
    outcome.consenting = consenting
    outcome.wanted = frozenset(v.number for v in consenting if config.wants(v.number, v.fleet_id))
    if config.types:
        problem = await _check_types(client, config, outcome)
        if problem is not None:
            return problem
    problem = None
    for round_ in range(ROUNDS):
        actual = await client.vehicle_data_streams(topic_ids=[config.topic])
        if isinstance(actual, Problem):
            return actual
        planned = plan(config, outcome.wanted, actual)
        if round_ == 0:
            outcome.streams, outcome.planned = len(actual), planned
        problem = None if dry_run else await _carry_out(client, planned, outcome)
        if problem is None or problem.kind != "refused":
            break
    return problem


async def _check_types(client: ConnectedCarsClient, config: ConnectedCarsUpstream, outcome: Outcome) -> Problem | None:
    topics = await client.integration_topics()
    if isinstance(topics, Problem):
        return topics
    carried = {type_ for topic in topics if topic.id == config.topic for type_ in topic.parameters}
    outcome.missing_types = tuple(type_ for type_ in config.types if type_ not in carried)
    return None


async def _carry_out(client: ConnectedCarsClient, planned: Plan, outcome: Outcome) -> Problem | None:
    """Deletions first: what must not flow stops before anything else begins."""
    for ids in slices(planned.delete):
        done = await client.delete_vehicle_data_streams(ids)
        if isinstance(done, Problem):
            return done
        if not done:
            return Problem(kind="refused", operation="deleteVehicleDataStreams", detail="answered false", status=200)
        outcome.deleted += len(ids)
    for new in slices(planned.add):
        added = await client.add_vehicle_data_streams(new)
        if isinstance(added, Problem):
            return added
        outcome.added += len(new)
    for change in planned.update:
        updated = await client.update_vehicle_data_stream(change.stream_id, change.reference_url)
        if isinstance(updated, Problem):
            return updated
        outcome.updated += 1
    return None
