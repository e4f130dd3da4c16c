"""What is asked of the consent page, and what becomes of it.

``/consent``            an owner's vehicles, and with whom each is shared
``/consent/sign-in``    where who is not signed in is led
``/consent/connect``    a service links here: ``?integration=ORGANIZATION/NAME``
``/consent/change``, ``/consent/withdraw``, ``/consent/sign-out``    forms only

What changes something is a form, and is answered by leading elsewhere. Sharing a vehicle leads to the service, at the
URL that it is declared with, with the ids of the account and the vehicle; account messages go by the account feed.

Everything but reading the form happens in a few threads: a password takes its time, and so does the registry.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from postroad.access.policy import Operation, Target, require
from postroad.access.principals import actor_of, principal_of_owner
from postroad.api.consent import guard, pages, words
from postroad.api.consent.forms import BODY_LIMIT_BYTES, Asked, decoded, grouped
from postroad.api.consent.guard import PATH, Guard
from postroad.api.consent.sign_in import Sessions, Throttle
from postroad.api.workers import Workers
from postroad.errors import Forbidden, NotFound, StoreUnavailable
from postroad.ingest.http.app import Page
from postroad.ingest.http.limits import client_key
from postroad.ingest.http.reading import address_of, body_of
from postroad.registry import service_urls, sharing, vehicle_owners
from postroad.registry.sharing import Offer
from postroad.registry.store import RegistryStore
from postroad.registry.transaction import Transaction
from postroad.registry.vehicle_owners import Owner

THREADS: Final = 2

_SIGN_IN: Final = f"{PATH}/sign-in"


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a request."""

    response: Response
    token: str | None = None
    """The visitor's from now on; None: as it was."""
    changed: bool = False
    """Whether the registry was, in what the hub works by."""


