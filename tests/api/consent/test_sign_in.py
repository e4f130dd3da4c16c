"""Signing in and out: who is known, for how long, and how often it may be tried."""

import re
from typing import Any

import pytest
from argon2 import PasswordHasher

from fixtures.consent_page import CHEAP, PASSWORD, Answer, ConsentPage
from postroad.access.passwords import MAX_CHARS, MIN_CHARS, Passwords
from postroad.errors import ConfigError
from postroad.registry import vehicle_owners
from postroad.registry.audit_log import Wanted

WRONG = "Login or password is not right."


def without_what_differs(answer: Answer) -> tuple[int, str, frozenset[tuple[str, str]]]:
    """An answer without the form's token, which is another one for each visitor, and the typed login."""
    text = re.sub(r'name="token" value="[^"]+"|name="login" value="[^"]*"', "", answer.text)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return answer.status, text, frozenset(headers.items())


async def test_an_owner_signs_in_in_any_spelling_of_his_login_and_out_again(consent: ConsentPage) -> None:
    for login in ("ida", "IDA", " Ida "):
        visitor = consent.visitor()
        assert (await visitor.sign_in(login)).to == "/consent"
        assert "AA11" in (await visitor.get("/consent")).text
        assert (await visitor.submit("/consent", "/consent/sign-out")).to == "/consent/sign-in"
        assert (await visitor.get("/consent")).to == "/consent/sign-in"


async def test_a_session_that_was_ended_is_worth_nothing_to_who_kept_its_cookie(consent: ConsentPage) -> None:
    visitor = await consent.signed_in()
    kept, token = dict(visitor.cookies), (await visitor.get("/consent")).form_token
    await visitor.submit("/consent", "/consent/sign-out")
    visitor.cookies = kept
    assert (await visitor.get("/consent")).to == "/consent/sign-in"
    fields = {"token": token, "integration": str(consent.integration()), "car": consent.car("AA11")}
    for action in ("connect", "change", "withdraw"):
        assert (await visitor.post(f"/consent/{action}", fields)).to.startswith("/consent/sign-in")
    assert consent.shares() == {}


@pytest.mark.parametrize("how", ["set_password", "disable"])
async def test_another_password_or_an_end_of_access_ends_every_session(consent: ConsentPage, how: str) -> None:
    sessions = [await consent.signed_in(), await consent.signed_in()]
    other = await consent.signed_in("bo")
    arguments = [consent.passwords.hash("another password")] if how == "set_password" else []
    consent.change(getattr(vehicle_owners, how), "ida", *arguments)
    for session in sessions:
        assert (await session.get("/consent")).to == "/consent/sign-in"
    assert (await other.get("/consent")).status == 200, "of the others none"
    assert (await consent.visitor().sign_in()).status == 422
    if how == "set_password":
        assert (await consent.visitor().sign_in(password="another password")).status == 303
    else:
        consent.change(vehicle_owners.enable, "ida")
        assert (await consent.visitor().sign_in()).status == 303


async def test_an_owner_whose_organization_is_gone_is_known_no_more(consent: ConsentPage) -> None:
    session = await consent.signed_in()
    with consent.store.transaction() as under_way:
        under_way.connection.exec_driver_sql("UPDATE organizations SET removed_us = 1 WHERE name = 'nord'")
    assert (await session.get("/consent")).to == "/consent/sign-in"
    assert (await consent.visitor().sign_in()).status == 422


async def test_a_session_ends_when_it_is_not_used_and_after_its_longest_time_at_any_rate(
    consent: ConsentPage, clock: Any
) -> None:
    used, left = await consent.signed_in(), await consent.signed_in()
    for times in range(35):
        clock.advance(20 * 60)
        assert (await used.get("/consent")).status == 200, times
    assert (await left.get("/consent")).to == "/consent/sign-in"
    clock.advance(19 * 60)
    assert (await used.get("/consent")).status == 200
    clock.advance(60)
    assert (await used.get("/consent")).to == "/consent/sign-in", "twelve hours after signing in"


async def test_a_session_ends_half_an_hour_after_it_was_used_last(consent: ConsentPage, clock: Any) -> None:
    session = await consent.signed_in()
    clock.advance(29 * 60)
    assert (await session.get("/consent")).status == 200
    clock.advance(29 * 60)
    assert (await session.get("/consent")).status == 200
    clock.advance(30 * 60)
    assert (await session.get("/consent")).to == "/consent/sign-in"


async def test_sessions_that_have_ended_are_forgotten(consent: ConsentPage, clock: Any) -> None:
    for _ in range(3):
        await consent.signed_in()
    clock.advance(3600)
    await consent.signed_in("bo")
    with consent.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM owner_sessions").scalar() == 1


async def test_no_token_and_no_password_is_in_the_database(consent: ConsentPage) -> None:
    visitor = await consent.signed_in()
    [token] = visitor.cookies.values()
    consent.store.close()
    stored = b"".join(file.read_bytes() for file in consent.folder.glob("registry.db*"))
    assert b"$argon2id$" in stored
    assert token.encode() not in stored
    assert PASSWORD.encode() not in stored


# Nobody learns who there is.


async def test_an_unknown_login_a_wrong_password_and_who_may_not_sign_in_are_answered_the_same(
    consent: ConsentPage,
) -> None:
    consent.change(vehicle_owners.disable, "bo")
    tried = [("ida", "wrong password"), ("eve", PASSWORD), ("bo", PASSWORD), ("ida", ""), ("", PASSWORD), ("", "")]
    tried += [("x" * 5_000, PASSWORD), ("ida", "x" * 5_000)]
    answers = [without_what_differs(await consent.visitor().sign_in(*one)) for one in tried]
    [(status, text, _)] = {*answers}
    assert status == 422
    assert WRONG in text


