-- Migration number: 0009
-- The common subset of SQLite and PostgreSQL. Timestamps: ISO 8601 UTC text.
-- The version before this one runs on with it: nothing it knows is changed.

-- Who has which flagged video open; a moderator has one at a time. A claim that has run out may be taken over.
CREATE TABLE review_claims (
    video_id TEXT PRIMARY KEY,
    user_id TEXT UNIQUE NOT NULL,
    claimed_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

-- What moderators settled. id: of the verdict that it made. reason: for which the video was flagged.
-- undo_until: until then it can be taken back; the sweep leaves the video as it is until then.
CREATE TABLE reviews (
    id TEXT PRIMARY KEY,
    video_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('approve', 'reject', 'duplicate')),
    reason TEXT,
    reviewed_at TEXT NOT NULL,
    undo_until TEXT NOT NULL,
    undone_at TEXT
);
CREATE INDEX reviews_video_id ON reviews (video_id);
CREATE INDEX reviews_undo_until ON reviews (undo_until);

INSERT INTO reviews (id, video_id, user_id, decision, reason, reviewed_at, undo_until)
SELECT made.id, made.video_id, substr(made.decided_by, 6),
       CASE made.status WHEN 'approved' THEN 'approve' WHEN 'rejected' THEN 'reject' ELSE 'duplicate' END,
       (SELECT flagged.reason FROM verdicts AS flagged
        WHERE flagged.video_id = made.video_id AND flagged.status = 'flagged' AND flagged.decided_at < made.decided_at
        ORDER BY flagged.decided_at DESC LIMIT 1),
       made.decided_at, made.decided_at
FROM verdicts AS made
WHERE made.decided_by LIKE 'user:%' AND made.status IN ('approved', 'rejected', 'duplicate');

-- The videos that a review changed, as they were before it. part: `settled`, the video itself; `followed`, changed
-- with it; `again`, decided again because of it; `undone`, decided again because it was taken back.
CREATE TABLE review_changes (
    review_id TEXT NOT NULL,
    video_id TEXT NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('settled', 'followed', 'again', 'undone')),
    status TEXT NOT NULL,
    reason TEXT,
    confidence TEXT,
    duplicate_of TEXT,
    similar_to TEXT,
    similarity_score REAL,
    matches TEXT,
    verdict_id TEXT,
    PRIMARY KEY (review_id, video_id, part)
);
CREATE INDEX review_changes_video_id ON review_changes (video_id);

-- Pairs of videos that are not compared any more; first_id < second_id.
CREATE TABLE parted_pairs (
    first_id TEXT NOT NULL,
    second_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    parted_at TEXT NOT NULL,
    PRIMARY KEY (first_id, second_id)
);
CREATE INDEX parted_pairs_second_id ON parted_pairs (second_id);
