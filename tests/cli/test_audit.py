"""``postroad audit``: a hub that delivered is proven to have done so, and whatever is not so is found."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import pytest
from click.testing import CliRunner, Result

from fixtures.site import Site, soon
from postroad import layout, service
from postroad.cli.main import cli
from postroad.log.schema import shard_path
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.settings import FILE_NAME

REPORTS = 6
EVENTS = REPORTS + 1
"""And that the subscription has the vehicle."""


def audit(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["audit", *arguments, "--data", str(folder)])


def change(folder: Path, *statements: str) -> None:
    """Have the shard of a stopped hub be as no hub leaves it."""
    file = apsw.Connection(str(shard_path(folder, 0)))
    for statement in statements:
        file.execute(statement)
    file.close()


@pytest.fixture
async def delivered(site: Site, session: aiohttp.ClientSession) -> Site:
    """A hub that has delivered six reports and the word of their vehicle, and is stopped."""
    (site.folder / FILE_NAME).touch()
    await site.hub.start()
    for second in range(REPORTS):
        assert await site.post(session, datetime=f"2026-07-02T14:00:0{second}Z") == 200
    await site.until(lambda: site.delivered() >= REPORTS)
    await soon(site.settled(REPORTS + 1))
    await site.hub.stop()
    return site


def the_one(folder: Path) -> Any:
    result = audit(folder, "--json")
    [one] = json.loads(result.stdout)
    assert result.exit_code == (1 if one["gaps"] else 0)
    return one


async def test_a_hub_that_delivered_is_proven_to_have_delivered_each_event_once(delivered: Site) -> None:
    one = the_one(delivered.folder)
    assert (one["subscription"], one["gaps"], one["unproven"]) == ("telemetry", [], [])
    assert one["outcomes"] == {"delivered": EVENTS}
    assert [stretch["outcome"] for stretch in one["ranges"]] == ["delivered"]
    assert one["cursor"] > REPORTS
    people = audit(delivered.folder, "telemetry")
    assert (people.exit_code, f"{EVENTS} delivered" in people.stdout) == (0, True)


async def test_while_the_hub_runs_it_is_proven_as_well(site: Site, session: aiohttp.ClientSession) -> None:
    (site.folder / FILE_NAME).touch()
    await site.hub.start()
    assert audit(site.folder).exit_code == 0
    await site.post(session)
    await site.until(lambda: site.delivered() >= 1)
    assert the_one(site.folder)["gaps"] == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE cursor SET events = events - 1, digest = 5", "events are recorded as delivered, the log has"),
        ("UPDATE cursor SET digest = digest + 1", "as many as there are, but not the same"),
        ("INSERT INTO skip VALUES (1, 'too_old', -1, 2, 3, 1, 5)", "recorded as too_old"),
        ("UPDATE cursor SET position = position - 3", "the log has"),
    ],
    ids=["one lost", "one for another", "one skipped too", "some beyond the cursor"],
)
async def test_what_is_not_as_it_should_be_is_a_gap_and_the_exit_code_says_so(
    delivered: Site, statement: str, said: str
) -> None:
    change(delivered.folder, statement)
    assert the_one(delivered.folder)["gaps"]
    people = audit(delivered.folder)
    assert (people.exit_code, said in people.stdout) == (1, True), people.stdout


async def test_what_cannot_be_looked_at_any_more_is_said_and_is_no_gap(delivered: Site) -> None:
    change(delivered.folder, "UPDATE chapter SET terms = ''")
    assert [one["why"] for one in the_one(delivered.folder)["unproven"]] == ["terms"]
    assert "nobody wrote down" in audit(delivered.folder).stdout
    change(delivered.folder, "DELETE FROM batch WHERE position < 3")
    assert [(one["why"], one["outcome"]) for one in the_one(delivered.folder)["unproven"]] == [
        ("retention", "delivered")
    ]


async def test_another_versions_translation_is_not_called_a_gap_but_what_agrees_is_proven(delivered: Site) -> None:
    older = """UPDATE chapter SET terms = json_set(terms, '$.postroad', '0.0.1')"""
    change(delivered.folder, older)
    one = the_one(delivered.folder)
    assert (one["gaps"], one["unproven"]) == ([], [])
    change(delivered.folder, "UPDATE cursor SET events = events - 1")
    one = the_one(delivered.folder)
    assert (one["gaps"], [stretch["why"] for stretch in one["unproven"]]) == ([], ["translation"])


async def test_other_types_hold_from_where_they_were_declared_and_what_was_before_stays_proven(
    delivered: Site, session: aiohttp.ClientSession
) -> None:
    text = (delivered.folder / "declared.yaml").read_text()
    await delivered.restart()
    path = delivered.folder / "declared.yaml"
    path.write_text(text.replace("[gps_position]", "[car_ignition]"))
    keys = KeyRing.load_or_create(delivered.folder / layout.KEY_FILE)
    environment = {"SECRET": "s3cret"}
    apply_file(delivered.registry, path, catalogue=service.catalogue(), keys=keys, environment=environment)
    before = the_one(delivered.folder)
    store = delivered.hub.parts.logs[0].delivery

    async def begun() -> bool:
        account = await store.account(1)
        return account is not None and len(account.chapters) == 2

    await soon(begun)
    await delivered.post(session, datetime="2026-07-02T15:00:00Z")
    await soon(delivered.settled(before["cursor"] + 1))
    after = the_one(delivered.folder)
    assert (after["gaps"], after["unproven"]) == ([], [])
    assert after["outcomes"] == before["outcomes"], "the new one was no event for it"


async def test_an_unknown_subscription_is_an_error(delivered: Site) -> None:
    assert "there is no subscription nobody" in str(audit(delivered.folder, "nobody").exception)
