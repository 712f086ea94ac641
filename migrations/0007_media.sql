-- The common subset of SQLite and PostgreSQL. The version before this one runs on with it.

-- Small pictures of the video side by side in one JPEG. preview_layout: JSON, their number, width and height.
ALTER TABLE videos ADD COLUMN preview_key TEXT;
ALTER TABLE videos ADD COLUMN preview_layout TEXT;
