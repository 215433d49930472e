-- Approval of replies: who needs it, what was asked and what was decided; replies that go out at a planned time; replies in numbered parts.

-- By the rulebook in force, written when it is published: whose replies, and as which accounts of ours, somebody else reads first.
CREATE TABLE approval_needs (
    kind            text COLLATE "C" NOT NULL CHECK (kind IN ('person', 'account')),
    key             text COLLATE "C" NOT NULL,        -- a login; a handle in small letters
    PRIMARY KEY (kind, key)
);

-- A reply before it may leave. It has no row in the outbox until somebody approves it, so nothing can send it.
CREATE TABLE approvals (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id        int NOT NULL REFERENCES brands,
    conversation_id bigint NOT NULL REFERENCES conversations,
    account_id      int NOT NULL REFERENCES accounts,
    parent_id       bigint NOT NULL REFERENCES mentions,
    person_id       int NOT NULL REFERENCES people,   -- who wrote it
    visibility      text NOT NULL CHECK (visibility IN ('public', 'private')),
    body            text NOT NULL,                    -- as it was submitted; what was sent is the reply's
    lang            text NOT NULL DEFAULT '',
    fence           int NOT NULL,                     -- conversations.thread_version as the writer knew it
    close_after     boolean NOT NULL DEFAULT false,
    planned         timestamptz,                      -- when it is to go out; NULL: at once
    state           text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN
                    ('waiting', 'approved', 'changed', 'rejected', 'superseded', 'withdrawn')),
    note            text NOT NULL DEFAULT '',         -- why it was sent back: the staff's own words
    asked_at        timestamptz NOT NULL,
    decided_by      int REFERENCES people,
    decided_at      timestamptz,
    reply_id        bigint REFERENCES replies         -- what it became
);
CREATE UNIQUE INDEX approvals_waiting ON approvals (conversation_id) WHERE state = 'waiting';
CREATE INDEX approvals_of ON approvals (conversation_id, id);

-- The folder "To approve" is a window like the others, and its count a counter like theirs; no writer can forget either.
ALTER TABLE conversations ADD COLUMN to_approve boolean NOT NULL DEFAULT false;
CREATE INDEX conversations_to_approve ON conversations (brand_id, sort_key, id) WHERE to_approve AND merged_into IS NULL;

CREATE FUNCTION count_approvals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO counter_deltas (brand_id, name, key, n)
        SELECT brand_id, 'approve', 'waiting', count(*) FROM added WHERE state = 'waiting' GROUP BY 1;
        UPDATE conversations AS c SET to_approve = true FROM added AS a WHERE c.id = a.conversation_id AND a.state = 'waiting';
    ELSE
        INSERT INTO counter_deltas (brand_id, name, key, n)
        SELECT brand_id, 'approve', 'waiting', sum(n) FROM (
            SELECT brand_id, 1 AS n FROM added WHERE state = 'waiting'
            UNION ALL
            SELECT brand_id, -1 FROM removed WHERE state = 'waiting'
        ) AS moved GROUP BY 1 HAVING sum(n) <> 0;
        UPDATE conversations AS c SET to_approve = EXISTS (SELECT FROM approvals AS w WHERE w.conversation_id = c.id AND w.state = 'waiting')
        WHERE c.id IN (SELECT conversation_id FROM added UNION SELECT conversation_id FROM removed);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_count_added AFTER INSERT ON approvals
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_approvals();
CREATE TRIGGER approvals_count_moved AFTER UPDATE ON approvals
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_approvals();

-- When a person wants it to go out. not_before moves with retries, this does not. NULL: at once.
ALTER TABLE outbox ADD COLUMN planned timestamptz;
CREATE INDEX outbox_planned ON outbox (id) WHERE state = 'queued' AND planned IS NOT NULL;

-- A text that is too long for the network, in parts: each is a reply with a row in the outbox, and answers the part before it.
CREATE TABLE reply_parts (
    reply_id        bigint PRIMARY KEY REFERENCES replies,
    first_id        bigint NOT NULL REFERENCES replies,
    part            smallint NOT NULL CHECK (part >= 1),
    parts           smallint NOT NULL CHECK (parts >= part),
    rest            text NOT NULL,                    -- our own words from here to the end, as they were written: what is taken back
    UNIQUE (first_id, part)
);
