-- A clock for the whole conversation, beside the one for the next answer.

ALTER TABLE assessments ADD COLUMN resolve_by timestamptz;   -- of a conversation that begins with the message; NULL: no clock
ALTER TABLE conversations ADD COLUMN resolve_by timestamptz; -- kept when it is done; part of the order of work while it is open
