"""What an owner does on the page: sharing, changing, withdrawing. And what somebody else cannot."""

import html
import re
import sqlite3
from typing import Any

import pytest

from fixtures.consent_page import PASSWORD, SCOPES, SERVICE_URL, ConsentPage, Visitor, feeds, service_of
from postroad.api.consent import words
from postroad.errors import ConfigError, StoreUnavailable
from postroad.model.identifiers import LEGACY_USER_ID
from postroad.protocols.connected_cars_legacy.fields import SCOPES as ALL
from postroad.registry import grants, vehicle_owners

CONNECT = "/consent/connect?integration=shop/insurer"


def pairs(consent: ConsentPage, plate: str, *scopes: str, to: str = "insurer") -> list[tuple[str, str]]:
    """What a form holds."""
    fields = [("integration", str(consent.integration(to))), ("car", consent.car(plate))]
    return fields + [("scope", scope) for scope in scopes]


def ticked(page: str) -> set[str]:
    return set(re.findall(r'name="scope" value="(\w+)" checked', page))


async def test_an_owner_whom_a_service_sends_signs_in_shares_and_is_sent_back_with_two_ids(
    consent: ConsentPage,
) -> None:
    visitor = consent.visitor()
    led = (await visitor.get(CONNECT)).to
    assert led == "/consent/sign-in?integration=shop%2Finsurer"
    form = await visitor.get(led)
    fields = {"token": form.form_token, "login": "ida", "password": PASSWORD, "integration": "shop/insurer"}
    assert 'name="integration" value="shop/insurer"' in form.text
    led = (await visitor.post("/consent/sign-in", fields)).to
    assert led == "/consent/connect?integration=shop%2Finsurer"
    page = await visitor.get(led)
    assert "Nordic Insurance" in page.text
    assert set(re.findall(r'name="scope" value="(\w+)"', page.text)) == set(SCOPES), "what it asks for, and no more"
    assert ticked(page.text) == set(), "nothing is agreed to by itself"
    sent = pairs(consent, "AA11", "user_name", "vehicle_position")
    left = await visitor.post("/consent/connect", [("token", page.form_token), *sent])
    subjects = consent.store.view().subjects.values()
    users = {one.issued[LEGACY_USER_ID] for one in subjects if one.kind == "account"}
    url, user_id, car_id = re.fullmatch(r"(.*)&userId=([^&]+)&carId=([^&]+)", left.to).groups()  # type: ignore[union-attr]  # it says which assertion fails
    assert (url, car_id) == (SERVICE_URL, consent.car("AA11"))
    assert user_id in users
    assert consent.shares() == {"AA11": {"Nordic Insurance": {"user_name", "vehicle_position"}}}
    assert consent.refreshed == 1, "the hub works by it already"


async def test_what_is_shared_stands_on_the_overview_and_can_be_changed_and_withdrawn_there(
    consent: ConsentPage,
) -> None:
    owner = await consent.signed_in()
    await owner.submit("/consent", "/consent/connect", pairs(consent, "AA11", "user_name", "vehicle_position"))
    overview = (await owner.get("/consent")).text
    assert "Shared with Nordic Insurance" in overview
    assert "<li>Where it is</li>" in overview
    assert "<li>Odometer</li>" not in overview
    change = html.unescape(re.findall(r'href="(/consent/connect\?[^"]+)">Change', overview)[0])
    page = await owner.get(change)
    assert ticked(page.text) == {"user_name", "vehicle_position"}
    assert 'action="/consent/change"' in page.text
    sent = pairs(consent, "AA11", "vehicle_odometer")
    led = (await owner.post("/consent/change", [("token", page.form_token), *sent])).to
    assert "Your choice is saved" in (await owner.get(led)).text
    assert consent.shares() == {"AA11": {"Nordic Insurance": {"vehicle_odometer"}}}
    led = (await owner.submit("/consent", "/consent/withdraw", pairs(consent, "AA11"))).to
    overview = (await owner.get(led)).text
    assert "not shared with this service any more" in overview
    assert "Shared with" not in overview
    assert consent.shares() == {}


