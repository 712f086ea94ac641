"""tus over in-memory bindings: the core protocol and its extensions, as the specification tells them."""

from __future__ import annotations

import hashlib
import itertools
import random
from email.utils import parsedate_to_datetime

import httpx
import pytest

from edge_api.env import Env
from tests.edge_api.kit import PART, People, World, ftyp, moov, mp4, serving, settings_with, webm
from tests.edge_api.test_errors import check_shape
from tests.edge_api.test_openapi import DOCUMENT, validate
from tests.edge_api.tus.kit import TUS, Tus, check_refused, checksum, metadata
from wire.jobs import Job

LIMIT = settings_with().max_file_size


async def check_stored(world: World, data: bytes, video_id: str) -> None:
    """The video is there once, with these bytes, its job is on its way, and nothing else is left."""
    (row,) = await world.rows("SELECT * FROM videos WHERE id = ?1", video_id)
    assert row["content_sha256"] == hashlib.sha256(data).hexdigest()
    assert row["file_size"] == len(data)
    stored = await world.env.video_bucket.get(row["r2_key"])
    assert stored is not None
    assert await stored.bytes() == data  # type: ignore[union-attr]
    assert not await world.env.video_bucket.list_multipart_uploads()
    assert await world.keys() == [row["r2_key"]]
    assert await world.rows("SELECT * FROM tus_parts") == []
    jobs = await world.rows("SELECT status FROM processing_jobs WHERE video_id = ?1", video_id)
    assert jobs == [{"status": "pending"}]


async def nothing_is_left(world: World) -> bool:
    rows = await world.rows("SELECT id FROM tus_uploads UNION ALL SELECT upload_id FROM tus_parts")
    return not rows and await world.nothing_is_left()


async def test_what_is_spoken(world: World) -> None:
    answer = await world.client.options("/api/tus", headers=world.alice.headers)
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,creation-with-upload,termination,expiration,checksum"
    assert answer.headers["tus-checksum-algorithm"] == "sha256,sha1,md5"
    assert answer.headers["tus-max-size"] == str(LIMIT)


async def test_one_upload_from_creation_to_video(world: World) -> None:
    tus, data = Tus(world), mp4(2 * PART + 77)
    created = await tus.create(len(data), metadata(filename="holiday.mp4", filetype="video/mp4"))
    assert created.status_code == 201
    assert created.headers["upload-offset"] == "0"
    url = created.headers["location"]
    assert parsedate_to_datetime(created.headers["upload-expires"])
    head = await tus.head(url)
    assert (head.status_code, head.headers["upload-offset"]) == (200, "0")
    assert head.headers["upload-length"] == str(len(data))
    assert head.headers["upload-metadata"] == metadata(filename="holiday.mp4", filetype="video/mp4")["Upload-Metadata"]
    assert head.headers["cache-control"] == "no-store"
    answer = await tus.patch(url, 0, data)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["upload-offset"] == str(len(data))
    video_id = answer.headers["x-video-id"]
    assert answer.headers["content-location"] == f"/api/videos/{video_id}"
    assert all("tus-resumable" in each.headers for each in (created, head, answer))
    await check_stored(world, data, video_id)
    (row,) = await world.rows("SELECT * FROM videos")
    assert (row["status"], row["user_id"], row["mime_type"]) == ("processing", world.alice.id, "video/mp4")
    assert (row["filename"], row["filename_lower"]) == ("holiday.mp4", "holiday.mp4")
    assert world.jobs() == [Job(video_id, request_id=answer.headers["x-request-id"])]
    metrics = (await world.client.get("/metrics")).text
    assert 'twinreel_uploads_total{outcome="accepted"} 1.0' in metrics
    assert "twinreel_upload_bytes_total 1.0485837e+07" in metrics


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"filename": "/home/alice/../\u202eFerien.MP4"}, "Ferien.MP4"),
        ({"filename": "..\\..\\"}, None),
        ({"filename": ""}, None),
        ({"name": "a.mp4", "filetype": "video/mp4"}, None),
        ({}, None),
    ],
)
async def test_the_name_that_is_kept(world: World, sent: dict[str, str], kept: str | None) -> None:
    data = mp4()
    answer = await Tus(world).send(data, 100, headers=metadata(**sent) if sent else {})
    await check_stored(world, data, answer.headers["x-video-id"])
    (row,) = await world.rows("SELECT filename, filename_lower FROM videos")
    assert row == {"filename": kept, "filename_lower": kept and kept.lower()}


