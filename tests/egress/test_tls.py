import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from postroad.egress.client import EgressClient
from postroad.egress.failures import EgressFailed
from postroad.egress.tls import client_context
from postroad.errors import ConfigError


def test_every_context_checks_certificate_and_name_from_tls_1_2_on() -> None:
    context = client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_own_authorities_join_the_system_s(ca_file: str) -> None:
    own = client_context(Path(ca_file).read_text())
    assert len(own.get_ca_certs()) == len(client_context().get_ca_certs()) + 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "No such file"), (b"", "no PEM certificate"), (b"nothing", "no PEM certificate"), (b"\xff", "not PEM")],
)
async def test_a_ca_file_that_cannot_be_used_is_named(
    egress: EgressClient, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=complaint) as wrong:
        egress.pool(ca_file=str(path))
    assert wrong.value.field == "ca_file"


async def test_the_certificate_behind_a_url_can_be_read(egress: EgressClient, remote: Any, ca_file: str) -> None:
    peer = await egress.pool(ca_file=ca_file).peer(remote.url)
    assert peer.tls_version == "TLSv1.3"
    assert set(peer.names) == {"127.0.0.1", "localhost", "customer.example"}
    assert "trustme" in peer.issuer
    assert peer.expires > datetime.now(UTC) + timedelta(days=1)


async def test_a_certificate_that_is_not_accepted_is_not_shown(egress: EgressClient, remote: Any) -> None:
    with pytest.raises(EgressFailed) as failed:
        await egress.pool().peer(remote.url)
    assert failed.value.reason == "tls"
