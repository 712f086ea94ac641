"""The body of a PATCH: read until it ends, is cut or has to give way, and what came until then is kept.

A body with a checksum is all or nothing: its bytes count only when they are those of the checksum. A small one waits
in memory for that, a large one in the bucket.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import ClientDisconnect

from edge_api.env import Env
from edge_api.errors import ApiError
from edge_api.keys import new_id
from edge_api.objects import ObjectWriter
from edge_api.settings import Settings
from edge_api.state import Request
from edge_api.streams import Meter, Patience
from edge_api.tus.headers import BODY_TYPE, Checksum
from edge_api.tus.locks import Lock
from edge_api.tus.passes import Looks
from edge_api.tus.receiving import Receiver
from edge_api.tus.records import Ledger, OpenUpload
from edge_api.tus.stored import StoreLossError, chunks_of, forget, opened
from wrangler_compat.errors import BindingError


@dataclass(frozen=True, slots=True)
class Body:
    """announced: its length in bytes, where the client says."""

    request: Request
    meter: Meter
    announced: int | None
    checksum: Checksum | None


async def receive(
    env: Env, settings: Settings, looks: Looks, ledger: Ledger, lock: Lock, upload: OpenUpload, body: Body
) -> OpenUpload:
    """The upload as its row is when the body has been read. Raises ApiError, ClientDisconnect, StoreLossError,
    BindingError; what came until then is kept, but for what the receiver refuses."""
    receiver = Receiver(env, settings, looks, ledger, upload)
    await receiver.begin()
    lock.patience = patience = Patience(settings.upload_idle_seconds)
    lock.on_beat = receiver.record
    chunks = _within(body, patience, upload.length - upload.offset)
    try:
        try:
            async with aclosing(chunks):
                if body.checksum is None:
                    await _pass_on(chunks, receiver)
                else:
                    await _pass_on_checked(env, settings, chunks, body.checksum, body.announced, upload, receiver)
        except (ApiError, ClientDisconnect) as error:
            if not (isinstance(error, ApiError) and error.code == "UNSUPPORTED_FORMAT"):
                await receiver.end()
            raise
        except asyncio.CancelledError:
            if not lock.is_lost:
                # The gateway is being stopped, and must not let its bindings go before this is done.
                ending = asyncio.create_task(receiver.end())
                body.request.state["turns"].ending.add(ending)
                await asyncio.shield(ending)
            raise
        await receiver.end()
    except (BindingError, StoreLossError):
        await receiver.salvage()
        raise
    finally:
        lock.patience = lock.on_beat = None
        await receiver.cancel()
    if patience.has_given_up:
        raise ApiError("UPLOAD_LOCKED")
    return receiver.upload


async def _within(body: Body, patience: Patience, room: int) -> AsyncGenerator[bytes, None]:
    """room: bytes that the upload still lacks. Raises ApiError BODY_TOO_LARGE, RATE_LIMITED, UPLOAD_STALLED."""
    async with aclosing(body.request.stream()) as stream:
        async for chunk in patience.chunks(stream):
            room -= len(chunk)
            if room < 0:
                raise ApiError("BODY_TOO_LARGE", "The body goes beyond Upload-Length.")
            await body.meter.take(len(chunk))
            yield chunk


async def _pass_on(chunks: AsyncIterator[bytes], receiver: Receiver) -> None:
    async for chunk in chunks:
        await receiver.take(memoryview(chunk))


async def _pass_on_checked(
    env: Env,
    settings: Settings,
    chunks: AsyncIterator[bytes],
    checksum: Checksum,
    announced: int | None,
    upload: OpenUpload,
    receiver: Receiver,
) -> None:
    """Raises ApiError CHECKSUM_MISMATCH, before the receiver has had any of it."""
    digest = checksum.begin()
    if announced is not None and announced <= upload.part_bytes:
        held = bytearray()
        async for chunk in chunks:
            held += chunk
        whole = bytes(held)
        digest.update(whole)
        _check(checksum, digest.digest())
        await receiver.take(memoryview(whole))
        return
    key = f"{upload.folder}checked-{new_id()}"
    writer = ObjectWriter(
        env.video_bucket,
        key,
        BODY_TYPE,
        part_bytes=upload.part_bytes,
        in_flight=settings.upload_parts_in_flight,
        timeout_seconds=settings.transfer_timeout_seconds,
    )
    try:
        async for chunk in chunks:
            digest.update(chunk)
            await writer.write(memoryview(chunk))
        _check(checksum, digest.digest())
        await writer.finish()
    except BaseException:
        await writer.discard()
        raise
    await _pass_on(chunks_of(await opened(env, settings, key), settings), receiver)
    await forget(env, settings, key)


def _check(checksum: Checksum, found: bytes) -> None:
    if found != checksum.expected:
        raise ApiError("CHECKSUM_MISMATCH")
