"""What every R2Bucket must do. A backend's test class inherits this and gives a `bucket` fixture."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.wrangler_compat.r2.looking import body_of, chunks, keys, read, refused
from tests.wrangler_compat.r2.multipart_contract import MultipartContract
from wrangler_compat.r2 import codes, limits
from wrangler_compat.r2.types import (
    R2Bucket,
    R2Conditional,
    R2HttpMetadata,
    R2Object,
    R2Range,
)


class R2Contract(MultipartContract):
    async def test_put_then_get(self, bucket: R2Bucket) -> None:
        before = datetime.now(UTC) - timedelta(seconds=2)
        put = await bucket.put("folder/a.txt", b"hello")
        assert put is not None
        assert (put.key, put.size) == ("folder/a.txt", 5)
        assert put.etag == hashlib.md5(b"hello").hexdigest()
        assert put.http_etag == f'"{put.etag}"'
        assert put.version
        assert before < put.uploaded < datetime.now(UTC) + timedelta(seconds=2)
        body = await body_of(bucket, "folder/a.txt")
        assert await body.bytes() == b"hello"
        assert (body.object.key, body.object.size, body.object.etag) == ("folder/a.txt", 5, put.etag)
        assert body.object.version == put.version
        assert body.object.range is None
        head = await bucket.head("folder/a.txt")
        assert head is not None
        assert (head.size, head.etag, head.version) == (5, put.etag, put.version)

    async def test_what_is_not_there_is_none(self, bucket: R2Bucket) -> None:
        assert await bucket.head("absent") is None
        assert await bucket.get("absent") is None
        assert await bucket.get("absent", range=R2Range(offset=3)) is None
        assert await bucket.get("absent", only_if=R2Conditional(etag_matches="x")) is None
        await bucket.delete("absent")

    async def test_a_put_replaces(self, bucket: R2Bucket) -> None:
        await bucket.put("a", b"first", custom_metadata={"n": "1"}, http_metadata=R2HttpMetadata(content_type="text/x"))
        await bucket.put("a", b"second!")
        assert await read(bucket, "a") == b"second!"
        head = await bucket.head("a")
        assert head is not None
        assert head.size == 7
        assert head.custom_metadata == {}
        assert head.http_metadata == R2HttpMetadata()

    async def test_an_empty_object(self, bucket: R2Bucket) -> None:
        await bucket.put("empty", b"")
        assert await read(bucket, "empty") == b""
        with refused(codes.INVALID_RANGE):
            await bucket.get("empty", range=R2Range(offset=0, length=1))

    async def test_text_and_iteration(self, bucket: R2Bucket) -> None:
        content = ("ü" * 400_000).encode()
        await bucket.put("a", content)
        assert await (await body_of(bucket, "a")).text() == "ü" * 400_000
        assert b"".join([chunk async for chunk in await body_of(bucket, "a")]) == content

    async def test_a_body_can_be_read_once(self, bucket: R2Bucket) -> None:
        await bucket.put("a", b"hello")
        body = await body_of(bucket, "a")
        await body.bytes()
        with refused(codes.INVALID_ARGUMENT):
            await body.bytes()
        closed = await body_of(bucket, "a")
        await closed.close()
        with refused(codes.INVALID_ARGUMENT):
            await closed.text()

    @pytest.mark.parametrize("key", ["a b", "ü/é.txt", "a+b&c=d?e#f", "%2F", "a'b\"c", "日本語", "x" * 200])
    async def test_keys_of_all_kinds(self, bucket: R2Bucket, key: str) -> None:
        await bucket.put(key, b"x", custom_metadata={"k": "v"})
        assert await read(bucket, key) == b"x"
        assert await keys(bucket) == [key]
        head = await bucket.head(key)
        assert head is not None
        assert head.custom_metadata == {"k": "v"}
        await bucket.delete(key)
        assert await keys(bucket) == []

    @pytest.mark.parametrize("key", ["", "x" * 1025, "ü" * 513, "\ud800"])
    async def test_keys_that_are_none(self, bucket: R2Bucket, key: str) -> None:
        for call in (
            bucket.put(key, b"x"),
            bucket.get(key),
            bucket.head(key),
            bucket.delete(key),
            bucket.delete([key, "a"]),
            bucket.create_multipart_upload(key),
            bucket.presigned_url(key),
        ):
            with refused(codes.INVALID_OBJECT_NAME):
                await call

    # --- metadata

    async def test_metadata_comes_back(self, bucket: R2Bucket) -> None:
        http = R2HttpMetadata(
            content_type="video/mp4",
            content_language="de",
            content_disposition='attachment; filename="a.mp4"',
            content_encoding="identity",
            cache_control="max-age=60",
        )
        custom = {"user-id": "u1", "title": "Grüße, 日本", "empty": "", "padded": " x ", "odd": "=?utf-8?B?eA==?="}
        put = await bucket.put("a", b"x", http_metadata=http, custom_metadata=custom)
        assert put is not None
        assert (put.http_metadata, put.custom_metadata) == (http, custom)
        head = await bucket.head("a")
        assert head is not None
        assert (head.http_metadata, head.custom_metadata) == (http, custom)
        body = await body_of(bucket, "a", R2Range(length=1))
        assert (body.object.http_metadata, body.object.custom_metadata) == (http, custom)
        await body.close()

    async def test_metadata_does_not_outlive_its_object(self, bucket: R2Bucket) -> None:
        await bucket.put("a", b"x", custom_metadata={"k": "v"})
        await bucket.delete("a")
        await bucket.put("a", b"x")
        head = await bucket.head("a")
        assert head is not None
        assert head.custom_metadata == {}

    async def test_metadata_limits(self, bucket: R2Bucket) -> None:
        with refused(codes.METADATA_TOO_LARGE):
            await bucket.put("a", b"x", custom_metadata={"k": "v" * limits.MAX_METADATA_BYTES})
        with refused(codes.METADATA_TOO_LARGE):
            await bucket.create_multipart_upload("a", custom_metadata={"k": "日" * (limits.MAX_METADATA_BYTES // 2)})
        for name in ("", "Upper", "with space", "ü"):
            with refused(codes.INVALID_ARGUMENT):
                await bucket.put("a", b"x", custom_metadata={name: "v"})
        with refused(codes.INVALID_ARGUMENT):
            await bucket.put("a", b"x", http_metadata=R2HttpMetadata(content_type="text/plain\r\nX-Evil: 1"))
        assert await bucket.head("a") is None

    # --- ranges

    @pytest.mark.parametrize(
        ("wanted", "content", "found"),
        [
            (R2Range(offset=2, length=3), b"234", R2Range(offset=2, length=3)),
            (R2Range(offset=7), b"789", R2Range(offset=7, length=3)),
            (R2Range(length=4), b"0123", R2Range(offset=0, length=4)),
            (R2Range(offset=8, length=100), b"89", R2Range(offset=8, length=2)),
            (R2Range(suffix=3), b"789", R2Range(offset=7, length=3)),
            (R2Range(suffix=100), b"0123456789", R2Range(offset=0, length=10)),
            (R2Range(offset=0, length=10), b"0123456789", R2Range(offset=0, length=10)),
        ],
    )
    async def test_ranges(self, bucket: R2Bucket, wanted: R2Range, content: bytes, found: R2Range) -> None:
        await bucket.put("a", b"0123456789")
        body = await body_of(bucket, "a", wanted)
        assert await body.bytes() == content
        assert body.object.range == found
        assert body.object.size == 10

    @pytest.mark.parametrize(
        "wanted",
        [
            R2Range(offset=10),
            R2Range(offset=11, length=1),
            R2Range(offset=-1),
            R2Range(length=0),
            R2Range(offset=1, length=-1),
            R2Range(suffix=0),
            R2Range(suffix=-3),
            R2Range(suffix=3, offset=1),
            R2Range(suffix=3, length=1),
        ],
    )
    async def test_ranges_that_cannot_be(self, bucket: R2Bucket, wanted: R2Range) -> None:
        await bucket.put("a", b"0123456789")
        with refused(codes.INVALID_RANGE):
            await bucket.get("a", range=wanted)

    # --- conditions

    async def test_get_only_if(self, bucket: R2Bucket) -> None:
        put = await bucket.put("a", b"hello", custom_metadata={"k": "v"})
        assert put is not None
        early, late = put.uploaded - timedelta(hours=1), put.uploaded + timedelta(hours=1)
        for condition in (
            R2Conditional(etag_matches=put.etag),
            R2Conditional(etag_matches=put.http_etag),
            R2Conditional(etag_matches="*"),
            R2Conditional(etag_does_not_match="other"),
            R2Conditional(uploaded_after=early),
            R2Conditional(uploaded_before=late),
            R2Conditional(etag_matches=put.etag, uploaded_before=early),
        ):
            body = await bucket.get("a", only_if=condition)
            assert body is not None
            assert not isinstance(body, R2Object)
            assert await body.bytes() == b"hello"
        for condition in (
            R2Conditional(etag_matches="other"),
            R2Conditional(etag_does_not_match=put.etag),
            R2Conditional(etag_does_not_match="*"),
            R2Conditional(uploaded_after=late),
            R2Conditional(uploaded_before=early),
        ):
            found = await bucket.get("a", only_if=condition)
            assert isinstance(found, R2Object)
            assert (found.etag, found.custom_metadata) == (put.etag, {"k": "v"})

    async def test_put_only_if(self, bucket: R2Bucket) -> None:
        absent = R2Conditional(etag_does_not_match="*")
        assert await bucket.put("a", b"first", only_if=R2Conditional(etag_matches="*")) is None
        assert await bucket.head("a") is None
        first = await bucket.put("a", b"first", only_if=absent)
        assert first is not None
        assert await bucket.put("a", b"second", only_if=absent) is None
        assert await bucket.put("a", b"second", only_if=R2Conditional(etag_matches="other")) is None
        assert await read(bucket, "a") == b"first"
        assert await bucket.put("a", b"second", only_if=R2Conditional(etag_matches=first.etag)) is not None
        assert await read(bucket, "a") == b"second"

    async def test_of_many_who_put_if_absent_one_wins(self, bucket: R2Bucket) -> None:
        absent = R2Conditional(etag_does_not_match="*")
        puts = await asyncio.gather(*(bucket.put("a", f"{n}".encode(), only_if=absent) for n in range(8)))
        (winner,) = [number for number, put in enumerate(puts) if put is not None]
        assert await read(bucket, "a") == f"{winner}".encode()

    async def test_a_conditions_time_needs_a_zone(self, bucket: R2Bucket) -> None:
        await bucket.put("a", b"x")
        with refused(codes.INVALID_ARGUMENT):
            await bucket.get("a", only_if=R2Conditional(uploaded_after=datetime(2026, 1, 1)))

    # --- checksums and streams

    async def test_sha256_is_verified(self, bucket: R2Bucket) -> None:
        digest = hashlib.sha256(b"hello").hexdigest()
        assert await bucket.put("a", b"hello", sha256=digest.upper()) is not None
        with refused(codes.BAD_DIGEST):
            await bucket.put("a", b"Hello", sha256=digest)
        with refused(codes.BAD_DIGEST):
            await bucket.put("b", chunks(b"Hel", b"lo"), sha256=digest)
        with refused(codes.INVALID_ARGUMENT):
            await bucket.put("b", b"hello", sha256="not a checksum")
        assert await read(bucket, "a") == b"hello"
        assert await keys(bucket) == ["a"]

    @pytest.mark.parametrize("parts", [(), (b"",), (b"a", b"", b"bc")])
    async def test_a_short_stream(self, bucket: R2Bucket, parts: tuple[bytes, ...]) -> None:
        put = await bucket.put("a", chunks(*parts))
        assert put is not None
        assert put.size == len(b"".join(parts))
        assert await read(bucket, "a") == b"".join(parts)

    async def test_a_long_stream(self, bucket: R2Bucket) -> None:
        piece = bytes(range(256)) * 4096
        content = piece * 20
        put = await bucket.put(
            "a",
            chunks(*[piece] * 20),
            sha256=hashlib.sha256(content).hexdigest(),
            custom_metadata={"k": "v"},
            http_metadata=R2HttpMetadata(content_type="video/webm"),
        )
        assert put is not None
        assert put.size == len(content)
        body = await body_of(bucket, "a")
        assert body.object.custom_metadata == {"k": "v"}
        assert body.object.http_metadata == R2HttpMetadata(content_type="video/webm")
        assert await body.bytes() == content
        assert await bucket.list_multipart_uploads() == ()

    async def test_a_stream_that_fails_leaves_nothing(self, bucket: R2Bucket) -> None:
        async def breaks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"x" * (8 * limits.MIB)
            raise ConnectionResetError("the client is gone")

        with pytest.raises(ConnectionResetError):
            await bucket.put("a", breaks())
        with refused(codes.BAD_DIGEST):
            await bucket.put("a", chunks(*[b"x" * (8 * limits.MIB)] * 2), sha256="0" * 64)
        assert await bucket.head("a") is None
        assert await bucket.list_multipart_uploads() == ()

    # --- delete and list

    async def test_delete_many(self, bucket: R2Bucket) -> None:
        for number in range(5):
            await bucket.put(f"k{number}", b"x")
        await bucket.delete(["k0", "k2", "absent", "k2"])
        assert await keys(bucket) == ["k1", "k3", "k4"]
        await bucket.delete([])
        await bucket.delete(["k1"])
        assert await keys(bucket) == ["k3", "k4"]
        with refused(codes.INVALID_ARGUMENT):
            await bucket.delete(["x"] * (limits.MAX_DELETE_KEYS + 1))

    async def test_list(self, bucket: R2Bucket) -> None:
        assert (await bucket.list()).objects == ()
        for key in ("a/1", "a/2", "a/b/3", "c", "d/4"):
            await bucket.put(key, key.encode())
        listed = await bucket.list()
        assert [found.key for found in listed.objects] == ["a/1", "a/2", "a/b/3", "c", "d/4"]
        assert not listed.truncated
        assert listed.cursor is None
        assert listed.objects[0].size == 3
        assert listed.objects[0].etag == hashlib.md5(b"a/1").hexdigest()
        assert listed.objects[0].uploaded.tzinfo is not None
        assert await keys(bucket, "a/") == ["a/1", "a/2", "a/b/3"]
        assert await keys(bucket, "a/b") == ["a/b/3"]
        assert await keys(bucket, "absent/") == []

    async def test_list_with_a_delimiter(self, bucket: R2Bucket) -> None:
        for key in ("a/1", "a/b/2", "a/b/3", "a/c/4", "d", "e/5"):
            await bucket.put(key, b"x")
        top = await bucket.list(delimiter="/")
        assert [found.key for found in top.objects] == ["d"]
        assert top.delimited_prefixes == ("a/", "e/")
        below = await bucket.list(prefix="a/", delimiter="/")
        assert [found.key for found in below.objects] == ["a/1"]
        assert below.delimited_prefixes == ("a/b/", "a/c/")
        with refused(codes.INVALID_ARGUMENT):
            await bucket.list(delimiter="-")

    async def test_list_in_pages(self, bucket: R2Bucket) -> None:
        expected = sorted(f"{folder}/{number}" for folder in "abc" for number in range(3))
        for key in expected:
            await bucket.put(key, b"x")
        found, cursor, pages = [], None, 0
        while True:
            page = await bucket.list(limit=4, cursor=cursor)
            found += [listed.key for listed in page.objects]
            pages, cursor = pages + 1, page.cursor
            if not page.truncated:
                break
            assert len(page.objects) == 4
            assert cursor
        assert found == expected
        assert pages == 3

    async def test_list_of_prefixes_in_pages(self, bucket: R2Bucket) -> None:
        for key in ("a/1", "a/2", "b", "c/3", "d/4", "e"):
            await bucket.put(key, b"x")
        found: set[str] = set()
        cursor = None
        for _ in range(6):
            page = await bucket.list(limit=2, delimiter="/", cursor=cursor)
            new = {listed.key for listed in page.objects} | set(page.delimited_prefixes)
            assert not found & new
            assert len(new) <= 2
            found |= new
            cursor = page.cursor
            if not page.truncated:
                break
        assert found == {"a/", "b", "c/", "d/", "e"}

    @pytest.mark.parametrize("limit", [0, -1, 1001])
    async def test_list_limits(self, bucket: R2Bucket, limit: int) -> None:
        with refused(codes.INVALID_MAX_KEYS):
            await bucket.list(limit=limit)

    # --- the rest

    async def test_presigned_urls_have_a_life(self, bucket: R2Bucket) -> None:
        url = await bucket.presigned_url("a b/ü.mp4", expires_seconds=60)
        assert "X-Amz-Expires=60" in url
        assert " " not in url
        for seconds in (0, -1, limits.MAX_PRESIGNED_SECONDS + 1):
            with refused(codes.INVALID_ARGUMENT):
                await bucket.presigned_url("a", expires_seconds=seconds)

    async def test_ping(self, bucket: R2Bucket) -> None:
        await bucket.ping()
