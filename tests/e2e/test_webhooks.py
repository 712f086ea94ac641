"""A verdict of the running system reaches a receiver that was away when it was made, signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.e2e.system import System, eventually
from tests.e2e.test_killed import PIECE
from tests.processor.clips import write_clip
from wrangler_compat.servers import free_port

Taken = tuple[dict[str, str], bytes]


@contextmanager
def receiver(port: int) -> Iterator[list[Taken]]:
    taken: list[Taken] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def token_of_an_admin(system: System) -> str:
    made = system.run("edge_api", "users", "create", "--email", "h@x.org", "--username", "hooks", "--role", "admin")
    assert made.returncode == 0, made.stderr
    return system.run("edge_api", "tokens", "create", "--user", "hooks").stdout.split()[-1]


def test_a_verdict_reaches_a_receiver_that_was_away(system: System, tmp_path: Path) -> None:
    port = free_port()
    admin = {"Authorization": f"Bearer {token_of_an_admin(system)}"}
    webhooks = f"{system.url}/api/webhooks"
    added = system.http.post(webhooks, json={"url": f"http://localhost:{port}/hook"}, headers=admin)
    assert added.status_code == 201, added.text
    target, secret = added.json()["id"], added.json()["secret"]
    video_id = system.upload(write_clip(tmp_path / "told.mp4", replace(PIECE, seed=401)))
    system.verdict(video_id)

    def has_failed_once() -> bool:
        return any(row["attempts"] for row in system.rows("SELECT attempts FROM webhook_deliveries"))

    eventually(has_failed_once, "a try while nobody listens")
    with receiver(port) as taken:
        eventually(lambda: bool(taken), "the webhook")
        eventually(lambda: system.rows("SELECT status FROM webhook_deliveries") == [{"status": "sent"}], "sent")
    ((headers, body),) = taken
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    told = json.loads(body)
    assert (told["type"], told["data"]["video_id"]) == ("video.approved", video_id)
    shown = system.http.get(f"{webhooks}/{target}/deliveries", headers=admin).json()["deliveries"]
    assert [(each["video_id"], each["status"]) for each in shown] == [(video_id, "sent")]
    assert system.http.delete(f"{webhooks}/{target}", headers=admin).status_code == 200
    assert target not in system.run("consumer", "webhooks", "list").stdout
    for log in system.folder.glob("*.log"):
        assert secret.removeprefix("whsec_") not in log.read_text(errors="replace")
