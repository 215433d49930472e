-- Who is there: which terminals are open and what their people look at; who is away; what is handed over at the end of a shift.

-- A lease like a claim, of one terminal, renewed by it. UNLOGGED: what a crash of the server takes away, living terminals say again within
-- seconds, and of the dead ones nothing should come back. No reference to the conversation: who only looks locks nothing.
CREATE UNLOGGED TABLE presences (
    session         text COLLATE "C" PRIMARY KEY,     -- which terminal
    brand_id        int NOT NULL REFERENCES brands,
    person_id       int NOT NULL REFERENCES people,
    conversation_id bigint,                           -- NULL: here, and looks at none
    typing          boolean NOT NULL,
    until           timestamptz NOT NULL
);
CREATE INDEX presences_brand ON presences (brand_id, until);
CREATE INDEX presences_until ON presences (until);

-- One row for a person and a brand, made when something is to be kept.
CREATE TABLE attendance (
    person_id       int NOT NULL REFERENCES people,
    brand_id        int NOT NULL REFERENCES brands,
    away_since      timestamptz,                      -- NULL: not away
    away_until      timestamptz,                      -- NULL: until they say that they are back
    given_at        timestamptz,                      -- when something was last shared out to them
    PRIMARY KEY (person_id, brand_id)
);

-- What a team has and nobody of it.
CREATE INDEX conversations_nobodys ON conversations (brand_id, team, sort_key, id)
    WHERE folder = 'open' AND assignee_id IS NULL AND merged_into IS NULL AND team <> '';

-- Whether a conversation was escalated: asked for every row of the queue, and hardly ever so.
CREATE INDEX events_escalated ON events (conversation_id, id) WHERE kind = 'conversation.escalated';

-- The staff's own words, with conversations by their numbers; nobody else's text.
CREATE TABLE handovers (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id        int NOT NULL REFERENCES brands,
    person_id       int NOT NULL REFERENCES people,
    body            text NOT NULL,
    since           timestamptz NOT NULL,             -- the beginning of the shift
    at              timestamptz NOT NULL
);
CREATE INDEX handovers_latest ON handovers (brand_id, id DESC);
CREATE INDEX handovers_own ON handovers (brand_id, person_id, id DESC);
