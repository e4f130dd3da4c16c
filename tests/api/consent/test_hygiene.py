"""What each answer says, and what each request must show."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from fixtures.consent_page import BY_A_PAGE, PASSWORD, PUBLIC, SERVICE_URL, Answer, ConsentPage, Visitor
from postroad.api.consent import pages
from postroad.api.consent.guard import Guard
from postroad.errors import ConfigError

HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
POLICY = "default-src 'none'; style-src 'self'; form-action {to}; base-uri 'none'; frame-ancestors 'none'"
FORMS = ("/consent/sign-in", "/consent/sign-out", "/consent/connect", "/consent/change", "/consent/withdraw")


def sound(answer: Answer, *, to: str = "'self'") -> bool:
    """Whether an answer says all that each is to say."""
    said = {name: answer.headers.get(name) for name in HEADERS}
    return said == HEADERS and answer.headers["content-security-policy"] == POLICY.format(to=to)


async def test_every_answer_says_how_it_may_be_used(consent: ConsentPage) -> None:
    stranger, owner = consent.visitor(), await consent.signed_in()
    car, integration = consent.car("AA11"), str(consent.integration())
    asked: list[Any] = [
        await stranger.get("/consent"),
        await stranger.get("/consent/sign-in"),
        await stranger.get("/consent/connect?integration=1"),
        await stranger.get("/consent/style.css"),
        await stranger.sign_in("ida", "wrong password"),
        await stranger.post("/consent/sign-in", {}),
        await stranger.ask("POST", "/consent/sign-in", b"{}", BY_A_PAGE),
        await stranger.ask("POST", "/consent/sign-in", b"x" * 20_000, BY_A_PAGE),
        await owner.get("/consent"),
        await owner.get("/consent/connect?integration=999"),
        await owner.submit("/consent", "/consent/change", {"integration": integration, "car": car}),
        await owner.submit("/consent", "/consent/withdraw", {"integration": integration, "car": car}),
        await owner.submit("/consent", "/consent/sign-out"),
    ]
    for answer in asked:
        assert sound(answer), (answer.status, answer.headers)
    assert [answer.status for answer in asked] == [303, 200, 303, 200, 422, 403, 400, 413, 200, 404, 303, 303, 303]


async def test_only_the_page_that_leads_to_a_service_lets_a_form_lead_there(consent: ConsentPage) -> None:
    owner = await consent.signed_in()
    page = await owner.get("/consent/connect?integration=shop/insurer")
    assert page.status == 200
    assert sound(page, to="'self' https://insurer.example")
    left = await owner.submit(
        "/consent/connect?integration=shop/insurer",
        "/consent/connect",
        {"integration": str(consent.integration()), "car": consent.car("AA11")},
    )
    assert left.to.startswith("https://insurer.example/")
    assert sound(left), "the redirect gives no referrer, nor is it kept"


async def test_no_page_has_a_script_or_a_style_of_its_own(consent: ConsentPage) -> None:
    owner = await consent.signed_in()
    for path in ("/consent", "/consent/connect?integration=shop/insurer"):
        html = (await owner.get(path)).text
        assert "<script" not in html
        assert " style=" not in html
        assert "javascript:" not in html
        assert not any(f" on{event}=" in html for event in ("click", "load", "submit", "error"))


async def test_names_that_are_markup_are_shown_as_text(consent: ConsentPage) -> None:
    consent.add("<i>eve</i>", organization="nord")
    owner = await consent.signed_in("<i>eve</i>")
    html = (await owner.get("/consent")).text
    assert "&lt;i&gt;eve&lt;/i&gt;" in html
    assert "<i>" not in html
    html = (await owner.get("/consent/connect?integration=shop/garage")).text
    assert "Garage &lt;b&gt;&amp; Co&lt;/b&gt;" in html
    assert "<b>" not in html
    wrong = await consent.visitor().sign_in('"><script>', "wrong password")
    assert "<script" not in wrong.text


# Cookies.


async def test_the_cookie_is_for_this_host_alone_and_for_no_script(consent: ConsentPage) -> None:
    visitor = consent.visitor()
    answers = [await visitor.get("/consent/sign-in"), await visitor.sign_in()]
    for answer in answers:
        [cookie] = answer.cookies
        name, *flags = [part.strip().lower() for part in cookie.split(";")]
        assert name.startswith("__host-postroad=")
        assert sorted(flags) == ["httponly", "path=/", "samesite=lax", "secure"]


def test_on_this_machine_alone_a_cookie_goes_without_tls() -> None:
    for url in ("http://localhost:8480", "http://127.0.0.1:8480/", "http://[::1]:8480"):
        Guard(url, random=bytes)
    for url in (
        "", "http://connect.example", "https://", "https://a.example/page", "https://a.example?x=1", "ftp://a.example",
        "https://me@a.example", "https://a.example:port", "https://ä.example", "connect.example", "http://[::1",
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=r"^consent\.url: "):
            Guard(url, random=bytes)


async def test_a_visitors_token_is_another_one_once_he_has_signed_in_or_out(consent: ConsentPage) -> None:
    visitor = consent.visitor()
    await visitor.get("/consent/sign-in")
    tokens = [dict(visitor.cookies)]
    await visitor.sign_in()
    tokens.append(dict(visitor.cookies))
    await visitor.submit("/consent", "/consent/sign-out")
    tokens.append(dict(visitor.cookies))
    assert len({str(token) for token in tokens}) == 3


async def test_a_token_that_somebody_planted_stands_for_nobody_after_the_sign_in(consent: ConsentPage) -> None:
    attacker, victim = consent.visitor(), consent.visitor()
    await attacker.get("/consent/sign-in")
    planted = dict(attacker.cookies)
    victim.cookies = dict(planted)
    assert (await victim.sign_in()).to == "/consent"
    assert (await victim.get("/consent")).status == 200
    attacker.cookies = planted
    assert (await attacker.get("/consent")).to == "/consent/sign-in"


async def test_a_cookie_that_is_no_token_is_replaced(consent: ConsentPage) -> None:
    for token in ("", "x", "A" * 42, "A" * 44, "A" * 42 + "!", "A" * 42 + "é", "../../../etc/passwd"):
        visitor = consent.visitor()
        visitor.cookies = {"__Host-postroad": token}
        assert (await visitor.get("/consent/sign-in")).status == 200
        assert len(visitor.cookies["__Host-postroad"]) == 43
        assert visitor.cookies["__Host-postroad"] != token


# Forms of others.


async def test_a_form_without_the_pages_own_token_does_nothing(consent: ConsentPage) -> None:
    owner, other = await consent.signed_in(), await consent.signed_in("bo")
    fields = {"integration": str(consent.integration()), "car": consent.car("AA11"), "login": "ida"}
    fields["password"] = PASSWORD
    theirs, own = (await other.get("/consent")).form_token, (await owner.get("/consent")).form_token
    for action in FORMS:
        for tokens in ([], [""], ["0" * 64], [theirs], ["ä"], [own, own]):
            answer = await owner.post(action, [*(("token", token) for token in tokens), *fields.items()])
            assert answer.status == 403, (action, tokens)
    assert consent.shares() == {}
    assert (await owner.get("/consent")).status == 200, "he is signed in still"


OTHERS: tuple[Mapping[str, str], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": PUBLIC, "Sec-Fetch-Site": "cross-site"},
    {"Origin": PUBLIC, "Sec-Fetch-Site": "same-site"},
    {"Origin": "null", "Sec-Fetch-Site": "none"},
    {"Origin": f"{PUBLIC}.evil.example"},
    {"Origin": f"{PUBLIC}:8443"},
    {"Origin": "http://connect.example"},
    {"Origin": "null"},
    {},
)
OURS: tuple[Mapping[str, str], ...] = (BY_A_PAGE, {"Sec-Fetch-Site": "same-origin"}, {"Origin": PUBLIC})


async def test_a_form_that_another_site_sends_does_nothing(consent: ConsentPage) -> None:
    """Though it carries the right token."""
    owner = await consent.signed_in()
    fields = {"integration": str(consent.integration()), "car": consent.car("AA11")}
    for action in FORMS:
        for headers in OTHERS:
            answer = await owner.submit("/consent", action, fields, headers)
            assert answer.status == 403, (action, headers)
    assert consent.shares() == {}
    assert (await owner.get("/consent")).status == 200, "he is signed in still"


async def test_a_form_of_our_own_page_is_taken_from_every_browser(consent: ConsentPage) -> None:
    owner = await consent.signed_in()
    fields = {"integration": str(consent.integration()), "car": consent.car("AA11")}
    for headers in OURS:
        assert (await owner.submit("/consent", "/consent/withdraw", fields, headers)).to == "/consent?done=withdrawn"


NO_FORMS = (
    ("application/json", b"{}", 400),
    ("multipart/form-data; boundary=x", b"--x--", 400),
    ("text/plain", b"token=1", 400),
    ("", b"token=1", 400),
    ("application/x-www-form-urlencoded", b"\xff=1", 400),
    ("application/x-www-form-urlencoded", b"a=%ff", 400),
    ("application/x-www-form-urlencoded", b"a=%00", 400),
    ("application/x-www-form-urlencoded", b"a=1&" * 65, 400),
    ("application/x-www-form-urlencoded", b"a=" + b"1" * 16_384, 413),
)


async def test_what_is_no_form_is_refused(consent: ConsentPage) -> None:
    owner = await consent.signed_in()
    for type_, body, status in NO_FORMS:
        headers = {"Content-Type": type_} if type_ else {}
        answer = await owner.ask("POST", "/consent/withdraw", body, {**BY_A_PAGE, **headers})
        assert answer.status == status, (type_, body[:20])


async def test_nothing_is_changed_by_following_a_link(consent: ConsentPage) -> None:
    owner = await consent.signed_in()
    query = f"integration={consent.integration()}&car={consent.car('AA11')}&scope=vehicle_position"
    for path in ("sign-out", "change", "withdraw"):
        led = await owner.get(f"/consent/{path}?{query}")
        assert sound(led)
        assert led.to == "/consent"
    page = await owner.get(f"/consent/connect?{query}")
    assert page.status == 200
    assert not re.search(r'name="scope"[^>]*checked', page.text), "nor is anything ticked by it"
    assert consent.shares() == {}


async def test_nowhere_else_is_anybody_led_than_where_a_declaration_says(consent: ConsentPage) -> None:
    """Whatever a link to these pages holds."""
    elsewhere = "https://evil.example/"
    for integration in (elsewhere, "//evil.example", "\\\\evil.example", "shop/insurer", "x&done=1"):
        visitor = consent.visitor()
        led = await visitor.sign_in(integration=integration)
        assert led.to.startswith("/consent/connect?integration="), led.to
        assert "//" not in led.to
    owner = await consent.signed_in()
    fields = {"integration": str(consent.integration()), "car": consent.car("AA11")}
    more = {"next": elsewhere, "url": elsewhere, "service_url": elsewhere, "redirect_uri": elsewhere}
    led = await owner.submit("/consent", "/consent/connect", {**fields, **more})
    base, _, ids = led.to.partition("&userId=")
    assert base == SERVICE_URL
    assert set(ids) <= set("0123456789abcdef-&carId=")


def test_whatever_is_answered_has_words() -> None:
    assert set(pages.PROBLEMS) == {400, 403, 404, 413, 429, 503}


async def test_somebody_who_leaves_while_he_sends_a_form_breaks_nothing(consent: ConsentPage) -> None:
    left = Visitor(consent.app, "192.0.2.77")
    assert (await left.ask("POST", "/consent/sign-in", b"", BY_A_PAGE)).status == 400
