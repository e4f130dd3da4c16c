"""The hub's parts, put together in the direction in which the data flows; nothing runs yet."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from postroad.alerts.book import AlertBook
from postroad.alerts.over import clear_what_is_over
from postroad.alerts.unconfirmed import watch_confirmation
from postroad.api.authenticator import Authenticator
from postroad.api.consent.server import ConsentServer
from postroad.api.damoov import FetchApi
from postroad.api.drivequant import Monitoring
from postroad.api.graphql.server import GraphQLServer
from postroad.api.landing import landing_page
from postroad.api.observation import Observation
from postroad.api.parts import HubParts
from postroad.api.rest.server import RestServer
from postroad.api.sign_in import SignIn
from postroad.clock import Clock
from postroad.datasets.follower import DatasetFollower
from postroad.datasets.index import DatasetIndex
from postroad.delivery.attempts import AttemptRecorder
from postroad.delivery.backlog import Backlogs
from postroad.delivery.expiry import Expiry
from postroad.delivery.forgetting import Forgetting
from postroad.delivery.letter_figures import LetterFigures
from postroad.delivery.manager import DeliveryManager, Shard
from postroad.delivery.pressure import PressureGauge
from postroad.delivery.redrive import Surroundings as TaskSurroundings
from postroad.delivery.tasks import TaskRunner
from postroad.delivery.watch import AttemptWatch
from postroad.egress.client import EgressClient
from postroad.egress.guard import parse_networks
from postroad.erasure.eraser import Eraser
from postroad.fetch.keeper import Fetchers
from postroad.ingest.access_tokens import SERVICE_ACCOUNTS, AccessTokens
from postroad.ingest.dedup import DedupMemory
from postroad.ingest.http.app import Page
from postroad.ingest.http.entrance import Entrance
from postroad.ingest.http.limits import RateLimit, rate_limit
from postroad.ingest.intake import Intake
from postroad.ingest.quarantine import Redriver
from postroad.ingest.queues.taker import Taker
from postroad.ingest.taking import Taking
from postroad.layout import state_path
from postroad.log.sqlite import SqliteLog
from postroad.metrics.counts import Counts
from postroad.protocols import READABLE, TARGETS, connected_cars_legacy, damoov, drivequant
from postroad.registry.blocklist import BlockList
from postroad.registry.records import RegistryView
from postroad.routing.completion import Completion
from postroad.routing.router import Router
from postroad.routing.translation import Decoder
from postroad.service.account_feed import link_recorder
from postroad.service.consent import consent_server
from postroad.service.datasets import dataset_followers, fetch_api, noted_by, save_datasets
from postroad.service.deletions import DriveQuantDeletions
from postroad.service.entrances import EntranceParts, ProviderSettings, build_entrances
from postroad.service.erasing import eraser
from postroad.service.fetching import fetchers
from postroad.service.folder import OpenFolder
from postroad.service.following import RegistryFollower, Use
from postroad.service.graphql import graphql_server
from postroad.service.housekeeping import Chore, Retention, prune_audit_details, prune_records, prune_told, save_states
from postroad.service.inbound import NEW_SUBJECTS_SHARD, subject_creator
from postroad.service.outbound import (
    carriage_reader,
    gap_reporter,
    loss_reporter,
    observer_of_attempts,
    signatures,
    transport_opener,
)
from postroad.service.receiving import Receiving, formats, receiving
from postroad.service.rest import rest_server
from postroad.service.trips import followed_by, save_trips, trip_followers
from postroad.service.upstreams import admin_followers, upstream_keeper
from postroad.service.withdrawals import Withdrawals
from postroad.settings import Settings
from postroad.state.keeper import StateKeeper
from postroad.tracing.interface import Tracer
from postroad.trips.follower import TripFollower
from postroad.upstream.connected_cars.admin import AdminFollower
from postroad.upstream.connected_cars.keeper import UpstreamKeeper

LANDINGS_PER_S = 50.0
LEGACY = connected_cars_legacy.PROTOCOL.name


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a hub works with, open already."""

    folder: Path
    settings: Settings
    clock: Clock
    counts: Counts
    tracer: Tracer | None
    egress: EgressClient
    opened: OpenFolder
    indexes: Mapping[int, DatasetIndex]
    dedup: DedupMemory
    broken: Callable[[], bool]
    """Whether a task of the hub's own has ended."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a hub consists of. Mappings are by shard."""

    counts: Counts
    decoder: Decoder
    logs: Mapping[int, SqliteLog]
    states: Mapping[int, StateKeeper]
    routers: Mapping[int, Router]
    following: RegistryFollower
    intake: Intake
    attempts: AttemptRecorder
    alerts: AlertBook
    manager: DeliveryManager
    fetchers: Fetchers
    tasks: TaskRunner
    erasing: Eraser
    upstreams: UpstreamKeeper
    followers: Mapping[int, AdminFollower]
    trips: Mapping[int, TripFollower]
    datasets: Mapping[int, DatasetFollower]
    retention: Retention
    observation: Observation
    monitoring: Monitoring
    fetches: FetchApi
    sign_in: SignIn
    authenticator: Authenticator
    """Of the hub's API: who asks."""
    graphql: GraphQLServer
    rest: RestServer
    consent: ConsentServer | None
    """None: there is no consent page."""
    entrances: Sequence[Entrance]
    receiving: Receiving
    landing: Page
    users: Sequence[Use]
    """Who is given each new view of the registry, in this order, before the routers and the manager."""
    chores: Sequence[Chore]
    """What housekeeping does."""


