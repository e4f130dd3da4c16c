"""Retention and fetching: what is still to be fetched stays, and what is kept of fetching is forgotten by nobody."""

from typing import Any

from fixtures.damoov_hub import ADA, DamoovHub, track
from fixtures.until import until
from postroad.log.delivery import fetched_for, fetcher_id

DAY_S = 86_400


def test_a_fetchers_id_tells_its_provider_and_is_no_subscriptions() -> None:
    assert [fetched_for(fetcher_id(provider_id)) for provider_id in (1, 2, 99)] == [1, 2, 99]
    assert [fetched_for(id_) for id_ in (-1, 0, 1)] == [None, None, None]


async def test_a_notification_stays_until_its_dataset_is_there(phones_hub: DamoovHub, clock: Any) -> None:
    phones_hub.clock = clock
    await phones_hub.start()
    phones_hub.platform.trouble[""] = "slow"
    await phones_hub.platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    await until(lambda: bool(phones_hub.platform.tokens_shown))
    clock.advance(8 * DAY_S)
    await phones_hub.hub.parts.retention.run_once()
    assert "TrackEnrichmentFinished" in await phones_hub.kinds()
    await phones_hub.eventually(lambda kinds: "processed_track" in kinds)
    await phones_hub.stop()


async def test_what_waits_to_be_fetched_outlives_retention(phones_hub: DamoovHub) -> None:
    await phones_hub.start()
    await phones_hub.platform.happens("TrackEnrichmentFinished", ADA, "t1")
    await phones_hub.waiting()
    parts, id_ = phones_hub.hub.parts, fetcher_id(phones_hub.provider_id)
    await parts.retention.run_once()
    assert await phones_hub.any_letter("waiting")
    assert id_ in await parts.logs[0].delivery.cursors()
    await phones_hub.stop()
