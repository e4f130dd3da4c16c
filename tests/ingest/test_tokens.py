"""Who is calling, with what is remembered of good tokens: never more than the registry's view of the moment says."""

import hashlib

import msgspec
import pytest

from postroad.ingest import tokens
from postroad.ingest.tokens import Callers
from postroad.registry.records import Provider, RegistryView

PROVIDER = Provider(id=1, organization_id=1, name="gps-one", protocol="drivetech", unknown_vehicles="create")
GOOD = b"Bearer prt_good"


def view(*known: bytes, provider: Provider = PROVIDER) -> RegistryView:
    return RegistryView(
        version=1, organizations={}, providers={1: provider}, provider_settings={},
        tokens={hashlib.sha256(token).digest(): 1 for token in known},
        subjects={}, identifiers={}, destinations={}, subscriptions={}, streams={},
    )  # fmt: skip


@pytest.mark.parametrize("authorization", [GOOD, b"bearer   prt_good  ", b"BEARER prt_good"])
def test_a_good_token_names_its_provider_the_first_time_and_later(authorization: bytes) -> None:
    callers, now = Callers("drivetech"), view(b"prt_good")
    assert [callers.provider_of(authorization, now) for _ in range(3)] == [PROVIDER] * 3


@pytest.mark.parametrize("authorization", [None, b"", b"Bearer", b"Bearer prt_bad", b"Basic prt_good", b"prt_good"])
def test_what_is_not_a_good_token_names_nobody_however_often(authorization: bytes | None) -> None:
    callers, now = Callers("drivetech"), view(b"prt_good")
    callers.provider_of(GOOD, now)
    assert [callers.provider_of(authorization, now) for _ in range(3)] == [None] * 3


def test_a_token_that_is_revoked_is_good_no_more_with_the_next_view() -> None:
    callers = Callers("drivetech")
    assert callers.provider_of(GOOD, view(b"prt_good")) == PROVIDER
    assert callers.provider_of(GOOD, view(b"prt_other")) is None


def test_a_provider_that_changes_is_seen_as_the_next_view_has_it() -> None:
    callers = Callers("drivetech")
    callers.provider_of(GOOD, view(b"prt_good"))
    changed = msgspec.structs.replace(PROVIDER, name="gps-renamed")
    assert callers.provider_of(GOOD, view(b"prt_good", provider=changed)) == changed


def test_a_token_of_another_protocol_is_none_of_this_one() -> None:
    assert Callers("damoov").provider_of(GOOD, view(b"prt_good")) is None


def test_one_token_in_many_spellings_takes_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_REMEMBERED", 10)
    callers, now = Callers("drivetech"), view(b"prt_good")
    for blanks in range(100):
        assert callers.provider_of(b"Bearer " + b" " * blanks + b"prt_good", now) == PROVIDER
        assert len(callers._good) <= 10