def assemble(given: Surroundings) -> Parts:
    """Make every part. Raises ``ConfigError``."""
    settings, clock, counts, opened = given.settings, given.clock, given.counts, given.opened
    decoder = Decoder(READABLE)
    alerts = AlertBook(opened.registry, clock=clock)
    states = {number: StateKeeper(state_path(given.folder, number)) for number in opened.logs}
    trips: dict[int, TripFollower] = {}
    datasets: dict[int, DatasetFollower] = {}
    routers = {
        number: Router(
            log,
            decoder=decoder,
            targets=TARGETS,
            gap=gap_reporter(counts, alerts, log),
            observe=noted_by(datasets, number, followed_by(trips, number, states[number].observe)),
        )
        for number, log in opened.logs.items()
    }
    following = RegistryFollower(
        opened.registry,
        routers,
        logs=opened.logs,
        clock=clock,
        poll_s=settings.delivery.registry_poll_ms / 1000,
        within_s=settings.delivery.registry_within_s,
    )

    trips |= trip_followers(given.folder, opened.logs, routers, decoder=decoder, following=following, clock=clock)
    datasets |= dataset_followers(
        given.indexes, opened.logs, routers, decoder=decoder, following=following, clock=clock
    )

    def view() -> RegistryView:
        return following.view

    blocklist = BlockList(opened.keys)
    intake = _intake(given, following, blocklist)
    provider_settings = ProviderSettings(decoder)
    attempts = AttemptRecorder(
        clock=clock,
        record_failures=opened.registry.record_attempts,
        record_successes=opened.registry.record_successes,
    )
    shards = {number: Shard(log, routers[number]) for number, log in opened.logs.items()}
    manager = DeliveryManager(
        shards,
        targets=TARGETS,
        open_transport=transport_opener(opened.keys, given.egress, clock),
        carriage_of=carriage_reader(opened.keys),
        sign=signatures(opened.keys, clock),
        observe=observer_of_attempts(attempts, AttemptWatch(counts, view=view, clock=clock)),
        overseer=alerts,
        confirmed=following.confirmed,
        view=view,
        clock=clock,
        queue_bytes=settings.delivery.queue_bytes,
        tracer=given.tracer,
        note_incomplete=counts.events_incomplete.add,
    )
    account_tokens = AccessTokens(
        opened.keys, lifetime_s=settings.hub.access_token_s, clock=clock, place=SERVICE_ACCOUNTS
    )
    authenticator = Authenticator(account_tokens)
    backlogs = Backlogs(manager, shards, decoder=decoder, targets=TARGETS)
    stores = {number: log.delivery for number, log in opened.logs.items()}
    forgetting = Forgetting(manager, shards, view=view)
    deletions = DriveQuantDeletions(
        opened.registry,
        intake,
        keys=opened.keys,
        shard=NEW_SUBJECTS_SHARD,
        refresh=following.refresh,
        forget=forgetting.run_once,
        clock=clock,
        counts=counts,
    )
    withdrawals = Withdrawals(intake)
    provider_rate = rate_limit(settings.limits.provider_requests_per_s, settings.limits.burst_s, clock)
    receives = _receiving(given, intake, provider_settings, deletions, withdrawals, alerts, provider_rate)
    fetching = fetchers(opened, given.egress, intake=intake, alerts=alerts, counts=counts, clock=clock)
    surrounded = {drivequant.PROTOCOL.name: deletions.around, damoov.PROTOCOL.name: withdrawals.around}
    redriver = Redriver(opened.logs, intake, decoder=decoder, clock=clock, around=surrounded)
    erasing = eraser(
        opened,
        routers=routers,
        manager=manager,
        fetching=fetching,
        states=states,
        trips=trips,
        datasets=datasets,
        decoder=decoder,
        following=following,
        record_attempts=attempts.flush,
        clock=clock,
    )
    tasks = TaskRunner(
        TaskSurroundings(
            registry=opened.registry,
            stores=stores,
            revived=manager.revived,
            complete=Completion(
                opened.logs, decoder=decoder, targets=TARGETS, view=view, streams=lambda: manager.streams
            ).complete,
            view=view,
            clock=clock,
        ),
        refresh=following.refresh,
        others={
            "REDRIVE_QUARANTINE": redriver.carry_out,
            "DROP_QUARANTINE": redriver.drop,
            "REDRIVE_FETCHES": fetching.redrive,
            "DROP_FETCHES": fetching.drop,
            "ERASE": erasing.carry_out,
        },
    )
    keeper = upstream_keeper(opened, given.egress, clock, following)
    expiry = Expiry(
        manager,
        shards,
        decoder=decoder,
        targets=TARGETS,
        view=view,
        lost=loss_reporter(counts, alerts),
        clock=clock,
    )
    gauge = PressureGauge(alerts, view=view, max_bytes=settings.log.max_bytes)
    retention = Retention(
        opened.logs,
        manager,
        fetching=fetching.needs,
        expiry=expiry,
        gauge=gauge,
        view=view,
        limits=settings.log,
        clock=clock,
    )
    observation = Observation(
        HubParts(
            clock=clock,
            counts=counts,
            logs=opened.logs,
            routers=routers,
            intake=intake,
            manager=manager,
            backlogs=backlogs,
            letters=LetterFigures(stores),
            pressure=gauge.last,
            attempts=attempts,
            alerts=alerts,
            tasks=tasks,
            view=view,
            confirmed=following.confirmed,
            broken=given.broken,
        ),
        metrics_for=parse_networks(settings.telemetry.allow_cidrs),
    )
    return Parts(
        counts=counts,
        decoder=decoder,
        logs=opened.logs,
        states=states,
        routers=routers,
        following=following,
        intake=intake,
        attempts=attempts,
        alerts=alerts,
        manager=manager,
        fetchers=fetching,
        tasks=tasks,
        erasing=erasing,
        upstreams=keeper,
        followers=admin_followers(opened, clock, following, keeper),
        trips=trips,
        datasets=datasets,
        retention=retention,
        observation=observation,
        monitoring=Monitoring(opened.registry, stores, view=view, confirmed=following.confirmed),
        fetches=fetch_api(
            datasets,
            opened.logs,
            routers,
            decoder=decoder,
            following=following,
            limits=settings.limits,
            clock=clock,
        ),
        sign_in=SignIn(
            account_tokens,
            view=view,
            address_rate=rate_limit(settings.limits.sign_ins_per_s, settings.limits.burst_s, clock),
            clock=clock,
            counts=counts,
        ),
        authenticator=authenticator,
        graphql=graphql_server(
            opened.registry,
            shards,
            manager,
            backlogs,
            authenticator=authenticator,
            decoder=decoder,
            following=following,
            limits=settings.limits,
            clock=clock,
        ),
        rest=rest_server(
            opened,
            manager,
            authenticator=authenticator,
            following=following,
            counts=counts,
            settings=settings,
            clock=clock,
        ),
        consent=consent_server(opened.registry, following=following, settings=settings.consent, clock=clock),
        entrances=_entrances(given, intake, provider_settings, deletions, withdrawals, following, provider_rate),
        receiving=receives,
        landing=landing_page(
            opened.registry.visit_landing,
            exists=lambda: any(one.protocol == LEGACY for one in view().providers.values()),
            rate=rate_limit(LANDINGS_PER_S, 1.0, clock),
        ),
        users=(
            decoder.use,
            provider_settings.use,
            blocklist.use,
            intake.use,
            receives.use,
            fetching.use,
            alerts.follow,
            keeper.use,
        ),
        chores=(
            Chore(
                functools.partial(watch_confirmation, alerts, following.confirmed), "The registry could not be watched"
            ),
            Chore(retention.run_once, "Retention could not run"),
            Chore(forgetting.run_once, "What waits of deleted drivers could not be removed"),
            Chore(erasing.run_once, "What is to be erased could not be"),
            Chore(functools.partial(clear_what_is_over, alerts, stores, clock), "Alerts could not be looked through"),
            Chore(functools.partial(prune_records, opened.registry, clock), "Old records could not be removed"),
            Chore(
                functools.partial(
                    prune_audit_details, opened.registry, opened.keys, settings.audit.details_days, clock
                ),
                "Old details of the audit log could not be removed",
            ),
            Chore(
                functools.partial(prune_told, opened.registry, opened.logs, view),
                "What was told of grants could not be forgotten",
            ),
            Chore(functools.partial(save_states, states, opened.logs), "The state could not be saved"),
            Chore(functools.partial(save_trips, trips), "The trips could not be saved"),
            Chore(functools.partial(save_datasets, datasets), "The index of datasets could not be saved"),
        ),
    )


