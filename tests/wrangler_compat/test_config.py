from __future__ import annotations

from pathlib import Path

import pytest

from wrangler_compat.config import (
    D1DatabaseConfig,
    QueueConsumerConfig,
    QueueProducerConfig,
    R2BucketConfig,
    RateLimitConfig,
    ServiceConfig,
    SlotsConfig,
    VectorizeConfig,
    WorkerConfig,
    load_worker,
)
from wrangler_compat.errors import ConfigError
from wrangler_compat.wrangler_toml import near_miss

REPOSITORY = Path(__file__).parents[2]

WHOLE = """
name = "consumer"
main = "worker.py"
compatibility_date = "2026-11-01"

[vars]
TEXT = "a"
WHOLE = 3
RATIO = 0.85
FLAG = false

[dev]
port = 8787

[[r2_buckets]]
binding = "VIDEO_BUCKET"
bucket_name = "videos"
preview_bucket_name = "ignored"

[[d1_databases]]
binding = "DB"
database_name = "twinreel"
database_id = "x"
migrations_dir = "../migrations"

[[queues.producers]]
binding = "QUEUE"
queue = "video-normal"
delivery_delay = 2

[[queues.consumers]]
queue = "video-normal"
max_retries = 5
dead_letter_queue = "video-dead"

[[ratelimits]]
name = "LIMITER"
namespace_id = "1001"
simple = { limit = 100, period = 60 }

[[slots]]
name = "SLOTS"
namespace_id = "1002"
limit = 8
lease = 15

[[vectorize]]
binding = "VECTORIZE"
index_name = "video-fingerprints"

[[services]]
binding = "PROCESSOR"
service = "processor"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "wrangler.toml").write_text(text)
    return folder


def load(folder: Path, text: str, **environ: str) -> WorkerConfig:
    return load_worker(write(folder, text), environ)


def test_everything_is_read(tmp_path: Path) -> None:
    config = load(tmp_path, WHOLE)
    assert config.name == "consumer"
    assert config.vars == {"TEXT": "a", "WHOLE": 3, "RATIO": 0.85, "FLAG": False}
    assert config.dev == {"port": 8787}
    assert config.r2_buckets == (R2BucketConfig("VIDEO_BUCKET", "videos"),)
    migrations = str((tmp_path / ".." / "migrations").resolve())
    assert config.d1_databases == (D1DatabaseConfig("DB", "twinreel", "x", migrations),)
    assert config.queue_producers == (QueueProducerConfig("QUEUE", "video-normal", 2),)
    assert config.queue_consumers == (
        QueueConsumerConfig("video-normal", max_retries=5, dead_letter_queue="video-dead"),
    )
    assert config.vectorize == (VectorizeConfig("VECTORIZE", "video-fingerprints", 64, "cosine"),)
    assert config.services == (ServiceConfig("PROCESSOR", "processor"),)
    assert config.ratelimits == (RateLimitConfig("LIMITER", "1001", 100, 60),)
    assert config.slots == (SlotsConfig("SLOTS", "1002", 8, 15),)


def test_the_environment_overrides_vars_with_the_type_of_the_default(tmp_path: Path) -> None:
    config = load(tmp_path, WHOLE, TEXT="b", WHOLE=" 4 ", RATIO="1", FLAG="Yes", OTHER="x")
    assert config.vars == {"TEXT": "b", "WHOLE": 4, "RATIO": 1.0, "FLAG": True}
    assert load(tmp_path, WHOLE, FLAG="off").vars["FLAG"] is False


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WHOLE", "2GB", "WHOLE must be a whole number, not '2GB'"),
        ("RATIO", "much", "RATIO must be a number, not 'much'"),
        ("FLAG", "perhaps", "FLAG must be true or false, not 'perhaps'"),
    ],
)
def test_overrides_that_cannot_be(tmp_path: Path, name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, WHOLE, **{name: value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not valid TOML"),
        ("", "has no name"),
        ('name = "x"\nvrs = {}', r"unknown name vrs; did you mean vars\?"),
        ('name = "x"\nnonsense = 1', "unknown name nonsense; known are"),
        ('name = "x"\n[vars]\nA = [1]', "A must be a string, a number, true or false"),
        ('name = "x"\n[vars]\nlower = 1', "must be written in capitals: LOWER"),
        ('name = "x"\nvars = 1', r"\[vars\] must be a table"),
        ('name = "x"\n[r2_buckets]\nbinding = "B"', "must be a list of tables, written with double brackets"),
        ('name = "x"\n[[r2_buckets]]\nbinding = "B"', "an entry without bucket_name"),
        ('name = "x"\n[[r2_buckets]]\nbinding = "B"\nbuket_name = "b"', r"did you mean bucket_name\?"),
        ('name = "x"\n[[r2_buckets]]\nbinding = 1\nbucket_name = "b"', "binding = 1 has the wrong type"),
        ('name = "x"\n[[queues.consumers]]\nqueue = "q"\nmax_retries = true', "max_retries = True has the wrong type"),
        ('name = "x"\n[queues]\nproducer = []', r"did you mean producers\?"),
        ('name = "x"\n[[ratelimits]]\nname = "B"\nnamespace_id = "1"', "an entry without limit"),
        ('name = "x"\n[[ratelimits]]\nname = "B"\nsimple = 3', "must be a table"),
        ('name = "x"\n[[slots]]\nname = "B"\nnamespace_id = "1"\nlimit = 1', "an entry without lease"),
        ('name = "x"\n[vars]\nB = 1\n[[services]]\nbinding = "B"\nservice = "s"', "declares B twice"),
    ],
)
def test_what_is_wrong_is_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "wrangler.toml") in str(caught.value)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"wrangler.toml does not exist"):
        load_worker(tmp_path, {})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SIMILARITY_TRESHOLD", "SIMILARITY_THRESHOLD"),
        ("MAX_RETRYS", "MAX_RETRIES"),
        ("MAX_RETRIES", None),
        ("PATH", None),
        ("PROCESSOR_PORT", None),
        ("", None),
    ],
)
def test_near_miss(name: str, meant: str | None) -> None:
    known = ["SIMILARITY_THRESHOLD", "MAX_RETRIES", "PROCESSOR_URL", "PORT"]
    assert near_miss(name, known) == meant


@pytest.mark.parametrize("worker", sorted(path.parent.name for path in REPOSITORY.glob("*/wrangler.toml")))
def test_the_repositorys_own_workers_load(worker: str) -> None:
    config = load_worker(REPOSITORY / worker, {})
    assert config.r2_buckets
    for database in config.d1_databases:
        assert Path(database.migrations_dir) == REPOSITORY / "migrations"
