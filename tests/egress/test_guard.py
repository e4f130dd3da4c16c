from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.egress.guard import check_address, check_url, parse_networks
from postroad.errors import ConfigError, EgressRefused

REFUSED = [
    ("0.0.0.0", "'this network'"),
    ("0.255.255.255", "'this network'"),
    ("10.0.0.0", "private"),
    ("10.255.255.255", "private"),
    ("100.64.0.0", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.255", "loopback"),
    ("169.254.0.1", "link-local"),
    ("169.254.169.254", "link-local"),  # where clouds keep an instance's credentials
    ("172.16.0.0", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.8", "protocol assignment"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4"),
    ("192.168.255.255", "private"),
    ("198.18.0.1", "benchmarking"),
    ("198.19.255.255", "benchmarking"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::8.8.8.8", "IPv4 in IPv6"),
    ("::ffff:10.0.0.1", "IPv4 in IPv6"),
    ("::ffff:8.8.8.8", "IPv4 in IPv6"),
    ("64:ff9b::10.0.0.1", "NAT64"),
    ("64:ff9b:1::1", "NAT64"),
    ("100::1", "discard-only"),
    ("2001::1", "protocol assignment"),  # Teredo
    ("2001:2::1", "protocol assignment"),  # benchmarking
    ("2001:20::1", "protocol assignment"),  # ORCHIDv2
    ("2001:db8::1", "documentation"),
    ("2002:a00:1::", "6to4"),  # 10.0.0.1
    ("3fff::1", "documentation"),
    ("5f00::1", "not a global unicast"),  # segment routing
    ("4000::1", "not a global unicast"),
    ("fc00::1", "private"),
    ("fd00:ec2::254", "private"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local"),
    ("fec0::1", "private"),
    ("ff02::1", "multicast"),
]

ALLOWED = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "223.255.255.255",
    "2001:200::1",
    "2606:4700:4700::1111",
    "2a00:1450::1",
]


@pytest.mark.parametrize(("address", "kind"), REFUSED)
def test_a_special_address_is_refused_by_its_kind(address: str, kind: str) -> None:
    with pytest.raises(EgressRefused, match=kind) as refused:
        check_address(address, ())
    assert refused.value.reason == "address"


@pytest.mark.parametrize("address", ALLOWED)
def test_a_global_address_is_allowed(address: str) -> None:
    check_address(address, ())


@pytest.mark.parametrize("address", [address for address, _ in REFUSED])
def test_an_allowed_network_lets_its_addresses_through(address: str) -> None:
    check_address(address, [ip_network("203.0.112.0/24"), ip_network(address.partition("%")[0])])


def test_to_allow_an_ipv4_network_allows_none_of_its_disguises() -> None:
    allowed = parse_networks(["10.0.0.0/8"])
    check_address("10.0.0.1", allowed)
    for disguise in ("::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::", "::10.0.0.1"):
        with pytest.raises(EgressRefused):
            check_address(disguise, allowed)


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_let_through(address: object) -> None:
    try:
        check_address(address, ())
    except EgressRefused:
        return
    assert not address.is_private
    assert not address.is_multicast
    assert not address.is_loopback


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://customer.example/", "scheme"),
        ("HTTP://customer.example/", "scheme"),
        ("ftp://customer.example/", "scheme"),
        ("customer.example/events", "scheme"),
        ("//customer.example/", "scheme"),
        ("", "scheme"),
        ("https:///events", "name"),
        ("https://", "name"),
        ("https:customer.example", "name"),
        ("https://user@customer.example/", "name"),
        ("https://user:password@customer.example/", "name"),
        ("https://@customer.example/", "name"),
        ("https://customer.example/#part", "name"),
        ("https://customer.example/#", "name"),
        ("https://customer.example:0/", "name"),
        ("https://customer.example:70000/", "name"),
        ("https://customer.example:x/", "name"),
        ("https://good.example\\@bad.example/", "name"),
        ("https://customer.example/\r\nX: y", "name"),
        (" https://customer.example/", "name"),
        ("https://[::1/", "name"),
        ("https://127.0.0.1/", "address"),
        ("https://[::1]:8443/", "address"),
        ("https://[::ffff:127.0.0.1]/", "address"),
    ],
)
def test_a_url_of_a_form_that_is_not_allowed_is_refused(url: str, reason: str) -> None:
    with pytest.raises(EgressRefused) as refused:
        check_url(url, ())
    assert refused.value.reason == reason
    assert "password" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://customer.example",
        "https://customer.example:8443/events?code=a%2Bb%3D",
        "HTTPS://Customer.Example/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "https://customer.example/user@example",
    ],
)
def test_an_https_url_is_allowed(url: str) -> None:
    assert check_url(url, ()).scheme == "https"


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"10\.1\.0\.0/99"):
        parse_networks(["10.0.0.0/8", "10.1.0.0/99"])