async def test_what_was_just_done_is_said_in_words_of_ours_only(consent: ConsentPage) -> None:
    owner = await consent.signed_in()
    for done in ("hacked", "<b>", "changed%00"):
        assert 'role="status"' not in (await owner.get(f"/consent?done={done}")).text


async def test_sharing_again_leads_to_the_service_again_and_changes_nothing(consent: ConsentPage) -> None:
    """As a browser does whose first answer got lost."""
    owner = await consent.signed_in()
    sent = pairs(consent, "AA11", "vehicle_position")
    first = (await owner.submit("/consent", "/consent/connect", sent)).to
    streams = consent.store.view().streams
    assert (await owner.submit("/consent", "/consent/connect", sent)).to == first
    assert consent.store.view().streams == streams


async def test_without_a_vehicle_the_form_says_so_beside_the_field_and_keeps_what_was_ticked(
    consent: ConsentPage,
) -> None:
    owner = await consent.signed_in()
    sent = [("integration", "shop/insurer"), ("scope", "vehicle_position")]
    answer = await owner.submit(CONNECT, "/consent/connect", sent)
    assert answer.status == 422
    assert "Choose a vehicle." in answer.text
    assert ticked(answer.text) == {"vehicle_position"}
    assert consent.shares() == {}


async def test_what_was_said_of_oneself_is_offered_as_said_with_the_next_vehicle(consent: ConsentPage) -> None:
    owner = await consent.signed_in()
    await owner.submit("/consent", "/consent/connect", pairs(consent, "AA11", "user_name", "vehicle_position"))
    assert ticked((await owner.get(CONNECT)).text) == {"user_name"}


# What somebody else cannot.


@pytest.mark.parametrize("action", ["connect", "change", "withdraw"])
async def test_nobody_touches_a_vehicle_of_somebody_else(consent: ConsentPage, action: str) -> None:
    bo = await consent.signed_in("bo")
    await bo.submit("/consent", "/consent/connect", pairs(consent, "CC33", "vehicle_position"))
    ida = await consent.signed_in()
    consent.add("eve")
    other = await consent.signed_in("eve")
    before = consent.store.view().streams
    for visitor in (ida, other):
        answers = [
            await visitor.submit("/consent", f"/consent/{action}", fields)
            for fields in (
                pairs(consent, "CC33", "vehicle_odometer"),
                [("integration", str(consent.integration())), ("car", "no-such-car")],
                [("integration", str(consent.integration())), ("car", str(consent.vehicle("CC33")))],
            )
        ]
        assert [answer.status for answer in answers] == [404] * 3
        assert len({answer.text for answer in answers}) == 1, "nobody learns which of the two it is"
        page = await visitor.get(f"{CONNECT}&car={consent.car('CC33')}")
        assert (page.status, page.text) == (404, answers[0].text)
        assert "CC33" not in (await visitor.get("/consent")).text
        assert "CC33" not in (await visitor.get(CONNECT)).text
    assert consent.store.view().streams == before
    assert consent.shares("bo") == {"CC33": {"Nordic Insurance": {"vehicle_position"}}}


async def test_a_vehicle_is_touched_no_more_by_who_owned_it_before(consent: ConsentPage) -> None:
    ida = await consent.signed_in()
    with consent.store.transaction() as under_way:
        before = vehicle_owners.get(under_way.connection, "ida")
        now = vehicle_owners.get(under_way.connection, "bo")
        with pytest.raises(ConfigError, match="another owner's"):
            vehicle_owners.give_vehicle(under_way, now, consent.vehicle("AA11"))
        vehicle_owners.take_vehicle(under_way, before, consent.vehicle("AA11"))
        assert vehicle_owners.give_vehicle(under_way, now, consent.vehicle("AA11"))
        assert not vehicle_owners.give_vehicle(under_way, now, consent.vehicle("AA11"))
    answer = await ida.submit("/consent", "/consent/connect", pairs(consent, "AA11", "vehicle_position"))
    assert answer.status == 404
    assert consent.shares() == consent.shares("bo") == {}


async def test_only_what_the_service_asks_for_can_be_given(consent: ConsentPage) -> None:
    owner = await consent.signed_in()
    for scope in ("vehicle_dtc", "user_phone", "everything", ""):
        sent = pairs(consent, "AA11", "vehicle_position", scope)
        for action in ("connect", "change"):
            assert (await owner.submit("/consent", f"/consent/{action}", sent)).status == 404
    assert consent.shares() == {}


