"""The API is what its document says: schemathesis asks a hub over a socket, by all that the document allows, and by
much that it does not."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.ops_site import HOOK, OpsSite, integration
from fixtures.rest_site import made_in

HOOKS = Path(__file__).parents[2] / "fixtures" / "schemathesis_hooks.py"
CONFIG = """
[checks.positive_data_acceptance]
# What may be said depends on what there is: names, references, catalogues (422), entity tags (412).
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "429", "503"]

[[operations]]
include-operation-id = "revoke_token" # a sequence may find the very token that it shows
phases.stateful.enabled = false
"""
UNKNOWN = """
[checks]
positive_data_acceptance.expected-statuses = ["401"]
negative_data_rejection.expected-statuses = ["401"]
"""
"""Of who is not known."""
CHOSEN = {
    "name": "picked",
    "protocol": "connected_cars",
    "destination": "hook",
    "types": ["gps_position"],
    "vehicles": "chosen",
    "state": "paused",
}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:trips"
ANDES = {
    "name": "Andes",
    "providers": [
        {"name": "gps", "protocol": "drivetech"},
        {"name": "pushed", "protocol": "damoov", "receive": {"transport": "sns", "config": {"topic_arn": TOPIC}}},
    ],
    "fleets": [{"name": "Trucks"}],
    "vehicles": [{"plate": "AA11", "fleet": "Trucks"}, {"plate": "BB22"}],
    "integrations": [
        {
            **integration("insurer", "claims"),
            "subscriptions": [*integration("insurer", "claims")["subscriptions"], CHOSEN],
        }
    ],
}
"""What is asked about."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpsSite]:
    """Something of everything."""
    folder = tmp_path / "hub"
    folder.mkdir()
    async with made_in(folder, OpsSite) as site:
        site.apply({"organizations": [ANDES, {"name": "Nord"}]})
        site.tokens |= {
            "gps": site.key("provider", "gps"),
            "insurer": site.key("integration", "insurer"),
            "nobody": "pop_" + "A" * 43,
        }
        await site.start()
        yield site


async def seeds(site: OpsSite) -> dict[str, list[Any]]:
    """What there is, by the names of parameters and fields."""
    position = await site.report(plate="AA11", by="gps")
    [item] = await site.unreadable(b"{}", by="gps")
    letter = await site.bury("claims", position, plate="AA11")
    task = await site.post("/dead-letters/redrive", {"reasons": ["none"]})
    erasure = await site.post("/erasures", {"kind": "trip", "name": "a trip", "provider_id": site.provider("gps")})
    truck = site.subject("AA11")
    grant = await site.post("/grants", {"integration_id": site.integration_id("insurer"), "subject_id": truck})
    stream = await site.post("/streams", {"subscription_id": site.subscription("picked"), "vehicle_id": truck})
    account = {"audience": "https://hub.example", "key_id": "k", "public_key": b"p"}
    return {
        "token": [site.store.issue_key("auditor", None, "to be revoked")[0]],
        "account": [site.store.create_service_account("auditor", None, **account)],
        "grant": [grant.json["id"]],
        "stream": [stream.json["id"]],
        "number": [1],
        "organization": ["Andes", site.organization("Andes")],
        "provider": ["gps", "pushed"],
        "fleet": ["Trucks"],
        "vehicle": [site.subject("AA11"), site.subject("BB22")],
        "subject": [site.subject("AA11")],
        "integration": ["insurer"],
        "destination": [HOOK["name"]],
        "subscription": ["claims", "picked"],
        "type": ["gps_position"],
        "identifiers": [{}],
        "event": [int(letter.rpartition(":")[2])],
        "item": [item],
        "letter": [letter],
        "task": [task.json["id"]],
        "erasure": [erasure.json["id"]],
    }


async def own_token(site: OpsSite) -> str:
    """The id of the operator's."""
    [one] = (await site.get("/tokens?role=operator")).json["items"]
    return str(one["id"])


async def asked(site: OpsSite, folder: Path, *arguments: str, by: str, config: str = CONFIG) -> Any:
    """Have schemathesis ask. What it reports, as data; fails with its words."""
    (folder / "schemathesis.toml").write_text(config)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{site.hub.port}/api/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {site.tokens[by]}", "--generation-deterministic", "--no-color"),
        *("--continue-on-failure", "--report", "json", "--report-json-path", "report.json", *arguments),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HOOKS.parent),
        "SCHEMATHESIS_HOOKS": HOOKS.stem,
        "POSTROAD_OWN_TOKEN": await own_token(site),
        "POSTROAD_SEEDS": json.dumps(await seeds(site)),
    }
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = (await process.communicate())[0].decode()
    assert (await site.get("/organizations")).status == 200, "the operator's own token went"
    assert process.returncode == 0, re.sub(r"(?s)^.*?(=+ (FAILURES|ERRORS))", r"\1", said, count=1)
    report = json.loads((folder / "report.json").read_text())
    assert report["operations"]["tested"] == report["operations"]["total"] > 0, said
    return report


async def test_every_operation_keeps_to_the_document_at_the_edges_of_what_may_be_said(
    site: OpsSite, tmp_path: Path
) -> None:
    report = await asked(site, tmp_path, "--phases", "coverage", by="operator")
    not_reached = {one for one in report["warnings"]["missing_test_data"] if not one.startswith("DELETE")}
    assert not_reached == set(), "no success: name what there is in seeds()"


@pytest.mark.parametrize(
    "examples", [pytest.param(3, id="some"), pytest.param(200, id="many", marks=[pytest.mark.slow])]
)
async def test_every_operation_keeps_to_the_document_whatever_is_said(
    site: OpsSite, tmp_path: Path, examples: int
) -> None:
    await asked(site, tmp_path, "--phases", "fuzzing,stateful", "--max-examples", str(examples), by="operator")


async def test_to_an_integration_every_operation_keeps_to_the_document(site: OpsSite, tmp_path: Path) -> None:
    await asked(site, tmp_path, "--phases", "fuzzing", "--max-examples", "2", by="insurer")


async def test_who_is_not_known_is_told_so_by_every_operation(site: OpsSite, tmp_path: Path) -> None:
    await asked(site, tmp_path, "--phases", "fuzzing", "--max-examples", "1", by="nobody", config=UNKNOWN)
