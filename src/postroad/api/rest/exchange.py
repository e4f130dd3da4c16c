"""What happens with a request once it is read: in a thread, and for a change in one transaction of the registry.

A change and the answer to it are one: with an ``Idempotency-Key`` the answer is kept in the transaction of the change,
so whoever was not told what became of his request asks again, and gets the very same answer.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from postroad.access.principals import Principal
from postroad.api.rest import etags, problems
from postroad.api.rest.call import Call, Services
from postroad.api.rest.problems import Refused
from postroad.api.rest.query import query_of
from postroad.api.rest.routes import Created, Route
from postroad.errors import Forbidden, NotFound, PostroadError
from postroad.registry import idempotency
from postroad.registry.apply import Declared
from postroad.registry.apply.source import Plain
from postroad.registry.idempotency import Kept
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore
from postroad.registry.transaction import Transaction

BASE: Final = "/api/v1"
IDEMPOTENCY_KEY: Final = re.compile(r"^[!-~]{1,255}$")
JSON: Final = "application/json"

_log = logging.getLogger(__name__)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, read."""

    route: Route
    arguments: Mapping[str, int | str]
    """Of its path."""
    query: Mapping[str, str]
    body: bytes
    media_type: str
    principal: Principal
    address: str | None
    """Of the peer."""
    view: RegistryView
    if_match: str | None = None
    if_none_match: str | None = None
    idempotency_key: str | None = None

    @property
    def fingerprint(self) -> bytes:
        """Of all by which two requests differ."""
        parts = [self.route.id, sorted(self.arguments.items()), sorted(self.query.items()), self.media_type]
        return hashlib.sha256(msgspec.json.encode([*parts, self.if_match, self.if_none_match]) + self.body).digest()


