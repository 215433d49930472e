-- What a brand's own decisions teach, as plain numbers; whether that is wanted; and which number of need an assessment would have without it.

-- A model learned from a brand's decisions. It holds no word of a text; `lessons` are the ids of the messages that it was learned from, so that it can
-- be forgotten with any of them. Its figures stay when its numbers are gone.
CREATE TABLE learned_models (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id     int NOT NULL REFERENCES brands,
    version      text COLLATE "C" NOT NULL,           -- its name, with a hash of all its numbers
    made_at      timestamptz NOT NULL,
    numbers      jsonb,                               -- NULL: forgotten
    lessons      bigint[] NOT NULL DEFAULT '{}',      -- empty when it is forgotten
    need         text COLLATE "C" NOT NULL,           -- the method of need beside which it speaks
    decisions    int NOT NULL,
    answered     int NOT NULL,
    measured     jsonb NOT NULL,                      -- both scores on the decisions that were held back
    held_back    jsonb NOT NULL,                      -- of each of those: the day, the decision and both scores; no id, no text
    counts       boolean NOT NULL,                    -- it beat need on them
    why          text NOT NULL,                       -- that in words
    in_force     boolean NOT NULL DEFAULT false,
    retired_at   timestamptz,                         -- a newer one came, or it did worse than need, and is not taken back
    retired_why  text NOT NULL DEFAULT '',
    stale_at     timestamptz,                         -- a message that it was learned from has gone since
    forgotten_at timestamptz,
    forgotten_why text NOT NULL DEFAULT '',
    UNIQUE (brand_id, version),
    CHECK (NOT in_force OR (numbers IS NOT NULL AND counts AND retired_at IS NULL)),
    CHECK (numbers IS NOT NULL OR lessons = '{}')
);
CREATE UNIQUE INDEX learned_models_in_force ON learned_models (brand_id) INCLUDE (version) WHERE in_force;
CREATE INDEX learned_models_lessons ON learned_models USING gin (lessons) WHERE numbers IS NOT NULL;

-- Whether a brand wants it, and what became of the last look. No row: yes, and nobody has looked yet.
CREATE TABLE learning (
    brand_id     int PRIMARY KEY REFERENCES brands,
    in_settings  boolean NOT NULL DEFAULT true,       -- what the operator's settings say
    wanted       boolean NOT NULL DEFAULT true,       -- what a person said last; both must be true
    wanted_by    int REFERENCES people,
    wanted_at    timestamptz,
    due          boolean NOT NULL DEFAULT false,      -- something that was learned from is gone: learn anew soon
    tried_at     timestamptz,
    told         text NOT NULL DEFAULT '',            -- what came of it, in words
    decisions    int NOT NULL DEFAULT 0               -- that there were then
);

-- A text that goes takes what was learned from it along. With its author: at once. Else the next look learns anew without it, within the hour.
CREATE FUNCTION learned_models_blanked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone bigint[];
    erased bigint[];
    one record;
BEGIN
    SELECT array_agg(DISTINCT n.mention_id), array_agg(DISTINCT n.mention_id) FILTER (WHERE a.status = 'deleted') INTO gone, erased
    FROM added AS n JOIN mentions AS m ON m.id = n.mention_id JOIN authors AS a ON a.id = m.author_id WHERE n.text IS NULL;
    IF gone IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(7502739027); -- against whoever is about to keep a model that was learned from it
    INSERT INTO learning AS l (brand_id, due)
    SELECT DISTINCT brand_id, true FROM learned_models WHERE numbers IS NOT NULL AND lessons && gone
    ON CONFLICT (brand_id) DO UPDATE SET due = true;
    UPDATE learned_models SET stale_at = coalesce(stale_at, clock_timestamp()) WHERE numbers IS NOT NULL AND lessons && gone;
    IF erased IS NOT NULL THEN
        FOR one IN
            UPDATE learned_models SET numbers = NULL, lessons = '{}', in_force = false, forgotten_at = clock_timestamp(),
                forgotten_why = 'somebody it had learned from was erased'
            WHERE numbers IS NOT NULL AND lessons && erased RETURNING brand_id, version
        LOOP
            INSERT INTO events (brand_id, kind, after) VALUES (one.brand_id, 'learning.forgotten', jsonb_build_object('version', one.version));
            PERFORM pg_notify('hubbub', one.brand_id::text);
        END LOOP;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mention_versions_learned_blanked AFTER UPDATE ON mention_versions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION learned_models_blanked();

-- `need` of an assessment is the number in force. Where a learned model speaks in need's place, this keeps what need says alone; else NULL.
ALTER TABLE assessments ADD COLUMN need_alone real;
