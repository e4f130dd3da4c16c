"""DriveQuant's monitoring calls over HTTP (``postroad.protocols.drivequant.monitoring``).

The API key is a token of an integration; nobody else's is one here. A call sees and touches nothing but that
integration's own subscriptions of protocol ``drivequant`` and its own tasks: somebody else's task is answered as one
that there is not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postroad.access.confirmed import Confirmation
from postroad.access.policy import Operation, Target, allowed
from postroad.access.principals import Principal, actor_of, principal_of_key
from postroad.clock import from_us
from postroad.delivery.meant import Meant, Part
from postroad.errors import NotFound, PostroadError
from postroad.ingest.http.app import Page
from postroad.log.delivery import DeliveryStore
from postroad.protocols.drivequant.monitoring import (
    API_KEY_HEADER,
    RETRIES,
    TASK_PATH,
    Retry,
    RetryAnswer,
    TaskAnswer,
    TaskType,
    date_text,
)
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task, TaskUnfinished

PROTOCOL = "drivequant"

_TYPES: Mapping[str, TaskType] = {retry.type: retry.type for retry in RETRIES}
_UNAUTHORIZED = "the header x-dq-enterprise-api-key holds no API key that is valid here"
_LATER = "it cannot be done now; try again later"
_log = logging.getLogger(__name__)

_Call = Callable[[Request, Principal, int], Awaitable[Response]]


class Monitoring:
    """``pages`` are for the hub's HTTP server."""

    def __init__(
        self,
        registry: RegistryStore,
        stores: Mapping[int, DeliveryStore],
        *,
        view: Callable[[], RegistryView],
        confirmed: Confirmation,
    ) -> None:
        """``stores`` are the shards'; tokens and subscriptions are looked up in ``view``, while it is ``confirmed``."""
        self._registry = registry
        self._stores = stores
        self._view = view
        self._confirmed = confirmed

    def pages(self) -> list[Page]:
        """The calls. Another method at these paths is answered 405."""
        retry, read = Operation.REDRIVE_DELIVERIES, Operation.READ_DELIVERIES
        retries = [Page(one.path, self._known(partial(self._retry, one), retry), "POST") for one in RETRIES]
        return [*retries, Page(TASK_PATH, self._known(self._task, read))]

    def _known(self, call: _Call, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        """``call`` for the integration whose API key the request holds."""

        async def answer(request: Request) -> Response:
            if not self._confirmed.holds:
                return _error(500, _LATER)
            principal = principal_of_key(request.headers.get(API_KEY_HEADER, ""), self._view())
            integration_id = None if principal is None else principal.integration_id
            if principal is None or integration_id is None:
                return _error(401, _UNAUTHORIZED)
            if not allowed(principal, operation, Target(integration_id=integration_id)):
                return _error(401, _UNAUTHORIZED)
            try:
                return await call(request, principal, integration_id)
            except PostroadError as exc:
                _log.warning("A monitoring call could not be answered: %s", exc)
                return _error(500, _LATER)

        return answer

    async def _retry(self, retry: Retry, request: Request, principal: Principal, integration_id: int) -> Response:
        meant = Meant(
            parts=tuple(
                Part(subscription.id, frozenset({retry.slot}))
                for subscription in self._view().subscriptions.values()
                if (subscription.integration_id, subscription.protocol) == (integration_id, PROTOCOL)
                and subscription.state == "active"
            )
        )
        count = 0
        for store in self._stores.values():
            for which in meant.filters():
                count += await store.count_dead(which)
        by = actor_of(principal, "rest", None if request.client is None else request.client.host)
        add = partial(
            self._registry.acting(by).add_task,
            retry.type,
            filter_=meant.stored(),
            integration_id=integration_id,
            remaining=count,
        )
        try:
            task = await asyncio.to_thread(add)
        except TaskUnfinished as exc:
            return _error(409, f"task {exc.task_id} is not finished yet")
        except NotFound:  # the integration was removed a moment ago
            return _error(401, _UNAUTHORIZED)
        return _answer(RetryAnswer(task_id=task.id, nb_items=count))

    async def _task(self, request: Request, _principal: Principal, integration_id: int) -> Response:
        try:
            task = await asyncio.to_thread(self._registry.task, request.path_params["task_id"])
        except NotFound:
            task = None
        if task is None or task.integration_id != integration_id or task.type not in _TYPES:
            return _error(404, "there is no such task")
        return _answer(_task_answer(task))


def _task_answer(task: Task) -> TaskAnswer:
    remaining = task.remaining or 0
    completed_us = task.completed_us if task.status == "COMPLETED" else None
    return TaskAnswer(
        task_id=task.id,
        created_at=date_text(from_us(task.created_us)),
        completed_at=None if completed_us is None else date_text(from_us(completed_us)),
        type=_TYPES[task.type],
        status=task.status,
        nb_items=task.items + remaining,
        nb_remaining_items=remaining,
    )


def _answer(value: RetryAnswer | TaskAnswer) -> Response:
    return _json(200, msgspec.json.encode(value))


def _error(status: int, message: str) -> Response:
    return _json(status, msgspec.json.encode({"error": message}))


def _json(status: int, body: bytes) -> Response:
    return Response(body, status, media_type="application/json", headers={"cache-control": "no-store"})
