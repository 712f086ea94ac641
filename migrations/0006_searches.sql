-- The common subset of SQLite and PostgreSQL. Timestamps: ISO 8601 UTC text.

-- Videos that are looked up in the catalogue, or compared with another, without being added to it. The columns of the
-- job are those of processing_jobs. answer: JSON, once completed. reference_key: of the object of the other video;
-- reference_id: the other one is a video of the catalogue.
CREATE TABLE searches (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('search', 'compare')),
    r2_key TEXT NOT NULL,
    source_url TEXT,
    content_sha256 TEXT,
    file_size INTEGER,
    mime_type TEXT,
    reference_key TEXT,
    reference_id TEXT,
    request_id TEXT,
    answer TEXT,
    objects_deleted_at TEXT,
    status TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
    attempt_count INTEGER NOT NULL DEFAULT 0,
    error_message TEXT,
    created_at TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    stage TEXT,
    progress REAL NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until TEXT,
    next_attempt_at TEXT,
    woken_at TEXT,
    worker_deaths INTEGER NOT NULL DEFAULT 0,
    shared_lease INTEGER NOT NULL DEFAULT 0,
    is_suspect INTEGER NOT NULL DEFAULT 0,
    quarantined_at TEXT,
    interruptions INTEGER NOT NULL DEFAULT 0,
    outage_since TEXT
);
CREATE INDEX searches_status ON searches (status);
CREATE INDEX searches_completed_at ON searches (completed_at);
