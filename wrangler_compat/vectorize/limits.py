"""Cloudflare's limits of Vectorize, as data, with the page they come from; and one of Chroma's."""

LIMITS_PAGE = "https://developers.cloudflare.com/vectorize/platform/limits/"

MAX_DIMENSIONS = 1536
MAX_ID_BYTES = 64
MAX_NAMESPACE_BYTES = 64
MAX_METADATA_BYTES = 10_240
MAX_TOP_K = 100
MAX_TOP_K_WITH_VALUES_OR_METADATA = 50

# Cloudflare takes 1000 vectors from a Worker and 5000 over HTTP; Chroma's server takes so many, so we do.
MAX_BATCH = 5461

# Of an index: Cloudflare's 64 bytes, and what Chroma allows in it.
NAME_PATTERN = r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]"
# Keys of metadata; a dot or a leading $ would mean something in a filter.
RESERVED_KEY = "wrangler:namespace"
