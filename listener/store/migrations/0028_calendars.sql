-- Calendars at addresses that say who is on duty, as they were last read there. Only titles and times of their events are kept, never the address.

CREATE TABLE calendars (
    name         text COLLATE "C" PRIMARY KEY,        -- as the settings and the rotas of rule files say
    next_at      timestamptz NOT NULL,                -- when it is fetched next; whoever does so moves it on first
    problem      text NOT NULL DEFAULT '',            -- why the last try brought nothing; '': it did
    problem_at   timestamptz,                         -- since when
    good_at      timestamptz,                         -- when its address last said that it is as it is here
    digest       text COLLATE "C" NOT NULL DEFAULT '', -- of what is kept
    turns        bytea CHECK (octet_length(turns) <= 1048576), -- NULL: none were ever read
    CHECK ((turns IS NULL) = (good_at IS NULL))
);
