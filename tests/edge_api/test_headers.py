"""Security headers on every answer; CORS off unless it is set."""

from __future__ import annotations

import httpx
import pytest

from edge_api.env import Env
from edge_api.settings import configuration
from tests.edge_api.kit import People, World, mp4, serving, settings_with
from tests.edge_api.test_access import RULES, ask, headers_of, prepared
from wrangler_compat.errors import ConfigError

PAGE = "https://videos.example"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def check(answer: httpx.Response) -> None:
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize("caller", ["nobody", "admin", "service"])
@pytest.mark.parametrize("call", RULES, ids=" ".join)
async def test_on_every_answer_of_every_route(world: World, call: tuple[str, str], caller: str) -> None:
    headers = await headers_of(world, RULES[call], caller)
    check(await ask(world, call, await prepared(world, call), {**headers, "Origin": PAGE}))


async def test_where_there_is_nothing(world: World) -> None:
    check(await world.client.get("/nowhere"))
    check(await world.client.put("/livez"))


async def test_over_tls_browsers_are_told_to_stay_with_it(world: World) -> None:
    assert "strict-transport-security" not in (await world.client.get("/livez")).headers
    over_tls = await world.client.get("https://twinreel.test/livez")
    assert over_tls.headers["strict-transport-security"] == "max-age=31536000"


async def test_cors_is_off(world: World) -> None:
    answer = await world.client.options("/api/upload", headers=PREFLIGHT)
    assert answer.status_code == 405
    check(answer)


async def test_cors_for_the_origins_that_are_set(env: Env, people: People) -> None:
    async with serving(settings_with(cors_origins=(PAGE,)), env, people) as world:
        preflight = await world.client.options("/api/upload", headers=PREFLIGHT)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == PAGE
        assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
        assert "access-control-allow-credentials" not in preflight.headers
        video_id = await world.uploaded(mp4())
        asked = f"/api/videos/{video_id}"
        answer = await world.client.get(asked, headers={**world.alice.headers, "Origin": PAGE})
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        other = await world.client.get(asked, headers={**world.alice.headers, "Origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers
        refused = await world.client.get(asked, headers={"Origin": PAGE})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)


@pytest.mark.parametrize("origin", ["videos.example", "https://videos.example/", "https://a b", "ftp://x", "null"])
def test_what_is_no_origin(origin: str) -> None:
    with pytest.raises(ConfigError, match="is no origin"):
        configuration({"CORS_ORIGINS": f"https://good.example,{origin}"})


def test_origins() -> None:
    given = "https://a.example, http://localhost:3000,http://[::1]:80"
    read = configuration({"CORS_ORIGINS": given}).settings.cors_origins
    assert read == ("https://a.example", "http://localhost:3000", "http://[::1]:80")
    assert configuration({"CORS_ORIGINS": "*"}).settings.cors_origins == ("*",)
