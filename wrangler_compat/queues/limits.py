"""Cloudflare's limits of Queues, as data, with the page they come from."""

LIMITS_PAGE = "https://developers.cloudflare.com/queues/platform/limits/"

# 1 kB is 1000 bytes there; "up to ~100 bytes of internal metadata" count, which we leave out.
MAX_BODY_BYTES = 128_000
MAX_BATCH_MESSAGES = 100
MAX_BATCH_BYTES = 256_000
MAX_DELAY_SECONDS = 86_400
MAX_RETRIES = 100
# Cloudflare's default; a message that nobody takes for so long is dropped.
RETENTION_SECONDS = 4 * 86_400

NAMES_PAGE = "https://developers.cloudflare.com/queues/configuration/configure-queues/"
NAME_PATTERN = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
