"""A page with all that it loads: as a browser with an empty cache asks for it, and in one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx
from playwright.sync_api import Page, Request

from benchmarks.pages.models import UnexpectedError
from benchmarks.pages.visitors import HTML
from tests.browser.chromium import chromium
from tests.edge_api.console.visits import Markup

CONNECTIONS = 6
"""That browsers open to one host."""

_IMPORT = re.compile(r'^import .* from "\./([^"]+)";$', re.MULTILINE)
_WIDTH, _HEIGHT = 1280, 900


@dataclass
class Loaded:
    """requests, size: of the page and its scripts, styles and icon; size in bytes of the bodies as they were sent.
    pictures, picture_size: beside those. seconds: until all of it, pictures too, was there, each time."""

    requests: int = 0
    size: int = 0
    pictures: int = 0
    picture_size: int = 0
    seconds: list[float] = field(default_factory=list)


@dataclass
class Seen:
    """By Chromium. usable: seconds until the page's scripts had run, complete: until its pictures were there too, each
    time. requests, size: of everything, headers included."""

    requests: int = 0
    size: int = 0
    usable: list[float] = field(default_factory=list)
    complete: list[float] = field(default_factory=list)


def loaded(url: str, cookies: Mapping[str, str], path: str, times: int) -> Loaded:
    """Over HTTP, without running anything. Raises UnexpectedError."""
    found = Loaded()
    for _ in range(times):
        with (
            httpx.Client(
                base_url=url, cookies=dict(cookies), follow_redirects=True, timeout=60, trust_env=False
            ) as http,
            ThreadPoolExecutor(CONNECTIONS) as pool,
        ):
            began = time.perf_counter()
            once = _once(http, pool.map, path)
            found.seconds.append(time.perf_counter() - began)
        found.requests, found.size = once.requests, once.size
        found.pictures, found.picture_size = once.pictures, once.picture_size
    return found


def _once(http: httpx.Client, each: Callable[..., object], path: str) -> Loaded:
    found, known = Loaded(), {path}
    page = _got(http, path, Accept=HTML)
    markup = Markup(page.text)
    pictures = [image["src"] for image in markup.named("img") if image.get("src")]
    wave = [script["src"] for script in markup.named("script")]
    wave += [link["href"] for link in markup.named("link") if link["rel"] in ("stylesheet", "icon")]
    found.requests, found.size = 1 + len(page.history), page.num_bytes_downloaded
    while wave:
        known |= set(wave)
        answers: list[httpx.Response] = list(each(lambda address: _got(http, address), wave))  # type: ignore[call-overload]
        found.requests += len(answers)
        found.size += sum(answer.num_bytes_downloaded for answer in answers)
        named = [(answer, script) for answer in answers for script in imports(answer.text)]
        wave = sorted({urljoin(answer.url.path, script) for answer, script in named} - known)
    shown: list[httpx.Response] = list(each(lambda address: _got(http, address), pictures))  # type: ignore[call-overload]
    found.pictures, found.picture_size = len(shown), sum(answer.num_bytes_downloaded for answer in shown)
    return found


def imports(text: str) -> list[str]:
    """Names of the modules beside it that a script imports."""
    return _IMPORT.findall(text)


def _got(http: httpx.Client, address: str, **headers: str) -> httpx.Response:
    answer = http.get(address, headers=headers)
    if answer.status_code != 200:
        raise UnexpectedError(f"{address} was answered {answer.status_code}: {answer.text[:500]}")
    return answer


def seen(url: str, cookies: Mapping[str, str], path: str, times: int) -> Seen:
    """By a Chromium whose cache is empty each time. Raises AssertionError when there is none."""
    found = Seen()
    with chromium() as browser:
        for _ in range(times + 1):
            with browser.new_context(viewport={"width": _WIDTH, "height": _HEIGHT}) as context:
                context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
                _look(context.new_page(), f"{url}{path}", found)
    # The first is slower, for the browser is only starting.
    del found.usable[0], found.complete[0]
    return found


def _look(page: Page, address: str, found: Seen) -> None:
    done: list[Request] = []
    page.on("requestfinished", lambda request: done.append(request))
    page.goto(address, wait_until="networkidle")
    timing = page.evaluate("() => performance.getEntriesByType('navigation')[0].toJSON()")
    sizes = [request.sizes() for request in done]
    found.requests = len(sizes)
    found.size = sum(each["responseBodySize"] + each["responseHeadersSize"] for each in sizes)
    found.usable.append(timing["domContentLoadedEventEnd"] / 1000)
    found.complete.append(timing["loadEventEnd"] / 1000)
