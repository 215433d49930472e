-- What queries ask and mentions did not keep, saved views, and what makes both quick.

-- As the network told them with the message, last; NULL: it did not.
ALTER TABLE mentions
    ADD COLUMN rating   double precision,             -- stars of a review
    ADD COLUMN likes    bigint,
    ADD COLUMN reposts  bigint,
    ADD COLUMN replies  bigint,
    ADD COLUMN quotes   bigint;

-- Part of what was said, so they go with its text. NULL: not kept, or blanked.
ALTER TABLE mention_versions
    ADD COLUMN links    text[],                       -- full addresses, also those that the text shortens
    ADD COLUMN tags     text[];                       -- hashtags that the message carries outside its text

-- A named query that is a folder of the inbox: one person's own, or everybody's of the brand.
CREATE TABLE saved_views (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id     int NOT NULL REFERENCES brands,
    person_id    int REFERENCES people,               -- whose; NULL: shared
    name         text NOT NULL,
    query        text NOT NULL,                       -- as it was written; parsed when it is opened
    created_at   timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (brand_id, person_id, name)
);

-- Where rare values are looked up instead of walking through time. Handles are nearly always ASCII, where lower() is our folding;
-- the few others stand in an index of their own. None begins with the brand: it would tempt the planner away from keys.
CREATE INDEX assessments_need ON assessments (need);
CREATE INDEX authors_followers ON authors (followers) WHERE followers IS NOT NULL;
CREATE INDEX authors_handle ON authors (lower(handle COLLATE "C"));
CREATE INDEX authors_external ON authors (lower(external_id));
CREATE INDEX authors_unusual ON authors (id) WHERE octet_length(handle) <> length(handle) OR octet_length(external_id) <> length(external_id);

-- The open inbox, searched. A word may stand in a hundred thousand messages of which a few hundred are open work: neither the index of all
-- words nor a walk over all that is open is quick then. So the index words of what is open stand here once more, alone. A superset: the
-- search asks the conversation itself again. Kept by the tables themselves, so that no writer can forget it; what is blanked there is gone
-- from here in the same statement. Whoever joins, moves or blanks holds the conversation's lock; an edit adds a row and waits for nobody.
CREATE TABLE open_words (
    conversation_id bigint NOT NULL REFERENCES conversations,
    mention_id      bigint NOT NULL REFERENCES mentions,
    version         int NOT NULL,
    brand_id        int NOT NULL,
    at              timestamptz NOT NULL,             -- the mention's sorting time
    words           tsvector NOT NULL,
    PRIMARY KEY (conversation_id, mention_id, version)
);
CREATE INDEX open_words_mention ON open_words (mention_id);
CREATE INDEX open_words_time ON open_words (at DESC, mention_id DESC);
CREATE INDEX open_words_words ON open_words USING gin (words);

CREATE FUNCTION open_words_fill(ids bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO open_words (conversation_id, mention_id, version, brand_id, at, words)
    SELECT c.id, m.id, m.version, c.brand_id, m.at, coalesce(v.words, '')
    FROM conversations AS c
    JOIN conversation_mentions AS j ON j.conversation_id = c.id
    JOIN mentions AS m ON m.id = j.mention_id
    JOIN mention_versions AS v ON v.mention_id = m.id AND v.version = m.version
    WHERE c.id = ANY (ids) AND c.folder = 'open' AND c.merged_into IS NULL
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION open_words_joined() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO open_words (conversation_id, mention_id, version, brand_id, at, words)
    SELECT c.id, m.id, m.version, c.brand_id, m.at, coalesce(v.words, '')
    FROM added AS j
    JOIN conversations AS c ON c.id = j.conversation_id AND c.folder = 'open' AND c.merged_into IS NULL
    JOIN mentions AS m ON m.id = j.mention_id
    JOIN mention_versions AS v ON v.mention_id = m.id AND v.version = m.version
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER conversation_mentions_open_words AFTER INSERT ON conversation_mentions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION open_words_joined();

CREATE FUNCTION open_words_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM open_words AS o USING removed AS j
    WHERE o.conversation_id = j.conversation_id AND o.mention_id = j.mention_id;
    RETURN NULL;
END $$;
CREATE TRIGGER conversation_mentions_not_open_words AFTER DELETE ON conversation_mentions
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION open_words_left();

-- Something was said in it: it is filled again, and what an edit has replaced goes.
CREATE FUNCTION open_words_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone bigint[];
    here bigint[];
    said bigint[];
BEGIN
    SELECT array_agg(n.id) FILTER (WHERE was_open AND NOT is_open),
           array_agg(n.id) FILTER (WHERE is_open AND (NOT was_open OR said_more)),
           array_agg(n.id) FILTER (WHERE is_open AND was_open AND said_more)
    INTO gone, here, said
    FROM (SELECT n.id, n.folder = 'open' AND n.merged_into IS NULL AS is_open, w.folder = 'open' AND w.merged_into IS NULL AS was_open,
                 n.thread_version <> w.thread_version AS said_more
          FROM removed AS w JOIN added AS n ON n.id = w.id) AS n
    WHERE is_open OR was_open;
    IF gone IS NOT NULL THEN
        DELETE FROM open_words WHERE conversation_id = ANY (gone);
    END IF;
    IF said IS NOT NULL THEN
        DELETE FROM open_words AS o USING mentions AS m
        WHERE o.conversation_id = ANY (said) AND m.id = o.mention_id AND o.version <> m.version;
    END IF;
    IF here IS NOT NULL THEN
        PERFORM open_words_fill(here);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER conversations_open_words AFTER UPDATE ON conversations
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION open_words_moved();

CREATE FUNCTION open_words_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO open_words (conversation_id, mention_id, version, brand_id, at, words)
    SELECT c.id, m.id, n.version, c.brand_id, m.at, coalesce(n.words, '')
    FROM added AS n
    JOIN mentions AS m ON m.id = n.mention_id
    JOIN conversation_mentions AS j ON j.mention_id = n.mention_id
    JOIN conversations AS c ON c.id = j.conversation_id AND c.folder = 'open' AND c.merged_into IS NULL
    WHERE n.version > 1
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER mention_versions_open_words_edited AFTER INSERT ON mention_versions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION open_words_edited();

CREATE FUNCTION open_words_blanked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE open_words AS o SET words = coalesce(n.words, '') FROM added AS n
    WHERE o.mention_id = n.mention_id AND o.version = n.version AND o.words <> coalesce(n.words, '');
    RETURN NULL;
END $$;
CREATE TRIGGER mention_versions_open_words_blanked AFTER UPDATE ON mention_versions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION open_words_blanked();

SELECT open_words_fill(array_agg(id)) FROM conversations WHERE folder = 'open' AND merged_into IS NULL;
