"""A worker's configuration: its wrangler.toml (wrangler_toml.py) and its settings (settings.py)."""

from wrangler_compat.settings import SettingDescription, describe_settings, setting, settings_from
from wrangler_compat.wrangler_toml import (
    D1DatabaseConfig,
    QueueConsumerConfig,
    QueueProducerConfig,
    R2BucketConfig,
    RateLimitConfig,
    ServiceConfig,
    SlotsConfig,
    Var,
    VectorizeConfig,
    WorkerConfig,
    load_worker,
)

__all__ = [
    "D1DatabaseConfig",
    "QueueConsumerConfig",
    "QueueProducerConfig",
    "R2BucketConfig",
    "RateLimitConfig",
    "ServiceConfig",
    "SettingDescription",
    "SlotsConfig",
    "Var",
    "VectorizeConfig",
    "WorkerConfig",
    "describe_settings",
    "load_worker",
    "setting",
    "settings_from",
]