async def test_what_is_no_service_is_not_there(consent: ConsentPage) -> None:
    consent.declare(
        service_of("insurer", "Nordic Insurance"),
        {name: value for name, value in service_of("garage", "Garage").items() if name != "service"},
    )
    owner = await consent.signed_in()
    for named in ("shop/garage", str(consent.integration("garage")), "shop", "insurer", "999", "", "0x1", "\u0661"):
        assert (await owner.get(f"/consent/connect?integration={named}")).status == 404
        sent = [("integration", named), ("car", consent.car("AA11"))]
        assert (await owner.submit("/consent", "/consent/connect", sent)).status == 404
    assert "Garage" not in (await owner.get("/consent")).text
    assert consent.shares() == {}


async def test_a_service_that_is_offered_no_more_can_still_be_withdrawn_from(consent: ConsentPage) -> None:
    owner = await consent.signed_in()
    await owner.submit("/consent", "/consent/connect", pairs(consent, "AA11", "vehicle_position"))
    plain = {name: value for name, value in service_of("insurer", "").items() if name != "service"}
    consent.declare(plain)
    overview = (await owner.get("/consent")).text
    assert "Shared with insurer" in overview
    assert ">Change<" not in overview
    led = await owner.submit("/consent", "/consent/withdraw", pairs(consent, "AA11"))
    assert led.to == "/consent?done=withdrawn"
    assert consent.shares() == {}


async def test_what_the_organization_grants_is_shown_and_is_not_the_owners_to_share_or_withdraw(
    consent: ConsentPage,
) -> None:
    with consent.store.transaction() as under_way:
        grants.give(under_way, consent.integration(), consent.vehicle("AA11"))
    owner = await consent.signed_in()
    assert "Your organization shares this vehicle with Nordic Insurance" in (await owner.get("/consent")).text
    before = consent.store.view().grants
    sent = pairs(consent, "AA11", "vehicle_position")
    assert (await owner.submit("/consent", "/consent/connect", sent)).status == 404
    assert (await owner.submit("/consent", "/consent/change", sent)).status == 404
    await owner.submit("/consent", "/consent/withdraw", sent)
    assert consent.store.view().grants == before
    page = (await owner.get(CONNECT)).text
    assert "BB22" in page
    assert "AA11" not in page


async def test_what_owners_share_goes_to_nothing_that_keeps_to_no_scopes(consent: ConsentPage) -> None:
    """Whatever else the same integration is sent by grants, and whatever its customer chooses."""
    insurer = service_of("insurer", "Nordic Insurance")
    streams = {"protocol": "connected_cars", "destination": "car", "types": ["gps_position"]}
    insurer["subscriptions"] = [
        *feeds(),
        {"name": "all", "vehicles": "granted", **streams},
        {"name": "some", "vehicles": "chosen", **streams},
    ]
    consent.declare(insurer)
    owner = await consent.signed_in()
    await owner.submit("/consent", "/consent/connect", pairs(consent, "AA11", "vehicle_odometer"))
    view = consent.store.view()
    names = {id_: one.name for id_, one in view.subscriptions.items()}
    vehicle_id = consent.vehicle("AA11")
    assert {names[s.subscription_id] for s in view.streams.values() if s.subject_id == vehicle_id} == {"account", "car"}
    assert view.accesses == {}
    with consent.store.transaction() as under_way:
        assert under_way.connection.exec_driver_sql("SELECT COUNT(*) FROM accesses").scalar() == 0


