"""Cloudflare's bindings in Python over parts that anybody can run. Knows nothing of video."""
