-- What is done on a network beside answering, what each account can do there, and until when an answer is possible.

-- What an account can do, as its source says: '' is yes, else the reason why not, in words. Published by the listener; the inbox knows no source.
CREATE TABLE account_capabilities (
    account_id      int NOT NULL REFERENCES accounts,
    capability      text COLLATE "C" NOT NULL,        -- model.Capability
    reason          text NOT NULL,
    PRIMARY KEY (account_id, capability)
);

-- Likes, hides, deletes, blocks, and their opposites: rows first, deliveries second, in a lane of their own. Each asks for a state.
CREATE TABLE network_acts (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id        int NOT NULL REFERENCES brands,
    conversation_id bigint NOT NULL REFERENCES conversations, -- where the person stood
    account_id      int NOT NULL REFERENCES accounts, -- as whom
    mention_id      bigint NOT NULL REFERENCES mentions,
    author_id       bigint NOT NULL REFERENCES authors, -- who wrote it
    person_id       int NOT NULL REFERENCES people,
    what            text COLLATE "C" NOT NULL CHECK (what IN ('like', 'unlike', 'hide', 'show', 'delete', 'block', 'unblock')),
    thing           text COLLATE "C" NOT NULL,        -- what is changed: acts of one account on one thing keep their order
    at              timestamptz NOT NULL
);
CREATE INDEX network_acts_mention ON network_acts (mention_id, id);
CREATE INDEX network_acts_author ON network_acts (author_id, id) WHERE what IN ('block', 'unblock');
CREATE INDEX network_acts_thing ON network_acts (account_id, thing, id);
CREATE INDEX network_acts_conversation ON network_acts (conversation_id, id);

-- Their rows have no conversation_id of their own: an answer never waits for a like.
ALTER TABLE outbox DROP CONSTRAINT outbox_lane_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_lane_check CHECK (lane IN ('reply', 'alert', 'network'));
ALTER TABLE outbox ADD COLUMN network_act_id bigint UNIQUE REFERENCES network_acts;

-- A draft remembers for whom it was meant: what was private never becomes public by itself.
ALTER TABLE drafts ADD COLUMN visibility text NOT NULL DEFAULT 'public' CHECK (visibility IN ('public', 'private'));

-- The network's own windows, as the message brought them. NULL: for ever.
ALTER TABLE mentions
    ADD COLUMN reply_until   timestamptz,             -- an answer as it came: in public, or to a private message
    ADD COLUMN private_until timestamptz;             -- a private answer to a public message
ALTER TABLE conversations ADD COLUMN reply_until timestamptz; -- of its newest message: part of the order of work
