"""Copies to S3: what its answers mean, whose credentials sign, where we may go, and what is never said."""

import asyncio
import logging
import sys
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from fixtures.remote import Reply
from fixtures.s3 import BUCKET, KEY_ID, REGION, SECRET
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.protocols.damoov import CONTRACT
from postroad.transports.base import Copy
from postroad.transports.storage.base import StorageFailed
from postroad.transports.storage.config import S3Storage
from postroad.transports.storage.s3 import S3

COPY = Copy(key="0f7b/processed_track/aa.json", edition=1, body=b'{"a":1}')


@pytest.fixture
def bucket(s3: Any, egress: EgressClient, clock: Any, ca_file: str) -> Any:
    def open_(client: EgressClient | None = None, **fields: Any) -> S3:
        return S3(msgspec.convert(s3.config(**fields), S3Storage), client or egress, clock, ca_file=ca_file)

    return open_


async def failure(storage: S3, copy: Copy = COPY) -> StorageFailed:
    with pytest.raises(StorageFailed) as raised:
        await storage.put(copy)
    await storage.close()
    return raised.value


async def test_a_copy_is_json_below_the_prefix_in_path_style(s3: Any, bucket: Any) -> None:
    await bucket(prefix="hub/eu-1").put(COPY)
    assert s3.objects.keys() == {f"hub/eu-1/{COPY.key}"}
    [put] = s3.puts()
    assert urlsplit(put.path).path == f"/{BUCKET}/hub/eu-1/{COPY.key}"
    assert put.headers["content-type"].startswith("application/json")


def place(storage: S3) -> str:
    import obstore

    return urlsplit(obstore.sign(storage._store, "PUT", "a.json", __import__("datetime").timedelta(1))).netloc


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ("copies", f"copies.s3.{REGION}.amazonaws.com"),
        ("dotted.name", f"s3.{REGION}.amazonaws.com"),  # no certificate has its host
    ],
)
async def test_without_an_endpoint_it_is_amazon_s(bucket: Any, named: str, host: str) -> None:
    assert place(bucket(endpoint=None, bucket=named)) == host


@pytest.mark.parametrize(
    ("status", "code", "reason", "action"),
    [
        (403, "AccessDenied", "credentials", "renew"),
        (404, "NoSuchBucket", "unexpected", "retry"),
        (400, "AuthorizationHeaderMalformed", "unexpected", "retry"),  # another region
        (301, "PermanentRedirect", "redirected", "retry"),
        (429, "SlowDown", "throttled", "retry"),
        (503, "SlowDown", "server_error", "retry"),
        (500, "InternalError", "server_error", "retry"),
        (400, "EntityTooLarge", "too_large", "split"),  # of one event: its own failure
        (413, "", "too_large", "split"),
        (400, "KeyTooLongError", "rejected", "isolate"),
    ],
)
async def test_what_an_answer_means(s3: Any, bucket: Any, status: int, code: str, reason: str, action: str) -> None:
    said = f"<Error><Code>{code}</Code><Signature>{SECRET}</Signature></Error>".encode()
    s3.trouble = lambda request: Reply(status, said) if request.method == "PUT" else None
    failed = await failure(bucket())
    assert (failed.reason, CONTRACT.action(None, failed.reason)) == (reason, action)
    assert failed.detail == f"answered {status} {code}".strip()
    assert s3.objects == {}


async def test_a_bucket_that_does_not_exist_is_the_storage_s_failure(bucket: Any) -> None:
    failed = await failure(bucket(bucket="another"))
    assert (failed.reason, failed.detail) == ("unexpected", "answered 404 NoSuchBucket")


async def test_a_wrong_secret_is_about_credentials(bucket: Any) -> None:
    failed = await failure(bucket(secret_access_key="not-the-secret"))
    assert failed.reason == "credentials"


async def test_while_it_is_not_known_what_is_there_nothing_is_written(s3: Any, bucket: Any) -> None:
    s3.trouble = lambda request: Reply(403, b"") if request.method == "HEAD" else None
    assert (await failure(bucket())).reason == "credentials"
    assert s3.puts() == []