async def test_a_client_that_lost_the_last_answer_learns_the_video(world: World) -> None:
    tus, data = Tus(world), mp4()
    url = await tus.created(len(data))
    video_id = (await tus.patch(url, 0, data)).headers["x-video-id"]
    head = await tus.head(url)
    assert (head.headers["x-video-id"], head.headers["upload-offset"]) == (video_id, str(len(data)))
    again = await tus.patch(url, len(data), b"")
    assert (again.status_code, again.headers["x-video-id"]) == (204, video_id)
    assert (await tus.patch(url, 0, data)).status_code == 409
    assert len(await world.rows("SELECT id FROM videos")) == 1


CUTS = [
    (1,),
    (10, 4095, 4096, 4097),
    (PART - 1, PART, PART + 1),
    (PART, 2 * PART),
    (3, PART + 5, 3 * PART - 1),
    (3 * PART + 99,),
    tuple(range(700_000, 3 * PART + 100, 700_000)),
]


@pytest.mark.parametrize("cuts", CUTS, ids=lambda cuts: str(cuts[:3]))
@pytest.mark.parametrize("moves", [False, True], ids=["one process", "another process each time"])
async def test_any_cut(env: Env, people: People, cuts: tuple[int, ...], moves: bool) -> None:
    """moves: nothing that a process remembers helps the next."""
    data = mp4(3 * PART + 100, seed=5)
    async with serving(settings_with(), env, people) as first:
        url = await Tus(first).created(len(data))
    async with serving(settings_with(), env, people) as world:
        for start, stop in itertools.pairwise((0, *cuts, len(data))):
            if not moves:
                answer = await Tus(world).patch(url, start, data[start:stop])
            else:
                async with serving(settings_with(), env, people) as other:
                    answer = await Tus(other).patch(url, start, data[start:stop])
            assert answer.status_code == 204, answer.text
            assert await Tus(world).offset(url) == stop
        await check_stored(world, data, answer.headers["x-video-id"])


