-- The tone of the sentences that name us, beside that of the whole message. NULL: they are the whole of it, there are none, or it is not scored.

ALTER TABLE assessments ADD COLUMN tone_about text COLLATE "C";