class Answered(NamedTuple):
    """An answer, and whether the hub is to go by something new before it is given."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    changed: bool = False


class Exchange:
    """Carries out requests. Its methods block, and may be called from several threads."""

    def __init__(self, services: Services, *, acting: Callable[[Principal, str | None], RegistryStore]) -> None:
        """``acting``: the registry, changed by this principal at this address."""
        self._services = services
        self._acting = acting

    def carry_out(self, asked: Asked) -> Answered:
        """Answer a request, whatever comes of it."""
        body: Any = None
        try:
            body = _plain(asked)
            return self._carried_out(asked, body)
        except PostroadError as exc:
            try:
                return refused(problems.refusal(exc, body))
            except PostroadError:
                _log.exception("%s could not be answered", asked.route.id)
        except Exception:  # noqa: BLE001 - one that we did not think of must be answered too
            _log.exception("%s could not be answered", asked.route.id)
        return refused(Refused(problems.INTERNAL, "The hub's log says more"))

    def _carried_out(self, asked: Asked, body: Any) -> Answered:
        registry = self._acting(asked.principal, asked.address)
        match asked.route.manner:
            case "read":
                with registry.reading() as connection:
                    answered = _encoded(asked.route, self._call(asked, registry, body, Declared(connection)))
                if etags.is_known(asked.if_none_match, answered.headers["ETag"]):
                    return Answered(304, b"", answered.headers)
                return answered
            case "change":
                with registry.transaction() as under_way:
                    answered = self._once(under_way, asked, lambda: self._change(registry, under_way, asked, body))
                return answered._replace(changed=under_way.touched)
            case "act":
                return self._act(registry, asked, body)

    def _change(self, registry: RegistryStore, under_way: Transaction, asked: Asked, body: Any) -> Answered:
        within, declared = registry.within(under_way), Declared(under_way.connection)
        conditional = asked.if_match is not None or asked.if_none_match is not None
        before = self._current(asked, within, declared) if conditional else None
        answered = _encoded(asked.route, self._call(asked, within, body, declared, under_way))
        # Only now: a condition counts only where the answer without it would be good (RFC 9110, 13.2.1), and so it
        # tells nobody what there is. What was done meanwhile is undone.
        etags.check(asked.if_match, asked.if_none_match, before)
        return answered

    def _act(self, registry: RegistryStore, asked: Asked, body: Any) -> Answered:
        """Without a transaction around it: only what it answered is kept in one."""
        if asked.idempotency_key is not None:
            with registry.transaction() as under_way:
                if (kept := self._kept(under_way, asked)) is not None:
                    return kept
        answered = _encoded(asked.route, self._call(asked, registry, body))
        with registry.transaction() as under_way:
            return self._once(under_way, asked, lambda: answered)._replace(changed=True)

    def _once(self, under_way: Transaction, asked: Asked, do: Callable[[], Answered]) -> Answered:
        """What was answered before to the same request, or else what ``do`` gives, kept for the next time."""
        if (kept := self._kept(under_way, asked)) is not None:
            return kept
        answered = do()
        if asked.idempotency_key is not None:
            record = Kept(
                fingerprint=asked.fingerprint, status=answered.status, body=answered.body, headers=answered.headers
            )
            idempotency.keep(under_way, asked.principal.key, asked.idempotency_key, record, self._services.keys)
        return answered

    def _kept(self, under_way: Transaction, asked: Asked) -> Answered | None:
        if asked.idempotency_key is None:
            return None
        kept = idempotency.find(under_way, asked.principal.key, asked.idempotency_key, self._services.keys)
        if kept is None:
            return None
        if kept.fingerprint != asked.fingerprint:
            raise Refused(problems.KEY_REUSED, "Take another Idempotency-Key for another request")
        return Answered(kept.status, kept.body, kept.headers)

    def _current(self, asked: Asked, registry: RegistryStore, declared: Declared) -> str | None:
        """The entity tag of what a change is about, as it is before; ``None``: there is nothing."""
        handler = asked.route.current
        if handler is None:
            raise Refused(problems.MALFORMED, "There is no entity tag for this: leave If-Match and If-None-Match out")
        try:
            return etags.etag_of(_json(handler(self._made(asked, registry, None, declared), **asked.arguments)))
        except (NotFound, Forbidden):
            return None

    def _call(
        self,
        asked: Asked,
        registry: RegistryStore,
        body: Any,
        declared: Declared | None = None,
        under_way: Transaction | None = None,
    ) -> Any:
        route = asked.route
        call = self._made(asked, registry, body, declared, under_way)
        arguments: dict[str, Any] = dict(asked.arguments)
        if route.query is not None:
            arguments["query"] = query_of(asked.query, route.query)
        if route.body is not None:
            arguments["body"] = Plain(body).convert(body, route.body)
        if route.takes_text:
            arguments["text"] = body
        value = route.handler(call, **arguments)
        if not call.asked:
            raise AssertionError(f"{route.id} did not ask the policy")
        return value

    def _made(
        self,
        asked: Asked,
        registry: RegistryStore,
        body: Any,
        declared: Declared | None = None,
        under_way: Transaction | None = None,
    ) -> Call:
        return Call(
            asked.principal,
            asked.route.may,
            view=asked.view,
            registry=registry,
            services=self._services,
            body=body,
            declared=declared,
            under_way=under_way,
        )


def refused(refusal: Refused) -> Answered:
    """A problem as an answer."""
    return Answered(refusal.kind.status, refusal.encoded(), {"Content-Type": problems.MEDIA_TYPE, **refusal.headers})


def _plain(asked: Asked) -> Any:
    """The body as plain data; of other media types than JSON, as text. Raises ``Refused``.

    What a representation shows beyond what can be set is left out, so that it can be sent back as it was got.
    """
    route = asked.route
    if route.body is None and not route.takes_text:
        if asked.body:
            raise Refused(problems.MALFORMED, "This takes no body")
        return None
    try:
        if route.takes_text:
            return asked.body.decode()
        body = msgspec.json.decode(asked.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:  # whose words can quote the body
        raise Refused(problems.MALFORMED, "The body cannot be read: it is to be JSON, in UTF-8") from exc
    if isinstance(body, dict) and route.current is not None and route.answer is not None and route.body is not None:
        shown_only = {*route.answer.__struct_fields__} - {*route.body.__struct_fields__}
        body = {key: value for key, value in body.items() if key not in shown_only}
    return body


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def _json(value: Any) -> bytes:
    return _ENCODER.encode(value)


def _encoded(route: Route, value: Any) -> Answered:
    if value is None:
        return Answered(204, b"", {})
    created = isinstance(value, Created)
    body = _json(value.value if created else value)
    headers = {"Content-Type": JSON}
    if route.method != "POST":
        headers["ETag"] = etags.etag_of(body)
    if created:
        headers["Location"] = BASE + value.location
    return Answered(201 if created else 200, body, headers)
