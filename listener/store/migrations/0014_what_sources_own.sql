-- What keeps sources honest: deliveries to webhooks, faults, what is left of what a network allows, what people asked of a source,
-- how far a gap is filled, and which messages were looked at again.

-- What was delivered to a webhook: stored before its sender is told so, read afterwards. A person's words may stand in `packed`: it is emptied
-- as soon as the delivery was read, unless the operator keeps deliveries for a while; then `about` finds it when one of its messages is blanked.
CREATE TABLE deliveries (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hook         text COLLATE "C" NOT NULL,           -- its stream's key: "facebook/hooks/facebook"
    digest       bytea NOT NULL,                      -- sha-256 of what makes it this delivery when it comes again
    received_at  timestamptz NOT NULL,
    packed       bytea,                               -- zlib of a few headers and the body; NULL: emptied
    size         int NOT NULL,                        -- bytes of the body as it came
    state        text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
    tries        int NOT NULL DEFAULT 0,              -- how often it was set to be read again
    problem      text NOT NULL DEFAULT '',
    about        text[] COLLATE "C" NOT NULL DEFAULT '{}', -- external ids of its messages, while it is kept
    keep_until   timestamptz,
    UNIQUE (hook, digest)
);
CREATE INDEX deliveries_waiting ON deliveries (hook, id) WHERE state = 'waiting';
CREATE INDEX deliveries_failed ON deliveries (hook, id) WHERE state = 'failed';
CREATE INDEX deliveries_received ON deliveries (received_at);
CREATE INDEX deliveries_kept ON deliveries (keep_until) WHERE keep_until IS NOT NULL;
CREATE INDEX deliveries_about ON deliveries USING gin (about) WHERE packed IS NOT NULL;

-- Every passing fault and every stop of a source, counted by the network's error name.
CREATE TABLE source_faults (
    source_id    int NOT NULL REFERENCES sources,
    code         text COLLATE "C" NOT NULL,
    what         text NOT NULL,                       -- as it was told the last time
    seen         bigint NOT NULL DEFAULT 1,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (source_id, code)
);

-- What was left of what a network allows, so that a restart never believes that it has all of it.
CREATE TABLE source_budgets (
    source       text COLLATE "C" NOT NULL,           -- the registry's word
    name         text COLLATE "C" NOT NULL,           -- for people
    points       double precision NOT NULL,           -- when it is full
    seconds      double precision NOT NULL,           -- in which it fills
    remaining    double precision NOT NULL,
    closed_until timestamptz,                         -- the network said that there is nothing before
    at           timestamptz NOT NULL,
    PRIMARY KEY (source, name)
);

-- What people want of a source, beside how it is.
ALTER TABLE sources ADD COLUMN wanted text NOT NULL DEFAULT '' CHECK (wanted IN ('', 'paused'));
ALTER TABLE sources DROP CONSTRAINT sources_state_check;
ALTER TABLE sources ADD CONSTRAINT sources_state_check CHECK (state IN ('new', 'running', 'waiting', 'paused', 'stopped', 'finished'));

-- Asked for: a person wants it filled. Failed: a person must help before it can be.
ALTER TABLE gaps DROP CONSTRAINT gaps_state_check;
ALTER TABLE gaps ADD CONSTRAINT gaps_state_check CHECK (state IN ('open', 'asked', 'filled', 'lost', 'failed'));
ALTER TABLE gaps
    ADD COLUMN rest_start timestamptz,                -- what is still to be looked at, where the source says so; NULL: all of it
    ADD COLUMN rest_end   timestamptz,
    ADD COLUMN found      bigint NOT NULL DEFAULT 0,  -- items that were brought so far
    ADD COLUMN tries      int NOT NULL DEFAULT 0,     -- passing faults since the last progress
    ADD COLUMN next_at    timestamptz,                -- when it is tried again
    ADD COLUMN problem    text NOT NULL DEFAULT '';
CREATE INDEX gaps_to_fill ON gaps (source_id, id) WHERE state IN ('open', 'asked');

ALTER TABLE rejects ADD COLUMN asked_at timestamptz;  -- somebody wants it read again
CREATE INDEX rejects_asked ON rejects (source_id, asked_at) WHERE asked_at IS NOT NULL;

-- When the login of an account ends by itself; NULL: never, or not known.
ALTER TABLE accounts ADD COLUMN login_until timestamptz;

-- Messages of open work that were compared with the network again, and when last. Apart from the message's row, which stays cold.
CREATE TABLE rechecks (
    mention_id   bigint PRIMARY KEY REFERENCES mentions,
    at           timestamptz NOT NULL
);
CREATE INDEX rechecks_at ON rechecks (at);
