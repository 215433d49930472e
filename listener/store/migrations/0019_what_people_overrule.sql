-- What people say of a message in place of the methods, by whom and since when. It holds for every state of the message, also later ones.

CREATE TABLE overruled (
    mention_id   bigint NOT NULL REFERENCES mentions,
    brand_id     int NOT NULL REFERENCES brands,
    what         text COLLATE "C" NOT NULL,
    value        text COLLATE "C" NOT NULL,
    person_id    int NOT NULL REFERENCES people,
    at           timestamptz NOT NULL,
    PRIMARY KEY (mention_id, brand_id, what),
    CHECK ((what = 'tone' AND value IN ('negative', 'neutral', 'positive', 'not_scored')) OR (what = 'need' AND value IN ('needed', 'not_needed')))
);

-- `tone` and `need` of an assessment are the values in force. Where a person overruled them, these keep what the methods said; else NULL.
ALTER TABLE assessments
    ADD COLUMN tone_said text COLLATE "C",
    ADD COLUMN need_said real;
