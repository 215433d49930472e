-- Alerts: what is counted for the detector and what it remembers, incidents with their life, who is told, and what is silent.

-- How much was said, by five minutes of the network's own time (never later than it was heard), for each topic and source. Appended by
-- each transaction, folded by one holder of a lease; readers add the unfolded rest. Topic '': whatever concerns the brand.
CREATE TABLE series (
    brand_id     int NOT NULL REFERENCES brands,
    topic        text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    at           timestamptz NOT NULL,                -- the beginning of the five minutes
    history      boolean NOT NULL,                    -- brought afterwards: counts only where nobody listened
    mentions     int NOT NULL,
    negative     int NOT NULL,
    urgent       int NOT NULL,                        -- want an answer and have none yet: an answer takes one away
    reach        bigint NOT NULL,
    changed_at   timestamptz NOT NULL DEFAULT now(),  -- when it was folded into
    PRIMARY KEY (brand_id, topic, source, at, history)
);
CREATE INDEX series_old ON series USING brin (at);
CREATE TABLE series_deltas (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id     int NOT NULL,
    topic        text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    at           timestamptz NOT NULL,
    history      boolean NOT NULL,
    mentions     int NOT NULL,
    negative     int NOT NULL,
    urgent       int NOT NULL,
    reach        bigint NOT NULL
);

-- What was counted as wanting an answer and has none yet, and where it was counted, so that one answer takes it away once.
CREATE TABLE unanswered (
    mention_id   bigint NOT NULL,
    brand_id     int NOT NULL,
    source       text COLLATE "C" NOT NULL,
    at           timestamptz NOT NULL,                -- the beginning of its five minutes
    topics       text[] NOT NULL,
    PRIMARY KEY (mention_id, brand_id)
);
CREATE INDEX unanswered_old ON unanswered (at);

-- Alerts that a rule asked for, until the watch has fired them: written with the message, taken away with the incident.
CREATE TABLE asked_alerts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id     int NOT NULL,
    policy       text COLLATE "C" NOT NULL,
    rule         text COLLATE "C" NOT NULL,
    mention_id   bigint NOT NULL,
    at           timestamptz NOT NULL                 -- when the message was said
);

-- Since when a stream is listened to at all: what was before is unknown, which is not nothing.
ALTER TABLE sources ADD COLUMN born_at timestamptz NOT NULL DEFAULT now();

-- What the detector learned of one counter, and what each alert remembers between two looks. Source '': all of them together.
CREATE TABLE spike_states (
    brand_id     int NOT NULL REFERENCES brands,
    topic        text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    counter      text COLLATE "C" NOT NULL CHECK (counter IN ('mentions', 'negative', 'urgent')),
    state        jsonb NOT NULL,
    PRIMARY KEY (brand_id, topic, source, counter)
);
CREATE TABLE spike_desks (
    brand_id     int NOT NULL REFERENCES brands,
    policy       text COLLATE "C" NOT NULL,
    topic        text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    desk         jsonb NOT NULL,
    PRIMARY KEY (brand_id, policy, topic, source)
);

