"""The servers that stand in for Cloudflare's on one machine: how each is found, started on loopback and known ready."""

from wrangler_compat.servers.chroma import chroma_program
from wrangler_compat.servers.program import Program, ProgramError, free_port, running
from wrangler_compat.servers.redis import redis_program
from wrangler_compat.servers.s3 import make_bucket, s3_connections, s3_program, sweep

__all__ = [
    "Program",
    "ProgramError",
    "chroma_program",
    "free_port",
    "make_bucket",
    "redis_program",
    "running",
    "s3_connections",
    "s3_program",
    "sweep",
]
