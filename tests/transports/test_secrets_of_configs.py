"""The secrets of every transport's config, in and out: found by walking the structs, planted, and looked for."""

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from msgspec import inspect

from fixtures.rest_site import RestSite
from postroad.cli.main import cli
from postroad.errors import ConfigError
from postroad.layout import KEY_FILE
from postroad.settings import FILE_NAME
from postroad.transports import PUSHES, RECEIVERS, TRANSPORTS

PLANTED = "pl4nted-5ecret-of-32-characters-"
SHORT = PLANTED[:7]
SOUNDS_SECRET = re.compile(r"secret|password|token|key|credential|connection_string")
NO_SECRETS = {
    "auth.token_url", "client_key_file", "identity.token_file",  # where something is
    "access_key", "storage.access_key_id", "shared_access_key_name",  # ids of what is secret
    "ordering_keys", "partition_keys",
}  # fmt: skip

URL = "https://127.0.0.1:1/"
S3 = {"type": "s3", "endpoint": URL.rstrip("/"), "region": "r", "bucket": "bucket", "access_key_id": "i"}
CONNECTION = f"Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=p;SharedAccessKey={PLANTED}"
POLICY = {"shared_access_key_name": "p", "shared_access_key": PLANTED}
IDENTITY = {"identity": {"type": "client_secret", "tenant_id": "t", "client_id": "c", "client_secret": PLANTED}}
IN_AZURE = [
    {"connection_string": CONNECTION},
    *({"endpoint": "sb://n.servicebus.windows.net/"} | who for who in (POLICY, IDENTITY)),
]
AWS = {"access_key": "AKIA", "secret_key": PLANTED, "session_token": PLANTED}
OAUTH = {"type": "oauth2_client_credentials", "token_url": URL, "client_id": "c", "client_secret": PLANTED}
HTTPS = [
    {"headers": {"X-Key": PLANTED}},
    {"auth": {"type": "basic", "username": "u", "password": PLANTED}},
    {"auth": {"type": "bearer", "token": PLANTED}},
    {"auth": OAUTH | {name: {"x": PLANTED} for name in ("params", "headers", "query")}},
    {"storage": S3 | {"secret_access_key": PLANTED}},
]
OUT: dict[str, list[dict[str, Any]]] = {
    "https": [{"url": URL} | config for config in HTTPS],
    "pubsub": [{"topic": "projects/p/topics/topic", "service_account_key": PLANTED}],
    "service_bus": [{"queue": "q"} | config for config in IN_AZURE],
    "event_hubs": [{"event_hub": "h"} | config for config in IN_AZURE],
    "event_grid": [{"endpoint": URL} | config for config in ({"topic_key": PLANTED}, IDENTITY)],
    "sns": [{"topic_arn": "arn:aws:sns:eu-west-1:123456789012:t"} | AWS],
    "sqs": [{"queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q"} | AWS],
}
IN: dict[str, list[dict[str, Any]]] = {
    "pubsub": [{"subscription": "projects/p/subscriptions/sub", "service_account_key": PLANTED}],
    "service_bus": OUT["service_bus"],
    "event_hubs": OUT["event_hubs"],
    "event_grid": [{"secret": PLANTED}],
    "sqs": OUT["sqs"],
}
SPECS: Mapping[str, Mapping[str, Any]] = {"out": TRANSPORTS, "in": RECEIVERS | PUSHES}
SAMPLES = [
    pytest.param(SPECS[way][name].config_type, sample, id=f"{way}-{name}-{number}")
    for way, samples in (("out", OUT), ("in", IN))
    for name, configs in samples.items()
    for number, sample in enumerate(configs)
]


def fields(info: inspect.Type, path: str = "", *, secret: bool = False) -> Iterator[tuple[str, bool]]:
    """Every field of a config, at any depth, and whether it is marked as secret; a mapping's is ``*``."""
    match info:
        case inspect.Metadata(type=inner, extra_json_schema=schema):
            yield from fields(inner, path, secret=secret or bool(schema and schema.get("writeOnly")))
        case inspect.UnionType(types=members):
            for member in members:
                yield from fields(member, path, secret=secret)
        case inspect.StructType(fields=inner):
            for field in inner:
                yield from fields(field.type, f"{path}.{field.encode_name}".strip("."))
        case inspect.DictType(value_type=value):
            yield from fields(value, f"{path}.*")
        case inspect.NoneType():
            pass
        case _:
            yield path, secret


def planted(config: Any, path: str = "") -> Iterator[str]:
    """Where a sample has a secret, in the words of ``fields``."""
    for key, value in config.items():
        inner = f"{path}.{'*' if path.endswith(('params', 'headers', 'query')) else key}".strip(".")
        if isinstance(value, dict):
            yield from planted(value, inner)
        elif PLANTED in str(value):
            yield inner


def of(way: str, name: str) -> dict[str, bool]:
    return dict(fields(inspect.type_info(SPECS[way][name].config_type)))


