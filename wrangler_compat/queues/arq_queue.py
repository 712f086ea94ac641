"""Queues over arq and Redis: the producer's side (arq_redis.py) and the consumer's (arq_worker.py)."""

from wrangler_compat.queues.arq_redis import ArqQueue, open_arq_queue
from wrangler_compat.queues.arq_worker import ArqSettings, Dispatcher, check_worker_settings, worker_settings

__all__ = ["ArqQueue", "ArqSettings", "Dispatcher", "check_worker_settings", "open_arq_queue", "worker_settings"]
