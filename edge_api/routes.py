"""The one table of routes: method, address, who may call it, and what answers. The OpenAPI document is made from it."""

from __future__ import annotations

from edge_api import answers, events, health, index, internal, remote, searches, uploads, videos, webhooks
from edge_api.access import Entry, for_everybody, for_scope, for_services, for_services_or_scope, for_uploads
from edge_api.console.routes import console_routes
from edge_api.console.sign_in import home
from edge_api.moderation import claims, pairs, queue, reviews, undoing
from edge_api.stats import handlers as stats
from edge_api.tus import handlers as tus


def routes() -> list[Entry]:
    """The public API's, and the console's."""
    return [*api_routes(), *console_routes()]


def api_routes() -> list[Entry]:
    return [
        for_everybody("GET", "/", home),
        for_everybody("GET", "/openapi.json", index.openapi_document),
        for_everybody("GET", "/livez", health.livez),
        for_everybody("GET", "/readyz", health.readyz),
        for_everybody("GET", "/metrics", health.metrics),
        for_uploads("POST", "/api/upload", "fingerprint:write", uploads.upload),
        for_scope("OPTIONS", "/api/tus", "fingerprint:write", tus.options),
        for_uploads("POST", "/api/tus", "fingerprint:write", tus.create_upload),
        for_scope("HEAD", "/api/tus/{upload_id}", "fingerprint:write", tus.tell_offset),
        for_uploads("PATCH", "/api/tus/{upload_id}", "fingerprint:write", tus.patch_upload, counts_as="requests"),
        for_scope("DELETE", "/api/tus/{upload_id}", "fingerprint:write", tus.delete_upload),
        for_scope("POST", "/api/fingerprints", "fingerprint:write", remote.fingerprint_url, counts_as="uploads"),
        for_uploads("POST", "/api/search", "fingerprint:read", searches.search),
        for_uploads("POST", "/api/compare", "fingerprint:read", searches.compare),
        for_scope("GET", "/api/searches/{search_id}", "fingerprint:read", answers.get_search),
        for_scope("DELETE", "/api/searches/{search_id}", "fingerprint:read", answers.delete_search),
        for_scope("GET", "/api/videos", "fingerprint:read", videos.list_videos),
        for_scope("GET", "/api/videos/{video_id}", "fingerprint:read", videos.get_video),
        for_scope("DELETE", "/api/videos/{video_id}", "fingerprint:delete", videos.delete_video),
        for_scope("GET", "/api/videos/{video_id}/events", "fingerprint:read", events.events),
        for_scope("POST", "/api/videos/{video_id}/review", "review", reviews.review),
        for_scope("POST", "/api/videos/{video_id}/review/undo", "review", undoing.undo_review),
        for_scope("POST", "/api/videos/{video_id}/claim", "review", claims.claim),
        for_scope("DELETE", "/api/videos/{video_id}/claim", "review", claims.release_video),
        for_scope("GET", "/api/videos/{video_id}/never-compared", "review", pairs.list_parted),
        for_scope("PUT", "/api/videos/{video_id}/never-compared/{other_id}", "review", pairs.part_pair),
        for_scope("DELETE", "/api/videos/{video_id}/never-compared/{other_id}", "review", pairs.join_pair),
        for_scope("GET", "/api/review", "review", queue.show_queue),
        for_scope("POST", "/api/review/next", "review", claims.take_next_video),
        for_scope("GET", "/api/review/stats", "review", queue.show_statistics),
        for_scope("GET", "/api/webhooks", "admin", webhooks.list_webhooks),
        for_scope("POST", "/api/webhooks", "admin", webhooks.create_webhook),
        for_scope("DELETE", "/api/webhooks/{webhook_id}", "admin", webhooks.delete_webhook),
        for_scope("POST", "/api/webhooks/{webhook_id}/rotate", "admin", webhooks.rotate_webhook),
        for_scope("GET", "/api/webhooks/{webhook_id}/deliveries", "admin", webhooks.list_deliveries),
        for_scope("GET", "/api/stats", "admin", stats.stats),
        for_scope("GET", "/api/stats/costs", "admin", stats.cost_stats),
        for_services("POST", "/internal/fingerprint-complete", internal.fingerprint_complete),
        for_services_or_scope("GET", "/internal/failed", "admin", internal.failed),
        for_services_or_scope("POST", "/internal/retry", "admin", internal.retry),
    ]
