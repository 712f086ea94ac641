"""Which URLs and addresses strangers may send the services to."""

from __future__ import annotations

import pytest

from wire.addresses import UrlError, http_url, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2001:0:0:0:0:0:80ff:fffe", "fec0::1", "not an address",
    ],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("text", "host", "port", "path", "authority"),
    [
        ("https://Videos.Example.org./a/b.mp4?x=1&y=%20#t", "videos.example.org", 443, "/a/b.mp4?x=1&y=%20", ""),
        ("http://example.org", "example.org", 80, "/", "example.org"),
        ("https://example.org:8443", "example.org", 8443, "/", "example.org:8443"),
        ("https://example.org:80/", "example.org", 80, "/", "example.org:80"),
        ("https://[2001:DB8::1]/x", "2001:db8::1", 443, "/x", "[2001:db8::1]"),
        ("HTTP://[::1]:9000/", "::1", 9000, "/", "[::1]:9000"),
    ],
)
def test_a_url_is_taken_apart(text: str, host: str, port: int, path: str, authority: str) -> None:
    url = http_url(text)
    assert (url.host, url.port, url.path, url.authority) == (host, port, path, authority or host)
    assert url.is_tls == text.lower().startswith("https")
    assert url.fragment == ("t" if "#" in text else "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must begin with"),
        ("example.org", "must begin with"),
        ("//example.org/", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("ftp://example.org/", "must begin with"),
        ("https://", "name a host"),
        ("https://./", "name a host"),
        ("https://user:pass@example.org/", "user name"),
        ("https://@example.org/", "user name"),
        ("https://example.org/a b", "without spaces"),
        ("https://example.org/\r\nX: y", "without spaces"),
        ("https://example.org\\@localhost/", "without spaces"),
        ("https://example.org/\x7f", "without spaces"),
        ("https://[::1/", "is not a URL"),
        ("https://example.org:99999/", "is not a URL"),
        ("https://example.org/" + "x" * 2048, "2048 characters"),
    ],
)
def test_what_is_no_url(text: str, why: str) -> None:
    with pytest.raises(UrlError, match=why):
        http_url(text)
