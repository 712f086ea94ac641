-- Migration number: 0005
-- The common subset of SQLite and PostgreSQL. Timestamps: ISO 8601 UTC text.

-- Resumable uploads (tus 1.0) from their creation until expires_at; finished ones tell what video they became.
-- upload_offset: bytes that survive whatever dies: those of tus_parts, and the object tail_key.
-- lock_owner, lock_until: the one request that may write; lock_wanted_at: since when another would like to.
CREATE TABLE tus_uploads (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    video_id TEXT UNIQUE NOT NULL,
    upload_length BIGINT NOT NULL,
    upload_offset BIGINT NOT NULL DEFAULT 0,
    upload_metadata TEXT NOT NULL,
    priority TEXT NOT NULL DEFAULT 'normal' CHECK (priority IN ('high', 'normal', 'low')),
    part_bytes INTEGER NOT NULL,
    r2_key TEXT,
    mime_type TEXT,
    r2_upload_id TEXT,
    tail_key TEXT,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    finished_at TEXT,
    lock_owner TEXT,
    lock_until TEXT,
    lock_wanted_at TEXT
);
CREATE INDEX tus_uploads_user_id ON tus_uploads (user_id);
CREATE INDEX tus_uploads_expires_at ON tus_uploads (expires_at);
CREATE INDEX tus_uploads_r2_upload_id ON tus_uploads (r2_upload_id);

-- Equal parts of the object, in R2 already.
CREATE TABLE tus_parts (
    upload_id TEXT NOT NULL,
    part_number INTEGER NOT NULL,
    etag TEXT NOT NULL,
    PRIMARY KEY (upload_id, part_number)
);
