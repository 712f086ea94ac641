-- Migration number: 0003
-- The common subset of SQLite and PostgreSQL. Timestamps: ISO 8601 UTC text.

-- What the doctor walks in the order of the bucket's listing.
CREATE INDEX videos_r2_key ON videos (r2_key);
CREATE INDEX videos_fingerprint_id ON videos (fingerprint_id);

-- Work that one worker does for all, now and then. result: JSON of the last time.
CREATE TABLE duties (
    name TEXT PRIMARY KEY,
    due_at TEXT NOT NULL,
    done_at TEXT,
    result TEXT
);
INSERT INTO duties (name, due_at) VALUES ('doctor', '');

-- How often a job's worker died under it alone. shared_lease: 1 while its worker has, or had, other jobs in hand too.
-- is_suspect: 1 when its worker died with several in hand; it is then done alone.
ALTER TABLE processing_jobs ADD COLUMN worker_deaths INTEGER NOT NULL DEFAULT 0;
ALTER TABLE processing_jobs ADD COLUMN shared_lease INTEGER NOT NULL DEFAULT 0;
ALTER TABLE processing_jobs ADD COLUMN is_suspect INTEGER NOT NULL DEFAULT 0;
ALTER TABLE processing_jobs ADD COLUMN quarantined_at TEXT;
-- Tries that were cut short by something else than the job: they do not count against it.
ALTER TABLE processing_jobs ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;
-- Since when a job waits for something it needs and that does not answer.
ALTER TABLE processing_jobs ADD COLUMN outage_since TEXT;

-- Where notifications are sent. kinds: JSON array; empty: all.
CREATE TABLE webhook_targets (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    created_at TEXT NOT NULL,
    disabled_at TEXT,
    disabled_reason TEXT
);

-- Several while one replaces another; each signs until it expires.
CREATE TABLE webhook_secrets (
    id TEXT PRIMARY KEY,
    target_id TEXT NOT NULL REFERENCES webhook_targets (id),
    secret TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT
);
CREATE INDEX webhook_secrets_target_id ON webhook_secrets (target_id);

-- One notification on its way to one target. told_at orders what a target is told of one video.
CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    target_id TEXT NOT NULL REFERENCES webhook_targets (id),
    notification_id TEXT NOT NULL,
    video_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    told_at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT NOT NULL,
    give_up_at TEXT NOT NULL,
    sent_at TEXT,
    last_error TEXT
);
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (target_id, notification_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (status, next_attempt_at);
CREATE INDEX webhook_deliveries_video ON webhook_deliveries (video_id, target_id);
