"""Clients that upload, and somebody who kills: each process with -9, at random, and all that Redis holds."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from benchmarks.chaos.outcome import Kill
from tests.e2e.system import System
from wrangler_compat.servers.s3 import sweep

PROCESSES = ("edge_api", "consumer", "processor", "redis", "s3", "chroma")
WIPE = "redis, wiped"
_ANSWER_SECONDS = 60.0
_LONGEST_REST_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Upload:
    """clip: what the file shows. at: when it is sent, seconds after the beginning."""

    clip: int
    file: Path
    at: float


@dataclass
class Clients:
    """Upload until each upload is accepted; a client that gets no answer, or 503 with Retry-After, sends again."""

    system: System
    accepted: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, uploads: Sequence[Upload], count: int) -> None:
        begun = time.monotonic()
        with ThreadPoolExecutor(count) as threads:
            for done in [threads.submit(self._upload, upload, begun) for upload in uploads]:
                done.result()

    def _upload(self, upload: Upload, begun: float) -> None:
        time.sleep(max(0.0, begun + upload.at - time.monotonic()))
        dice = Random(f"{upload.file} {upload.at}")
        while True:
            try:
                answer = self._post(upload)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 200:
                with self._lock:
                    self.accepted[str(answer.json()["video_id"])] = upload.clip
                return
            if answer is not None and (answer.status_code != 503 or "retry-after" not in answer.headers):
                raise RuntimeError(f"an upload was answered with {answer.status_code}: {answer.text[:200]}")
            with self._lock:
                self.refused += answer is not None
                self.unanswered += answer is None
            time.sleep(dice.uniform(0.2, 1.0))

    def _post(self, upload: Upload) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.system.token}"}
        with upload.file.open("rb") as file, httpx.Client(timeout=_ANSWER_SECONDS) as http:
            # The clip is told in the file's name, for the log; the gateway keeps nothing of it.
            files = {"video": (upload.file.name, file)}
            return http.post(f"{self.system.url}/api/upload", headers=headers, files=files)


@dataclass
class Killer:
    """kills: how many, of them `wipes` times Redis with all it holds. pause: seconds between two, on the average."""

    system: System
    dice: Random
    kills: int
    wipes: int
    pause: float
    done: list[Kill] = field(default_factory=list)

    def run(self) -> None:
        """Returns when everything answers again after the last."""
        begun = time.monotonic()
        for victim in self._victims():
            time.sleep(self.dice.uniform(0.5, 1.5) * self.pause)
            at = time.monotonic()
            if victim == WIPE:
                self.system.forget_all_messages()
            self._kill("redis" if victim == WIPE else victim)
            self.done.append(Kill(victim, at - begun, time.monotonic() - at))
            print(f"{at - begun:7.1f} s  {victim}, back after {self.done[-1].seconds:.1f} s", flush=True)

    def _victims(self) -> list[str]:
        """Each process about as often as the others, in no order."""
        ordinary = [PROCESSES[n % len(PROCESSES)] for n in range(self.kills - self.wipes)]
        victims = [*ordinary, *[WIPE] * self.wipes]
        self.dice.shuffle(victims)
        return victims

    def _kill(self, name: str) -> None:
        process = self.system.processes[name]
        process.kill()
        time.sleep(self.dice.uniform(0.0, _LONGEST_REST_SECONDS))
        if name == "s3":
            # What `dev` does, too, before it starts the server again.
            sweep(self.system.folder / "s3")
        process.start()
