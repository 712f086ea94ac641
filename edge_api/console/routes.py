"""The console's rows of the table of routes."""

from __future__ import annotations

from edge_api.access import Entry, page_for_everybody, page_for_users
from edge_api.console.assets import static
from edge_api.console.library import delete_videos, library
from edge_api.console.me import me
from edge_api.console.review import decide, join, leave, part, review, take_back, take_next
from edge_api.console.sign_in import show_sign_in, sign_in, sign_out
from edge_api.console.upload import upload
from edge_api.console.video import video


def console_routes() -> list[Entry]:
    return [
        page_for_everybody("GET", "/static/{version}/{name}", static),
        page_for_everybody("GET", "/sign-in", show_sign_in),
        page_for_everybody("POST", "/sign-in", sign_in),
        page_for_users("POST", "/sign-out", sign_out),
        page_for_users("GET", "/me", me),
        page_for_users("GET", "/videos", library, "fingerprint:read"),
        page_for_users("POST", "/videos/delete", delete_videos, "fingerprint:delete"),
        page_for_users("GET", "/videos/{video_id}", video, "fingerprint:read"),
        page_for_users("GET", "/upload", upload, "fingerprint:write"),
        page_for_users("GET", "/review", review, "review"),
        page_for_users("POST", "/review/next", take_next, "review"),
        page_for_users("POST", "/review/{video_id}/decide", decide, "review"),
        page_for_users("POST", "/review/{video_id}/undo", take_back, "review"),
        page_for_users("POST", "/review/{video_id}/never/{other_id}", part, "review"),
        page_for_users("POST", "/review/{video_id}/again/{other_id}", join, "review"),
        page_for_users("POST", "/review/{video_id}/leave", leave, "review"),
    ]
