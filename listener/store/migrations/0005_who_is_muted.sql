-- Authors whom a brand does not want to hear from, what it notes about authors, and the look-up of their past with it.

-- Once muted is a row that stays: what was heard between `at` and `until` was heard while muted, whenever another source brings it again.
CREATE TABLE mutes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id    int NOT NULL REFERENCES brands,
    author_id   bigint NOT NULL REFERENCES authors,
    person_id   int NOT NULL REFERENCES people,
    at          timestamptz NOT NULL,
    until       timestamptz                       -- NULL: in force
);
CREATE UNIQUE INDEX mutes_in_force ON mutes (author_id, brand_id) WHERE until IS NULL;
CREATE INDEX mutes_of ON mutes (author_id, brand_id);

-- The staff's own words about an author.
CREATE TABLE author_notes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id    int NOT NULL REFERENCES brands,
    author_id   bigint NOT NULL REFERENCES authors,
    person_id   int NOT NULL REFERENCES people,
    body        text NOT NULL,
    at          timestamptz NOT NULL,
    removed_at  timestamptz                       -- an undone note is kept, not shown
);
CREATE INDEX author_notes_of ON author_notes (author_id, brand_id, at DESC, id DESC) WHERE removed_at IS NULL;

-- A window of an author's past, and what of theirs is not done, however many conversations they had. In place of an index by author alone.
CREATE INDEX conversations_of_author ON conversations (author_id, brand_id, folder, last_at DESC, id DESC) WHERE merged_into IS NULL;
DROP INDEX conversations_author;
