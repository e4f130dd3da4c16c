"""The commands as people and programs use them: real processes, a running hub, a customer that answers."""

import asyncio
import datetime as dt
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest
from click.testing import CliRunner

from fixtures.drivetech import sample
from postroad.cli.explain import WHY_SKIPPED
from postroad.cli.main import COMMANDS, cli
from postroad.clock import SystemClock, from_us
from postroad.errors import PostroadError
from postroad.protocols.scoped import Unsent
from postroad.simulate.certificates import make_server_context
from postroad.simulate.customer import EVENTS_PATH, TOKEN_PATH, Customer, CustomerSettings
from postroad.simulate.hub_process import HubProcess

DECLARATION = """\
organizations:
  - name: Andes
    providers: [{{name: gps, protocol: drivetech}}]
    vehicles: [{{plate: OTHER1}}]
    integrations:
      - name: insurer
        destinations:
          - name: webhook
            transport: https
            config:
              url: {url}
              ca_file: {ca_file}
              auth: {{type: oauth2_client_credentials, token_url: {token_url}, client_id: insurer,
                      client_secret: {{env: TEST_SECRET}}}}
        subscriptions:
          - {{name: all, protocol: connected_cars, destination: webhook, vehicles: all,
              types: [gps_position, car_ignition], delivery: {{retry: {{first_waits_s: [], then_s: 0.2, cap_s: 0.2}}}}}}
          - {{name: some, protocol: connected_cars, destination: webhook, vehicles: {{plates: [OTHER1]}},
              types: [can_vin]}}
"""


