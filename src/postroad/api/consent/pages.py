"""What people read: the pages, each made of a template that escapes whatever is put into it."""

from collections.abc import Collection, Mapping, Sequence
from importlib import resources
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from postroad.api.consent import words
from postroad.clock import from_us
from postroad.registry.sharing import Offer, OwnVehicle, Share

STYLE: Final = resources.files("postroad.api.consent").joinpath("style.css").read_bytes()
DONE: Final[Mapping[str, str]] = {
    "changed": "Your choice is saved. It counts from now on.",
    "withdrawn": "The vehicle is not shared with this service any more. The service is told.",
}
"""What was just done -> what the overview says of it."""
PROBLEMS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("This request is not complete", "Go back, load the page again and retry."),
    403: ("This page was open for too long", "Nothing was changed. Go back, load the page again and retry."),
    404: ("This is not here", "It does not exist, or it is not yours."),
    413: ("This request is too large", "Go back, load the page again and retry."),
    429: ("Too many attempts", "Wait a few minutes, then try to sign in again."),
    503: ("This does not work right now", "Nothing was changed. Try again in a minute."),
}

_templates = Environment(
    loader=PackageLoader("postroad.api.consent", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Choice(NamedTuple):
    """A scope to be ticked."""

    scope: str
    title: str
    detail: str
    ticked: bool


class Shown(NamedTuple):
    """A vehicle on the overview."""

    name: str
    car_id: str
    shares: Sequence[tuple[Share, Sequence[str], str, bool]]
    """What it is shared with: the titles of its scopes, since when, and whether that can be changed."""
    offers: Sequence[Offer]
    """With what it could be shared."""
    had: Sequence[str]
    """What has it by others' grants: titles."""


def sign_in(*, form_token: str, integration: str, login: str = "", wrong: bool = False) -> str:
    """Where owners sign in; ``integration``: the service that sent them, or empty."""
    return _page("sign_in.html", form_token=form_token, integration=integration, login=login, wrong=wrong)


def overview(
    *, form_token: str, login: str, vehicles: Sequence[OwnVehicle], offers: Mapping[int, Offer], done: str
) -> str:
    """An owner's vehicles, and with whom each is shared."""
    shown = [_shown(vehicle, offers) for vehicle in vehicles]
    return _page(
        "overview.html", form_token=form_token, login=login, vehicles=shown, offers=offers, done=DONE.get(done, "")
    )


def connect(
    *,
    form_token: str,
    login: str,
    offer: Offer,
    vehicles: Sequence[OwnVehicle],
    chosen: str | None,
    ticked: Collection[str],
    change: bool,
    missing: bool = False,
) -> str:
    """Who asks for what, and of which vehicle.

    Args:
        form_token: of the visitor.
        login: who is signed in.
        offer: the service that asks.
        vehicles: those that can be chosen; where it is a ``change``, the one.
        chosen: the ``car_id`` of the one that is chosen.
        ticked: the scopes that are.
        change: it is shared already.
        missing: no vehicle was chosen, and one is to be.
    """
    asked = words.known(offer.requested)
    groups = {
        group: [
            Choice(scope, said.title, said.detail, scope in ticked) for scope, said in scopes.items() if scope in asked
        ]
        for group, scopes in words.GROUPS.items()
    }
    return _page(
        "connect.html",
        form_token=form_token,
        login=login,
        offer=offer,
        vehicles=vehicles,
        chosen=chosen,
        groups={group: choices for group, choices in groups.items() if choices},
        change=change,
        missing=missing,
    )


def problem(status: int) -> str:
    """That something did not work; the status is one of ``PROBLEMS``."""
    title, text = PROBLEMS[status]
    return _page("problem.html", title=title, text=text)


def _shown(vehicle: OwnVehicle, offers: Mapping[int, Offer]) -> Shown:
    return Shown(
        name=vehicle.name,
        car_id=vehicle.car_id,
        shares=[
            (share, words.titles(share.scopes), _day(share.since_us), share.integration_id in offers)
            for share in vehicle.shares.values()
        ],
        offers=[offer for id_, offer in offers.items() if id_ not in vehicle.shares and id_ not in vehicle.had_by],
        had=[offer.service.title for id_, offer in offers.items() if id_ in vehicle.had_by],
    )


def _day(us: int) -> str:
    day = from_us(us)
    return f"{day.day} {day:%B %Y}"


def _page(name: str, **values: Any) -> str:
    return _templates.get_template(name).render(values)
