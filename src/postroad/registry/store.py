"""The registry's store: what the service, the command line and ``apply`` call.

Every method blocks (code on an event loop calls it in a thread) and may be called from several threads. Every method
raises ``StoreUnavailable`` when the database cannot be used now, and then nothing was kept.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from postroad.clock import Clock, SystemClock
from postroad.db.engine import Database, Joined, sqlite_url
from postroad.db.migrate import migrate, require_current
from postroad.model.identifiers import Issue
from postroad.registry import (
    account_links,
    alerts,
    attempts,
    audit_details,
    backups,
    checkpoints,
    consents,
    erasures,
    grants,
    idempotency,
    issuing,
    lookup,
    outbox,
    service_accounts,
    signing,
    streams,
    subjects,
    subscriptions,
    tasks,
    tokens,
    upstreams,
)
from postroad.registry.account_links import AccountLink
from postroad.registry.actor import HUB, Actor
from postroad.registry.alerts import Alert
from postroad.registry.attempts import Attempt, FailedAttempt, Success
from postroad.registry.audit_reader import AuditReader
from postroad.registry.checkpoints import Part
from postroad.registry.erasures import Backup, Erasure
from postroad.registry.outbox import Pending
from postroad.registry.records import RegistryView, RoleName, Subject
from postroad.registry.secrets import KeyRing
from postroad.registry.service_accounts import ServiceAccountInfo
from postroad.registry.subscriptions import State
from postroad.registry.tasks import Task, TaskType
from postroad.registry.tokens import TokenInfo
from postroad.registry.transaction import Transaction, transaction
from postroad.registry.upstreams import UpstreamRun
from postroad.registry.view import read_version, read_view


class RegistryStore:
    """The registry in its database. Make one with ``open``; ``close`` it."""

    def __init__(self, database: Database, *, clock: Clock, random: Callable[[int], bytes], by: Actor = HUB) -> None:
        """Use a database whose tables are there; ``open`` is what callers want."""
        self._database = database
        self._clock = clock
        self._random = random
        self._under_way: Transaction | None = None
        self._by = by

    @classmethod
    def open(
        cls,
        url: str | Path,
        *,
        clock: Clock | None = None,
        random: Callable[[int], bytes] = os.urandom,
        upgrade: bool = False,
    ) -> "RegistryStore":
        """Open a registry; in an empty database, create it.

        Args:
            url: the file of a SQLite database as a ``Path``, or a URL as ``Database`` takes it.
            clock: dates what is created and ended.
            random: gives that many random bytes, for tokens.
            upgrade: bring the tables of an older Postroad up to date. Otherwise they are refused: an operator says
                when that happens, because the older Postroad cannot use them afterwards.

        Raises:
            ConfigError: The URL cannot be used, or a newer or older Postroad made the database.
            StoreUnavailable: It cannot be reached or written now.
            StoreCorrupt: It is no database, or a damaged one.
        """
        database = Database(sqlite_url(url) if isinstance(url, Path) else url)
        try:
            (migrate if upgrade else require_current)(database)
        except BaseException:
            database.close()
            raise
        return cls(database, clock=clock or SystemClock(), random=random)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """Look at several things of one moment. Nothing is written by it."""
        return self._database.read()

    def acting(self, actor: Actor) -> "RegistryStore":
        """The same registry, every change of it made by ``actor``. Only what was opened is to be closed."""
        return RegistryStore(self._database, clock=self._clock, random=self._random, by=actor)

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a change of several parts, in one transaction with one new version."""
        if self._under_way is not None:
            return nullcontext(self._under_way)
        return transaction(self._database, self._clock.now_us(), self._random, self._by)

    def within(self, under_way: Transaction) -> "RegistryStore":
        """The same registry inside a change: what its methods read, and what they do, is part of that change."""
        store = RegistryStore(Joined(under_way.connection), clock=self._clock, random=self._random)
        store._under_way = under_way
        return store

    def version(self) -> int:
        """The version of what ``view`` would show. Increases with every change, in the same transaction. Cheap."""
        with self._database.read() as connection:
            return read_version(connection)

    def view(self) -> RegistryView:
        """Everything the running hub asks the registry, of one moment."""
        with self._database.read() as connection:
            return read_view(connection)

    def create_vehicle(
        self, organization_id: int, identifiers: Mapping[str, str], *, shard: int, issue: Sequence[Issue]
    ) -> Subject:
        """Find the vehicle with these identifiers, or create it. Two calls at once create one vehicle.

        A vehicle that is found gets the identifiers that nobody has yet, keeps its own shard, and gets what it lacks of
        ``issue``. If identifiers are those of different vehicles, the first of them decides. Streams are opened,
        without a beginning yet, for the subscriptions that cover the vehicle.

        Args:
            organization_id: to whom it belongs.
            identifiers: namespace -> value, in any spelling.
            shard: where a new vehicle's items will live.
            issue: identifiers that it is to have of the hub.

        Raises:
            NotFound: There is no such organization.
            ConfigError: An identifier is empty or too long, or there is none.
        """
        with self.transaction() as under_way:
            return subjects.create_vehicle(under_way, organization_id, identifiers, shard=shard, issue=issue)

    def activate_streams(self, shard: int, position: int) -> int:
        """Let the open streams of a shard that have no beginning yet begin at ``position``; how many those were.

        Ended streams without an end that nobody is told of end there.
        """
        with self.transaction() as under_way:
            outbox.conclude(under_way, shard, position)
            return streams.activate(under_way, shard, position)

    def end_stream(self, stream_id: int, until_position: int | None) -> None:
        """End a stream at ``until_position`` (exclusive; None: not known yet). What was told before stays.

        Raises:
            NotFound: No stream has this id.
        """
        with self.transaction() as under_way:
            streams.end(under_way, stream_id, until_position)

    def provider_id(self, provider: int | str) -> int:
        """The id of a provider (id, name or ``organization/name``). Raises ``NotFound`` and ``ConfigError``."""
        with self._database.read() as connection:
            return lookup.provider_id(connection, provider)

    def authorise(self, stream_id: int, scopes: Collection[str] | None) -> None:
        """Say what of a subscription's requested scopes is authorised for a stream; None: all. Raises ``NotFound``."""
        with self.transaction() as under_way:
            streams.authorise(under_way, stream_id, scopes)

    def issue_all(self, issues: Sequence[Issue]) -> None:
        """Give every subject what it lacks of the identifiers that the hub issues."""
        with self.transaction() as under_way:
            issuing.give_all(under_way, issues)

    def pending(self, shard: int, *, limit: int, below: int | None = None) -> list[Pending]:
        """What is to be appended to the shard of what was told of changes, in order; ``below``: see ``outbox_end``."""
        with self._database.read() as connection:
            return outbox.pending(connection, shard, limit, below)

    def relayed(self, rows: Sequence[Pending], positions: Mapping[int, int]) -> None:
        """These rows stand in the log, at these positions by id: forget them, and note where streams end."""
        with self.transaction() as under_way:
            outbox.relayed(under_way, rows, positions)

    def forget_told(self, shard: int, *, below: int) -> None:
        """Forget where subscriptions were told of grants below a position, which the shard holds no more."""
        with self.transaction() as under_way:
            outbox.forget_told(under_way, shard, below)

    def issue_token(self, provider: int | str, label: str) -> tuple[str, str]:
        """Make a token for a provider (id, name or ``organization/name``), as ``issue_key`` does."""
        return self.issue_key("provider", provider, label)

    def issue_integration_token(self, integration: int | str, label: str) -> tuple[str, str]:
        """Make a token for an integration (id, name or ``organization/name``), as ``issue_key`` does."""
        return self.issue_key("integration", integration, label)

    def issue_key(self, role: RoleName, owner: int | str | None, label: str) -> tuple[str, str]:
        """Make a token, or API key, for a role: of a provider, an integration or an organization.

        ``owner`` is None for an operator, and for an auditor of all organizations.

        Returns:
            Its public id, and the token itself: this is the only time that it can be shown.

        Raises:
            NotFound: There is no such owner.
            ConfigError: Several are called so, or the role has an owner and none is named, or the reverse.
        """
        with self.transaction() as under_way:
            return tokens.issue(under_way, role, owner, label, self._random)

    def list_tokens(self) -> list[TokenInfo]:
        """Every token there ever was, oldest first."""
        with self._database.read() as connection:
            return tokens.listed(connection)

    def revoke_token(self, public_id: str) -> None:
        """End a token, now. Ending it again changes nothing.

        Raises:
            NotFound: No token has this public id.
        """
        with self.transaction() as under_way:
            tokens.revoke(under_way, public_id)

    def create_service_account(
        self,
        role: RoleName,
        owner: int | str | None,
        *,
        audience: str,
        key_id: str,
        public_key: bytes,
        label: str = "",
    ) -> str:
        """Make a service account; give its public id. See ``postroad.registry.service_accounts.create``."""
        with self.transaction() as under_way:
            return service_accounts.create(
                under_way,
                role,
                owner,
                audience=audience,
                key_id=key_id,
                public_key=public_key,
                label=label,
                random=self._random,
            )

    def list_service_accounts(self) -> list[ServiceAccountInfo]:
        """Every service account there ever was, oldest first."""
        with self._database.read() as connection:
            return service_accounts.listed(connection)

    def revoke_service_account(self, public_id: str) -> None:
        """End a service account, now; the tokens that it got end too. Raises ``NotFound``."""
        with self.transaction() as under_way:
            service_accounts.revoke(under_way, public_id)

    def subscription_id(self, subscription: int | str) -> int:
        """The id of a subscription (id, name, ``[organization/]integration/name``).

        Raises:
            NotFound: There is no such subscription.
            ConfigError: Several subscriptions are called so.
        """
        with self._database.read() as connection:
            return lookup.subscription_id(connection, subscription)

    def set_subscription_state(self, subscription: int | str, state: State, *, reason: str | None = None) -> int:
        """Pause or resume a subscription (id, name, ``integration/name`` or ``organization/integration/name``).

        Args:
            subscription: which.
            state: what it is to be. One that is so already stays as it is.
            reason: why the hub pauses it by itself; None when a person does. Resuming forgets it, and clears the alert.

        Returns:
            Its id.

        Raises:
            NotFound: There is no such subscription.
            ConfigError: Several subscriptions are called so.
        """
        with self.transaction() as under_way:
            id_ = lookup.subscription_id(under_way.connection, subscription)
            subscriptions.set_state(under_way, id_, state, reason)
            return id_

    def rotate_signing_secret(self, subscription: int | str, keys: KeyRing, *, overlap_us: int) -> str:
        """Make a new signing secret for a subscription; those before it stay valid for ``overlap_us``.

        Returns:
            The secret: this is the only time that it can be shown.

        Raises:
            NotFound: There is no such subscription.
            ConfigError: Several are called so; or a file declares its secrets; or too many are still valid.
        """
        with self.transaction() as under_way:
            id_ = lookup.subscription_id(under_way.connection, subscription)
            return signing.rotate(under_way, id_, keys, overlap_us=overlap_us, random=self._random)

    def seen_end(self, shard: int) -> int:
        """The shard has reached this position at least, by what streams and attempts say; 0 when they say nothing."""
        with self._database.read() as connection:
            return streams.seen_end(connection, shard)

    def record_attempts(self, failures: Sequence[FailedAttempt]) -> None:
        """Record failed attempts to deliver, a row each. The version stays: no view shows them."""
        with self._database.write() as transaction:
            attempts.record_failures(transaction.connection, failures)

    def record_successes(self, successes: Sequence[Success]) -> None:
        """Record bulks that were confirmed, in order: those in a row share one, for an hour or until a failure."""
        with self._database.write() as transaction:
            attempts.record_successes(transaction.connection, successes)

    def attempts(
        self,
        subscription_id: int | None = None,
        *,
        shard: int | None = None,
        position: int | None = None,
        limit: int = 100,
    ) -> list[Attempt]:
        """The newest attempts first: of all subscriptions or one; with ``position``, of bulks that reached over it."""
        with self._database.read() as connection:
            return attempts.listed(connection, subscription_id, shard=shard, position=position, limit=limit)

    def attempts_page(
        self,
        *,
        subscription_ids: Collection[int] | None = None,
        place: tuple[int, int] | None = None,
        succeeded: bool | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[tuple[int, Attempt]]:
        """Attempts with their ids, the newest first, from the one behind ``before`` (an id) on.

        Args:
            subscription_ids: only those of these subscriptions.
            place: shard and position: only those of bulks that reached over it.
            succeeded: only those that did, or that did not.
            before: the last id of the page before.
            limit: so many at most.
        """
        with self._database.read() as connection:
            return attempts.page(
                connection,
                subscription_ids=subscription_ids,
                place=place,
                succeeded=succeeded,
                before=before,
                limit=limit,
            )

    def delivered(self) -> dict[int, int]:
        """How many events each subscription has confirmed, as far as the ledger goes back; by subscription id."""
        with self._database.read() as connection:
            return attempts.delivered(connection)

    def prune_attempts(self, before_us: int) -> int:
        """Forget attempts made before an instant (microseconds since 1970); how many rows those were."""
        with self._database.write() as transaction:
            return attempts.prune(transaction.connection, before_us)

    def raise_alert(self, kind: str, about: str, detail: str) -> None:
        """Say that something is so which a person should look at; while it is open, only its detail changes.

        Alerts and tasks are in no view: the version stays.
        """
        with self.transaction() as under_way:
            alerts.raise_alert(under_way, kind, about, detail)

    def clear_alert(self, kind: str, about: str) -> None:
        """Say that it is so no longer; nothing happens if it was not."""
        with self.transaction() as under_way:
            alerts.clear_alert(under_way, kind, about)

    def alerts(
        self,
        *,
        open_only: bool = True,
        limit: int = 100,
        about: Collection[str] | None = None,
        before: int | None = None,
    ) -> list[Alert]:
        """The newest alerts first, from the one behind ``before`` (an id) on; only those ``about`` these things."""
        with self._database.read() as connection:
            return alerts.listed(connection, open_only=open_only, limit=limit, about=about, before=before)

    def prune_tasks(self, before_us: int) -> int:
        """Forget tasks that were finished before an instant (microseconds since 1970); how many those were."""
        with self._database.write() as transaction:
            return tasks.prune(transaction.connection, before_us)

    def prune_answered(self, before_us: int) -> int:
        """Forget what requests with an idempotency key were answered before an instant; how many those were."""
        with self._database.write() as transaction:
            return idempotency.prune(transaction.connection, before_us)

    def prune_alerts(self, before_us: int) -> int:
        """Forget alerts that were cleared before an instant (microseconds since 1970); how many those were."""
        with self._database.write() as transaction:
            return alerts.prune(transaction.connection, before_us)

    def grants(self) -> list[grants.Listed]:
        """The open grants, oldest first."""
        with self._database.read() as connection:
            return grants.listed(connection)

    def visit_landing(self, user_id: str, car_id: str) -> Literal["connected", "waiting"]:
        """Note a visit to the landing page, by normalised ids; whether the account feed has linked the two."""
        with self.transaction() as under_way:
            return account_links.visit(under_way, user_id, car_id)

    def account_links(self, organization_id: int) -> list[AccountLink]:
        """The links of accounts with vehicles, ended ones too, oldest first."""
        with self._database.read() as connection:
            return account_links.listed(connection, organization_id)

    def record_upstream_run(self, run: UpstreamRun) -> None:
        """Keep a run against a provider's control plane as its last; raise or clear the alert."""
        with self.transaction() as under_way:
            upstreams.record(under_way, run)

    def upstream_run(self, provider_id: int) -> UpstreamRun | None:
        """The last run against a provider's control plane."""
        with self._database.read() as connection:
            return upstreams.last_run(connection, provider_id)

    def withdrawn(self, provider_id: int) -> int:
        """How many vehicles a provider has lost access to."""
        with self._database.read() as connection:
            return consents.withdrawn(connection, provider_id)

    def checkpoint(self, provider_id: int, source: str, partition: str) -> str | None:
        """How far a part of a provider's source was read, in the words of its service; ``None``: nothing is known."""
        with self._database.read() as connection:
            return checkpoints.load(connection, provider_id, source, partition)

    def checkpoints(self) -> dict[Part, str]:
        """How far every part of every provider's source was read."""
        with self._database.read() as connection:
            return checkpoints.every(connection)

    def checkpoints_saved_us(self) -> dict[int, int]:
        """By provider, when a checkpoint of it was last saved."""
        with self._database.read() as connection:
            return checkpoints.saved_us(connection)

    def take_checkpoints_back(self, earlier: Mapping[Part, str]) -> None:
        """Have what was read since ``earlier`` read again."""
        with self.transaction() as under_way:
            checkpoints.take_back(under_way, earlier)

    def save_checkpoint(self, provider_id: int, source: str, partition: str, mark: str) -> None:
        """Remember how far it was read. No view shows it."""
        with self.transaction() as under_way:
            checkpoints.save(under_way, provider_id, source, partition, mark)

    def followed(self, shard: int) -> int:
        """Admin events of the shard below this position have had their effect."""
        with self._database.read() as connection:
            return upstreams.followed(connection, shard)

    def erasures(
        self, *, limit: int = 100, organization_id: int | None = None, before: int | None = None
    ) -> list[Erasure]:
        """The newest erasures first, from the one behind ``before`` (an id) on: of everybody, or one organization."""
        with self._database.read() as connection:
            return erasures.listed(connection, limit=limit, organization_id=organization_id, before=before)

    def erasure(self, erasure_id: int) -> Erasure:
        """One erasure. ``NotFound`` for an unknown id."""
        with self._database.read() as connection:
            return erasures.get(connection, erasure_id)

    def unfinished_erasures(self) -> list[Erasure]:
        """Those that are not done, the oldest first."""
        with self._database.read() as connection:
            return erasures.unfinished(connection)

    def streams_created_us(self, subject_id: int) -> dict[int, int]:
        """When each stream of a subject was opened, by its id."""
        with self._database.read() as connection:
            return streams.created_us(connection, subject_id)

    def record_backup(self, place: str, made_us: int, until_us: int | None) -> None:
        """Keep that a backup was made, and when it goes: an erasure's receipt names it."""
        with self.transaction() as under_way:
            backups.record(under_way, place, made_us, until_us)

    def backups(self, now_us: int) -> tuple[Backup, ...]:
        """The backups that are not said to be gone, the oldest first."""
        with self._database.read() as connection:
            return backups.kept(connection, now_us)

    def scrub(self) -> None:
        """Leave nothing in the database's files of what was deleted; see ``Database.scrub``."""
        self._database.scrub()

    @property
    def audit_log(self) -> AuditReader:
        """The audit log, to be read."""
        return AuditReader(self._database)

    def prune_audit_details(self, before_us: int, keys: KeyRing) -> int:
        """Remove the personal details of entries made before an instant; of how many entries that was."""
        with self.transaction() as under_way:
            return audit_details.prune(under_way, keys, before_us)

    def add_task(
        self,
        type_: TaskType,
        *,
        filter_: Mapping[str, Any] | None = None,
        rate_per_s: float | None = None,
        integration_id: int | None = None,
        remaining: int | None = None,
    ) -> Task:
        """Ask for a task of the hub; ``remaining``, if the events were counted already.

        Raises:
            TaskUnfinished: One of the same type and integration is not finished yet.
            NotFound: There is no such integration.
        """
        with self.transaction() as under_way:
            return tasks.add(
                under_way,
                type_,
                filter_=filter_ or {},
                rate_per_s=rate_per_s,
                integration_id=integration_id,
                remaining=remaining,
                random=self._random,
            )

    def next_task(self, *, besides: Collection[str] = ()) -> Task | None:
        """The task to carry out now, which is under way from here on: one that was left half done goes first.

        ``besides`` those that are being carried out.
        """
        with self.transaction() as under_way:
            return tasks.next_task(under_way, besides=besides)

    def progress_task(self, id_: str, *, items: int, remaining: int | None = None) -> bool:
        """Note how far a task is; False if it was cancelled meanwhile: stop then. ``NotFound`` for an unknown id."""
        with self.transaction() as under_way:
            return tasks.progress(under_way, id_, items=items, remaining=remaining)

    def finish_task(self, id_: str, *, failed: str | None = None) -> bool:
        """Finish a task, or say why it ``failed``; False, changing nothing, if it was finished. Raises ``NotFound``."""
        with self.transaction() as under_way:
            return tasks.end(under_way, id_, "COMPLETED" if failed is None else "FAILED", failed or "")

    def cancel_task(self, id_: str) -> bool:
        """Cancel a task; False, changing nothing, if it was finished. ``NotFound`` for an unknown id."""
        with self.transaction() as under_way:
            return tasks.end(under_way, id_, "CANCELED", "")

    def task(self, id_: str) -> Task:
        """One task. ``NotFound`` for an unknown id."""
        with self._database.read() as connection:
            return tasks.get(connection, id_)

    def tasks(
        self,
        *,
        integration_ids: Collection[int] | None = None,
        limit: int = 100,
        before: tuple[int, str] | None = None,
    ) -> list[Task]:
        """The newest tasks first, from the one behind ``before`` on: of everybody, or of some integrations.

        ``before`` is a task's ``created_us`` and ``id``.
        """
        with self._database.read() as connection:
            return tasks.listed(connection, integration_ids=integration_ids, limit=limit, before=before)
