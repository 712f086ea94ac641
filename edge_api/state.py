"""What lives as long as the application and reaches every request through request.state."""

from __future__ import annotations

from typing import TypedDict

from starlette.requests import Request as StarletteRequest

from edge_api.addresses import Resolve
from edge_api.env import Env
from edge_api.limiting import Limiting
from edge_api.metrics import Metrics
from edge_api.processor import PingProcessor
from edge_api.settings import Settings
from edge_api.turns import Turns
from edge_api.tus.passes import Looks
from edge_api.upload_slots import UploadSlots


class State(TypedDict):
    env: Env
    settings: Settings
    metrics: Metrics
    turns: Turns
    limiting: Limiting
    upload_slots: UploadSlots
    resolve: Resolve
    ping_processor: PingProcessor
    looks: Looks


Request = StarletteRequest[State]
