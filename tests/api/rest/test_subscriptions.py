"""Destinations and subscriptions: what ties them, and what can be done to a subscription."""

from typing import Any

import pytest

from fixtures.rest_site import RestSite

INSURER = "/organizations/Andes/integrations/insurer"
HOOK = INSURER + "/destinations/hook"
POSITIONS = INSURER + "/subscriptions/positions"
HTTPS = {"transport": "https", "config": {"url": "https://127.0.0.1:1/"}}
STREAMS = {"protocol": "connected_cars", "destination": "hook", "types": ["gps_position"]}


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    rest_site.apply({"organizations": [{"name": "Andes", "integrations": [{"name": "insurer"}]}]})
    await rest_site.start()
    await rest_site.put(HOOK, HTTPS)
    await rest_site.put(POSITIONS, STREAMS)
    return rest_site


async def test_the_hub_works_by_a_change_when_it_is_answered(site: RestSite) -> None:
    await site.post(POSITIONS + "/pause")
    assert site.hub.parts.following.view.subscriptions[1].state == "paused"
    await site.put(INSURER + "/subscriptions/more", STREAMS)
    assert set(site.hub.parts.following.view.subscriptions) == {1, 2}


async def test_a_subscription_is_paused_and_resumed_and_says_so(site: RestSite) -> None:
    for _ in range(2):
        paused = await site.post(POSITIONS + "/pause")
        assert (paused.status, paused.json["state"]) == (200, "paused")
    assert (await site.get(POSITIONS)).json == paused.json
    assert (await site.post(POSITIONS + "/resume")).json["state"] == "active"


async def test_only_a_person_resumes_what_the_hub_paused(site: RestSite) -> None:
    site.store.set_subscription_state(1, "paused", reason="gone")
    shown = await site.get(POSITIONS)
    assert (shown.json["state"], shown.json["paused_reason"]) == ("paused", "gone")
    assert (await site.put(POSITIONS, {**shown.json, "state": "active"})).json["state"] == "paused"
    resumed = await site.post(POSITIONS + "/resume")
    assert (resumed.json["state"], resumed.json["paused_reason"]) == ("active", None)


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"protocol": "nothing"}, ["/protocol"]),
        ({"destination": "nothing"}, ["/destination"]),
        ({"types": [], "options": {"admin_events": False}}, ["/types"]),
        ({"types": ["gps_position", "nothing"]}, ["/types/1"]),
        ({"vehicles": {"fleets": ["Nothing"]}}, ["/vehicles/fleets/0"]),
        ({"options": {"nothing": 1}}, ["/options/nothing"]),
        ({"delivery": {"max_items": 0}}, ["/delivery/max_items"]),
        ({"state": "asleep"}, ["/state"]),
        ({"nothing": 1}, ["/nothing"]),
    ],
)
async def test_a_subscription_is_checked_as_apply_checks_it(
    site: RestSite, change: dict[str, Any], pointers: list[str]
) -> None:
    version = site.store.version()
    for path in (POSITIONS, INSURER + "/subscriptions/new"):
        answer = await site.put(path, STREAMS | change)
        assert (answer.status, answer.pointers) == (422, pointers)
    assert site.store.version() == version


async def test_a_destination_that_would_not_fit_what_is_sent_there_is_refused(site: RestSite) -> None:
    urls = {"urls": {"trip_analysed": "https://127.0.0.1:1/"}}
    answer = await site.put(HOOK, {"transport": "https", "config": urls})
    assert (answer.status, answer.pointers) == (422, [])
    assert answer.json["detail"].startswith("Andes/insurer/positions: destination: 'hook' has a URL for each type")
    assert (await site.get(HOOK)).json["config"] == HTTPS["config"]


async def test_a_destination_goes_once_nothing_is_sent_there(site: RestSite) -> None:
    refused = await site.delete(HOOK)
    assert (refused.status, refused.kind) == (409, "conflict")
    assert "positions" in refused.json["detail"]
    assert (await site.delete(POSITIONS)).status == 204
    assert (await site.delete(HOOK)).status == 204
    assert (await site.names(INSURER + "/destinations"), site.store.view().subscriptions) == ([], {})


async def test_trying_a_destination_tells_how_far_one_comes(site: RestSite) -> None:
    tried = await site.post(POSITIONS + "/test")
    assert (tried.status, tried.json["ok"], tried.json["sent"]) == (200, False, "nothing")
    first, *_, last = tried.json["steps"]
    assert (first["step"], first["ok"], last["ok"]) == ("url", True, False)


async def test_trying_it_again_with_the_same_key_tries_nothing(site: RestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await site.post(POSITIONS + "/test", Idempotency_Key="k1")
    monkeypatch.setattr("postroad.service.rest.tried", None)
    assert (await site.post(POSITIONS + "/test", Idempotency_Key="k1")).body == first.body
    assert (await site.post(POSITIONS + "/test")).status == 500


async def test_what_is_done_is_in_the_audit_log_with_who_and_from_where(site: RestSite) -> None:
    await site.post(POSITIONS + "/pause")
    entry = site.store.audit_log.listed(limit=1)[0]
    assert (entry.origin, entry.role, entry.kind) == ("rest", "operator", "subscription")
