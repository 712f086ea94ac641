"""Limits of ours, as data: Cloudflare has no such binding."""

MAX_LIMIT = 100_000
MAX_LEASE_SECONDS = 3600
MAX_NAME_BYTES = 512
