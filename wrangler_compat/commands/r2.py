"""r2 bucket create; r2 object get, put, delete."""

from __future__ import annotations

import argparse
import asyncio
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from wrangler_compat.commands.context import Commands, Context, command, subcommands, waiting
from wrangler_compat.errors import ConfigError
from wrangler_compat.r2.s3 import create_s3_bucket, open_s3_bucket
from wrangler_compat.r2.types import R2Bucket, R2HttpMetadata, R2Object

_CHUNK_BYTES = 1024 * 1024


def add(commands: Commands) -> None:
    r2 = command(
        commands,
        "r2",
        "manage buckets and objects",
        example="r2 bucket create NAME\nr2 object get NAME/KEY --file video.mp4",
    )
    kinds = subcommands(r2)
    buckets = subcommands(command(kinds, "bucket", "manage buckets", example="r2 bucket create twinreel-videos"))
    create = command(
        buckets, "create", "make a bucket", example="r2 bucket create twinreel-videos", run=waiting(_create_bucket)
    )
    create.add_argument("name")
    _add_objects(subcommands(command(kinds, "object", "manage objects", example="r2 object get NAME/KEY --pipe")))


def _add_objects(verbs: Commands) -> None:
    get = command(
        verbs,
        "get",
        "read an object",
        example="r2 object get twinreel-videos/videos/2026/11/21/ID.mp4 --file video.mp4",
        run=waiting(_get),
    )
    get.add_argument("path", metavar="BUCKET/KEY")
    target = get.add_mutually_exclusive_group()
    target.add_argument("--file", type=Path, metavar="PATH", help="where to write it (default: the key's last part)")
    target.add_argument("--pipe", action="store_true", help="write it to standard output")
    put = command(
        verbs,
        "put",
        "write an object",
        example="r2 object put twinreel-videos/test.mp4 --file video.mp4",
        run=waiting(_put),
    )
    put.add_argument("path", metavar="BUCKET/KEY")
    source = put.add_mutually_exclusive_group(required=True)
    source.add_argument("--file", type=Path, metavar="PATH", help="what to write")
    source.add_argument("--pipe", action="store_true", help="read it from standard input")
    put.add_argument("--content-type", metavar="TYPE", help="(default: by the file's name)")
    delete = command(
        verbs, "delete", "delete an object", example="r2 object delete twinreel-videos/test.mp4", run=waiting(_delete)
    )
    delete.add_argument("path", metavar="BUCKET/KEY")


async def _create_bucket(options: argparse.Namespace, context: Context) -> None:
    found = context.connections()
    await create_s3_bucket(
        found.needed("R2_ENDPOINT", options.name),
        options.name,
        access_key=found.needed("R2_ACCESS_KEY", options.name),
        secret_key=found.needed("R2_SECRET_KEY", options.name),
        region=found.r2_region,
        sidecar=found.r2_metadata == "sidecar",
    )
    context.line(f"Created bucket {options.name}.")


async def _get(options: argparse.Namespace, context: Context) -> None:
    async with _opened(options.path, context) as (bucket, key):
        body = await bucket.get(key)
        if body is None or isinstance(body, R2Object):
            raise ConfigError(f"There is no object {options.path}.")
        if options.pipe:
            async for chunk in body:
                await asyncio.to_thread(context.raw.write, chunk)
            context.raw.flush()
            return
        target = options.file or Path(key.rpartition("/")[2])
        partial = target.with_name(f".{target.name}.partial")
        with await asyncio.to_thread(partial.open, "wb") as file:
            async for chunk in body:
                await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(partial.replace, target)
        context.line(f"Wrote {body.object.size} bytes to {target}.")


async def _put(options: argparse.Namespace, context: Context) -> None:
    guessed = mimetypes.guess_type(options.file.name)[0] if options.file else None
    metadata = R2HttpMetadata(content_type=options.content_type or guessed)
    async with _opened(options.path, context) as (bucket, key):
        if options.pipe:
            stored = await bucket.put(key, _chunks(context.source), http_metadata=metadata)
        else:
            try:
                with await asyncio.to_thread(options.file.open, "rb") as file:
                    stored = await bucket.put(key, _chunks(file), http_metadata=metadata)
            except OSError as error:
                raise ConfigError(f"{options.file} cannot be read: {error.strerror}.") from error
    if stored is not None:
        context.line(f"Wrote {stored.size} bytes to {options.path}.")


async def _delete(options: argparse.Namespace, context: Context) -> None:
    async with _opened(options.path, context) as (bucket, key):
        await bucket.delete(key)
    context.line(f"Deleted {options.path}.")


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
        yield chunk


@asynccontextmanager
async def _opened(path: str, context: Context) -> AsyncIterator[tuple[R2Bucket, str]]:
    name, slash, key = path.partition("/")
    if not name or not slash or not key:
        raise ConfigError(f"An object is named as BUCKET/KEY, not {path!r}.")
    found = context.connections()
    async with open_s3_bucket(
        found.needed("R2_ENDPOINT", name),
        name,
        access_key=found.needed("R2_ACCESS_KEY", name),
        secret_key=found.needed("R2_SECRET_KEY", name),
        region=found.r2_region,
        sidecar=found.r2_metadata == "sidecar",
    ) as bucket:
        yield bucket, key
