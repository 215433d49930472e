-- The house: brands, what is heard, what is judged, the work on it, what leaves, and how changes are told.
-- Everything lives in the schema "hubbub". Keys from networks are COLLATE "C": they are compared as bytes, never as language.
-- A person's text lives in two columns only, mention_versions.text (with its own index words) and mention_versions.raw; all else points at it.

-- Settings that a brand, its accounts and its people need in the database -------------------------------------------------------------------

CREATE TABLE brands (
    id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key         text COLLATE "C" NOT NULL UNIQUE,
    name        text NOT NULL,
    zone        text NOT NULL DEFAULT 'UTC'
);

CREATE TABLE people (
    id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login       text COLLATE "C" NOT NULL UNIQUE,
    name        text NOT NULL
);

CREATE TABLE memberships (
    person_id   int NOT NULL REFERENCES people,
    brand_id    int NOT NULL REFERENCES brands,
    role        text NOT NULL CHECK (role IN ('viewer', 'responder', 'lead', 'admin')),
    PRIMARY KEY (person_id, brand_id)
);

-- An identity of ours on a source. What addresses it concerns its brand. Secrets are never here.
CREATE TABLE accounts (
    id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id     int NOT NULL REFERENCES brands,
    source       text COLLATE "C" NOT NULL,           -- the registry's word: bluesky, mastodon, ...
    space        text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL,
    handle       text NOT NULL,
    state        text NOT NULL DEFAULT 'unknown' CHECK (state IN ('unknown', 'ready', 'stopped')),
    problem      text NOT NULL DEFAULT '',            -- the network's error name and what to do, when stopped
    UNIQUE (brand_id, space, external_id)
);
CREATE INDEX accounts_by_key ON accounts (space, external_id);

-- Sources: bookmarks and health -------------------------------------------------------------------------------------------------------------

CREATE TABLE sources (
    id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key          text COLLATE "C" NOT NULL UNIQUE,    -- "bluesky/jetstream", "bluesky/notifications/did:plc:...", "import/<digest>"
    cursor       text COLLATE "C",                    -- opaque to everybody but the source
    state        text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'running', 'waiting', 'stopped', 'finished')),
    problem      text NOT NULL DEFAULT '',
    started_at   timestamptz,
    beat_at      timestamptz,                         -- last sign of life, also when nothing was said
    item_at      timestamptz,                         -- network time of the last item
    heard_at     timestamptz,                         -- when we heard it
    heard        bigint NOT NULL DEFAULT 0,           -- items taken in since ever, duplicates included
    stored       bigint NOT NULL DEFAULT 0
);

CREATE TABLE gaps (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id    int NOT NULL REFERENCES sources,
    start_at     timestamptz NOT NULL,
    end_at       timestamptz NOT NULL,
    cause        text NOT NULL,
    state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'filled', 'lost')),
    noted_at     timestamptz NOT NULL,
    UNIQUE (source_id, start_at, cause)
);

-- An item that could not be used; the same bytes heard again count up instead of adding a row.
CREATE TABLE rejects (
    source_id    int NOT NULL REFERENCES sources,
    digest       bytea NOT NULL,                      -- sha-256 of the raw bytes
    reason       text COLLATE "C" NOT NULL,
    detail       text NOT NULL,
    raw          bytea NOT NULL,                      -- zlib
    seen         int NOT NULL DEFAULT 1,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (source_id, digest)
);

-- What was heard ----------------------------------------------------------------------------------------------------------------------------

CREATE TABLE authors (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space        text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL,
    handle       text NOT NULL DEFAULT '',
    name         text NOT NULL DEFAULT '',
    bio          text NOT NULL DEFAULT '',
    followers    bigint,
    posts        bigint,
    verified     boolean,
    status       text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deactivated', 'suspended', 'takendown', 'deleted')),
    fetched_at   timestamptz,                         -- when the profile was read from the network
    first_at     timestamptz NOT NULL,
    UNIQUE (space, external_id)
);

-- Idempotency has a narrow table of its own, so that mentions can be partitioned later.
CREATE TABLE mention_keys (
    space        text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL,
    mention_id   bigint NOT NULL,
    PRIMARY KEY (space, external_id)
);