@pytest.mark.parametrize(("way", "name"), [(way, name) for way, specs in SPECS.items() for name in specs])
def test_every_secret_of_every_config_is_planted_by_a_sample(way: str, name: str) -> None:
    secret = {path for path, is_secret in of(way, name).items() if is_secret}
    samples = {"out": OUT, "in": IN}[way].get(name, [])
    assert {path for sample in samples for path in planted(sample)} == secret


@pytest.mark.parametrize(("way", "name"), [(way, name) for way, specs in SPECS.items() for name in specs])
def test_what_sounds_like_a_secret_is_one(way: str, name: str) -> None:
    said = {path for path, secret in of(way, name).items() if not secret and SOUNDS_SECRET.search(path)}
    assert said - NO_SECRETS == set()


@pytest.mark.parametrize(("type_", "sample"), SAMPLES)
def test_no_config_shows_its_secrets_when_it_is_printed(type_: type[msgspec.Struct], sample: dict[str, Any]) -> None:
    config = msgspec.convert(sample, type_)
    assert PLANTED not in f"{config!r} {config}"
    assert PLANTED in str(msgspec.to_builtins(config)), "it is in there"


@pytest.mark.parametrize(("type_", "sample"), SAMPLES)
def test_no_secret_is_in_what_is_said_of_a_config_that_is_wrong(
    type_: type[msgspec.Struct], sample: dict[str, Any]
) -> None:
    for wrong in ({**sample, "unknown": 1}, {**sample, "timeout_s": PLANTED}, dict.fromkeys(sample, SHORT)):
        with pytest.raises(msgspec.ValidationError) as told:
            msgspec.convert(wrong, type_)
        assert SHORT not in str(told.value)


async def test_what_is_declared_is_shown_by_nothing_of_the_hub_without_its_secrets(
    rest_site: RestSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path_factory: Any
) -> None:
    def not_here(*_: Any) -> Any:
        raise ConfigError("nothing is received in this test")

    for specs in (RECEIVERS, PUSHES):
        for name, spec in specs.items():
            monkeypatch.setitem(specs, name, msgspec.structs.replace(spec, open=not_here))
    caplog.set_level(logging.DEBUG)
    site, shown, backup = rest_site, b"", tmp_path_factory.mktemp("backups") / "b"
    (site.folder / FILE_NAME).touch()
    site.apply({"organizations": [{"name": "Andes", "integrations": [{"name": "insurer"}]}]})
    await site.start()
    for name, configs in OUT.items():
        for number, config in enumerate(configs):
            path = f"/organizations/Andes/integrations/insurer/destinations/{name}-{number}"
            shown += await put(site, path, {"transport": name, "config": config})
    for name, configs in IN.items():
        for number, config in enumerate(configs):
            body = {"protocol": "damoov", "receive": {"transport": name, "config": config}}
            shown += await put(site, f"/organizations/Andes/providers/{name}-{number}", body)
    shown += (await site.put("/organizations/Andes/providers/wrong", body | {"protocol": PLANTED[:3]})).body
    await site.hub.parts.alerts.flush()
    for path in ("/organizations/Andes/providers", "/alerts", "/audit-log", "/audit-log/records"):
        answer = await site.get(f"{path}?limit=100")
        assert answer.status == 200
        shown += answer.body
    async with site.session.get(f"http://127.0.0.1:{site.hub.port}/metrics") as metrics:
        shown += await metrics.read()
    shown += repr(site.store.view()).encode()
    await site.hub.stop()
    for command in (["backup", str(backup)], ["alerts", "list", "--all"], ["key", "list"]):
        for more in ([], ["--json"]) if command[0] != "backup" else (["--json"],):
            arguments = [*command, *more, "--data", str(site.folder)]
            shown += (await asyncio.to_thread(CliRunner().invoke, cli, arguments)).output.encode()
    assert json.loads((backup / "manifest.json").read_text())["key_ids"] == [site.keys.current_id]
    files = {file for folder in (site.folder, backup) for file in folder.rglob("*") if file.is_file()}
    stored = {file.name: file.read_bytes() for file in files if file.name != KEY_FILE}
    logged = "\n".join(logging.Formatter().format(record) for record in caplog.records)
    seen = stored | {"what was shown": shown, "the log": logged.encode()}
    assert b"nothing is received in this test" in shown
    assert [name for name, text in seen.items() if PLANTED.encode() in text] == []


async def put(site: RestSite, path: str, body: dict[str, Any]) -> bytes:
    """Declare it, twice, and look at it: all that was answered."""
    answers = [await site.put(path, body), await site.put(path, body), await site.get(path)]
    assert [answer.status for answer in answers] == [201, 200, 200], answers
    assert len(answers[-1].json["secrets"]) == len(list(planted(body.get("receive", body)["config"])))
    return b"".join(answer.body for answer in answers)
