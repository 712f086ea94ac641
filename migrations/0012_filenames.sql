-- Migration number: 0012
-- The version before this one runs on with it: it leaves the new columns empty.

-- The file's name as its uploader knows it, only to be shown and looked for. NULL: nobody named it.
ALTER TABLE videos ADD COLUMN filename TEXT;
-- The same as it is looked for: in lower case, whatever the alphabet; LOWER() of SQLite knows only A to Z.
ALTER TABLE videos ADD COLUMN filename_lower TEXT;

DROP INDEX videos_searched;
DROP INDEX videos_searched_of_user;
CREATE INDEX videos_searched ON videos (uploaded_at, id, user_id, status, source_url, filename_lower);
CREATE INDEX videos_searched_of_user ON videos (user_id, uploaded_at, id, status, source_url, filename_lower);