def _intake(given: Surroundings, following: RegistryFollower, blocklist: BlockList) -> Intake:
    settings, opened = given.settings.ingest, given.opened
    return Intake(
        opened.logs,
        clock=given.clock,
        dedup=given.dedup,
        create_subjects=subject_creator(opened.registry, opened.logs[NEW_SUBJECTS_SHARD], refresh=following.refresh),
        queued_limit_bytes=settings.queued_limit_bytes,
        counts=given.counts,
        ahead_limit_us=settings.ahead_limit_s * 1_000_000,
        traced=given.tracer is not None,
        is_erased=blocklist.holds,
    )


def _receiving(
    given: Surroundings,
    intake: Intake,
    provider_settings: ProviderSettings,
    deletions: DriveQuantDeletions,
    withdrawals: Withdrawals,
    alerts: AlertBook,
    provider_rate: RateLimit | None,
) -> Receiving:
    opened, limits, clock, counts = given.opened, given.settings.ingest, given.clock, given.counts
    rates = given.settings.limits
    taking = Taking(
        intake,
        clock=clock,
        counts=counts,
        max_items=limits.bulk_limit_items,
        settings_of=provider_settings.of,
    )
    by_protocol = formats(
        record_links=link_recorder(opened.registry), deletions=deletions.around, withdrawals=withdrawals.around
    )
    return receiving(
        opened.registry,
        opened.keys,
        Taker(taking, intake, formats=by_protocol, clock=clock, counts=counts),
        egress=given.egress,
        alerts=alerts,
        body_limit_bytes=limits.bulk_limit_bytes,
        counts=counts,
        address_rate=rate_limit(rates.address_requests_per_s, rates.burst_s, clock),
        provider_rate=provider_rate,
        clock=clock,
    )


def _entrances(
    given: Surroundings,
    intake: Intake,
    provider_settings: ProviderSettings,
    deletions: DriveQuantDeletions,
    withdrawals: Withdrawals,
    following: RegistryFollower,
    provider_rate: RateLimit | None,
) -> list[Entrance]:
    return build_entrances(
        EntranceParts(
            intake=intake,
            settings=given.settings.ingest,
            settings_of=provider_settings.of,
            record_links=link_recorder(given.opened.registry),
            deletions=deletions.around,
            withdrawals=withdrawals.around,
            access=AccessTokens(given.opened.keys, lifetime_s=given.settings.ingest.access_token_s, clock=given.clock),
            view=lambda: following.view,
            provider_rate=provider_rate,
            clock=given.clock,
            counts=given.counts,
            tracer=given.tracer,
        )
    )
