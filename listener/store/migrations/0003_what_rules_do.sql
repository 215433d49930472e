-- What rules do beside priority, clock, tags and team; what they count; and what people say about their findings.

ALTER TABLE assessments
    ADD COLUMN lang           text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN reply_within   double precision,           -- seconds; NULL: no clock
    ADD COLUMN opens          boolean NOT NULL DEFAULT false,
    ADD COLUMN assign         text COLLATE "C" NOT NULL DEFAULT '', -- a person's login
    ADD COLUMN snooze_seconds double precision,           -- NULL: not
    ADD COLUMN closes         boolean NOT NULL DEFAULT false,
    ADD COLUMN hide           boolean NOT NULL DEFAULT false,
    ADD COLUMN reply          text COLLATE "C" NOT NULL DEFAULT '', -- key of a saved reply
    ADD COLUMN alerts         text[] NOT NULL DEFAULT '{}', -- keys of alert policies
    -- What the message said beside its text and may have changed since: its author's handle, root, media, languages, numbers.
    ADD COLUMN said           jsonb NOT NULL DEFAULT '{}';

-- Heard order, for a replay. The brand comes last: it would tempt the planner away from keys.
CREATE INDEX assessments_heard ON assessments (at, mention_id, brand_id);

-- Of an experimental rule: shown and counted apart, and nothing follows from it.
ALTER TABLE flags ADD COLUMN shadow boolean NOT NULL DEFAULT false;

-- That a counting rule counts a message, for one group. The key makes it harmless to hear a message twice. Swept when no window reaches back so far.
CREATE TABLE rule_ticks (
    mention_id   bigint NOT NULL REFERENCES mentions,
    brand_id     int NOT NULL REFERENCES brands,
    rule         text COLLATE "C" NOT NULL,
    sign         text COLLATE "C" NOT NULL,           -- of what the rule counts: one that counts otherwise begins anew
    grp          text COLLATE "C" NOT NULL,           -- what it is counted apart for; '' where all are counted together
    at           timestamptz NOT NULL,                -- the mention's sorting time
    author       text COLLATE "C" NOT NULL,           -- the author's external id
    hit          boolean NOT NULL,                    -- false: merely in scope, for a ratio
    PRIMARY KEY (mention_id, brand_id, rule, sign, grp)
);
CREATE INDEX rule_ticks_window ON rule_ticks (brand_id, rule, sign, grp, at);
-- For the sweep alone. By another spelling of the time, or it would tempt the planner away from the windows while the table is small.
CREATE INDEX rule_ticks_old ON rule_ticks ((at AT TIME ZONE 'UTC'));

-- What a person says about a rule and a message. The rulebook is the one that judged the message then.
CREATE TABLE rule_marks (
    mention_id   bigint NOT NULL REFERENCES mentions,
    brand_id     int NOT NULL REFERENCES brands,
    rule         text COLLATE "C" NOT NULL,
    person_id    int NOT NULL REFERENCES people,
    version      int NOT NULL,                        -- of the mention, as it was seen
    verdict      text COLLATE "C" NOT NULL CHECK (verdict IN ('false alarm', 'missed', 'right')),
    note         text NOT NULL DEFAULT '',            -- the staff's own words
    rulebook     text COLLATE "C" NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (mention_id, brand_id, rule, person_id)
);
CREATE INDEX rule_marks_rule ON rule_marks (brand_id, rule, at);
CREATE INDEX rule_marks_wrong ON rule_marks (at, mention_id) WHERE verdict <> 'right';
