"""R2's limits.

https://developers.cloudflare.com/r2/platform/limits/
https://developers.cloudflare.com/r2/objects/multipart-objects/
"""

from __future__ import annotations

MIB = 1024 * 1024

MAX_KEY_BYTES = 1024
MAX_METADATA_BYTES = 8192
"""https://developers.cloudflare.com/r2/api/error-codes/ (10012); the local runtime still says 2048."""
MAX_LIST_KEYS = 1000
MAX_DELETE_KEYS = 1000
MAX_OBJECT_BYTES = 5 * 1024 * 1024 * MIB
"""5 TiB, in parts."""
MAX_SINGLE_PUT_BYTES = 5 * 1024 * MIB - 5 * MIB
MIN_PART_BYTES = 5 * MIB
"""Of every part but the last; all but the last are of equal size."""
MAX_PARTS = 10_000
MAX_PRESIGNED_SECONDS = 7 * 24 * 3600
"""https://developers.cloudflare.com/r2/api/s3/presigned-urls/"""
