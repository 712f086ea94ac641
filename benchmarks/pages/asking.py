"""What is asked, by whom: every page of the console, and what the API reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from benchmarks.pages.filling import Filled

Who = Literal["nobody", "uploader", "moderator", "admin"]

OPEN = "{open}"
"""Stands for the id of the video that the moderator has open in the queue when it is asked."""

NOWHERE = "no such address"
"""Found in no video, so that all are looked at."""


@dataclass(frozen=True, slots=True)
class Ask:
    """fields: of a form, which is then sent. as_page: by a browser that is signed in; else by a program that shows a
    token."""

    who: Who
    path: str
    as_page: bool = True
    method: Literal["GET", "POST"] = "GET"
    status: int = 200
    fields: Mapping[str, str] | None = None

    @property
    def words(self) -> str:
        """The address with ids made short."""
        said = " ".join(["" if self.method == "GET" else self.method, _shortened(self.path)]).strip()
        return said if not self.fields or "order" not in self.fields else f"{said} ({self.fields['order']})"


def asks(found: Filled, search_id: str, second_owner: str) -> list[Ask]:
    """second_owner: user name. The queue's next video is opened before the queue is looked at."""
    return [*_pages(found, search_id, second_owner), *_answers(found, search_id)]


def _pages(found: Filled, search_id: str, second_owner: str) -> Iterator[Ask]:
    yield Ask("nobody", "/")
    yield Ask("nobody", "/sign-in")
    viewers: tuple[tuple[Who, str], ...] = (("uploader", "holiday/1"), ("moderator", second_owner))
    for who, text in viewers:
        yield Ask(who, "/", status=303)
        yield Ask(who, "/videos")
        yield Ask(who, "/videos?limit=100")
        for status in ("approved", "flagged", "processing"):
            yield Ask(who, f"/videos?status={status}")
        for wanted in ("ab", text, NOWHERE):
            yield Ask(who, f"/videos?q={wanted.replace(' ', '+')}")
        yield Ask(who, f"/videos?status=approved&q={NOWHERE.replace(' ', '+')}")
        yield Ask(who, f"/videos?offset={_last(found, who)}")
        yield Ask(who, f"/videos/{found.ids['approved'][0]}")
        yield Ask(who, f"/videos/{found.ids['flagged'][0]}")
    yield Ask("uploader", f"/videos/{found.ids['processing'][0]}")
    yield Ask("uploader", "/upload")
    yield Ask("uploader", "/try")
    yield Ask("uploader", f"/try/{search_id}")
    yield Ask("uploader", "/me")
    for order in ("oldest", "surest"):
        fields = {"order": order, "skip": OPEN}
        yield Ask("moderator", "/review/next", method="POST", status=303, fields=fields)
        yield Ask("moderator", f"/review?order={order}")
    yield Ask("admin", "/dashboard")
    yield Ask("admin", "/dashboard/live")
    yield Ask("admin", "/webhooks")
    yield Ask("admin", f"/webhooks/{found.webhook_id}")
    yield Ask("admin", f"/webhooks/{found.webhook_id}?status=failed")


def _answers(found: Filled, search_id: str) -> Iterator[Ask]:
    def api(who: Who, path: str, method: Literal["GET", "POST"] = "GET") -> Ask:
        return Ask(who, path, as_page=False, method=method)

    for who in ("uploader", "moderator"):
        yield api(who, "/api/videos")
        yield api(who, "/api/videos?limit=100")
        yield api(who, "/api/videos?status=flagged")
        yield api(who, "/api/videos?q=ab")
        yield api(who, f"/api/videos?offset={_last(found, who)}")
        yield api(who, f"/api/videos/{found.ids['flagged'][0]}")
    yield api("uploader", f"/api/searches/{search_id}")
    yield api("moderator", f"/api/review/next?skip={OPEN}", "POST")
    yield api("moderator", "/api/review")
    yield api("moderator", "/api/review/stats")
    yield api("moderator", f"/api/videos/{found.ids['flagged'][0]}/never-compared")
    yield api("admin", "/api/stats")
    yield api("admin", "/api/stats/costs")
    yield api("admin", "/api/webhooks")
    yield api("admin", f"/api/webhooks/{found.webhook_id}/deliveries")
    yield api("admin", "/internal/failed")
    for path in ("/", "/livez", "/readyz", "/metrics", "/openapi.json"):
        yield api("nobody", path)


def _last(found: Filled, who: Who) -> int:
    """Offset of the last page of twenty."""
    total = found.kinds.total() if who == "moderator" else sum(map(len, found.ids.values()))
    return max(0, total - 1) // 20 * 20


def _shortened(path: str) -> str:
    words = [part if len(part) < 15 else f"{part[:6]}…" for part in path.split("?")[0].split("/")]
    return "?".join(["/".join(words), *path.split("?")[1:]])
