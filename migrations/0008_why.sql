-- Migration number: 0008
-- The version before this one runs on with it: it leaves the new column empty.

-- JSON: the questions that the policy asked of what decided, with the answers, and the nearest thresholds that would
-- have changed the verdict. NULL where no policy decided, and for verdicts of older versions.
ALTER TABLE verdicts ADD COLUMN why TEXT;
