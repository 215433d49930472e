-- What time has to know of an incident, and what is told together.

ALTER TABLE incidents
    ADD COLUMN hushed      text NOT NULL DEFAULT '',  -- why the calendar keeps it silent, as the watch said last
    ADD COLUMN cool_until  timestamptz,               -- reopened so soon that nobody is told before, unless it is worse
    ADD COLUMN reopened_at timestamptz,               -- the last time
    ADD COLUMN step_at     timestamptz,               -- when somebody is told next
    ADD COLUMN worse       int NOT NULL DEFAULT 0,    -- how often it was said to be worse
    ADD COLUMN worse_told  int NOT NULL DEFAULT 0;    -- and how many of these were told on
CREATE INDEX incidents_key ON incidents (brand_id, key, id DESC);
CREATE INDEX incidents_parent ON incidents (parent_id) WHERE parent_id IS NOT NULL;

-- Nobody is told twice in one step.
CREATE UNIQUE INDEX pages_once ON pages (incident_id, what, receiver, person, step, round) WHERE incident_id IS NOT NULL;

-- A person who is told too much at once gets one digest: such a page has no row in the outbox, and fares as its digest does.
ALTER TABLE pages ADD COLUMN digest_id bigint REFERENCES pages;
CREATE INDEX pages_person ON pages (person, receiver, at) WHERE person <> '';
CREATE INDEX pages_digest ON pages (digest_id) WHERE digest_id IS NOT NULL;
