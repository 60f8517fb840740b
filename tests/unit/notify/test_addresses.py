"""Where a webhook may go: nowhere but the public internet, and what the installation allows."""

from ipaddress import ip_address

import pytest

from nrm.notify.addresses import Unfit, is_public, networks, target

LOOPBACK = networks("127.0.0.0/8, ::1/128")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "https://127.0.0.1/", "https://localhost/", "https://10.0.0.1/", "https://192.168.1.1/x",
        "https://169.254.169.254/latest/meta-data", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/",
        "https://[fd00::1]/", "https://[2002:7f00:1::]/", "https://2130706433/", "https://0x7f.1/", "https://100.64.0.1/",
        "https://224.0.0.1/", "http://93.184.216.34/", "ftp://93.184.216.34/", "https://user@93.184.216.34/",
        "https://93.184.216.34/#x", "https:///x", "https://93.184.216.34:99999/", "https://no-such-host.invalid/",
        "file:///etc/passwd", "x", "",
    ],
)  # fmt: skip
async def test_what_is_refused(url: str) -> None:
    with pytest.raises(Unfit):
        await target(url, ())


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/hook", "http://[::1]/hook"])
async def test_what_the_settings_allow(url: str) -> None:
    assert (await target(url, LOOPBACK)).at_address == url


async def test_allowing_one_network_allows_no_other() -> None:
    with pytest.raises(Unfit, match="not public"):
        await target("http://10.0.0.1/", LOOPBACK)


async def test_the_request_goes_to_the_address_that_was_checked() -> None:
    checked = await target("https://93.184.216.34:8443/hook?a=b", ())
    assert checked.at_address == "https://93.184.216.34:8443/hook?a=b"
    assert (await target("http://localhost:81/x", LOOPBACK)).url.netloc == "localhost:81"


def test_an_address_hidden_in_another_is_not_public() -> None:
    assert is_public(ip_address("2606:4700::1111"))
    assert not is_public(ip_address("::ffff:8.8.8.8"))
    assert not is_public(ip_address("2002:808:808::"))