def test_an_unknown_login_costs_as_many_hashes_as_a_wrong_password() -> None:
    counted = _Counting()
    passwords = Passwords(counted)
    kept = passwords.hash(PASSWORD)
    passwords.check(PASSWORD, None)  # which makes the hash of nobody's password
    costs = []
    for password, stored in ((PASSWORD, kept), ("wrong password", kept), (PASSWORD, None), ("wrong password", None)):
        counted.verified = counted.made = 0
        passwords.check(password, stored)
        costs.append((counted.verified, counted.made))
    assert costs == [(1, 0)] * 4


async def test_a_login_that_nobody_has_is_throttled_as_any_other(consent: ConsentPage) -> None:
    statuses = {}
    for login in ("ida", "eve"):
        visitor = consent.visitor()
        statuses[login] = [(await visitor.sign_in(login, "wrong password")).status for _ in range(7)]
    assert statuses["ida"] == statuses["eve"] == [422] * 5 + [429] * 2


# How often.


async def test_who_has_guessed_often_waits_and_the_right_password_does_not_help(
    consent: ConsentPage, clock: Any
) -> None:
    visitor = consent.visitor()
    for _ in range(5):
        assert (await visitor.sign_in(password="wrong password")).status == 422
    answer = await visitor.sign_in()
    assert (answer.status, answer.headers["retry-after"]) == (429, "60")
    clock.advance(59)
    assert (await visitor.sign_in()).status == 429
    clock.advance(1)
    assert (await visitor.sign_in()).to == "/consent"


async def test_who_guesses_from_one_address_shuts_nobody_else_out(consent: ConsentPage) -> None:
    attacker = consent.visitor()
    for _ in range(40):
        await attacker.sign_in("ida", "wrong password")
    assert (await consent.visitor().sign_in()).to == "/consent"


async def test_a_login_is_guessed_at_thirty_times_from_all_the_world_together(consent: ConsentPage, clock: Any) -> None:
    statuses = [(await consent.visitor().sign_in("ida", "wrong password")).status for _ in range(32)]
    assert statuses == [422] * 30 + [429] * 2
    clock.advance(120)
    assert (await consent.visitor().sign_in()).to == "/consent"


async def test_one_address_tries_twenty_logins_at_once_and_one_each_ten_seconds(
    consent: ConsentPage, clock: Any
) -> None:
    visitor = consent.visitor()
    statuses = [(await visitor.sign_in(f"somebody-{number}", "wrong password")).status for number in range(22)]
    assert statuses == [422] * 20 + [429] * 2
    clock.advance(10)
    assert (await visitor.sign_in()).to == "/consent"


async def test_where_somebody_signs_in_from_is_noted_whole_and_counted_by_its_network(consent: ConsentPage) -> None:
    neighbours = [consent.at(f"2001:db8::{number:x}") for number in range(1, 7)]
    statuses = [(await one.sign_in("ida", "wrong password")).status for one in neighbours]
    assert statuses == [422] * 5 + [429]
    elsewhere = consent.at("2001:db8:0:1::7")
    assert (await elsewhere.sign_in()).to == "/consent"
    [newest] = consent.store.audit_log.listed(Wanted(action="sign_in"), limit=1)
    assert newest.who is not None
    assert newest.who.address == "2001:db8:0:1::7"


# Hashes.


def test_a_password_is_kept_as_the_recommended_argon2id() -> None:
    assert Passwords().hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_the_same_letters_are_the_same_password_however_a_keyboard_encodes_them() -> None:
    passwords = Passwords(CHEAP)
    assert passwords.check("l\u00f6sen und binden", passwords.hash("lo\u0308sen und binden")).right


def test_a_password_is_neither_too_short_nor_too_long_and_not_quoted() -> None:
    passwords = Passwords(CHEAP)
    for password in ("", "x" * (MIN_CHARS - 1), "x" * (MAX_CHARS + 1)):
        with pytest.raises(ConfigError, match=r"^password: has 10 to 500 characters$"):
            passwords.hash(password)
    for password in ("x" * MIN_CHARS, "x" * MAX_CHARS):
        assert passwords.check(password, passwords.hash(password)).right
    assert not passwords.check("anything", "no hash").right


async def test_a_hash_of_former_parameters_is_renewed_by_the_next_sign_in(consent: ConsentPage) -> None:
    former = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)).hash(PASSWORD)
    consent.change(vehicle_owners.set_password, "ida", former)
    other = await consent.signed_in()
    with consent.store.reading() as connection:
        renewed = vehicle_owners.get(connection, "ida").password
    assert renewed != former
    assert not CHEAP.check_needs_rehash(renewed)
    assert (await other.get("/consent")).status == 200
    again = await consent.signed_in()
    with consent.store.reading() as connection:
        assert vehicle_owners.get(connection, "ida").password == renewed, "once"
    assert {(await one.get("/consent")).status for one in (other, again)} == {200}, "which ends no session"


class _Counting(PasswordHasher):
    """Counts what it does."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = self.made = 0

    def verify(self, *arguments: Any) -> Any:
        self.verified += 1
        return super().verify(*arguments)

    def hash(self, *arguments: Any, **more: Any) -> str:
        self.made += 1
        return super().hash(*arguments, **more)