@pytest.mark.parametrize("size", [PART, 2 * PART, PART - 1, PART + 1])
async def test_sizes_around_a_part(world: World, size: int) -> None:
    data = mp4(size)
    answer = await Tus(world).send(data, size // 2, size - 1)
    await check_stored(world, data, answer.headers["x-video-id"])


async def test_random_cuts(world: World) -> None:
    chance = random.Random(11)
    for seed in range(8):
        data = mp4(chance.randrange(20_000, 3 * PART), seed=seed)
        cuts = sorted(chance.sample(range(1, len(data)), chance.randrange(0, 6)))
        answer = await Tus(world).send(data, *cuts)
        (row,) = await world.rows("SELECT * FROM videos WHERE id = ?1", answer.headers["x-video-id"])
        assert row["content_sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("data", "extension"), [(webm(), "webm"), (ftyp("qt  ") + moov(b"vide"), "mov")])
async def test_containers(world: World, data: bytes, extension: str) -> None:
    answer = await Tus(world).send(data, 3, headers=metadata(filetype="text/html"))
    (row,) = await world.rows("SELECT r2_key FROM videos WHERE id = ?1", answer.headers["x-video-id"])
    assert row["r2_key"].endswith(f".{extension}")


@pytest.mark.parametrize(("priority", "queue"), [("high", "video_queue_high"), ("low", "video_queue_low")])
async def test_priority(world: World, priority: str, queue: str) -> None:
    answer = await Tus(world).send(mp4(), headers=metadata(priority=priority))
    assert [job.video_id for job in world.jobs(queue)] == [answer.headers["x-video-id"]]


async def test_byte_equal_uploads_are_duplicates_whichever_way_they_came(world: World) -> None:
    data = mp4(PART + 9)
    original = await world.uploaded(data)
    copy = (await Tus(world).send(data, 5, PART + 3)).headers["x-video-id"]
    assert (await world.video(copy))["duplicate_of"] == original
    assert 'outcome="duplicate"} 1.0' in (await world.client.get("/metrics")).text


@pytest.mark.parametrize("sent", [0, 10, 5000, PART + 3])
async def test_creation_with_upload(world: World, sent: int) -> None:
    tus, data = Tus(world), mp4(PART + 99)
    created = await tus.create(len(data), content=data[:sent])
    assert (created.status_code, created.headers["upload-offset"]) == (201, str(sent))
    answer = await tus.patch(created.headers["location"], sent, data[sent:])
    await check_stored(world, data, answer.headers["x-video-id"])


async def test_creation_with_all_of_it(world: World) -> None:
    data = mp4()
    created = await Tus(world).create(len(data), content=data)
    assert created.status_code == 201
    await check_stored(world, data, created.headers["x-video-id"])


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0"])
async def test_another_version(world: World, version: str | None) -> None:
    tus = Tus(world)
    url = await tus.created(10)
    headers = {name: value for name, value in tus.headers.items() if name != "Tus-Resumable"}
    if version:
        headers["Tus-Resumable"] = version
    for method, path in (("POST", "/api/tus"), ("HEAD", url), ("PATCH", url), ("DELETE", url)):
        answer = await world.client.request(method, path, headers=headers)
        assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")
        check_refused(answer, "TUS_VERSION")
    assert (await world.client.options("/api/tus", headers=headers)).status_code == 204


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({}, "Upload-Length"),
        ({"Upload-Length": "-1"}, "Upload-Length"),
        ({"Upload-Defer-Length": "1"}, "Upload-Defer-Length"),
        ({"Upload-Length": "5", "Upload-Concat": "partial"}, "Upload-Concat"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename ???"}, "Upload-Metadata"),
    ],
)
async def test_a_creation_that_cannot_be_understood(world: World, headers: dict[str, str], field: str) -> None:
    answer = await world.client.post("/api/tus", headers={**world.alice.headers, **TUS, **headers})
    body = check_shape(answer)
    assert (body["code"], body["field"]) == ("INVALID_HEADER", field)
    assert await nothing_is_left(world)


async def test_an_unknown_priority(world: World) -> None:
    body = (await Tus(world).create(5, metadata(priority="urgent"))).json()
    assert (body["code"], body["field"]) == ("INVALID_FIELD", "priority")


async def test_too_large(world: World) -> None:
    assert (await Tus(world).create(LIMIT)).status_code == 201
    answer = await Tus(world).create(LIMIT + 1)
    assert (check_shape(answer)["code"], answer.headers["tus-max-size"]) == ("FILE_TOO_LARGE", str(LIMIT))
    assert answer.json()["max_size"] == LIMIT


async def test_an_empty_file(world: World) -> None:
    check_refused(await Tus(world).create(0), "EMPTY_FILE")
    assert await nothing_is_left(world)


async def test_another_offset(world: World) -> None:
    tus, data = Tus(world), mp4()
    url = await tus.created(len(data))
    await tus.patch(url, 0, data[:100])
    for offset in (0, 99, 101, 10**18):
        answer = await tus.patch(url, offset, data[100:200])
        assert (check_shape(answer)["code"], answer.headers["upload-offset"]) == ("OFFSET_MISMATCH", "100")
    assert await tus.offset(url) == 100


@pytest.mark.parametrize("offset", [None, "", "x", "-1", "1e3", "9" * 20])
async def test_an_offset_that_is_none(world: World, offset: str | None) -> None:
    tus = Tus(world)
    url = await tus.created(10)
    headers = {**tus.headers, "Content-Type": "application/offset+octet-stream"}
    if offset is not None:
        headers["Upload-Offset"] = offset
    body = check_shape(await world.client.patch(url, headers=headers, content=b"x"))
    assert (body["code"], body["field"]) == ("INVALID_HEADER", "Upload-Offset")


async def test_another_content_type(world: World) -> None:
    tus = Tus(world)
    url = await tus.created(10)
    answer = await tus.patch(url, 0, b"x", {"Content-Type": "video/mp4"})
    check_refused(answer, "UNSUPPORTED_MEDIA_TYPE")


async def test_more_than_was_announced(world: World) -> None:
    tus, data = Tus(world), mp4()

    async def unannounced() -> object:
        yield data[:15_000]
        yield data[15_000:] + b"more"

    url = await tus.created(len(data))
    check_refused(await tus.patch(url, 0, data + b"x"), "BODY_TOO_LARGE")
    assert await tus.offset(url) == 0
    check_refused(await tus.patch(url, 0, unannounced()), "BODY_TOO_LARGE")  # type: ignore[arg-type]
    offset = await tus.offset(url)
    assert offset == 15_000
    await check_stored(world, data, (await tus.patch(url, offset, data[offset:])).headers["x-video-id"])


@pytest.mark.parametrize("data", [b"text named .mp4" * 1000, webm(doctype=b"matroska"), ftyp("M4A ") + b"x" * 5000])
async def test_another_format_is_refused_with_its_first_bytes(world: World, data: bytes) -> None:
    tus = Tus(world)
    url = await tus.created(10 * PART // 4)
    answer = await tus.patch(url, 0, data)
    check_refused(answer, "UNSUPPORTED_FORMAT")
    assert answer.json()["supported_formats"] == ["mp4", "webm", "mov"]
    assert await nothing_is_left(world)
    check_refused(await tus.head(url), "UPLOAD_NOT_FOUND")
    assert 'outcome="unsupported_format"} 1.0' in (await world.client.get("/metrics")).text


@pytest.mark.parametrize("cuts", [(), (100,), (PART + 9,)])
@pytest.mark.parametrize("moves", [False, True])
async def test_a_file_that_is_cut_or_has_no_picture(
    env: Env, people: People, cuts: tuple[int, ...], moves: bool
) -> None:
    cut = ftyp() + moov(b"vide") + (8 * PART).to_bytes(4, "big") + b"mdat" + bytes(2 * PART)
    silent = ftyp() + moov(b"soun") + (2 * PART).to_bytes(4, "big") + b"mdat" + bytes(2 * PART - 8)
    for data, code in ((cut, "TRUNCATED_FILE"), (silent, "NO_VIDEO_TRACK")):
        async with serving(settings_with(), env, people) as world:
            tus = Tus(world)
            url = await tus.created(len(data))
            for start, stop in itertools.pairwise((0, *cuts)):
                assert (await tus.patch(url, start, data[start:stop])).status_code == 204
            start = cuts[-1] if cuts else 0
            if not moves:
                answer = await tus.patch(url, start, data[start:])
            else:
                async with serving(settings_with(), env, people) as other:
                    answer = await Tus(other).patch(url, start, data[start:])
            check_refused(answer, code)
            assert await nothing_is_left(world)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
@pytest.mark.parametrize("size", [30_000, PART - 9, 2 * PART])
async def test_checksums(world: World, algorithm: str, size: int) -> None:
    tus, data = Tus(world), mp4(size + 50_000)
    url = await tus.created(len(data))
    right = checksum(algorithm, hashlib.new(algorithm, data[:size]).digest())
    wrong = checksum(algorithm, hashlib.new(algorithm, b"other").digest())
    refused = await tus.patch(url, 0, data[:size], wrong)
    assert refused.status_code == 460
    check_refused(refused, "CHECKSUM_MISMATCH")
    assert await tus.offset(url) == 0
    assert not await world.keys()
    assert (await tus.patch(url, 0, data[:size], right)).headers["upload-offset"] == str(size)
    check_refused(await tus.patch(url, size, data[size:], wrong), "CHECKSUM_MISMATCH")
    assert await tus.offset(url) == size
    answer = await tus.patch(url, size, data[size:])
    await check_stored(world, data, answer.headers["x-video-id"])


async def test_checksums_that_cannot_be_read(world: World) -> None:
    tus = Tus(world)
    url = await tus.created(10)
    for text in ("crc32 AAAA", "sha1", "sha1 ???", "sha1 AAAA"):
        body = check_shape(await tus.patch(url, 0, b"x", {"Upload-Checksum": text}))
        assert (body["code"], body["field"]) == ("INVALID_HEADER", "Upload-Checksum")


@pytest.mark.parametrize("sent", [0, 100, PART, 2 * PART + 5])
async def test_termination(world: World, sent: int) -> None:
    tus, data = Tus(world), mp4(3 * PART)
    url = await tus.created(len(data))
    if sent:
        await tus.patch(url, 0, data[:sent])
    assert (await tus.delete(url)).status_code == 204
    assert await nothing_is_left(world)
    for answer in (await tus.head(url), await tus.delete(url), await tus.patch(url, sent, b"x")):
        check_refused(answer, "UPLOAD_NOT_FOUND")


async def test_a_video_is_not_deleted_as_an_upload(world: World) -> None:
    tus, data = Tus(world), mp4()
    url = await tus.created(len(data))
    video_id = (await tus.patch(url, 0, data)).headers["x-video-id"]
    check_refused(await tus.delete(url), "UPLOAD_FINISHED")
    await check_stored(world, data, video_id)


async def test_somebody_elses(world: World) -> None:
    url = await Tus(world).created(10)
    for person in (world.bob, world.moderator, world.admin):
        tus = Tus(world, person)
        for answer in (await tus.head(url), await tus.patch(url, 0, b"x"), await tus.delete(url)):
            check_refused(answer, "UPLOAD_NOT_FOUND")
    assert await Tus(world).offset(url) == 0


def check_described(answer: httpx.Response, path: str) -> None:
    """The document announces the status, and every header of the protocol; a refusal has the body that it says."""
    operation = DOCUMENT["paths"][path][answer.request.method.lower()]
    announced = operation["responses"][str(answer.status_code)]
    names = {name.lower() for name in announced["headers"]}
    ours = {name for name in answer.headers if name.startswith(("upload-", "tus-", "x-", "location", "content-l"))}
    assert ours - {"content-length", "x-content-type-options", "x-frame-options", "tus-resumable"} <= names
    assert answer.headers["tus-resumable"] == "1.0.0"
    if answer.content:
        validate(answer.json(), announced["content"]["application/json"]["schema"])


async def test_the_document_describes_it(world: World) -> None:
    tus, data, one = Tus(world), mp4(), "/api/tus/{upload_id}"
    check_described(await world.client.options("/api/tus", headers=tus.headers), "/api/tus")
    check_described(await tus.create(len(data), content=data), "/api/tus")
    check_described(await tus.create(0), "/api/tus")
    check_described(await world.client.post("/api/tus"), "/api/tus")
    url = await tus.created(len(data), metadata(filename="a.mp4"))
    check_described(await tus.head(url), one)
    check_described(await tus.patch(url, 0, data[:9]), one)
    check_described(await tus.patch(url, 9, data[9:], {"Content-Type": "video/mp4"}), one)
    check_described(await tus.patch(url, 9, data[9:], checksum("md5", bytes(16))), one)
    check_described(await tus.patch(url, 9, data[9:]), one)
    for answer in (await tus.head(url), await tus.delete(url), await tus.delete(f"/api/tus/{'0' * 32}")):
        check_described(answer, one)


async def test_pages_of_other_origins_may_where_the_operator_says_so(env: Env, people: People) -> None:
    origin = {"Origin": "https://page.example"}
    async with serving(settings_with(cors_origins=("https://page.example",)), env, people) as world:
        asked = {
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "tus-resumable,upload-offset",
        }
        preflight = await world.client.options("/api/tus/x", headers=origin | asked)
        assert preflight.status_code == 200
        assert "PATCH" in preflight.headers["access-control-allow-methods"]
        created = await Tus(world).create(10, origin)
        exposed = created.headers["access-control-expose-headers"].lower().split(", ")
        assert {"location", "upload-offset", "upload-expires", "x-video-id", "tus-resumable"} <= set(exposed)