-- Every message of a thread that we keep: mentions by others, posts and replies of ours (ours = true), and context.
CREATE TABLE mentions (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space        text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    author_id    bigint NOT NULL REFERENCES authors,
    ours         boolean NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    parent       text COLLATE "C",                    -- external ids in the same space
    root         text COLLATE "C" NOT NULL,           -- itself for a first post; moves when the real root turns up
    quoted       text COLLATE "C",
    url          text NOT NULL DEFAULT '',
    langs        text[] NOT NULL DEFAULT '{}',        -- as claimed by the author
    lang         text COLLATE "C" NOT NULL DEFAULT '',-- as found by us; '' when unsure
    media        smallint NOT NULL DEFAULT 0,
    claimed_at   timestamptz,                         -- only shown
    network_at   timestamptz,                         -- sorts and clocks, else heard_at
    heard_at     timestamptz NOT NULL,
    at           timestamptz NOT NULL,                -- the sorting time: network_at clamped to heard_at, never changed
    version      int NOT NULL DEFAULT 1,              -- the version in force
    revision     text COLLATE "C" NOT NULL DEFAULT '',-- the network's own order of states; '' sorts first
    content_id   text COLLATE "C" NOT NULL DEFAULT '',
    state        text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'deleted')),
    deleted_at   timestamptz
);
CREATE INDEX mentions_thread ON mentions (space, root, at, id);
CREATE INDEX mentions_author ON mentions (author_id, at DESC, id DESC);
CREATE INDEX mentions_parent ON mentions (space, parent) WHERE parent IS NOT NULL;
-- The search box walks backwards in time where no word can be looked up, or where a word stands in too many messages.
CREATE INDEX mentions_time ON mentions (at DESC, id DESC);

CREATE TABLE mention_versions (
    mention_id   bigint NOT NULL REFERENCES mentions,
    version      int NOT NULL,
    revision     text COLLATE "C" NOT NULL,
    content_id   text COLLATE "C" NOT NULL,
    text         text,                                -- NULL: blanked
    words        tsvector,                            -- our own segmentation and folding, written by us; blanked with the text
    raw          bytea,                               -- zlib; Postgres refuses NUL in text and jsonb
    heard_at     timestamptz NOT NULL,
    PRIMARY KEY (mention_id, version)
);
CREATE INDEX mention_versions_words ON mention_versions USING gin (words);

-- A delete may arrive before the create that another source brings late. Kept for a while, then pruned.
CREATE TABLE tombstones (
    space        text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL,
    revision     text COLLATE "C" NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (space, external_id)
);
CREATE INDEX tombstones_at ON tombstones (at);

-- How a mention reached a brand. topic '' and account 0 stand for none, so that the key can hold them.
CREATE TABLE hearings (
    mention_id   bigint NOT NULL REFERENCES mentions,
    brand_id     int NOT NULL REFERENCES brands,
    topic        text COLLATE "C" NOT NULL DEFAULT '',
    account_id   int NOT NULL DEFAULT 0,
    source_id    int NOT NULL REFERENCES sources,
    via          text COLLATE "C" NOT NULL CHECK (via IN ('topic', 'mention', 'reply', 'quote', 'dm', 'thread', 'import', 'own')),
    at           timestamptz NOT NULL,                -- the mention's sorting time
    heard_at     timestamptz NOT NULL,
    PRIMARY KEY (mention_id, brand_id, topic, account_id, source_id, via)
);
-- The Listening view: one topic, newest first. (The mention id is unique per topic and source; readers take distinct ids.)
CREATE INDEX hearings_listening ON hearings (brand_id, topic, at DESC, mention_id DESC) WHERE via = 'topic';

-- What the core thinks of it ----------------------------------------------------------------------------------------------------------------

CREATE TABLE rulebooks (
    hash         text COLLATE "C" PRIMARY KEY,
    files        bytea NOT NULL,                      -- zlib of a JSON object: path -> file text, exactly as read
    git          text NOT NULL DEFAULT '',
    accepted_at  timestamptz NOT NULL                 -- the latest is in force
);

-- One row: what the last attempt to load rules/ found. A bad file leaves the last good rulebook in force and its problems here.
CREATE TABLE rulebook_health (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one),
    tried_at     timestamptz NOT NULL,
    hash         text COLLATE "C" REFERENCES rulebooks,
    problems     jsonb NOT NULL DEFAULT '[]'
);

