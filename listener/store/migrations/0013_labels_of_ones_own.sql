-- What one person calls conversations, for themselves alone. Rows and nothing else: no event tells of them, so nobody else ever hears.

CREATE TABLE labels (
    person_id       int NOT NULL REFERENCES people,
    conversation_id bigint NOT NULL REFERENCES conversations,
    label           text NOT NULL,                    -- the person's own words
    at              timestamptz NOT NULL,
    PRIMARY KEY (person_id, conversation_id, label)
);
CREATE INDEX labels_conversation ON labels (conversation_id);