async def test_a_server_that_is_down_or_slow_says_so(s3: Any, bucket: Any) -> None:
    async def never(_request: Any) -> Reply:
        return await asyncio.get_running_loop().create_future()

    s3.trouble = never
    assert (await failure(bucket(timeout_s=0.1))).reason == "timeout"
    await s3.remote.close()
    assert (await failure(bucket())).reason == "connect"


async def test_nothing_is_tried_again_behind_the_contract_s_back(s3: Any, bucket: Any) -> None:
    s3.trouble = lambda _request: Reply(500, b"")
    await failure(bucket())
    assert len(s3.remote.requests) == 1


async def test_an_object_that_is_not_ours_is_taken_for_older(s3: Any, bucket: Any) -> None:
    stored = type("Stored", (), {"body": b"theirs", "content_type": "application/json"})
    s3.objects[COPY.key] = stored
    await bucket().put(COPY)
    assert s3.objects[COPY.key].body == COPY.body


# --- where we may go


async def test_a_private_address_is_refused(s3: Any, bucket: Any, clock: Any) -> None:
    strict = EgressClient(clock=clock)
    failed = await failure(bucket(strict))
    assert failed.reason == "refused_address"
    assert s3.remote.connections == 0
    await strict.close()


async def test_a_name_that_moves_to_a_private_address_is_refused_at_the_socket(
    s3: Any, bucket: Any, egress: EgressClient, clock: Any
) -> None:
    async def lookup(_host: str, _port: int) -> list[str]:
        return ["10.0.0.1"]

    moved = EgressClient(allowed=egress.allowed, lookup=lookup, clock=clock)
    failed = await failure(bucket(moved, endpoint=f"https://customer.example:{s3.remote.port}"))
    assert failed.reason == "refused_address"
    assert "10.0.0.1 is a private address" in failed.detail
    await moved.close()


# --- credentials


async def test_without_a_key_the_environment_s_credentials_sign(
    s3: Any, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    await bucket(access_key_id=None, secret_access_key=None).put(COPY)
    assert s3.objects[COPY.key].body == COPY.body


async def test_with_a_key_nothing_of_the_environment_counts(
    s3: Any, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAOTHER",
        "AWS_SECRET_ACCESS_KEY": "other",
        "AWS_SESSION_TOKEN": "other-token",
        "AWS_ENDPOINT_URL": "https://elsewhere.example",
        "AWS_REGION": "us-west-2",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    }.items():
        monkeypatch.setenv(name, value)
    await bucket().put(COPY)
    assert s3.objects[COPY.key].body == COPY.body
    assert "other-token" not in "".join(request.path for request in s3.remote.requests)


def test_half_a_key_is_refused(s3: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match="go together"):
        msgspec.convert(s3.config(access_key_id=None), S3Storage)


@pytest.mark.parametrize(
    "fields",
    [
        {"endpoint": "http://storage.example"},
        {"endpoint": "https://user:pw@storage.example"},
        {"endpoint": "https://storage.example/path"},
        {"bucket": "a/b"},
        {"prefix": "../x"},
        {"prefix": "a/"},
    ],
)
def test_what_could_lead_elsewhere_is_refused(s3: Any, fields: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(s3.config(**fields), S3Storage)


async def test_no_secret_and_no_signature_leaves_by_failure_log_or_repr(
    s3: Any, bucket: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    s3.secret = "another"
    storage = bucket()
    said = f"{storage._config!r} {storage.name} {await failure(storage)!r}{caplog.text}"
    signatures = [part for one in s3.remote.requests for part in one.path.split("&") if "Signature=" in part]
    assert signatures
    assert [secret for secret in (SECRET, *signatures) if secret in said] == []


async def test_without_obstore_the_missing_extra_is_named(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(ConfigError, match=r"postroad\[storage\]"):
        bucket()