CREATE TABLE assessments (
    mention_id   bigint NOT NULL REFERENCES mentions,
    brand_id     int NOT NULL REFERENCES brands,
    version      int NOT NULL,                        -- of the mention
    rulebook     text COLLATE "C" NOT NULL,
    methods      jsonb NOT NULL,                      -- {"tone": "vader-3.3.2", "lang": ...}
    tone         text COLLATE "C" NOT NULL CHECK (tone IN ('negative', 'neutral', 'positive', 'not_scored')),
    tone_neg     real, tone_neu real, tone_pos real, tone_compound real,   -- NULL: not scored
    need         real NOT NULL DEFAULT 0,
    priority     smallint NOT NULL,
    due_at       timestamptz,
    tags         text[] NOT NULL DEFAULT '{}',
    team         text NOT NULL DEFAULT '',
    because      jsonb NOT NULL,                      -- rules, spans, values; never the words themselves
    context      jsonb NOT NULL,                      -- what was known then
    at           timestamptz NOT NULL,
    PRIMARY KEY (mention_id, brand_id, version)
);

CREATE TABLE flags (
    mention_id   bigint NOT NULL REFERENCES mentions,
    brand_id     int NOT NULL REFERENCES brands,
    version      int NOT NULL,
    rule         text COLLATE "C" NOT NULL,
    rulebook     text COLLATE "C" NOT NULL,
    spans        int[] NOT NULL,                      -- start, end, start, end, ... in code points of that version's text
    values       jsonb NOT NULL DEFAULT '{}',
    at           timestamptz NOT NULL,
    PRIMARY KEY (mention_id, brand_id, version, rule)
);
CREATE INDEX flags_by_rule ON flags (brand_id, rule, at DESC);

-- The unit of work --------------------------------------------------------------------------------------------------------------------------

