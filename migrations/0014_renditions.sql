-- Migration number: 0014
-- The common subset of SQLite and PostgreSQL. The version before this one runs on with it: it leaves the new columns
-- empty and knows nothing of the new table.

-- What the file is made of, JSON; and whether browsers play it: 1, 0, or NULL where nobody has looked.
ALTER TABLE videos ADD COLUMN media TEXT;
ALTER TABLE videos ADD COLUMN plays INTEGER;
CREATE INDEX videos_unplayable ON videos (uploaded_at, id) WHERE plays = 0;

-- What browsers are given in place of a file that they do not play. The columns of the job are those of
-- processing_jobs: pending is wanted, completed is made. No key refers to the video, for the version before deletes
-- that alone; a row without it is removed by the sweep. error_message: the reason, once failed.
CREATE TABLE renditions (
    video_id TEXT PRIMARY KEY,
    r2_key TEXT UNIQUE NOT NULL,
    width INTEGER,
    height INTEGER,
    duration_seconds REAL,
    file_size INTEGER,
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
CREATE INDEX renditions_status ON renditions (status, created_at);
