"""What the end of an attempt asks for: of its events, of the destination's gate, and of a person."""

from collections.abc import Callable, Sequence

from msgspec import structs

from postroad.clock import Clock
from postroad.delivery.attempt import Attempt
from postroad.delivery.delivery import Overseer
from postroad.delivery.doors import DoorOverseer, Doors
from postroad.delivery.entry import Entry
from postroad.delivery.judge import Judgement, shut_for
from postroad.delivery.letter import given_up
from postroad.delivery.oversight import tell, tell_dead
from postroad.delivery.unsettled import Unsettled
from postroad.protocols.contract import ENDPOINT_FAILURES, RetryPolicy
from postroad.transports.base import Delivered, Failed


class Answers:
    """Puts the contract's response table to work."""

    def __init__(
        self,
        unsettled: Unsettled,
        doors: Doors,
        overseer: Overseer,
        *,
        subscription_id: int,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        """Nothing ended yet."""
        self.disabled = False
        """The destination is gone: nothing more is to be sent."""
        self._unsettled = unsettled
        self._doors = doors
        self._overseer = overseer
        self._subscription_id = subscription_id
        self._clock = clock
        self._random = random

    def ended(self, attempt: Attempt, judgement: Judgement) -> float | None:
        """An attempt ended. How soon the next follows, in seconds, if it failed and one does."""
        retry_in_s: float | None = None
        outcome = judgement.outcome
        if isinstance(outcome, Delivered):
            self._delivered(attempt)
        elif judgement.action in ENDPOINT_FAILURES:
            retry_in_s = self._endpoint_failed(attempt, judgement, outcome)
        else:
            retry_in_s = self._events_failed(attempt, judgement, outcome)
        overseer = DoorOverseer(self._overseer, attempt.door, self._doors)
        tell(overseer, self._subscription_id, judgement, attempt.door.gate)
        for lane in attempt.lanes:
            self._unsettled.end(lane)
        return retry_in_s

    def _delivered(self, attempt: Attempt) -> None:
        attempt.door.gate.leave(attempt.entered, "delivered")
        attempt.door.failures = 0
        for entry in attempt.entries:
            self._unsettled.delivered(entry)

    # The endpoint's fault.

    def _endpoint_failed(self, attempt: Attempt, judgement: Judgement, failed: Failed) -> float | None:
        contract, action, retry_after_s = attempt.contract, judgement.action, judgement.retry_after_s
        gate = attempt.door.gate
        attempt.door.failures += 1
        wait_s = shut_for(contract, action, self._random)
        gate.leave(attempt.entered, judgement.verdict, retry_after_s=retry_after_s, wait_s=wait_s)
        if action == "disable":
            self.disabled = True
            return None
        self._forget_superseded(attempt)
        if contract.schedule_of == "event":
            # Without room to park it the event stays as it was, so that there is always something to probe with.
            has_room = self._unsettled.parking.has_room
            on_its_own = [entry for entry in attempt.entries if entry.parked or has_room(entry)]
            if on_its_own:
                return self._by_own_schedule(on_its_own, attempt, judgement, failed)
        return gate.shut_for_s()

    def _forget_superseded(self, attempt: Attempt) -> None:
        for entry in attempt.entries:
            if entry.superseded:
                self._unsettled.skip(entry, "superseded")

    # The event's fault, or its own schedule.

    def _events_failed(self, attempt: Attempt, judgement: Judgement, failed: Failed) -> float | None:
        attempt.door.gate.leave(attempt.entered, judgement.verdict)
        attempt.door.failures = 0
        self._forget_superseded(attempt)
        if len(attempt.entries) > 1:  # whose fault it is shows when each goes alone
            for entry in attempt.entries:
                entry.alone = True
            return 0.0
        if judgement.action == "park":
            return self._by_own_schedule(attempt.entries, attempt, judgement, failed)
        for entry in attempt.entries:
            if not entry.gone:
                self._bury(entry, attempt, failed)
        return None

    def _by_own_schedule(
        self, entries: Sequence[Entry], attempt: Attempt, judgement: Judgement, failed: Failed
    ) -> float | None:
        """Each event has its own next attempt, or none. The first of them, from now."""
        not_before_us = self._clock.now_us() + round((judgement.retry_after_s or 0.0) * 1e6)
        waits = [self._fail(entry, attempt, failed, not_before_us) for entry in entries if not entry.gone]
        return min((wait for wait in waits if wait is not None), default=None)

    def _fail(self, entry: Entry, attempt: Attempt, failed: Failed, not_before_us: int) -> float | None:
        now_us, letter = self._clock.now_us(), entry.letter
        first_us = attempt.began_us if letter.first_attempt_us is None else letter.first_attempt_us
        due_us = self._next_attempt_us(attempt.contract.retry, entry, first_us, now_us)
        if due_us is None:
            self._bury(entry, attempt, failed)
            return None
        due_us = max(due_us, not_before_us)
        self._unsettled.postpone(
            entry,
            structs.replace(
                letter,
                attempts=letter.attempts + 1,
                first_attempt_us=first_us,
                due_us=due_us,
                reason=failed.reason,
                status=failed.status,
                detail=failed.detail,
            ),
        )
        return (due_us - now_us) / 1e6

    def _next_attempt_us(self, retry: RetryPolicy, entry: Entry, first_us: int, now_us: int) -> int | None:
        return retry.next_attempt_us(
            attempts=entry.letter.attempts + 1,
            first_us=first_us,
            now_us=now_us,
            recorded_us=entry.letter.recorded_us,
            chance=self._random(),
        )

    def _bury(self, entry: Entry, attempt: Attempt, failed: Failed) -> None:
        dead = given_up(
            entry.letter,
            failed,
            attempts=entry.letter.attempts + 1,
            began_us=attempt.began_us,
            now_us=self._clock.now_us(),
        )
        self._unsettled.bury(entry, dead)
        tell_dead(self._overseer, self._subscription_id, failed)
