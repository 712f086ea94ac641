"""The one table of routes: method, address, who may call it, and what answers. The OpenAPI document is made from it."""

from __future__ import annotations

from edge_api import answers, events, health, index, internal, remote, reviews, searches, uploads, videos
from edge_api.access import Entry, for_everybody, for_scope, for_services, for_services_or_scope


def routes() -> list[Entry]:
    return [
        for_everybody("GET", "/", index.index),
        for_everybody("GET", "/openapi.json", index.openapi_document),
        for_everybody("GET", "/livez", health.livez),
        for_everybody("GET", "/readyz", health.readyz),
        for_everybody("GET", "/metrics", health.metrics),
        for_scope("POST", "/api/upload", "fingerprint:write", uploads.upload, counts_as="uploads"),
        for_scope("POST", "/api/fingerprints", "fingerprint:write", remote.fingerprint_url, counts_as="uploads"),
        for_scope("POST", "/api/search", "fingerprint:read", searches.search, counts_as="uploads"),
        for_scope("POST", "/api/compare", "fingerprint:read", searches.compare, counts_as="uploads"),
        for_scope("GET", "/api/searches/{search_id}", "fingerprint:read", answers.get_search),
        for_scope("DELETE", "/api/searches/{search_id}", "fingerprint:read", answers.delete_search),
        for_scope("GET", "/api/videos", "fingerprint:read", videos.list_videos),
        for_scope("GET", "/api/videos/{video_id}", "fingerprint:read", videos.get_video),
        for_scope("DELETE", "/api/videos/{video_id}", "fingerprint:delete", videos.delete_video),
        for_scope("GET", "/api/videos/{video_id}/events", "fingerprint:read", events.events),
        for_scope("POST", "/api/videos/{video_id}/review", "review", reviews.review),
        for_services("POST", "/internal/fingerprint-complete", internal.fingerprint_complete),
        for_services_or_scope("GET", "/internal/failed", "admin", internal.failed),
        for_services_or_scope("POST", "/internal/retry", "admin", internal.retry),
    ]
