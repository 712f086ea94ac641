"""The demo as a client of the public API: files go up, verdicts come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx

from benchmarks.demo.instance import DemoError
from benchmarks.demo.plan import Item

Video = Mapping[str, Any]
"""As GET /api/videos/{video_id} tells it."""

_PAUSE_SECONDS = 0.5
_ANSWER_SECONDS = 60.0


class Files(Protocol):
    def ready(self, item: Item) -> Path | None:
        """The file, when it is made."""

    def pause(self, seconds: float) -> None:
        """Let time pass. Raises DemoError when waiting is in vain."""


class Client:
    """Raises DemoError whenever the API does not answer as it should."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_ANSWER_SECONDS, trust_env=False
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def upload(self, path: Path) -> str:
        """The new video's id."""
        with path.open("rb") as file:
            answer = self._ask("POST", "/api/upload", files={"video": (path.name, file)})
        return str(_body(answer)["video_id"])

    def video(self, video_id: str) -> Video | None:
        """None: there is none."""
        answer = self._ask("GET", f"/api/videos/{video_id}")
        return None if answer.status_code == 404 else _body(answer)

    def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **given)
        except httpx.HTTPError as error:
            raise DemoError(
                f"{method} {path} was not answered ({error or type(error).__name__}). Try again."
            ) from error


def verdicts(
    client: Client, items: Sequence[Item], files: Files, known: dict[str, str], patience_seconds: float
) -> Iterator[tuple[Item, Video]]:
    """Uploads each item as soon as its file is there, in their order, and yields it when it is decided.

    known: ids of what an earlier run has uploaded, by name; grows. Raises DemoError.
    """
    waiting, sent, since = list(items), dict[str, Item](), time.monotonic()
    while waiting or sent:
        is_idle = True
        if waiting and (video_id := _there(client, waiting[0], files, known)) is not None:
            sent[video_id], is_idle, since = waiting.pop(0), False, time.monotonic()
        for video_id, item in list(sent.items()):
            video = client.video(video_id)
            if video is None:
                raise DemoError(f"{item.name} was deleted while the demo ran. Run it again.")
            if video["status"] != "processing" or video.get("failed"):
                del sent[video_id]
                is_idle, since = False, time.monotonic()
                yield item, video
        if time.monotonic() - since > patience_seconds:
            raise DemoError(
                f"Nothing was decided for {patience_seconds:.0f} s; python -m consumer failed list may say why."
            )
        if is_idle:
            files.pause(_PAUSE_SECONDS)


def _there(client: Client, item: Item, files: Files, known: dict[str, str]) -> str | None:
    """The id of an item that is uploaded, now or earlier; None while its file is being made."""
    if item.name in known and client.video(known[item.name]) is not None:
        return known[item.name]
    path = files.ready(item)
    if path is None:
        return None
    known[item.name] = client.upload(path)
    return known[item.name]


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = dict(answer.json())
    except ValueError:
        body = {}
    if not answer.is_success or not body:
        asked = f"{answer.request.method} {answer.request.url}"
        raise DemoError(f"{asked} was answered with {answer.status_code}: {body.get('error') or answer.text[:200]}")
    return body
