"""Where the hub may connect to. Pure functions: no name is resolved here, no socket opened.

A customer writes the URL; without these rules the hub would talk to its own network for whoever asks (server-side
request forgery). Only ``https`` goes out, and only to global unicast addresses. Others are refused unless a network
that the operator allowed covers them.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from yarl import URL

from postroad.errors import ConfigError, EgressRefused

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")

_SPECIAL: dict[str, tuple[Network, ...]] = {
    kind: tuple(ip_network(text) for text in texts.split())
    for kind, texts in {
        "unspecified": "::/128",
        "'this network'": "0.0.0.0/8",
        "loopback": "127.0.0.0/8 ::1/128",
        "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
        "carrier-grade NAT": "100.64.0.0/10",
        "link-local": "169.254.0.0/16 fe80::/10",
        "multicast": "224.0.0.0/4 ff00::/8",
        "IPv4 in IPv6": "::/96 ::ffff:0:0/96",
        "NAT64": "64:ff9b::/96 64:ff9b:1::/48",
        "6to4": "192.88.99.0/24 2002::/16",
        "documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "benchmarking": "198.18.0.0/15",
        "discard-only": "100::/64",
        "protocol assignment": "192.0.0.0/24 2001::/23",
        "reserved": "240.0.0.0/4",
    }.items()
}
"""The IANA special-purpose address registries, and multicast. An IPv4 address within an IPv6 one (mapped, NAT64, 6to4)
is never unwrapped: the outer range is refused as a whole."""


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks an operator allows, from CIDR notation. Raises ``ConfigError`` naming the one that is none."""
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError as exc:
            raise ConfigError(f"{text!r} is not a network such as 10.1.0.0/16: {exc}") from exc
    return tuple(networks)


def check_address(address: str | Address, allowed: Sequence[Network]) -> None:
    """Return if the hub may connect to ``address``; raise ``EgressRefused('address')`` if not.

    ``allowed`` networks are compared with the address as it is written: to allow ``10.0.0.0/8`` does not allow
    ``::ffff:10.0.0.1``.
    """
    try:
        ip = ip_address(address)
    except ValueError as exc:
        raise EgressRefused("address", f"{address!r} is not an IP address") from exc
    if any(ip in network for network in allowed):
        return
    for kind, networks in _SPECIAL.items():
        if any(ip in network for network in networks):
            raise EgressRefused("address", f"{ip} is a {kind} address and no network of egress.allow_cidrs covers it")
    if ip.version == 6 and ip not in _GLOBAL_UNICAST_V6:
        raise EgressRefused(
            "address", f"{ip} is not a global unicast address and no network of egress.allow_cidrs covers it"
        )


def check_url(url: str, allowed: Sequence[Network]) -> URL:
    """Parse ``url`` and return it if its form is allowed; raise ``EgressRefused`` if not.

    A host that is an address is checked here already; a name only when it is resolved, for each connection anew.
    Messages never hold the URL: its path and query can be secret.
    """
    if not url.isprintable() or " " in url or "\\" in url:
        raise EgressRefused("name", "the URL holds a space, a backslash or a control character")
    try:
        parsed = URL(url)
    except ValueError as exc:
        raise EgressRefused("name", "the URL cannot be read") from exc
    if parsed.scheme != "https":
        raise EgressRefused("scheme", f"the URL's scheme is {parsed.scheme!r}; only https is allowed")
    if not parsed.raw_host or not parsed.port:
        raise EgressRefused("name", "the URL names no host, or port 0")
    if "@" in parsed.raw_authority or "@" in url.split("/", 3)[2]:
        raise EgressRefused("name", "the URL holds a user name; credentials belong in auth")
    if "#" in url:
        raise EgressRefused("name", "the URL holds a fragment (#)")
    if is_address(parsed.raw_host):
        check_address(parsed.raw_host, allowed)
    return parsed


def is_address(host: str) -> bool:
    """True if ``host`` is an IP address in its usual spelling, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
