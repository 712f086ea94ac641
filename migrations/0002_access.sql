-- Migration number: 0002
-- The version before this one runs on with it: every new column may be left out.

-- What a token may do, separated by spaces; NULL: all that its user's role allows.
ALTER TABLE api_tokens ADD COLUMN scopes TEXT;

-- What a user may keep; NULL: what the settings say, 0: without limit.
ALTER TABLE users ADD COLUMN quota_videos INTEGER;
ALTER TABLE users ADD COLUMN quota_bytes INTEGER;

CREATE INDEX audit_log_at ON audit_log (at);