class ConsentServer:
    """``pages`` are for the hub's HTTP server. ``close`` it when that has stopped."""

    def __init__(
        self,
        registry: RegistryStore,
        *,
        guard: Guard,
        sessions: Sessions,
        throttle: Throttle,
        refresh: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """``refresh``: have the hub work by what was changed; awaited before that is answered."""
        self._registry = registry
        self._guard = guard
        self._sessions = sessions
        self._throttle = throttle
        self._workers = Workers("consent", THREADS, refresh=refresh)

    @property
    def pages(self) -> Sequence[Page]:
        """As ``build_app`` takes them."""
        return (
            Page(PATH, self._get(self._overview)),
            Page(f"{PATH}/style.css", _style),
            Page(_SIGN_IN, self._get(self._sign_in_page)),
            Page(_SIGN_IN, self._post(self._sign_in), "POST"),
            Page(f"{PATH}/sign-out", self._post(self._sign_out), "POST"),
            Page(f"{PATH}/connect", self._get(self._connect_page)),
            Page(f"{PATH}/connect", self._post(self._connect), "POST"),
            Page(f"{PATH}/change", self._post(self._change), "POST"),
            Page(f"{PATH}/withdraw", self._post(self._withdraw), "POST"),
            *(Page(f"{PATH}/{form}", self._get(_back)) for form in ("sign-out", "change", "withdraw")),
        )

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._workers.close()

    # Requests of either kind.

    def _get(self, show: Callable[[Asked], _Answer]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def answer(request: Request) -> Response:
            token = self._guard.token_of(request)
            fields = grouped(request.query_params.multi_items())
            asked = Asked(token=token or self._guard.new_token(), address=address_of(request), fields=fields)
            response = await self._in_a_thread(show, asked)
            if token is None:
                self._guard.keep_token(response, asked.token)
            return response

        return answer

    def _post(self, act: Callable[[Asked], _Answer]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def answer(request: Request) -> Response:
            if not self._guard.is_from_here(request):
                return _problem(403)
            body = await body_of(request, most_bytes=BODY_LIMIT_BYTES)
            if body is None:
                return _problem(413)
            fields = decoded(request, body)
            if fields is None:
                return _problem(400)
            token = self._guard.token_of(request)
            shown = fields.get("token", ("",))
            if token is None or len(shown) != 1 or not guard.is_form_token(shown[0], token):
                return _problem(403)
            return await self._in_a_thread(act, Asked(token=token, address=address_of(request), fields=fields))

        return answer

    async def _in_a_thread(self, carry_out: Callable[[Asked], _Answer], asked: Asked) -> Response:
        if self._workers.full:
            return _problem(503)
        try:
            answer = await self._workers.carry_out(carry_out, asked)
        except (Forbidden, NotFound):
            return _problem(404)
        except StoreUnavailable:
            return _problem(503)
        if answer.token is not None:
            self._guard.keep_token(answer.response, answer.token)
        return answer.response

    # Signing in and out.

    def _sign_in_page(self, asked: Asked) -> _Answer:
        integration = asked.one("integration")
        if self._sessions.owner_of(asked.token) is not None:
            return _Answer(response=_led(_begin(integration)))
        return _Answer(response=_html(self._sign_in_form(asked)))

    def _sign_in(self, asked: Asked) -> _Answer:
        login, password, integration = asked.one("login"), asked.one("password"), asked.one("integration")
        if wait_s := self._throttle.take(login, client_key(asked.address or "")):
            return _Answer(response=_problem(429, {"Retry-After": str(wait_s)}))
        token = self._guard.new_token()
        if not self._sessions.sign_in(login, password, token=token, instead_of=asked.token, address=asked.address):
            return _Answer(response=_html(self._sign_in_form(asked, wrong=True), 422))
        return _Answer(response=_led(_begin(integration)), token=token)

    def _sign_out(self, asked: Asked) -> _Answer:
        self._sessions.sign_out(asked.token, address=asked.address)
        return _Answer(response=_led(_SIGN_IN), token=self._guard.new_token())

    def _sign_in_form(self, asked: Asked, *, wrong: bool = False) -> str:
        login = asked.one("login")[: vehicle_owners.MAX_LOGIN_CHARS] if wrong else ""
        token = guard.form_token(asked.token)
        return pages.sign_in(form_token=token, integration=asked.one("integration"), login=login, wrong=wrong)

    # What is shown to who is signed in.

    def _overview(self, asked: Asked) -> _Answer:
        owner = self._sessions.owner_of(asked.token)
        if owner is None:
            return _Answer(response=_led(_SIGN_IN))
        _require(owner, Operation.READ_GRANTS, Target(**_own(owner)))
        with self._registry.reading() as connection:
            vehicles, offers = sharing.vehicles_of(connection, owner.id), sharing.offers(connection)
        html = pages.overview(
            form_token=guard.form_token(asked.token),
            login=owner.login,
            vehicles=vehicles,
            offers=offers,
            done=asked.one("done"),
        )
        return _Answer(response=_html(html))

    def _connect_page(self, asked: Asked) -> _Answer:
        owner = self._sessions.owner_of(asked.token)
        integration = asked.one("integration")
        if owner is None:
            return _Answer(response=_led(_sign_in_for(integration)))
        return _Answer(response=self._connect_form(asked, owner))

    def _connect_form(self, asked: Asked, owner: Owner, *, missing: bool = False) -> Response:
        _require(owner, Operation.READ_GRANTS, Target(**_own(owner)))
        with self._registry.reading() as connection:
            vehicles, offer = sharing.vehicles_of(connection, owner.id), _offer(connection, asked.one("integration"))
        car_id, id_ = asked.one("car"), offer.integration_id
        shared = next((one for one in vehicles if one.car_id == car_id and id_ in one.shares), None)
        if car_id and car_id not in {one.car_id for one in vehicles if id_ not in one.had_by}:
            raise Forbidden("there is no such vehicle")
        free = [one for one in vehicles if id_ not in one.shares and id_ not in one.had_by]
        if shared is not None:
            ticked = shared.shares[id_].scopes
        elif missing:
            ticked = frozenset(asked.fields.get("scope", ()))
        else:
            # What is of the owner is as he has said of other vehicles already; the rest he is to tick himself.
            others = [one.shares[id_].scopes for one in vehicles if id_ in one.shares]
            ticked = words.PERSONAL.intersection(*others) if others else frozenset()
        html = pages.connect(
            form_token=guard.form_token(asked.token),
            login=owner.login,
            offer=offer,
            vehicles=free if shared is None else [shared],
            chosen=car_id or (free[0].car_id if len(free) == 1 else None),
            ticked=ticked,
            change=shared is not None,
            missing=missing,
        )
        return _html(html, 422 if missing else 200, form_to=service_urls.origin(offer.service.url))

    # What an owner does.

    def _connect(self, asked: Asked) -> _Answer:
        owner = self._sessions.owner_of(asked.token)
        if owner is None:
            return _Answer(response=_led(_sign_in_for(asked.one("integration"))))
        car_id = asked.one("car")
        if not car_id:
            return _Answer(response=self._connect_form(asked, owner, missing=True))
        with self._changing(owner, asked).transaction() as under_way:
            offer = self._share(under_way, owner, asked)
            user_id = sharing.user_id(under_way.connection, owner.account_id)
        to = service_urls.with_ids(offer.service.url, user_id=user_id, car_id=car_id)
        return _Answer(response=_led(to), changed=True)

    def _change(self, asked: Asked) -> _Answer:
        owner = self._sessions.owner_of(asked.token)
        if owner is None:
            return _Answer(response=_led(_SIGN_IN))
        with self._changing(owner, asked).transaction() as under_way:
            self._share(under_way, owner, asked)
        return _Answer(response=_led(f"{PATH}?done=changed"), changed=True)

    def _withdraw(self, asked: Asked) -> _Answer:
        owner = self._sessions.owner_of(asked.token)
        if owner is None:
            return _Answer(response=_led(_SIGN_IN))
        with self._changing(owner, asked).transaction() as under_way:
            vehicle_id = _vehicle(under_way, owner, asked.one("car"), Operation.WITHDRAW_GRANT)
            integration_id = _number(asked.one("integration"))
            sharing.unshare(under_way, integration_id, vehicle_id, owner.account_id)
        return _Answer(response=_led(f"{PATH}?done=withdrawn"), changed=True)

    def _share(self, under_way: Transaction, owner: Owner, asked: Asked) -> Offer:
        vehicle_id = _vehicle(under_way, owner, asked.one("car"), Operation.GIVE_GRANT)
        offer = _offer(under_way.connection, asked.one("integration"))
        scopes = frozenset(asked.fields.get("scope", ()))
        sharing.share(under_way, offer.integration_id, vehicle_id, owner.account_id, scopes, personal=words.PERSONAL)
        return offer

    def _changing(self, owner: Owner, asked: Asked) -> RegistryStore:
        return self._registry.acting(actor_of(principal_of_owner(owner), "page", asked.address))


def _own(owner: Owner) -> dict[str, int]:
    return {"organization_id": owner.organization_id, "account_id": owner.account_id}


def _require(owner: Owner, operation: Operation, target: Target) -> None:
    require(principal_of_owner(owner), operation, target)


def _vehicle(under_way: Transaction, owner: Owner, car_id: str, operation: Operation) -> int:
    """The id of a vehicle with which the owner may do this. Raises ``Forbidden``."""
    found = sharing.vehicle_of_car(under_way.connection, car_id)
    if found is None:
        raise Forbidden("there is no such vehicle")
    account_id = vehicle_owners.account_of(under_way.connection, found.id)
    _require(owner, operation, Target(organization_id=found.organization_id, account_id=account_id))
    return found.id


def _offer(connection: Any, named: str) -> Offer:
    """The service that a request names: by number, or ``organization/name``. Raises ``NotFound``."""
    for offer in sharing.offers(connection).values():
        if named in (str(offer.integration_id), f"{offer.organization}/{offer.name}"):
            return offer
    raise NotFound("there is no such service")


def _number(text: str) -> int:
    """Raises ``NotFound``."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound("there is no such service")
    return int(text)


def _begin(integration: str) -> str:
    """Where who has signed in goes on: to the service that sent him, or to his vehicles."""
    return f"{PATH}/connect?{urlencode({'integration': integration})}" if integration else PATH


def _sign_in_for(integration: str) -> str:
    return f"{_SIGN_IN}?{urlencode({'integration': integration})}" if integration else _SIGN_IN


def _html(html: str, status: int = 200, *, form_to: str | None = None) -> Response:
    headers = dict(guard.headers(form_to=form_to))
    return Response(html, status, headers=headers, media_type="text/html; charset=utf-8")


def _problem(status: int, extra: Mapping[str, str] = {}) -> Response:
    response = _html(pages.problem(status), status)
    response.headers.update(extra)
    return response


def _back(_asked: Asked) -> _Answer:
    """A form's address was opened as a page."""
    return _Answer(response=_led(PATH))


def _led(to: str) -> Response:
    return RedirectResponse(to, 303, headers=dict(guard.headers()))


async def _style(_request: Request) -> Response:
    return Response(pages.STYLE, headers=dict(guard.headers()), media_type="text/css; charset=utf-8")
