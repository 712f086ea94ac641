"""The console's rows of the table of routes."""

from __future__ import annotations

from edge_api.access import Entry, page_for_everybody, page_for_users
from edge_api.console.assets import static
from edge_api.console.dashboard import dashboard, dashboard_live, retry_failed
from edge_api.console.library import delete_videos, library
from edge_api.console.me import me
from edge_api.console.review import decide, join, leave, part, review, take_back, take_next
from edge_api.console.sign_in import show_sign_in, sign_in, sign_out
from edge_api.console.try_it import tried, try_it
from edge_api.console.upload import upload
from edge_api.console.video import video
from edge_api.console.webhooks import add_webhook, delete_webhook, list_webhooks, rotate_webhook, show_webhook


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
        page_for_users("GET", "/try", try_it, "fingerprint:read"),
        page_for_users("GET", "/try/{search_id}", tried, "fingerprint:read"),
        page_for_users("GET", "/dashboard", dashboard, "admin"),
        page_for_users("GET", "/dashboard/live", dashboard_live, "admin"),
        page_for_users("POST", "/dashboard/retry", retry_failed, "admin"),
        page_for_users("GET", "/webhooks", list_webhooks, "admin"),
        page_for_users("POST", "/webhooks", add_webhook, "admin"),
        page_for_users("GET", "/webhooks/{webhook_id}", show_webhook, "admin"),
        page_for_users("POST", "/webhooks/{webhook_id}/delete", delete_webhook, "admin"),
        page_for_users("POST", "/webhooks/{webhook_id}/rotate", rotate_webhook, "admin"),
        page_for_users("GET", "/review", review, "review"),
        page_for_users("POST", "/review/next", take_next, "review"),
        page_for_users("POST", "/review/{video_id}/decide", decide, "review"),
        page_for_users("POST", "/review/{video_id}/undo", take_back, "review"),
        page_for_users("POST", "/review/{video_id}/never/{other_id}", part, "review"),
        page_for_users("POST", "/review/{video_id}/again/{other_id}", join, "review"),
        page_for_users("POST", "/review/{video_id}/leave", leave, "review"),
    ]
