-- Whom of the team a note asks, by naming them, and when they had seen it.

CREATE TABLE note_asks (
    note_id     bigint NOT NULL REFERENCES notes,
    person_id   int NOT NULL REFERENCES people,
    seen_at     timestamptz,
    PRIMARY KEY (note_id, person_id)
);
CREATE INDEX note_asks_unseen ON note_asks (person_id, note_id) WHERE seen_at IS NULL;
