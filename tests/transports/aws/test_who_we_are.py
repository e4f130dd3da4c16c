"""Who the hub is for Amazon: a role that it assumes, and credentials that the machine has. Everything over sockets."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.cloud import require
from fixtures.cloud_aws import OTHER_SECRET_KEY, SqsOut
from fixtures.remote import StartRemote
from postroad.clock import SystemClock
from postroad.egress.client import EgressClient
from postroad.transports import TRANSPORTS
from postroad.transports.base import Delivered, Failed, Message, Outcome, Transport
from servers.aws_front import ACCESS_KEY, SECRET_KEY
from servers.aws_who import Sts, container, instance

MESSAGE = Message(body=b'[{"id":1}]', content_type="application/json", request_id="bulk-1")
ROLE = "arn:aws:iam::123456789012:role/telemetry/postroad"
WORKLOAD = "arn:aws:iam::123456789012:role/cluster/postroad"
WORKLOAD_TOKEN = "eyJhbGciOiJub25lIn0.e30.of-the-cluster"
MACHINE = ("access_key", "secret_key")


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own says who we are."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Site:
    """A queue that takes what is signed by its key, and what is opened to it."""

    def __init__(self, member: SqsOut, egress: EgressClient) -> None:
        self._member = member
        self._egress = egress
        self.opened: list[Transport] = []

    def open(self, *without: str, **fields: Any) -> Transport:
        spec = TRANSPORTS["sqs"]
        given = {name: value for name, value in self._member.config(**fields).items() if name not in without}
        self.opened.append(spec.open(msgspec.convert(given, spec.config_type), self._egress, SystemClock()))
        return self.opened[-1]

    async def send(self, *without: str, **fields: Any) -> Outcome:
        return await self.open(*without, **fields).send(MESSAGE)

    @property
    def tokens(self) -> list[str | None]:
        """Which session each message was sent in."""
        return [
            request.headers.get("x-amz-security-token")
            for request in self._member.remote.requests
            if request.headers.get("x-amz-target", "").endswith(".SendMessageBatch")
        ]


@pytest.fixture
async def site(authority: Any, ca_file: str, egress: EgressClient) -> AsyncIterator[Site]:
    require("aiobotocore")
    member = SqsOut(authority, ca_file)
    await member.start()
    site = Site(member, egress)
    yield site
    for transport in site.opened:
        await transport.close()
    await member.close()


async def assumed(start_remote: StartRemote, server_context: Any, external_id: str | None) -> tuple[Sts, str]:
    remote = await start_remote(server_context)
    return Sts(remote, ROLE, external_id), remote.url


async def asked_again(site: Site, sts: Sts, transport: Transport, who: str) -> None:
    """Before the first session ends, and not again while the second lasts."""
    assert isinstance(await transport.send(MESSAGE), Delivered)
    sts.lasts = timedelta(hours=1)
    for _ in range(2):
        assert isinstance(await transport.send(MESSAGE), Delivered)
    assert site.tokens[0] != site.tokens[-1]
    assert site.tokens[1] == site.tokens[2] == f"{who}-{len(sts.asked)}"


@pytest.mark.parametrize("external_id", [None, "nordvogn:0815"])
async def test_a_role_is_assumed_once_and_its_session_used_as_long_as_it_lasts(
    site: Site, start_remote: StartRemote, server_context: Any, external_id: str | None
) -> None:
    sts, url = await assumed(start_remote, server_context, external_id)
    given = {} if external_id is None else {"external_id": external_id}
    transport = site.open(role_arn=ROLE, sts_endpoint=url, **given)
    assert sts.asked == []
    for _ in range(3):
        assert isinstance(await transport.send(MESSAGE), Delivered)
    [asked] = sts.asked
    assert asked["RoleSessionName"] == "postroad"
    assert site.tokens == ["role-1"] * 3


async def test_a_role_is_assumed_again_before_its_session_expires(
    site: Site, start_remote: StartRemote, server_context: Any
) -> None:
    sts, url = await assumed(start_remote, server_context, None)
    sts.lasts = timedelta(minutes=5)  # less than the SDK leaves itself
    transport = site.open(role_arn=ROLE, sts_endpoint=url)
    await asked_again(site, sts, transport, "role")


@pytest.mark.parametrize(
    "fields",
    [{"external_id": "somebody-else"}, {"role_arn": f"{ROLE}s"}, {"secret_key": OTHER_SECRET_KEY}],
    ids=["external id", "role", "key"],
)
async def test_a_role_that_is_refused_is_no_message_s_fault_and_nothing_is_sent(
    site: Site, start_remote: StartRemote, server_context: Any, fields: dict[str, str]
) -> None:
    _, url = await assumed(start_remote, server_context, "nordvogn:0815")
    outcome = await site.send(**{"role_arn": ROLE, "sts_endpoint": url, "external_id": "nordvogn:0815"} | fields)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("credentials", 403)
    assert SECRET_KEY not in outcome.detail
    assert site.tokens == []


async def test_the_machine_s_credentials_can_assume_the_role(
    site: Site, start_remote: StartRemote, server_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sts, url = await assumed(start_remote, server_context, None)
    outcome = await site.send(*MACHINE, role_arn=ROLE, sts_endpoint=url)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("credentials", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    assert isinstance(await site.send(*MACHINE, role_arn=ROLE, sts_endpoint=url), Delivered)
    assert len(sts.asked) == 1


async def test_the_environment_says_who_we_are(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-environment")
    assert isinstance(await site.send(*MACHINE), Delivered)
    assert site.tokens == ["of-the-environment"]


@pytest.mark.parametrize("named", [True, False], ids=["by the config", "by the environment"])
async def test_a_profile_says_who_we_are(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: bool
) -> None:
    file = tmp_path / "credentials"
    file.write_text(f"[hub]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    if not named:
        monkeypatch.setenv("AWS_PROFILE", "hub")
    assert isinstance(await site.send(*MACHINE, **({"profile": "hub"} if named else {})), Delivered)


async def test_without_credentials_or_with_a_profile_that_is_not_there_it_says_so(site: Site) -> None:
    for fields in ({}, {"profile": "nobody"}):
        outcome = await site.send(*MACHINE, **fields)
        assert isinstance(outcome, Failed)
        assert (outcome.reason, outcome.status) == ("credentials", None)


@pytest.mark.parametrize(
    ("answer", "environment", "token"),
    [
        (
            container,
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/v2", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token"},
            "of-the-container",
        ),
        (
            instance,
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "{url}", "AWS_EC2_METADATA_DISABLED": "false"},
            "of-the-instance",
        ),
    ],
    ids=["a container's agent", "an instance's metadata"],
)
async def test_who_runs_the_machine_says_who_we_are(
    site: Site,
    start_remote: StartRemote,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[..., Any],
    environment: dict[str, str],
    token: str,
) -> None:
    remote = await start_remote(None)
    remote.answer = answer
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(url=f"http://127.0.0.1:{remote.port}"))
    assert isinstance(await site.send(*MACHINE), Delivered)
    assert site.tokens == [token]


@pytest.fixture
async def cluster(
    start_remote: StartRemote, ca_file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[Sts, Path]:
    """A cluster that gives its workloads tokens, in a file, and an account that gives those a role."""
    remote = await start_remote()
    sts = Sts(remote, ROLE, None)
    sts.workload = (WORKLOAD, WORKLOAD_TOKEN)
    file = tmp_path / "token"
    file.write_text(WORKLOAD_TOKEN)
    for name, value in {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
        "AWS_ROLE_ARN": WORKLOAD,
        "AWS_ENDPOINT_URL_STS": remote.url,
        "AWS_CA_BUNDLE": ca_file,
    }.items():
        monkeypatch.setenv(name, value)
    return sts, file


async def test_a_workload_s_token_says_who_we_are_and_again_before_the_session_expires(
    site: Site, cluster: tuple[Sts, Path]
) -> None:
    sts, _ = cluster
    sts.lasts = timedelta(minutes=5)  # less than the SDK leaves itself
    transport = site.open(*MACHINE)
    await asked_again(site, sts, transport, "workload")


async def test_a_workload_that_is_refused_is_no_message_s_fault_and_shows_the_token_that_its_file_has_by_then(
    site: Site, cluster: tuple[Sts, Path]
) -> None:
    _, file = cluster
    file.write_text("of-somebody-else")
    transport = site.open(*MACHINE)
    outcome = await transport.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("credentials", 403)
    assert "of-somebody-else" not in outcome.detail
    assert site.tokens == []
    file.write_text(WORKLOAD_TOKEN)
    assert isinstance(await transport.send(MESSAGE), Delivered)


async def test_a_workload_without_its_token_file_says_so(site: Site, cluster: tuple[Sts, Path]) -> None:
    _, file = cluster
    file.unlink()
    outcome = await site.send(*MACHINE)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("credentials", None)


async def test_a_workload_can_assume_another_role(
    site: Site, cluster: tuple[Sts, Path], start_remote: StartRemote
) -> None:
    sts, _ = cluster
    remote = await start_remote()
    other = Sts(remote, ROLE, "nordvogn:0815")
    outcome = await site.send(*MACHINE, role_arn=ROLE, external_id="nordvogn:0815", sts_endpoint=remote.url)
    assert isinstance(outcome, Delivered)
    assert (len(sts.asked), len(other.asked)) == (1, 1)
    assert site.tokens == ["role-1"]
