"""Where a webhook may go: the public internet over https, and what the settings allow beyond it; nowhere else.

A URL is the organisation's word. Without this check it could name the database, a cloud's metadata service or another
process of ours (server-side request forgery, OWASP API7:2023). The name is resolved here and the request goes to the
address that was checked, so that a name cannot change its address in between.
"""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

URL_LENGTH_MAX = 500
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Unfit(ValueError):
    """An address to which nothing is sent; says why, and nothing of what answered there."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL whose address was checked just now."""

    url: SplitResult
    address: Address

    @property
    def at_address(self) -> str:
        """The URL with the checked address in the host's place."""
        host = f"[{self.address}]" if isinstance(self.address, IPv6Address) else str(self.address)
        port = f":{self.url.port}" if self.url.port else ""
        return self.url._replace(netloc=host + port).geturl()


def networks(setting: str) -> tuple[Network, ...]:
    """The networks that the settings allow beyond the public internet. Raises ValueError on what is none."""
    return tuple(ip_network(one.strip()) for one in setting.split(",") if one.strip())


async def target(text: str, allowed: tuple[Network, ...]) -> Target:
    """The checked target of a URL. Raises Unfit."""
    url = _parsed(text)
    found = await _resolved(url)
    extra = [any(address in network for network in allowed) for address in found]
    if not all(ours or is_public(address) for address, ours in zip(found, extra, strict=True)):
        raise Unfit("leads to an address that is not public; the installation's settings may allow it")
    if url.scheme != "https" and not all(extra):
        raise Unfit("must be https")
    return Target(url, found[0])


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, and does not hide another one."""
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address.sixtofour or address.teredo):
        return False
    return address.is_global and not address.is_multicast


def _parsed(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise Unfit("is no URL") from None
    if url.scheme not in {"https", "http"} or not host or port == 0 or not text.isascii() or not text.isprintable():
        raise Unfit("is no https URL")
    if url.username is not None or url.password is not None or url.fragment or " " in text:
        raise Unfit("has a user, a password, a fragment or a space in it")
    return url


async def _resolved(url: SplitResult) -> list[Address]:
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unfit("has a host name that leads nowhere") from None
    return [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
