"""The outbound client."""

from fixtures.remote import LOOPBACK, Remote
from postroad.clock import Clock
from postroad.egress.client import EgressClient


async def test_authorities_of_the_hub_are_trusted_beside_those_of_a_destination(
    remote: Remote, ca_file: str, clock: Clock
) -> None:
    egress = EgressClient(allowed=LOOPBACK, clock=clock, ca_file=ca_file)
    try:
        assert (await egress.pool().post(f"{remote.url}/", b"", {})).status == 200
    finally:
        await egress.close()
