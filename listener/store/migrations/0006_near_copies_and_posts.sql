-- Near-copies: which messages say nearly the same, so that a storm of them can stand as one row in the queue.

-- A small sketch of what a message of an open case says; the words cannot be read out of it. Goes with the text: blanked there, gone here. Swept
-- when it is old: later copies then begin a family of their own.
CREATE TABLE copies (
    mention_id   bigint PRIMARY KEY REFERENCES mentions,
    family       bigint NOT NULL,                     -- the message heard first among its near-copies: id * 1024 + version % 1024
    bands        int[] NOT NULL,
    marks        bytea NOT NULL,
    at           timestamptz NOT NULL                 -- when it was made
);
CREATE INDEX copies_at ON copies (at);

-- The bands once more, to be looked up: kept by the table of sketches itself.
CREATE TABLE copy_bands (
    band         int NOT NULL,
    mention_id   bigint NOT NULL,
    PRIMARY KEY (band, mention_id)
);

CREATE FUNCTION copy_bands_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO copy_bands (band, mention_id) SELECT b, a.mention_id FROM added AS a, unnest(a.bands) AS b ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER copies_made AFTER INSERT ON copies REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION copy_bands_made();

CREATE FUNCTION copy_bands_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM copy_bands AS c USING (SELECT r.mention_id, b AS band FROM removed AS r, unnest(r.bands) AS b) AS g
    WHERE c.band = g.band AND c.mention_id = g.mention_id;
    RETURN NULL;
END $$;
CREATE TRIGGER copies_gone AFTER DELETE ON copies REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION copy_bands_gone();

CREATE FUNCTION copies_blanked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM copies AS c USING added AS n WHERE n.text IS NULL AND c.mention_id = n.mention_id;
    RETURN NULL;
END $$;
CREATE TRIGGER mention_versions_copies_blanked AFTER UPDATE ON mention_versions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION copies_blanked();

-- A conversation stands among the near-copies of its last message, while that is theirs and neither edited nor deleted into something else.
ALTER TABLE conversations ADD COLUMN family bigint;
CREATE INDEX conversations_family ON conversations (brand_id, folder, family, sort_key, id) WHERE family IS NOT NULL AND merged_into IS NULL;
CREATE INDEX conversations_family_mine ON conversations (brand_id, assignee_id, folder, family, sort_key, id)
    WHERE family IS NOT NULL AND assignee_id IS NOT NULL AND merged_into IS NULL;

CREATE FUNCTION conversations_family() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.family := (SELECT c.family FROM copies AS c WHERE c.mention_id = NEW.last_mention_id);
    RETURN NEW;
END $$;
CREATE TRIGGER conversations_family_opened BEFORE INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION conversations_family();
CREATE TRIGGER conversations_family_moved BEFORE UPDATE OF last_mention_id, thread_version ON conversations FOR EACH ROW
    WHEN (OLD.last_mention_id <> NEW.last_mention_id OR OLD.thread_version <> NEW.thread_version)
    EXECUTE FUNCTION conversations_family();