-- An alert with a life. One key, one incident that is not resolved.
CREATE TABLE incidents (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id        int NOT NULL REFERENCES brands,
    key             text COLLATE "C" NOT NULL,        -- what makes it the same one: policy, topic, source
    policy          text COLLATE "C" NOT NULL,        -- key of the alert in the rule files
    watched         text COLLATE "C" NOT NULL,        -- negative, volume, need, rival, shift, silence, rule
    topic           text COLLATE "C" NOT NULL DEFAULT '',
    source          text COLLATE "C" NOT NULL DEFAULT '',
    parent_id       bigint REFERENCES incidents,      -- the bigger one that it is part of: it keeps silent
    state           text COLLATE "C" NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved')),
    severity        text COLLATE "C" NOT NULL CHECK (severity IN ('note', 'warning', 'critical')),
    title           text NOT NULL,                    -- the alert's title as the rule files had it
    since           timestamptz NOT NULL,             -- when what it is about began
    opened_at       timestamptz NOT NULL,
    told_at         timestamptz NOT NULL,             -- when it was last said that it stands or grows
    over_at         timestamptz,                      -- when it was said to be over; NULL: it stands
    acknowledged_at timestamptz,
    acknowledged_by int REFERENCES people,
    resolved_at     timestamptz,
    resolved_by     int REFERENCES people,            -- NULL: it went by itself
    assignee_id     int REFERENCES people,
    reopened        int NOT NULL DEFAULT 0,
    evidence        jsonb NOT NULL,                   -- numbers, ids and our own words; never a person's text
    muted_by        text NOT NULL DEFAULT '',         -- why nobody is told, in words; '': somebody is
    route           text COLLATE "C" NOT NULL DEFAULT '',
    chain           text COLLATE "C" NOT NULL DEFAULT '',
    step            int NOT NULL DEFAULT 0,           -- the chain's next step, from 0
    round           int NOT NULL DEFAULT 0,           -- how often the chain began anew
    next_at         timestamptz,                      -- when time must look at it
    version         int NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX incidents_live ON incidents (brand_id, key) WHERE state <> 'resolved';
CREATE INDEX incidents_next ON incidents (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX incidents_newest ON incidents (brand_id, id DESC);

-- What the staff write about one, in their own words.
CREATE TABLE incident_notes (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id  bigint NOT NULL REFERENCES incidents,
    person_id    int NOT NULL REFERENCES people,
    at           timestamptz NOT NULL,
    text         text NOT NULL
);
CREATE INDEX incident_notes_of ON incident_notes (incident_id, id);

-- What became of one is told in the one feed of events.
ALTER TABLE events ADD COLUMN incident_id bigint;
CREATE INDEX events_incident ON events (incident_id, id) WHERE incident_id IS NOT NULL;

CREATE TABLE silences (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id     int NOT NULL REFERENCES brands,
    matchers     jsonb NOT NULL,                      -- [{"name": "topic", "is": ["yoghurt"]}]: all must hold
    begins_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    note         text NOT NULL,
    person_id    int NOT NULL REFERENCES people,
    made_at      timestamptz NOT NULL,
    ended_at     timestamptz,                         -- taken away before its time
    ended_by     int REFERENCES people,
    CHECK (ends_at > begins_at)
);
CREATE INDEX silences_live ON silences (brand_id, ends_at) WHERE ended_at IS NULL;

-- What is told to whom: a row first, a delivery second, in the outbox's lane 'alert'. One step tells one person by one receiver once.
CREATE TABLE pages (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id     int NOT NULL REFERENCES brands,
    incident_id  bigint REFERENCES incidents,         -- NULL: a digest or a test
    what         text COLLATE "C" NOT NULL CHECK (what IN
                 ('alert', 'again', 'worse', 'still', 'acknowledged', 'resolved', 'undelivered', 'digest', 'test')),
    receiver     text COLLATE "C" NOT NULL,           -- its name in the settings
    person       text COLLATE "C" NOT NULL DEFAULT '', -- the login of who is told; '': whoever reads there
    step         int NOT NULL DEFAULT 0,
    round        int NOT NULL DEFAULT 0,
    about        jsonb NOT NULL DEFAULT '{}',         -- of a digest: which incidents
    at           timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (incident_id, what, receiver, person, step, round, at)
);
CREATE INDEX pages_incident ON pages (incident_id, id);
ALTER TABLE outbox ADD COLUMN page_id bigint UNIQUE REFERENCES pages;

-- Links with which whoever was told says so. Only what is not guessed from it is kept; used once.
CREATE TABLE page_links (
    digest       bytea PRIMARY KEY,                   -- SHA-256 of the token
    page_id      bigint NOT NULL REFERENCES pages,
    ends_at      timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE INDEX page_links_end ON page_links (ends_at);
