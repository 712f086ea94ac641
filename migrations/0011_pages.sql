-- Migration number: 0011
-- The version before this one runs on with it: nothing it knows is changed.

-- What a search of the library looks at, in the order of its pages; without a text they are read from these as well.
CREATE INDEX videos_searched ON videos (uploaded_at, id, user_id, status, source_url);
CREATE INDEX videos_searched_of_user ON videos (user_id, uploaded_at, id, status, source_url);
DROP INDEX videos_newest;
DROP INDEX videos_newest_of_user;

-- The deliveries of a target, the latest first, whatever their status; how many there are is read from it alone.
CREATE INDEX webhook_deliveries_latest ON webhook_deliveries (target_id, told_at, id, status);
