-- Migration number: 0013
-- The common subset of SQLite and PostgreSQL. The version before this one runs on with it: it leaves the column as it is.

-- Pictures of how alike the moments of two videos are: JSON, the object's key by the id of the other video. NULL: none.
ALTER TABLE videos ADD COLUMN matrices TEXT;
