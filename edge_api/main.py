"""The application over the real bindings: `uvicorn --factory edge_api.main:app`, or `python -m edge_api serve`."""

from __future__ import annotations

from starlette.applications import Starlette

from edge_api.app import create_app
from edge_api.env import open_env
from edge_api.settings import Configuration, configuration
from wrangler_compat.logs import configure_logging

SERVICE = "edge_api"


def app() -> Starlette:
    """Raises ConfigError when wrangler.toml or the environment is wrong."""
    return app_of(configuration())


def app_of(read: Configuration) -> Starlette:
    configure_logging(SERVICE, level=read.settings.log_level)
    return create_app(read.settings, open_env(read), first_token_file=read.first_token_file)
