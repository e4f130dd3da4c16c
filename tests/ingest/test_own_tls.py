"""The hub's own TLS, over real sockets, on the short way."""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.drivetech import sample
from postroad.errors import ConfigError
from postroad.ingest.tls import CHECKED_EVERY_S, Certificates

NAME = "127.0.0.1"


def locked_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"a passphrase"),
    )


LOCKED_KEY = locked_key()


class Pair:
    """Certificate and key in files, and a client that trusts their authority."""

    def __init__(self, folder: Path, authority: trustme.CA) -> None:
        self.authority = authority
        self.cert, self.key = folder / "hub.pem", folder / "hub.key"
        self.trusting = ssl.create_default_context()
        authority.configure_trust(self.trusting)
        self.renew()

    def renew(self) -> None:
        issued = self.authority.issue_cert(NAME)
        self.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())

    def serial(self, client: Any) -> str:
        number: str = client.writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
        return number


@pytest.fixture
def pair(tmp_path: Path, authority: trustme.CA) -> Pair:
    return Pair(tmp_path, authority)


async def test_an_event_is_taken_over_tls_on_the_short_way(start: Any, pair: Pair) -> None:
    running = start(tls=Certificates(pair.cert, pair.key).context)
    client = await running.connect(pair.trusting)
    assert (await client.post(sample()))[0] == 200
    assert client.writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    assert running.server.server_state.total_requests == 1
    assert len(await running.hub.stored()) == 1


async def test_tls_1_2_is_spoken_and_1_1_is_not(start: Any, pair: Pair) -> None:
    running = start(tls=Certificates(pair.cert, pair.key).context)
    pair.trusting.maximum_version = ssl.TLSVersion.TLSv1_2
    assert (await (await running.connect(pair.trusting)).post(sample()))[0] == 200
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pair.authority.configure_trust(old)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await running.connect(old)


async def test_plain_http_to_the_tls_port_gets_nothing_and_harms_nobody(start: Any, pair: Pair) -> None:
    running = start(tls=Certificates(pair.cert, pair.key).context)
    plain = await running.connect()
    plain.write(sample())
    assert b"200" not in await plain.reader.read()
    assert (await (await running.connect(pair.trusting)).post(sample()))[0] == 200


@pytest.mark.parametrize("max_version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_renewed_pair_is_for_new_connections_and_open_ones_go_on(
    start: Any, pair: Pair, max_version: ssl.TLSVersion
) -> None:
    certificates = Certificates(pair.cert, pair.key)
    running = start(tls=certificates.context)
    pair.trusting.maximum_version = max_version
    old = await running.connect(pair.trusting)
    pair.renew()
    assert pair.serial(await running.connect(pair.trusting)) == pair.serial(old), "not looked at yet"
    assert certificates.reload_if_changed()
    assert not certificates.reload_if_changed(), "once is enough"
    new = await running.connect(pair.trusting)
    assert pair.serial(new) != pair.serial(old)
    assert (await old.post(sample()))[0] == (await new.post(sample(buff=True)))[0] == 200


@pytest.mark.parametrize("broken", ["garbage", "another key", "missing", "locked with a passphrase"])
async def test_a_broken_new_pair_is_reported_and_the_old_one_stays(
    start: Any, pair: Pair, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = Certificates(pair.cert, pair.key)
    running = start(tls=certificates.context)
    before = pair.serial(await running.connect(pair.trusting))
    kept = pair.key.read_bytes()
    match broken:
        case "garbage":
            pair.cert.write_text("no certificate")
        case "another key":
            pair.key.write_bytes(pair.authority.issue_cert(NAME).private_key_pem.bytes())
        case "missing":
            pair.key.unlink()
        case _:
            pair.key.write_bytes(LOCKED_KEY)
    assert not certificates.reload_if_changed()
    (record,) = (r for r in caplog.records if r.levelno == logging.ERROR)
    assert str(pair.cert) in record.getMessage()
    assert "PRIVATE KEY" not in record.getMessage()
    client = await running.connect(pair.trusting)
    assert pair.serial(client) == before
    assert (await client.post(sample()))[0] == 200
    pair.key.write_bytes(kept)
    pair.renew()
    assert certificates.reload_if_changed(), "the next good pair is taken"


async def test_the_files_are_looked_at_every_few_seconds(pair: Pair, clock: Any) -> None:
    certificates = Certificates(pair.cert, pair.key)
    first = certificates._current
    watching = asyncio.create_task(certificates.watch(clock))
    await asyncio.sleep(0)
    pair.renew()
    clock.advance(CHECKED_EVERY_S)
    for _ in range(3):
        await asyncio.sleep(0)
    assert certificates._current is not first
    watching.cancel()


def test_both_may_be_in_one_file(pair: Pair, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(pair.key.read_bytes() + pair.cert.read_bytes())
    Certificates(both)


@pytest.mark.parametrize("text", ["", "no certificate"])
def test_a_first_pair_that_is_none_is_told_with_its_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "hub.pem"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"hub\.pem"):
        Certificates(file)
    with pytest.raises(ConfigError, match="No such file"):
        Certificates(tmp_path / "nowhere.pem")
