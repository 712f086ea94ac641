-- Migration number: 0010
-- The version before this one runs on with it: nothing it knows is changed.

-- What the dashboard counts is read from indexes alone.
CREATE INDEX videos_by_verdict ON videos (status, reason, object_deleted_at, file_size);
CREATE INDEX videos_by_day ON videos (uploaded_at, processed_at, file_size);
CREATE INDEX processing_jobs_oldest ON processing_jobs (status, created_at);
CREATE INDEX processing_jobs_ended ON processing_jobs (status, completed_at, started_at);
CREATE INDEX processing_jobs_troubled ON processing_jobs (status, started_at) WHERE error_message IS NOT NULL;

-- How often each operation of R2 was called, on each day, by all processes together.
CREATE TABLE operation_counts (
    day TEXT NOT NULL,
    operation TEXT NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (day, operation)
);

-- One gateway lists the bucket for all.
INSERT INTO duties (name, due_at) VALUES ('storage', '');
