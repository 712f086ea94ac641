"""One POST over real sockets: to a server that takes it, fails, hangs, redirects, or speaks something else."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from consumer.webhooks.sending import Sender, SendError
from tests.consumer.webhooks.receiver import (
    Misbehaviour,
    answering,
    babbling,
    closing,
    dripping,
    endless,
    hanging,
    receiving,
)

SENDER = Sender(60.0, ("localhost",))
HASTY = Sender(0.5, ("localhost",))


async def test_a_post_arrives_as_it_was_sent() -> None:
    async with receiving() as receiver:
        receiver.behaviours = [answering(200, b"thanks")]
        answer = await SENDER.post(receiver.url, {"webhook-id": "m1"}, b'{"a": 1}')
        assert (answer.status, answer.is_success, answer.excerpt) == (200, True, "thanks")
    (taken,) = receiver.taken
    assert taken.line == "POST /hook?a=1 HTTP/1.1"
    assert taken.body == b'{"a": 1}'
    assert taken.headers["host"] == f"localhost:{receiver.port}"
    assert taken.headers["content-type"] == "application/json"
    assert taken.headers["webhook-id"] == "m1"


@pytest.mark.parametrize("status", [201, 202, 204, 299])
async def test_every_2xx_is_taken(status: int) -> None:
    async with receiving() as receiver:
        receiver.behaviours = [answering(status)]
        assert (await SENDER.post(receiver.url, {}, b"{}")).is_success


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
async def test_every_other_answer_is_not(status: int) -> None:
    async with receiving() as receiver:
        receiver.behaviours = [answering(status, b"no\x00\nway" + b"y" * 1000)]
        answer = await SENDER.post(receiver.url, {}, b"{}")
    assert not answer.is_success
    assert str(answer).startswith(f"answered {status}: no  way")
    assert len(answer.excerpt) <= 200


async def test_redirects_are_not_followed() -> None:
    async with receiving() as elsewhere, receiving() as receiver:
        receiver.behaviours = [answering(302, Location=elsewhere.url), answering(307, Location=elsewhere.url)]
        for status in (302, 307):
            answer = await SENDER.post(receiver.url, {}, b"{}")
            assert not answer.is_success
            assert str(answer) == f"answered {status}; redirects are not followed"
        assert elsewhere.taken == []


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [(closing(), "the connection was closed without an answer"), (babbling(), "illegal|status")],
    ids=["closing", "babbling"],
)
async def test_a_target_that_does_not_answer(behaviour: Misbehaviour, why: str) -> None:
    async with receiving() as receiver:
        receiver.behaviours = [behaviour]
        with pytest.raises(SendError, match=why):
            await SENDER.post(receiver.url, {}, b"{}")


@pytest.mark.parametrize("behaviour", [hanging(), dripping()], ids=["hanging", "dripping"])
async def test_an_answer_without_a_beginning_is_not_waited_for(behaviour: Misbehaviour) -> None:
    """Neither ends by itself."""
    async with receiving() as receiver:
        receiver.behaviours = [behaviour]
        async with asyncio.timeout(60):
            with pytest.raises(SendError, match=r"no answer within 0\.5 s"):
                await HASTY.post(receiver.url, {}, b"{}")


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    async with receiving() as receiver:
        receiver.behaviours = [endless(), endless(200)]
        assert (await SENDER.post(receiver.url, {}, b"{}")).status == 500
        assert (await SENDER.post(receiver.url, {}, b"{}")).is_success


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("0.5", 0.5), ("-1", 0.0), ("1e9", 3600.0), ("soon", None), ("nan", None)]
)
async def test_a_pause_that_the_target_asks_for(value: str, seconds: float | None) -> None:
    async with receiving() as receiver:
        receiver.behaviours = [answering(503, Retry_After=value)]
        assert (await SENDER.post(receiver.url, {}, b"{}")).retry_after == seconds


async def test_nobody_there() -> None:
    async with receiving() as receiver:
        url = receiver.url
    with pytest.raises(SendError, match="could not be connected to"):
        await SENDER.post(url, {}, b"{}")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_not_connected_to(host: str) -> None:
    async with receiving() as receiver:
        with pytest.raises(SendError, match="private network"):
            await Sender(1.0).post(f"https://{host}:{receiver.port}/", {}, b"{}")
        assert receiver.taken == []


async def test_a_name_that_changes_its_address_gains_nothing() -> None:
    """The address that was checked is the one that is connected to: the name is resolved once."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) > 1 else ["127.0.0.1"]

    async with receiving() as receiver:
        with pytest.raises(SendError, match="private network"):
            await Sender(1.0, resolve=rebinding).post(f"https://example.org:{receiver.port}/", {}, b"{}")
        assert asked == ["example.org"]
        assert receiver.taken == []


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for localhost, and that of a client that trusts it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    path = folder / "server.pem"
    kept = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, *kept) + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_https_with_a_certificate_that_is_checked(tmp_path: Path) -> None:
    server, client = certificate(tmp_path)
    async with receiving(server) as receiver:
        url = f"https://localhost:{receiver.port}/hook"
        answer = await Sender(2.0, ("localhost",), tls=client).post(url, {}, b"{}")
        assert answer.is_success
        with pytest.raises(SendError, match=r"(?i)certificate"):
            await SENDER.post(url, {}, b"{}")
        assert len(receiver.taken) == 1
