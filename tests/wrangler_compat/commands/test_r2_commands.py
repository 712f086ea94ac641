from __future__ import annotations

import os

from tests.services import S3Server
from tests.wrangler_compat.commands.run import Project


def test_an_object_there_and_back(with_s3: Project, unique_name: str) -> None:
    assert with_s3.run("r2", "bucket", "create", unique_name).out == f"Created bucket {unique_name}.\n"
    data = os.urandom(3_000_000)
    source = with_s3.folder / "film.mp4"
    source.write_bytes(data)
    path = f"{unique_name}/videos/film.mp4"
    assert with_s3.run("r2", "object", "put", path, "--file", str(source)).out == f"Wrote 3000000 bytes to {path}.\n"
    target = with_s3.folder / "back.mp4"
    assert with_s3.run("r2", "object", "get", path, "--file", str(target)).code == 0
    assert target.read_bytes() == data
    assert with_s3.run("r2", "object", "get", path, "--pipe").raw == data
    assert sorted(file.name for file in with_s3.folder.glob("*.*p*")) == ["back.mp4", "film.mp4"]
    assert with_s3.run("r2", "object", "delete", path).code == 0
    gone = with_s3.run("r2", "object", "get", path, "--file", str(with_s3.folder / "gone"))
    assert (gone.code, gone.err) == (1, f"error: There is no object {path}.\n")
    assert not (with_s3.folder / "gone").exists()


def test_from_standard_input(with_s3: Project, s3_server: S3Server) -> None:
    path = f"{s3_server.make_bucket()}/text"
    assert with_s3.run("r2", "object", "put", path, "--pipe", "--content-type", "text/plain", source=b"hello").code == 0
    assert with_s3.run("r2", "object", "get", path, "--pipe").raw == b"hello"


def test_a_bucket_twice(with_s3: Project, unique_name: str) -> None:
    assert with_s3.run("r2", "bucket", "create", unique_name).code == 0
    ended = with_s3.run("r2", "bucket", "create", unique_name)
    assert ended.code in {0, 1}
    assert "Traceback" not in ended.err


def test_a_path_without_a_key(with_s3: Project) -> None:
    for path in ("bucket", "bucket/", "/key"):
        ended = with_s3.run("r2", "object", "get", path)
        assert ended.code == 1
        assert "BUCKET/KEY" in ended.err


def test_a_file_that_is_not_there(with_s3: Project, s3_server: S3Server) -> None:
    ended = with_s3.run("r2", "object", "put", f"{s3_server.make_bucket()}/x", "--file", "/no/such/file")
    assert (ended.code, ended.err) == (1, "error: /no/such/file cannot be read: No such file or directory.\n")


def test_a_wrong_key_is_a_sentence(with_s3: Project, s3_server: S3Server) -> None:
    with_s3.environ["R2_SECRET_KEY"] = "wrong" * 8
    ended = with_s3.run("r2", "object", "get", f"{s3_server.make_bucket()}/x", "--pipe")
    assert ended.code == 1
    assert ended.err.startswith("error: ")