class World:
    """A hub in a process, and a customer on an event loop in a thread, so that tests can call commands plainly."""

    def __init__(self, folder: Path) -> None:
        self.second = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        context, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
        self.customer = Customer(
            CustomerSettings(client_id="insurer", client_secret="s3cret-of-insurer"), clock=SystemClock()
        )
        base = self.run(self.customer.start(context))
        self.folder = folder / "hub"
        self.hub = HubProcess(self.folder, environment={"TEST_SECRET": "s3cret-of-insurer"})
        self.declaration = DECLARATION.format(url=base + EVENTS_PATH, token_url=base + TOKEN_PATH, ca_file=ca_file)
        self.hub.prepare(
            self.declaration,
            settings="\n[delivery]\nregistry_poll_ms = 50\n",
        )
        self.token = self.hub.issue_token("gps")
        self.run(self.hub.start())

    def event(self) -> dict[str, Any]:
        """An event that was not sent before."""
        self.second += 1
        return sample(datetime=from_us(1_790_000_000_000_000 + self.second * 1_000_000).isoformat())

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def post(self, body: dict[str, Any], token: str | None = None) -> int:
        async def send() -> int:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    f"{self.hub.url}/provider/event/new/",
                    json=body,
                    headers={"Authorization": f"Bearer {token or self.token}"},
                ) as answer,
            ):
                return answer.status

        status: int = self.run(send())
        return status

    def postroad(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        done = subprocess.run(
            [sys.executable, "-m", "postroad", *arguments, "--data", str(self.folder)], capture_output=True, text=True
        )
        return done.returncode, done.stdout, done.stderr

    def json(self, *arguments: str) -> Any:
        code, out, err = self.postroad(*arguments, "--json")
        assert code in (0, 1), err
        return json.loads(out)

    def until(self, condition: Any) -> None:
        """Look until it is so: it happens in another process, which has no other way to tell."""
        while not condition():
            time.sleep(0.02)

    def close(self) -> None:
        self.run(self.hub.stop())
        self.run(self.customer.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    assert world.post(sample(event={"type": "IGN", "status": True})) == 200
    assert world.post({"plate": "KXRT41"}) == 400
    world.until(lambda: world.customer.record.events >= 2)
    yield world
    world.close()


def test_events_tail_shows_what_came_in(world: World) -> None:
    code, out, _ = world.postroad("events", "tail", "--json", "--body")
    row, *told = [json.loads(line) for line in out.splitlines() if '"IGN"' in line]
    assert told == []
    assert code == 0
    assert (row["vehicle"], row["kind"], row["provider"]) == ("KXRT41", "IGN", "gps")
    assert row["recorded"] == "2026-07-02T14:03:09.120Z"
    assert row["body"]["plate"] == "KXRT41"
    assert "KXRT41" in world.postroad("events", "tail")[1]


def test_events_refused_shows_what_was_wrong_and_no_token(world: World) -> None:
    code, out, _ = world.postroad("events", "refused", "--json")
    row = json.loads(out.splitlines()[0])
    assert code == 0
    assert (row["provider"], row["reason"]) == ("gps", "datetime: missing")
    assert world.token not in out


def test_explain_tells_the_whole_story_by_the_id_a_customer_got(world: World) -> None:
    (event_id,) = {
        delivery.event_id for key, delivery in world.customer.record.first.items() if key[1] == "car_ignition"
    }
    world.until(lambda: world.json("explain", str(event_id))["routes"][0]["attempts"])
    story = world.json("explain", str(event_id))
    assert story["came_in"]["provider"] == "gps"
    assert story["stored"]["identifiers"] == ["plate KXRT41"]
    routes = {route["subscription"]: route for route in story["routes"]}
    assert routes["all"]["state"] == "delivered"
    assert routes["all"]["types"] == ["car_ignition", "gps_position"]
    assert event_id in routes["all"]["ids"]
    assert routes["all"]["attempts"][-1]["outcome"] == "delivered"
    assert routes["some"]["verdict"] == "no_stream"
    place = f"0:{event_id >> 6}"
    assert story == world.json("explain", place), "the same story by its position"
    people = world.postroad("explain", place)[1]
    assert "delivered" in people
    assert "no stream of this vehicle" in people


@pytest.mark.parametrize("arguments", [["events", "tail"], ["events", "refused"], ["explain", "0:1"]])
def test_looking_before_a_hub_has_run_is_told_so(tmp_path: Path, arguments: list[str]) -> None:
    runner, folder = CliRunner(), str(tmp_path / "hub")
    assert runner.invoke(cli, ["init", "--data", folder]).exit_code == 0
    result = runner.invoke(cli, [*arguments, "--data", folder])
    assert isinstance(result.exception, PostroadError), result
    assert "made when the hub first starts: postroad serve" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["explain", "0:99"], "holds no item at position 99"),
        (["explain", "abc"], "is no event id"),
        (["token", "issue", "nobody"], "no provider 'nobody'"),
        (["token", "revoke", "nothing"], "nothing"),
        (["subscriptions", "pause", "nothing"], "nothing"),
        (["subscriptions", "test", "nothing"], "known: all, some"),
        (["apply", "missing.yaml"], "missing.yaml"),
    ],
)
def test_an_error_is_one_sentence_and_exit_code_1(world: World, arguments: list[str], told: str) -> None:
    code, out, err = world.postroad(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert told in err
    assert len(err.splitlines()) == 1


def test_a_folder_without_a_hub_says_how_to_make_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "postroad", "token", "list", "--data", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "postroad init --data" in done.stderr


def test_subscriptions_list_leads_with_the_age_of_the_oldest_undelivered(world: World) -> None:
    world.until(lambda: world.json("subscriptions", "list")[0]["oldest_undelivered_age_s"] is None)
    before = world.customer.record.events
    world.customer.trouble = "unavailable"
    assert world.post(world.event()) == 200
    rows = {row["subscription"]: row for row in world.json("subscriptions", "list")}
    assert 0 <= rows["all"]["oldest_undelivered_age_s"] < 60
    assert rows["some"]["oldest_undelivered_age_s"] is None, "nothing it may have is waiting"
    assert world.postroad("subscriptions", "list")[1].startswith("oldest undelivered")
    world.customer.trouble = None
    world.until(lambda: world.customer.record.events > before)


def test_a_paused_subscription_keeps_its_events_until_it_is_resumed(world: World) -> None:
    assert world.postroad("subscriptions", "pause", "all")[0] == 0

    def waits() -> bool:
        """The running hub follows soon: from then on what is sent stays undelivered."""
        assert world.post(world.event()) == 200
        return world.json("subscriptions", "list")[0]["oldest_undelivered_age_s"] is not None

    world.until(waits)
    assert world.json("subscriptions", "list")[0]["state"] == "paused"
    before = world.customer.record.events
    assert world.postroad("subscriptions", "resume", "all")[0] == 0
    world.until(lambda: world.customer.record.events > before)


def test_subscriptions_test_takes_every_step_and_sends_nothing_of_the_log(world: World) -> None:
    before = world.customer.record.events
    steps = world.json("subscriptions", "test", "all")
    assert [step["step"] for step in steps] == ["url", "addresses", "tls", "token", "answer"]
    assert all(step["ok"] for step in steps)
    assert world.customer.record.events == before
    world.customer.trouble = "unavailable"
    code, out, _ = world.postroad("subscriptions", "test", "all")
    world.customer.trouble = None
    assert code == 1
    assert "503" in out


def test_doctor_finds_a_healthy_hub_healthy_and_a_broken_one_broken(world: World) -> None:
    code, out, _ = world.postroad("doctor")
    assert (code, out.count("FAIL")) == (0, 0), out
    (world.folder / "postroad.key").chmod(0o644)
    try:
        code, out, _ = world.postroad("doctor")
    finally:
        (world.folder / "postroad.key").chmod(0o600)
    assert code == 1
    assert "chmod 600" in out


def test_doctor_tells_of_a_customers_certificate_that_expires_soon(world: World, tmp_path: Path) -> None:
    soon, ca_file = make_server_context(tmp_path, dt.datetime.now(dt.UTC), valid_for=dt.timedelta(days=3))
    customer = Customer(CustomerSettings(client_id="insurer", client_secret="s3cret-of-insurer"), clock=SystemClock())
    base = world.run(customer.start(soon))
    hub = HubProcess(tmp_path / "hub", environment={"TEST_SECRET": "s3cret-of-insurer"})
    try:
        hub.prepare(DECLARATION.format(url=base + EVENTS_PATH, token_url=base + TOKEN_PATH, ca_file=ca_file))
        command = [sys.executable, "-m", "postroad", "doctor", "--data", str(tmp_path / "hub")]
        done = subprocess.run(command, capture_output=True, text=True)
    finally:
        world.run(customer.stop())
    assert done.returncode == 1
    assert "have it renewed" in done.stdout


def test_a_revoked_token_is_refused_by_the_running_hub(world: World) -> None:
    issued = world.json("token", "issue", "gps")
    world.until(lambda: world.post(world.event(), issued["token"]) == 200)
    assert world.postroad("token", "revoke", issued["id"])[0] == 0
    world.until(lambda: world.post(world.event(), issued["token"]) == 401)
    listed = {row["id"]: row for row in world.json("token", "list")}
    assert listed[issued["id"]]["revoked"]
    assert issued["token"] not in world.postroad("token", "list")[1]


def test_no_secret_is_in_what_commands_print_or_the_hub_logs_or_stores(world: World) -> None:
    for arguments in (["token", "list"], ["subscriptions", "list"], ["doctor"], ["events", "tail", "--body"]):
        _, out, err = world.postroad(*arguments)
        assert "s3cret-of-insurer" not in out + err
        assert world.token not in out + err
    for path in world.folder.iterdir():
        if path.is_file():
            data = path.read_bytes()
            assert b"s3cret-of-insurer" not in data, path
            assert world.token.encode() not in data, path


def test_apply_shows_what_would_change_and_the_same_file_again_changes_nothing(world: World, tmp_path: Path) -> None:
    file = tmp_path / "more.yaml"
    file.write_text("organizations: [{name: Pacific}]")
    told = world.json("apply", str(file), "--dry-run")
    assert [(c["action"], c["kind"], c["name"]) for c in told["changes"]] == [("create", "organization", "Pacific")]
    assert world.json("apply", str(file))["changes"] == told["changes"]
    assert world.json("apply", str(file))["changes"] == []


def test_apply_names_file_line_and_field_of_a_mistake(world: World, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("organizations:\n  - name: Pacific\n    provider:\n      - name: x\n")
    code, _, err = world.postroad("apply", str(file))
    assert code == 1
    assert f"{file}:3" in err
    assert "providers" in err, "the key that was probably meant"


def test_a_second_hub_on_the_folder_is_refused(world: World) -> None:
    code, _, err = world.postroad("serve")
    assert code == 1
    assert "another hub is running" in err


def test_every_command_has_help_and_help_reads_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "postroad", "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout
    assert "..." not in done.stdout.partition("Commands:")[2], "no sentence is cut off"
    assert list(tmp_path.iterdir()) == []


def test_the_demo_loses_nothing_and_its_last_line_is_json() -> None:
    command = [sys.executable, "-m", "postroad", "demo", "--seconds", "4", "--vehicles", "20"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["events_in"] > 20
    assert figures["delivered"] == figures["events_in"]
    assert figures["lost"] == figures["out_of_order"] == figures["altered"] == figures["malformed"] == 0
    assert figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    assert figures["latency_with_outage_ms"]["p99"] > 300, "the customer did fail in the middle"


def test_explain_says_skipped_of_what_waited_as_access_ended_and_delivered_of_what_was_sent_before(
    world: World,
) -> None:
    def selecting(vehicles: str) -> None:
        file = world.folder.parent / "changed.yaml"
        declared = world.declaration.replace("vehicles: all", f"vehicles: {vehicles}")
        file.write_text(declared, encoding="utf-8")
        world.hub.postroad("apply", str(file))

    def positions() -> list[str]:
        rows = [json.loads(line) for line in world.postroad("events", "tail", "--json")[1].splitlines()]
        return [f"0:{row['position']}" for row in rows if (row["vehicle"], row["provider"]) == ("GONE11", "gps")]

    def told(position: str) -> dict[str, Any]:
        route: dict[str, Any] = world.json("explain", position)["routes"][0]
        return route

    assert world.post(world.event() | {"plate": "GONE11"}) == 200
    world.until(lambda: told(positions()[0])["attempts"])
    assert world.postroad("subscriptions", "pause", "all")[0] == 0
    assert world.post(world.event() | {"plate": "GONE11"}) == 200
    selecting("{plates: [KXRT41]}")
    assert world.postroad("subscriptions", "resume", "all")[0] == 0
    sent, waited = positions()
    try:
        world.until(lambda: told(waited)["state"] != "pending")
        assert (told(waited)["state"], told(waited)["skips"]) == ("skipped", ["access_ended"])
        assert "access had ended" in world.postroad("explain", waited)[1]
        assert (told(sent)["state"], told(sent)["skips"]) == ("delivered", [])
    finally:
        selecting("all")


def test_each_reason_for_which_delivery_narrows_an_event_is_put_into_words() -> None:
    assert set(get_args(Unsent)) <= WHY_SKIPPED.keys()