CREATE TABLE conversations (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id        int NOT NULL REFERENCES brands,
    account_id      int NOT NULL DEFAULT 0,           -- 0: addressed to none of ours
    space           text COLLATE "C" NOT NULL,
    root            text COLLATE "C" NOT NULL,        -- thread root as first known
    author_id       bigint NOT NULL REFERENCES authors,
    source          text COLLATE "C" NOT NULL,
    origin          text NOT NULL CHECK (origin IN ('addressed', 'rule', 'person', 'import')),
    merged_into     bigint REFERENCES conversations,
    state           text COLLATE "C" NOT NULL CHECK (state IN ('new', 'ours', 'theirs', 'snoozed', 'done')),
    folder          text COLLATE "C" NOT NULL GENERATED ALWAYS AS
                    (CASE WHEN state IN ('new', 'ours') THEN 'open' ELSE state END) STORED,
    priority        smallint NOT NULL,
    priority_by     int REFERENCES people,            -- NULL: computed
    due_at          timestamptz,
    assignee_id     int REFERENCES people,
    team            text NOT NULL DEFAULT '',
    tags            text[] NOT NULL DEFAULT '{}',
    snoozed_until   timestamptz,
    next_at         timestamptz,                      -- when the timekeeper must look at it
    unread          boolean NOT NULL DEFAULT true,
    tone            text COLLATE "C" NOT NULL DEFAULT 'not_scored',
    need            real NOT NULL DEFAULT 0,
    sort_key        bigint NOT NULL,                  -- workflow.sort_key: ascending is the order of work within a folder
    version         int NOT NULL DEFAULT 1,           -- every act and every change
    thread_version  int NOT NULL DEFAULT 1,           -- only what was said: fences replies
    opened_at       timestamptz NOT NULL,
    last_at         timestamptz NOT NULL,             -- sorting time of the last message
    last_mention_id bigint NOT NULL REFERENCES mentions,
    last_ours_at    timestamptz,
    changed_at      timestamptz NOT NULL,
    UNIQUE (brand_id, account_id, space, root, author_id)
);
CREATE INDEX conversations_queue ON conversations (brand_id, folder, sort_key, id) WHERE merged_into IS NULL;
CREATE INDEX conversations_mine ON conversations (brand_id, assignee_id, folder, sort_key, id) WHERE merged_into IS NULL;
CREATE INDEX conversations_next ON conversations (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX conversations_root ON conversations (space, root);
CREATE INDEX conversations_author ON conversations (author_id, last_at DESC);

CREATE TABLE conversation_mentions (
    conversation_id bigint NOT NULL REFERENCES conversations,
    mention_id      bigint NOT NULL REFERENCES mentions,
    PRIMARY KEY (conversation_id, mention_id)
);
CREATE INDEX conversation_mentions_back ON conversation_mentions (mention_id);

-- Who holds a conversation. A lease that its terminal renews, so that a dead terminal lets go by itself; apart from the state row, which stays cold.
CREATE TABLE claims (
    conversation_id bigint PRIMARY KEY REFERENCES conversations,
    person_id       int NOT NULL REFERENCES people,
    session         text COLLATE "C" NOT NULL,        -- which terminal
    until           timestamptz NOT NULL
);
CREATE INDEX claims_until ON claims (until);

CREATE TABLE notes (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id        int NOT NULL REFERENCES brands,
    conversation_id bigint NOT NULL REFERENCES conversations,
    person_id       int NOT NULL REFERENCES people,
    body            text NOT NULL,
    at              timestamptz NOT NULL,
    removed_at      timestamptz                       -- an undone note is kept, not shown
);
CREATE INDEX notes_of ON notes (conversation_id, at);

CREATE TABLE drafts (
    person_id       int NOT NULL REFERENCES people,
    conversation_id bigint NOT NULL REFERENCES conversations,
    body            text NOT NULL,
    thread_version  int NOT NULL,                     -- what the writer had read
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (person_id, conversation_id)
);

-- What leaves -------------------------------------------------------------------------------------------------------------------------------

CREATE TABLE replies (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id        int NOT NULL REFERENCES brands,
    conversation_id bigint NOT NULL REFERENCES conversations,
    account_id      int NOT NULL REFERENCES accounts,
    parent_id       bigint NOT NULL REFERENCES mentions,
    person_id       int NOT NULL REFERENCES people,
    visibility      text NOT NULL CHECK (visibility IN ('public', 'private')),
    body            text NOT NULL,                    -- our own words
    lang            text NOT NULL DEFAULT '',
    fence           int NOT NULL,                     -- conversations.thread_version as the writer knew it
    close_after     boolean NOT NULL DEFAULT false,
    mention_id      bigint REFERENCES mentions,       -- our post, once it is on the network
    at              timestamptz NOT NULL
);
CREATE INDEX replies_of ON replies (conversation_id, id);

-- Rows waiting to leave. state: queued -> sending -> accepted -> seen; or failed, unknown, stopped (the thread moved: a person decides), withdrawn.
CREATE TABLE outbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id        int NOT NULL REFERENCES brands,
    lane            text COLLATE "C" NOT NULL CHECK (lane IN ('reply', 'alert')),
    reply_id        bigint UNIQUE REFERENCES replies,
    conversation_id bigint REFERENCES conversations,
    account_id      int REFERENCES accounts,
    key             text COLLATE "C" NOT NULL UNIQUE, -- idempotency key, minted with the row
    state           text COLLATE "C" NOT NULL CHECK (state IN
                    ('queued', 'sending', 'accepted', 'seen', 'failed', 'unknown', 'stopped', 'withdrawn')),
    not_before      timestamptz NOT NULL,             -- the seconds in which it can be taken back; also retries
    attempt         uuid,                             -- whose lease
    lease_until     timestamptz,
    attempts        int NOT NULL DEFAULT 0,
    frozen          jsonb,                            -- exactly what is sent, fixed before the first byte leaves: ids, times, facets; never the text
    receipt         jsonb,                            -- what the network answered: ids only
    external_id     text COLLATE "C",                 -- our message's id on the network, as soon as it is chosen or known
    problem         text NOT NULL DEFAULT '',         -- what happened, in words that a responder understands
    code            text COLLATE "C" NOT NULL DEFAULT '',
    queued_at       timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL
);
CREATE INDEX outbox_due ON outbox (lane, not_before, id) WHERE state = 'queued';
CREATE INDEX outbox_leases ON outbox (lease_until) WHERE state = 'sending';
CREATE INDEX outbox_unsettled ON outbox (changed_at) WHERE state IN ('unknown', 'accepted');
CREATE INDEX outbox_conversation ON outbox (conversation_id, id);
CREATE INDEX outbox_external ON outbox (external_id) WHERE external_id IS NOT NULL;