# What an operator declares.


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://insurer.example", "https"),
        ("javascript:alert(1)", "https"),
        ("https://", "https"),
        ("//insurer.example", "https"),
        ("https://me:secret@insurer.example", "no user"),
        ("https://insurer.example/#done", "no fragment"),
        ("https://insurer.example/a b", "without spaces"),
        ("https://insurer.example\\@evil.example", "without spaces"),
        ("https://insurer.example/\u00e4", "ASCII"),
        ("https://insurer.example:0/", "https"),
        ("https://insurer.example:port/", "no URL"),
        ("https://" + "x" * 1000, "1000"),
    ],
)
def test_a_service_has_an_https_url_of_its_own(consent: ConsentPage, url: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as raised:
        consent.declare(service_of("insurer", "Nordic Insurance", url))
    assert raised.value.field == "organizations[1].integrations[0].service.url"


def test_a_service_to_which_owners_could_give_nothing_is_refused(consent: ConsentPage) -> None:
    for subscriptions in ([], feeds(vehicles="all"), feeds(vehicles="chosen")):
        with pytest.raises(ConfigError, match=r"owners can share nothing: it needs .* with vehicles: granted"):
            consent.declare(service_of("insurer", "Nordic Insurance", subscriptions=subscriptions))
    with pytest.raises(ConfigError, match=r"service\.title: "):
        consent.declare(service_of("insurer", " Nordic\u202eecnarusnI"))


def test_every_scope_has_words_and_stands_in_one_group() -> None:
    shown = [scope for group in words.GROUPS.values() for scope in group]
    assert sorted(shown) == sorted(ALL)
    titles = words.titles(ALL)
    assert len({*titles}) == len(ALL)
    assert {scope for scope in ALL if scope.startswith("user_")} == words.PERSONAL


# When something does not work.


async def test_a_registry_that_is_away_is_answered_503_and_nothing_is_kept(
    consent: ConsentPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await consent.signed_in()
    token = (await owner.get("/consent")).form_token

    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("locked", "not now")

    with monkeypatch.context() as patched:
        patched.setattr(consent.store, "reading", away)
        assert (await owner.get("/consent")).status == 503
        sent = [("token", token), *pairs(consent, "AA11", "vehicle_position")]
        assert (await owner.post("/consent/connect", sent)).status == 503
        assert (await consent.visitor().ask("GET", "/consent/style.css")).status == 200
    assert consent.shares() == {}
    assert (await owner.get("/consent")).status == 200, "he is signed in still"


async def test_what_could_not_be_taken_over_by_the_hub_at_once_is_recorded_all_the_same(
    consent: ConsentPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy() -> None:
        raise StoreUnavailable("locked", "not now")

    owner = await consent.signed_in()
    monkeypatch.setattr(consent.server._workers, "_refresh", busy)
    left = await owner.submit("/consent", "/consent/connect", pairs(consent, "AA11", "vehicle_position"))
    assert left.to.startswith(SERVICE_URL)
    assert consent.shares() != {}


async def test_one_change_is_one_transaction(consent: ConsentPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before it is committed, it leaves nothing; afterwards, all of it: grant, streams and what is told."""
    owner = await consent.signed_in()

    def left() -> list[int]:
        with sqlite3.connect(consent.folder / "registry.db") as database:
            tables = ("grants", "streams", "outbox")
            return [database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables]

    with monkeypatch.context() as patched:
        patched.setattr("postroad.api.consent.server.sharing.user_id", _killed)
        with pytest.raises(_KilledError):
            await owner.submit("/consent", "/consent/connect", pairs(consent, "AA11", "vehicle_position"))
    assert left() == [0, 0, 0]
    with monkeypatch.context() as patched:
        patched.setattr("postroad.api.consent.server.service_urls.with_ids", _killed)
        with pytest.raises(_KilledError):
            await owner.submit("/consent", "/consent/connect", pairs(consent, "AA11", "vehicle_position"))
    assert left() == [1, 3, 1], "the vehicle into both feeds, the account into one, and its word"
    again = await owner.submit("/consent", "/consent/connect", pairs(consent, "AA11", "vehicle_position"))
    assert again.to.startswith(SERVICE_URL)
    assert left() == [1, 3, 1]


class _KilledError(Exception):
    """In place of an end of the process."""


def _killed(*_: Any, **__: Any) -> Any:
    raise _KilledError


async def test_of_many_who_ask_at_once_some_are_told_to_come_back(
    consent: ConsentPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor: Visitor = consent.visitor()
    monkeypatch.setattr(consent.server._workers, "_under_way", 52)
    assert (await visitor.get("/consent")).status == 503
    monkeypatch.setattr(consent.server._workers, "_under_way", 51)
    assert (await visitor.get("/consent")).status == 303
