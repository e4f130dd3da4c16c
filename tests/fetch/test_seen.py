"""What people see of fetching: the command line, metrics, alerts and logs; and what nobody sees, the user's token."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from fixtures.damoov_hub import ADA, BOB, DamoovHub, track
from postroad.cli.main import cli
from postroad.simulate.damoov_platform import path_of


def postroad(folder: Path, *arguments: str) -> str:
    done = CliRunner().invoke(cli, [*arguments, "--data", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


async def listed(phones: DamoovHub) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = msgspec.json.decode(
        await asyncio.to_thread(postroad, phones.folder, "fetches", "list", "--json")
    )
    return rows


async def metrics(phones: DamoovHub) -> str:
    async with phones.session.get(phones.url("/metrics")) as response:
        return (await response.read()).decode()


async def troubled(phones_hub: DamoovHub) -> None:
    """One dataset waits, one was given up, one was fetched."""
    (phones_hub.folder / "postroad.toml").write_text("", encoding="utf-8")
    await phones_hub.start()
    platform = phones_hub.platform
    platform.trouble[path_of("processed_track", "t1")] = 401
    await platform.happens("TrackEnrichmentFinished", BOB, "t3", track())
    await platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    await phones_hub.waiting()
    await platform.happens("TrackEnrichmentFinished", BOB, "t2", track(), Url=f"https://elsewhere.example/?u={BOB}")
    await phones_hub.given_up()


async def test_the_command_line_lists_what_waits_and_what_was_given_up(phones_hub: DamoovHub) -> None:
    await troubled(phones_hub)
    waiting, given_up = await listed(phones_hub)
    assert (waiting["state"], waiting["dataset"], waiting["status"]) == ("waiting", "processed_track", 401)
    assert waiting["next"]
    assert (given_up["state"], given_up["reason"]) == ("given up", "refused_address")
    assert waiting["provider"] == given_up["provider"] == "phones"
    await asyncio.to_thread(postroad, phones_hub.folder, "fetches", "drop", "--provider", "phones")
    async with asyncio.timeout(10):
        while len(await listed(phones_hub)) > 1:  # noqa: ASYNC110 - the hub looks for tasks at a pace of its own
            await asyncio.sleep(0.1)
    await phones_hub.stop()


async def test_the_metrics_count_by_provider_and_outcome(phones_hub: DamoovHub) -> None:
    await troubled(phones_hub)
    await phones_hub.hub.parts.observation._parts.letters.look()
    text = await metrics(phones_hub)
    labels = f'protocol="damoov",provider="phones",provider_id="{phones_hub.provider_id}"'
    for outcome in ("fetched", "credentials", "refused_address"):
        counted = [line for line in text.splitlines() if line.startswith("postroad_fetches_total") and outcome in line]
        assert counted, outcome
    assert f"postroad_fetches_waiting{{{labels}}} 1.0" in text
    assert f"postroad_fetches_given_up{{{labels}}} 1.0" in text
    await phones_hub.stop()


@pytest.mark.parametrize("of", ["fetches", "alerts"])
async def test_an_alert_is_about_the_provider_and_outlives_a_restart(phones_hub: DamoovHub, of: str) -> None:
    await troubled(phones_hub)
    await phones_hub.stop()
    about = f"provider {phones_hub.provider_id}"
    assert [(one.kind, one.about) for one in phones_hub.registry.alerts(open_only=True, limit=9)] == [
        ("dead_letters", about)
    ]
    if of == "alerts":
        await phones_hub.start()
        assert ("dead_letters", -1 - phones_hub.provider_id) in phones_hub.hub.parts.alerts.open
        await phones_hub.stop()


async def test_no_token_and_no_url_is_in_logs_metrics_alerts_or_on_the_command_line(
    phones_hub: DamoovHub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await troubled(phones_hub)
    shown = [await metrics(phones_hub), str(await listed(phones_hub))]
    shown += [str(one) for one in (await phones_hub.letters())["dead"]]
    await phones_hub.stop()
    shown += [str(vars(record)) for record in caplog.records if not record.name.startswith("asyncio")]
    shown += [str(phones_hub.registry.alerts(open_only=False, limit=99))]
    assert any("Dataset not fetched" in one for one in shown)
    for one in shown:
        for secret in (ADA, BOB, "elsewhere.example", "trackToken"):
            assert secret not in one
