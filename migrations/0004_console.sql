-- Migration number: 0004
-- The version before this one runs on with it: nothing it knows is changed.

-- Who is signed in to the console. id_hash: SHA-256 of the random id that the browser's cookie holds.
-- flash: JSON of what the next page is to say once.
CREATE TABLE console_sessions (
    id_hash TEXT PRIMARY KEY,
    token_id TEXT NOT NULL,
    csrf_secret TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    flash TEXT
);
CREATE INDEX console_sessions_token_id ON console_sessions (token_id);
CREATE INDEX console_sessions_expires_at ON console_sessions (expires_at);

-- A page of videos, newest first, whoever asks and whatever the status: read from the index in its order.
CREATE INDEX videos_newest ON videos (uploaded_at, id);
CREATE INDEX videos_newest_of_user ON videos (user_id, uploaded_at, id);
CREATE INDEX videos_newest_of_status ON videos (status, uploaded_at, id);
CREATE INDEX videos_newest_of_user_and_status ON videos (user_id, status, uploaded_at, id);
