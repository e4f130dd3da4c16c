"""Every metric of the hub: its name, type, labels and meaning. The exporter and the reference are made from ``ALL``.

Labels are bounded: ids and names of what the operator declared, shards, and reasons of closed sets. No vehicle, driver,
address, status text or anything else that a stranger could make up is ever one.
"""

from typing import Literal

import msgspec

PROVIDER = ("provider_id", "provider", "protocol")
SUBSCRIPTION = ("subscription_id", "subscription", "protocol")
DESTINATION = ("destination_id", "destination", "transport")

ARRIVAL_S = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)
"""From a device to us: a buffer may hold a report for hours."""
STORING_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
DELIVERY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300, 3600, 6 * 3600)
COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


class Metric(msgspec.Struct, frozen=True):
    """One metric, as it is exported."""

    name: str
    """A counter's ends in ``_total``."""
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, inclusive; the last, infinite one is not named."""


INGEST_EVENTS = Metric(
    "postroad_ingest_events_total", "counter", PROVIDER, "Items taken in: new, and durable when they were counted."
)
INGEST_BYTES = Metric(
    "postroad_ingest_bytes_total", "counter", PROVIDER, "Bytes of those items, as the provider sent them."
)
INGEST_DUPLICATES = Metric(
    "postroad_ingest_duplicates_total", "counter", PROVIDER, "Resends: confirmed like the first time, not stored again."
)
INGEST_DELETED = Metric(
    "postroad_ingest_deleted_total",
    "counter",
    PROVIDER,
    "Items of trips and drivers that were deleted before: confirmed, not stored.",
)
INGEST_UNREADABLE = Metric(
    "postroad_ingest_unreadable_total",
    "counter",
    PROVIDER,
    "Items of bulks that could not be read: stored, and listed in quarantine.",
)
INGEST_REFUSED = Metric(
    "postroad_ingest_refused_total",
    "counter",
    (*PROVIDER, "reason"),
    "Requests of known providers refused for what they hold: missing, invalid, not_json or too_large.",
)
INGEST_UNAUTHORIZED = Metric(
    "postroad_ingest_unauthorized_total", "counter", (), "Requests refused for want of a token that is good here."
)
INGEST_UNAVAILABLE = Metric(
    "postroad_ingest_unavailable_total",
    "counter",
    (*PROVIDER, "reason"),
    "Items answered 503, nothing kept: disk_reserve, disk_full, locked, closed, backlog, io or lost.",
)
MESSAGES = Metric(
    "postroad_messages_received_total",
    "counter",
    (*PROVIDER, "verdict"),
    "Messages of queues and topics: stored, unreadable (kept in quarantine), or later (not kept nor acknowledged).",
)
LAST_MESSAGE = Metric(
    "postroad_last_message_timestamp_seconds",
    "gauge",
    PROVIDER,
    "When a message of a queue or topic last came in, in seconds since 1970; absent before the first.",
)
RECEIVER_FAILING = Metric(
    "postroad_receiver_failing",
    "gauge",
    PROVIDER,
    "Of providers that declare a receiver: 1 while it cannot receive, as `postroad receivers list` says; else 0.",
)
HTTP_TURNED_AWAY = Metric(
    "postroad_http_turned_away_total",
    "counter",
    ("status",),
    "Requests answered before any entrance saw them: 400 no HTTP, 408 too slow, 413 too large a body, "
    "431 too large headers, 503 too many connections or requests of an address.",
)
INGEST_QUEUED_BYTES = Metric(
    "postroad_ingest_queued_bytes",
    "gauge",
    (),
    "Bytes accepted and not yet durable; ingest.queued_limit_bytes bounds it.",
)
RECORDED_TO_RECEIVED = Metric(
    "postroad_recorded_to_received_seconds",
    "histogram",
    PROVIDER,
    "From the source's own time of an item to its arrival; an item from the future counts as 0.",
    ARRIVAL_S,
)
RECEIVED_TO_STORED = Metric(
    "postroad_received_to_stored_seconds",
    "histogram",
    ("shard",),
    "From a provider's item's arrival until it was durable.",
    STORING_S,
)
STORED_TO_DELIVERED = Metric(
    "postroad_stored_to_delivered_seconds",
    "histogram",
    SUBSCRIPTION,
    "From when an item was durable until its destination confirmed it.",
    DELIVERY_S,
)
COMMIT_SECONDS = Metric(
    "postroad_log_commit_seconds", "histogram", ("shard",), "What a commit of the log takes, sync and all.", STORING_S
)
COMMIT_PARTS = Metric("postroad_log_commit_parts", "histogram", ("shard",), "Parts stored by one commit.", COUNTS)
COMMIT_ITEMS = Metric("postroad_log_commit_items", "histogram", ("shard",), "Items stored by one commit.", COUNTS)
COMMITS_FAILED = Metric(
    "postroad_log_commits_failed_total",
    "counter",
    ("shard", "reason"),
    "Groups of changes that were not stored: disk_reserve, disk_full, locked, io.",
)
LOG_NEXT_POSITION = Metric(
    "postroad_log_next_position", "gauge", ("shard",), "The position that the next item will get."
)
LOG_FIRST_POSITION = Metric("postroad_log_first_position", "gauge", ("shard",), "The first position still stored.")
LOG_BYTES = Metric("postroad_log_bytes", "gauge", ("shard",), "Bytes of a shard's files, write-ahead log and all.")
LOG_UNSETTLED_BYTES = Metric(
    "postroad_log_unsettled_bytes",
    "gauge",
    ("shard",),
    "Bytes of bodies, as stored, from the oldest item on that some subscription has not settled; once a minute.",
)
LOG_BUDGET_USED = Metric(
    "postroad_log_budget_used_ratio",
    "gauge",
    ("shard",),
    "Bytes of bodies, as stored, of log.max_bytes, settled or not; once a minute.",
)
LOG_QUEUED_BYTES = Metric(
    "postroad_log_queued_bytes", "gauge", ("shard",), "Bytes that wait for the log's next commit."
)
ROUTING_LAG = Metric("postroad_routing_lag_positions", "gauge", ("shard",), "Positions stored and not yet routed.")
RUNNING = Metric(
    "postroad_subscription_running",
    "gauge",
    SUBSCRIPTION,
    "1 while it is delivered, 0 while paused or not deliverable.",
)
OLDEST_AGE = Metric(
    "postroad_subscription_oldest_undelivered_age_seconds",
    "gauge",
    SUBSCRIPTION,
    "Since when the oldest item that it may have and has not got is waiting, by its arrival; 0 when it has everything.",
)
LAG = Metric(
    "postroad_subscription_lag_positions",
    "gauge",
    (*SUBSCRIPTION, "shard"),
    "Positions from what it waits for to the log's end; others' items count too.",
)
QUEUE_BYTES = Metric(
    "postroad_subscription_queue_bytes", "gauge", SUBSCRIPTION, "Bytes in its memory; delivery.queue_bytes bounds it."
)
EVENTS_DELIVERED = Metric(
    "postroad_subscription_events_delivered_total", "counter", SUBSCRIPTION, "Events confirmed by the destination."
)
BULKS_DELIVERED = Metric(
    "postroad_subscription_bulks_delivered_total", "counter", SUBSCRIPTION, "Bulks confirmed by the destination."
)
ATTEMPTS_FAILED = Metric(
    "postroad_subscription_attempts_failed_total",
    "counter",
    (*SUBSCRIPTION, "reason"),
    "Attempts that were not confirmed: refused_address, dns, connect, tls, timeout, broken, credentials, throttled, "
    "too_large, rejected, redirected, server_error or unexpected.",
)
FETCHES = Metric(
    "postroad_fetches_total",
    "counter",
    (*PROVIDER, "outcome"),
    "Attempts to fetch an announced dataset: fetched, or why it failed, as for attempts at a destination.",
)
FETCHES_WAITING = Metric(
    "postroad_fetches_waiting", "gauge", PROVIDER, "Announced datasets that wait for their next attempt."
)
FETCHES_OLDEST_AGE = Metric(
    "postroad_fetches_oldest_waiting_age_seconds",
    "gauge",
    PROVIDER,
    "Since when the first notification of those has been here; 0 when none waits.",
)
FETCHES_GIVEN_UP = Metric(
    "postroad_fetches_given_up",
    "gauge",
    PROVIDER,
    "Announced datasets that were given up and not redriven or dropped yet.",
)
EVENTS_INCOMPLETE = Metric(
    "postroad_subscription_events_incomplete_total",
    "counter",
    (*SUBSCRIPTION, "field"),
    "Events that became dead letters because nobody knows a field that the protocol requires, by that field.",
)
LAST_SUCCESS = Metric(
    "postroad_subscription_last_success_timestamp_seconds",
    "gauge",
    SUBSCRIPTION,
    "When a bulk was last confirmed since the hub started, in seconds since 1970.",
)
EVENTS_LOST = Metric(
    "postroad_subscription_lost_events_total",
    "counter",
    (*SUBSCRIPTION, "shard"),
    "Events recorded as expired because they grew too old while it stood still, or the log had no room for them.",
)
POSITIONS_LOST = Metric(
    "postroad_subscription_lost_positions_total",
    "counter",
    (*SUBSCRIPTION, "shard"),
    "Positions removed unread and uncounted: after a kill, or under the disk reserve. Others' items count too.",
)
PARKED = Metric(
    "postroad_subscription_parked_events",
    "gauge",
    SUBSCRIPTION,
    "Events that wait beside the log for their next attempt.",
)
OLDEST_PARKED_AGE = Metric(
    "postroad_subscription_oldest_parked_age_seconds",
    "gauge",
    SUBSCRIPTION,
    "Since when the first of those events, in the order of the log, has been here; 0 when none waits.",
)
DEAD = Metric(
    "postroad_subscription_dead_letters",
    "gauge",
    SUBSCRIPTION,
    "Events that were given up and not redriven or dropped yet.",
)
EVENTS_SKIPPED = Metric(
    "postroad_subscription_events_skipped_total",
    "counter",
    (*SUBSCRIPTION, "reason"),
    "Events settled without being delivered: access_ended, scope_ended, expired, too_old, superseded, dropped.",
)
CIRCUIT = Metric(
    "postroad_destination_circuit",
    "gauge",
    (*DESTINATION, "endpoint"),
    "0 while the destination is sent to freely, 1 while it recovers, 2 while it fails and is only probed; where each "
    "type has a URL, of each by itself (endpoint: the types that share one).",
)
ALERTS_OPEN = Metric(
    "postroad_alerts_open", "gauge", ("kind",), "Alerts that are open, as `postroad alerts list` shows."
)
TASKS_RUNNING = Metric("postroad_tasks_running", "gauge", (), "Tasks that the hub is at: `postroad tasks list`.")
TASKS_ENDED = Metric(
    "postroad_tasks_ended_total",
    "counter",
    ("type", "status"),
    "Tasks that the hub has ended, by type and how: COMPLETED, CANCELED or FAILED.",
)
ATTEMPTS_DROPPED = Metric(
    "postroad_attempt_records_dropped_total",
    "counter",
    (),
    "Attempts missing in the registry's list because it could not be written; delivery is not concerned.",
)
REGISTRY_VERSION = Metric("postroad_registry_version", "gauge", (), "The version of the registry that the hub runs by.")
REGISTRY_AGE = Metric(
    "postroad_registry_age_seconds",
    "gauge",
    (),
    "Since when the version that the hub runs by was last known to be the newest.",
)
REGISTRY_CONFIRMED = Metric(
    "postroad_registry_confirmed",
    "gauge",
    (),
    "1 while deliveries may begin attempts; 0 once those seconds are more than delivery.registry_within_s.",
)
READY = Metric(
    "postroad_ready", "gauge", ("check",), "1 while the check of /readyz holds: log, registry, routing, tasks; else 0."
)
LOOP_LAG = Metric(
    "postroad_event_loop_lag_seconds", "gauge", (), "How much later than asked the event loop last woke a sleeper."
)
STARTED = Metric("postroad_start_timestamp_seconds", "gauge", (), "When the hub started, in seconds since 1970.")
INFO = Metric("postroad_info", "gauge", ("version",), "Always 1; says which version runs.")

ALL: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""In the order of this file. Beside these there are the usual ``process_...`` metrics of prometheus-client."""