-- How changes are told ----------------------------------------------------------------------------------------------------------------------

-- Truth about what changed, who did it, and how to take it back. Ids commit out of order: readers take (xid below pg_snapshot_xmin, id).
-- Holds ids and field values, never a person's text.
CREATE TABLE events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    brand_id        int NOT NULL REFERENCES brands,
    kind            text COLLATE "C" NOT NULL,
    conversation_id bigint,
    mention_id      bigint,
    outbox_id       bigint,
    person_id       int,                              -- NULL: the listener
    act             uuid,                             -- one act, also in bulk, is one id
    undoes          uuid,
    before          jsonb,
    after           jsonb
);
CREATE INDEX events_feed ON events (xid, id);
CREATE INDEX events_conversation ON events (conversation_id, id) WHERE conversation_id IS NOT NULL;
CREATE INDEX events_act ON events (act) WHERE act IS NOT NULL;
CREATE INDEX events_undoes ON events (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX events_person ON events (person_id, id) WHERE person_id IS NOT NULL;

CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH STATEMENT WHEN (current_setting('hubbub.maintenance', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION events_are_append_only();

-- Counters: deltas appended by every transaction, folded by one holder of a lease; readers add the unfolded rest.
CREATE TABLE counters (
    brand_id     int NOT NULL REFERENCES brands,
    name         text COLLATE "C" NOT NULL,           -- 'folder', 'assigned', 'topic', 'topic-negative', 'heard', ...
    key          text COLLATE "C" NOT NULL,           -- folder, person id, topic, source, ...
    bucket       timestamptz NOT NULL,                -- the hour; '-infinity' for a standing count
    n            bigint NOT NULL,
    PRIMARY KEY (brand_id, name, key, bucket)
);

CREATE TABLE counter_deltas (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id     int NOT NULL,
    name         text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    bucket       timestamptz NOT NULL DEFAULT '-infinity',
    n            bigint NOT NULL
);

-- Folder counts cannot be forgotten by a writer: the table itself appends the deltas.
CREATE FUNCTION count_conversations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO counter_deltas (brand_id, name, key, n)
        SELECT brand_id, 'folder', folder, count(*) FROM added WHERE merged_into IS NULL GROUP BY 1, 3
        UNION ALL
        SELECT brand_id, 'assigned', assignee_id::text, count(*) FROM added
        WHERE merged_into IS NULL AND folder = 'open' AND assignee_id IS NOT NULL GROUP BY 1, 3;
    ELSE
        INSERT INTO counter_deltas (brand_id, name, key, n)
        SELECT brand_id, name, key, sum(n) FROM (
            SELECT brand_id, 'folder' AS name, folder AS key, 1 AS n FROM added WHERE merged_into IS NULL
            UNION ALL
            SELECT brand_id, 'folder', folder, -1 FROM removed WHERE merged_into IS NULL
            UNION ALL
            SELECT brand_id, 'assigned', assignee_id::text, 1 FROM added
            WHERE merged_into IS NULL AND folder = 'open' AND assignee_id IS NOT NULL
            UNION ALL
            SELECT brand_id, 'assigned', assignee_id::text, -1 FROM removed
            WHERE merged_into IS NULL AND folder = 'open' AND assignee_id IS NOT NULL
        ) AS moved GROUP BY 1, 2, 3 HAVING sum(n) <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER conversations_count_added AFTER INSERT ON conversations
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_conversations();
CREATE TRIGGER conversations_count_moved AFTER UPDATE ON conversations
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_conversations();

-- Programs at work: who listens, since when, last sign of life. Read by doctor and status.
CREATE TABLE programs (
    name         text COLLATE "C" PRIMARY KEY,        -- 'listener'
    host         text NOT NULL,
    pid          int NOT NULL,
    version      text NOT NULL,
    started_at   timestamptz NOT NULL,
    beat_at      timestamptz NOT NULL,
    state        jsonb NOT NULL DEFAULT '{}'
);
