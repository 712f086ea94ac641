"""Cloudflare's limits of the rate limiting binding, as data, with the page they come from; and ours."""

LIMITS_PAGE = "https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/"

PERIODS_SECONDS = (10, 60)

# Ours: the arithmetic in Redis is that of doubles.
MAX_LIMIT = 10**11
MAX_KEY_BYTES = 512
