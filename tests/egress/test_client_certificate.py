"""The certificate that we show, over real TLS."""

import logging
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from postroad.egress.client import EgressClient
from postroad.egress.failures import EgressFailed
from postroad.errors import ConfigError

NOW = datetime.now(UTC)


def serial(issued: trustme.LeafCert) -> int:
    return x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).serial_number


async def test_the_certificate_is_shown_to_a_server_that_asks(
    egress: EgressClient, ca_file: str, doorkeeper: Any, pair: Any, client_authority: trustme.CA
) -> None:
    issued = pair.issue(client_authority)
    pool = egress.pool(ca_file=ca_file, **pair.fields)
    assert (await pool.post(doorkeeper.url, b"", {})).status == 200
    assert [int(number, 16) for number in doorkeeper.shown] == [serial(issued)]


async def test_certificate_and_key_may_be_in_one_file(
    egress: EgressClient, ca_file: str, doorkeeper: Any, pair: Any
) -> None:
    both = pair.cert.with_name("both.pem")
    both.write_bytes(pair.key.read_bytes() + pair.cert.read_bytes())
    pool = egress.pool(ca_file=ca_file, client_cert_file=str(both))
    assert (await pool.post(doorkeeper.url, b"", {})).status == 200


async def test_one_destination_s_certificate_is_not_shown_by_another(
    egress: EgressClient, ca_file: str, doorkeeper: Any, pair: Any, client_authority: trustme.CA
) -> None:
    first = egress.pool(ca_file=ca_file, **pair.fields)
    second_pair = type(pair)(pair.cert.parent / "second")
    second_pair.cert.parent.mkdir()
    issued = second_pair.issue(client_authority)
    second = egress.pool(ca_file=ca_file, **second_pair.fields)
    plain = egress.pool(ca_file=ca_file)
    await first.post(doorkeeper.url, b"", {})
    await second.post(doorkeeper.url, b"", {})
    with pytest.raises(EgressFailed):
        await plain.post(doorkeeper.url, b"", {})
    one, other = (int(number, 16) for number in doorkeeper.shown)
    assert one != other == serial(issued)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("ours", "told"),
    [
        ("none", "asks for a client certificate|handshake failure"),
        ("by another authority", "does not know the authority of our client certificate"),
        ("expired", "our client certificate has expired"),
    ],
)
async def test_to_be_turned_away_says_why(
    egress: EgressClient, ca_file: str, pair: Any, client_authority: trustme.CA, doorkeeper: Any,
    ours: str, told: str, version: ssl.TLSVersion,
) -> None:  # fmt: skip
    doorkeeper._context.maximum_version = version
    if ours == "by another authority":
        pair.issue(trustme.CA())
    if ours == "expired":
        pair.issue(client_authority, not_after=NOW - timedelta(days=1))
    pool = egress.pool(ca_file=ca_file, **({} if ours == "none" else pair.fields))
    for attempt in (pool.post(doorkeeper.url, b"", {}), pool.peer(doorkeeper.url)):
        with pytest.raises(EgressFailed, match=told) as failed:
            await attempt
        assert failed.value.reason == "tls"


async def test_a_server_that_hangs_up_without_a_word_may_want_a_certificate(
    egress: EgressClient, ca_file: str, start_remote: Any, asking: Any
) -> None:
    silent = await start_remote(asking())
    with pytest.raises(EgressFailed, match="it may ask for a client certificate"):
        await egress.pool(ca_file=ca_file).peer(silent.url)


async def test_a_renewed_certificate_is_shown_without_a_restart(
    egress: EgressClient, ca_file: str, doorkeeper: Any, pair: Any, client_authority: trustme.CA,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, "postroad")
    pool = egress.pool(ca_file=ca_file, **pair.fields)
    await pool.post(doorkeeper.url, b"", {})
    renewed = pair.issue(client_authority, not_after=NOW + timedelta(days=20))
    await pool.post(doorkeeper.url, b"", {})
    assert doorkeeper.shown[0] != doorkeeper.shown[1]
    assert int(doorkeeper.shown[1], 16) == serial(renewed)
    shown = pool.client_certificate()
    assert shown is not None
    assert abs(shown.expires - NOW - timedelta(days=20)) < timedelta(seconds=2)
    assert "was loaded again" in caplog.text


async def test_a_connection_made_with_an_earlier_certificate_is_used_no_more(
    egress: EgressClient, ca_file: str, start_remote: Any, asking: Any, pair: Any, client_authority: trustme.CA
) -> None:
    remote = await start_remote(asking())
    pool = egress.pool(ca_file=ca_file, **pair.fields)
    await pool.post(remote.url, b"", {})
    await pool.post(remote.url, b"", {})
    assert remote.connections == 1
    pair.issue(client_authority)
    await pool.post(remote.url, b"", {})
    assert remote.connections == 2


async def test_a_broken_new_pair_is_reported_once_and_the_old_one_stays_until_it_is_mended(
    egress: EgressClient, ca_file: str, doorkeeper: Any, pair: Any, client_authority: trustme.CA,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    pool = egress.pool(ca_file=ca_file, **pair.fields)
    await pool.post(doorkeeper.url, b"", {})
    old_key = pair.key.read_bytes()
    renewed = pair.issue(client_authority)
    new_key = pair.key.read_bytes()
    pair.key.write_bytes(old_key)  # half of the renewal
    for _ in range(3):
        assert (await pool.post(doorkeeper.url, b"", {})).status == 200
    assert len(set(doorkeeper.shown)) == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "not the key of the certificate" in caplog.text
    pair.key.write_bytes(new_key + b"\n")
    await pool.post(doorkeeper.url, b"", {})
    assert int(doorkeeper.shown[-1], 16) == serial(renewed)
    pair.key.unlink()
    assert (await pool.post(doorkeeper.url, b"", {})).status == 200


def locked_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(b"a passphrase")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


def replace(path: Path, content: bytes | None) -> None:
    path.unlink() if content is None else path.write_bytes(content)


@pytest.mark.parametrize(
    ("which", "content", "field", "told"),
    [
        ("cert", None, "client_cert_file", "client.pem: No such file"),
        ("key", None, "client_key_file", "client.key: No such file"),
        ("cert", b"", "client_cert_file", "client.pem: holds no PEM certificate"),
        ("cert", b"\xff\x00", "client_cert_file", "holds no PEM certificate"),
        ("key", b"nothing", "client_key_file", "client.key: holds no PEM key"),
        ("key", locked_key(), "client_key_file", "without a passphrase"),
        ("key", trustme.CA().issue_cert("a.example").private_key_pem.bytes(), "client_key_file", "not the key of"),
    ],
    ids=["no certificate", "no key", "empty", "binary", "not PEM", "passphrase", "another's key"],
)
async def test_a_pair_that_cannot_be_used_is_named(
    egress: EgressClient, pair: Any, which: str, content: bytes | None, field: str, told: str
) -> None:
    replace(getattr(pair, which), content)
    with pytest.raises(ConfigError, match=told) as wrong:
        egress.pool(**pair.fields)
    assert wrong.value.field == field
