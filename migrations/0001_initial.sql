-- Migration number: 0001
-- The common subset of SQLite and PostgreSQL. Timestamps: ISO 8601 UTC text.

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT UNIQUE NOT NULL,
    username TEXT UNIQUE,
    role TEXT NOT NULL DEFAULT 'uploader' CHECK (role IN ('uploader', 'moderator', 'admin')),
    created_at TEXT NOT NULL,
    updated_at TEXT
);
CREATE INDEX users_email ON users (email);

CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    token_hash TEXT UNIQUE NOT NULL,
    name TEXT,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    revoked_at TEXT
);
CREATE INDEX api_tokens_user_id ON api_tokens (user_id);

CREATE TABLE videos (
    id TEXT PRIMARY KEY,
    r2_key TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    status TEXT NOT NULL CHECK (status IN ('processing', 'approved', 'duplicate', 'rejected', 'flagged')),
    duplicate_of TEXT REFERENCES videos (id),
    similarity_score REAL,
    fingerprint_id TEXT,
    duration INTEGER,
    file_size INTEGER,
    mime_type TEXT,
    uploaded_at TEXT NOT NULL,
    processed_at TEXT,
    -- what the original schema left out
    priority TEXT NOT NULL DEFAULT 'normal' CHECK (priority IN ('high', 'normal', 'low')),
    tier TEXT NOT NULL DEFAULT 'standard' CHECK (tier IN ('economy', 'standard', 'premium')),
    content_sha256 TEXT,
    source_url TEXT,
    range_start REAL,
    range_stop REAL,
    duration_seconds REAL,
    thumbnail_key TEXT,
    algorithm_version INTEGER,
    indexed_at TEXT,
    -- the version of the catalogue that its last indexing or verdict made
    catalogue_version INTEGER,
    object_deleted_at TEXT,
    verdict_id TEXT,
    reason TEXT,
    confidence TEXT,
    similar_to TEXT,
    matches TEXT,
    request_id TEXT
);
CREATE INDEX videos_user_id ON videos (user_id);
CREATE INDEX videos_status ON videos (status);
CREATE INDEX videos_uploaded_at ON videos (uploaded_at);
CREATE INDEX videos_duplicate_of ON videos (duplicate_of);
CREATE INDEX videos_user_id_status ON videos (user_id, status);
CREATE INDEX videos_content_sha256 ON videos (content_sha256);
CREATE INDEX videos_catalogue_version ON videos (catalogue_version);

CREATE TABLE processing_jobs (
    id TEXT PRIMARY KEY,
    video_id TEXT NOT NULL REFERENCES videos (id),
    status TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
    attempt_count INTEGER NOT NULL DEFAULT 0,
    error_message TEXT,
    started_at TEXT,
    completed_at TEXT,
    created_at TEXT NOT NULL,
    stage TEXT,
    progress REAL NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until TEXT,
    next_attempt_at TEXT,
    -- when the sweep last sent a queue message for it
    woken_at TEXT
);
CREATE UNIQUE INDEX processing_jobs_video_id ON processing_jobs (video_id);
CREATE INDEX processing_jobs_status ON processing_jobs (status);

-- Every opinion ever written on a video; videos.verdict_id names the one in force.
CREATE TABLE verdicts (
    id TEXT PRIMARY KEY,
    video_id TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    confidence TEXT,
    duplicate_of TEXT,
    similar_to TEXT,
    similarity_score REAL,
    matches TEXT NOT NULL,
    policy_version INTEGER NOT NULL,
    thresholds TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at TEXT NOT NULL
);
CREATE INDEX verdicts_video_id ON verdicts (video_id);

CREATE TABLE duplicate_detections (
    id TEXT PRIMARY KEY,
    video_id TEXT NOT NULL,
    matched_video_id TEXT NOT NULL,
    similarity_score REAL NOT NULL,
    audio_match BOOLEAN,
    decision TEXT NOT NULL CHECK (decision IN ('auto_reject', 'flagged', 'approved')),
    detected_at TEXT NOT NULL
);
CREATE INDEX duplicate_detections_video_id ON duplicate_detections (video_id);
CREATE INDEX duplicate_detections_detected_at ON duplicate_detections (detected_at);

-- Identical segment vectors are stored once in the index; this says whose they are.
CREATE TABLE segment_vectors (
    vector_id TEXT NOT NULL,
    video_id TEXT NOT NULL,
    start_seconds REAL NOT NULL,
    PRIMARY KEY (vector_id, video_id, start_seconds)
);
CREATE INDEX segment_vectors_video_id ON segment_vectors (video_id);

-- A content-defined sample of each video's Chromaprint codes.
CREATE TABLE sound_terms (
    term INTEGER NOT NULL,
    video_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (term, video_id, position)
);
CREATE INDEX sound_terms_video_id ON sound_terms (video_id);

-- One row. The version grows with every change that a verdict could depend on: a video indexed, decided or deleted.
CREATE TABLE catalogue (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
);
INSERT INTO catalogue (id, version) VALUES (1, 0);

-- Deleted videos whose vectors and objects may still have to go.
CREATE TABLE purges (
    video_id TEXT PRIMARY KEY,
    r2_keys TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    video_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at TEXT NOT NULL,
    sent_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT
);
CREATE INDEX notifications_sent_at ON notifications (sent_at);

CREATE TABLE audit_log (
    id TEXT PRIMARY KEY,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX audit_log_subject ON audit_log (subject);
