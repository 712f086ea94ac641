from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from consumer.assembly import Consumer
from consumer.metrics import Metrics
from consumer.probes import ping_all, serve_probes


async def fine() -> None:
    await asyncio.sleep(0)


async def broken() -> None:
    raise ConnectionError("nobody is at home")


async def get(port: int, path: str, method: str = "GET") -> tuple[int, Any]:
    async with httpx.AsyncClient() as http:
        answer = await http.request(method, f"http://127.0.0.1:{port}{path}")
    return answer.status_code, answer.json() if "json" in answer.headers["Content-Type"] else answer.text


async def test_a_worker_lives_and_is_ready() -> None:
    async with serve_probes("127.0.0.1", 0, metrics=Metrics(), pings={"DB": fine}) as port:
        assert await get(port, "/livez") == (200, {"status": "ok"})
        status, body = await get(port, "/readyz")
        assert (status, body["status"], body["bindings"]["DB"]["ok"]) == (200, "ready", True)


async def test_a_binding_that_does_not_answer_is_named() -> None:
    async with serve_probes("127.0.0.1", 0, metrics=Metrics(), pings={"DB": fine, "VECTORIZE": broken}) as port:
        status, body = await get(port, "/readyz")
        assert (status, body["status"]) == (503, "not ready")
        assert body["bindings"]["VECTORIZE"] == {"ok": False, "error": "nobody is at home"}
        assert body["bindings"]["DB"]["ok"] is True
        assert (await get(port, "/livez"))[0] == 200


async def test_metrics_are_prometheus_text() -> None:
    metrics = Metrics()
    metrics.verdicts.labels(status="approved", reason="").inc()
    metrics.note_breaker("open")
    async with serve_probes("127.0.0.1", 0, metrics=metrics, pings={}) as port:
        status, text = await get(port, "/metrics")
    assert status == 200
    assert 'twinreel_verdicts_total{reason="",status="approved"} 1.0' in text
    assert 'twinreel_processor_breaker{state="open"} 1.0' in text
    assert 'twinreel_processor_breaker{state="closed"} 0.0' in text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("POST", "/livez", 405)])
async def test_nothing_else_is_answered(method: str, path: str, status: int) -> None:
    async with serve_probes("127.0.0.1", 0, metrics=Metrics(), pings={}) as port:
        assert (await get(port, path, method))[0] == status


async def test_a_client_that_says_nothing_or_nonsense_does_no_harm() -> None:
    async with serve_probes("127.0.0.1", 0, metrics=Metrics(), pings={}) as port:
        for said in (b"", b"\r\n\r\n", b"\xff\xfe\x00\r\n\r\n", b"GET" * 30_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 60)
            writer.close()
        assert (await get(port, "/livez"))[0] == 200


async def test_every_binding_is_pinged_by_name(consumer: Consumer) -> None:
    answers = await ping_all(consumer.pings)
    assert set(answers) == {
        "VIDEO_BUCKET",
        "DB",
        "VIDEO_QUEUE_HIGH",
        "VIDEO_QUEUE",
        "VIDEO_QUEUE_LOW",
        "VECTORIZE",
        "VECTORIZE_SEGMENTS",
        "PROCESSOR",
    }
    assert all(answer["ok"] for answer in answers.values()), json.dumps(answers)
