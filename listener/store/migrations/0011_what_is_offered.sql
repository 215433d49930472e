-- What whoever approves is shown: several texts for one reply, and their pictures; and who has read a hand-over note.

-- Further texts for the same reply, of which whoever approves chooses one. The first is the body.
ALTER TABLE drafts ADD COLUMN options text[] NOT NULL DEFAULT '{}' CHECK (cardinality(options) <= 4);
ALTER TABLE approvals ADD COLUMN options text[] NOT NULL DEFAULT '{}' CHECK (cardinality(options) <= 4);
ALTER TABLE approvals ADD COLUMN option smallint NOT NULL DEFAULT 1 CHECK (option BETWEEN 1 AND cardinality(options) + 1); -- the one that was chosen

-- A picture is a draft's (neither is set), waits with what was submitted (approval_id), and goes out with a reply (reply_id). What was
-- submitted keeps it, also where it was not chosen, taken off, or sent back; the draft that comes back has pictures of its own.
ALTER TABLE attachments ADD COLUMN approval_id bigint REFERENCES approvals;
ALTER TABLE attachments ADD COLUMN option smallint NOT NULL DEFAULT 1 CHECK (option BETWEEN 1 AND 5); -- of its draft or approval
ALTER TABLE attachments ADD COLUMN submitted text NOT NULL DEFAULT ''; -- its words as they were submitted, where whoever approved changed them
-- Bytes of what went out or came to nothing long ago are swept; what is known of the picture stays.
ALTER TABLE attachments ADD COLUMN size int;
UPDATE attachments SET size = octet_length(content);
ALTER TABLE attachments ALTER size SET NOT NULL;
ALTER TABLE attachments ALTER content DROP NOT NULL;
CREATE INDEX attachments_approval ON attachments (approval_id) WHERE approval_id IS NOT NULL;
CREATE INDEX attachments_kept ON attachments (at) WHERE content IS NOT NULL AND (reply_id IS NOT NULL OR approval_id IS NOT NULL);

-- The first colleague who read it: until then its writer may take it back.
ALTER TABLE handovers ADD COLUMN read_by int REFERENCES people;
