import socket

import pytest

from postroad.egress.dial import SystemLookup, checked_addresses, guarded_socket
from postroad.egress.failures import EgressFailed, RefusedSocket
from postroad.egress.guard import parse_networks
from postroad.errors import EgressRefused


def info(address: str) -> tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]:
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443)


def test_no_socket_is_made_for_an_address_that_is_not_allowed() -> None:
    make = guarded_socket(parse_networks(["10.1.0.0/16"]))
    with make(info("10.1.2.3")) as made:
        assert made.family == socket.AF_INET
    with pytest.raises(RefusedSocket) as refused:
        make(info("10.2.0.1"))
    assert refused.value.refusal.reason == "address"


async def test_the_machine_s_own_name_is_looked_up_and_refused() -> None:
    lookup = SystemLookup()
    try:
        assert set(await lookup("localhost", 443)) & {"127.0.0.1", "::1"}
        with pytest.raises(EgressRefused, match=r"localhost: .* loopback"):
            await checked_addresses(lookup, (), "localhost", 443)
    finally:
        lookup.close()


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
async def test_a_lookup_that_fails_is_a_dns_failure(error: Exception) -> None:
    async def lookup(_host: str, _port: int) -> list[str]:
        raise error

    with pytest.raises(EgressFailed) as failed:
        await checked_addresses(lookup, (), "customer.example", 443)
    assert failed.value.reason == "dns"
