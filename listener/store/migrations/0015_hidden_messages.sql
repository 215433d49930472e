-- What is hidden from others on its network, by whomever and wherever that was done, as the network tells it.

-- By the message's own id, which may be told before the message itself is heard. The latest counts, also when it comes late.
CREATE TABLE hidden_messages (
    space        text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL,
    hidden       boolean NOT NULL,
    at           timestamptz NOT NULL,                -- by the network, or when it was looked at
    PRIMARY KEY (space, external_id)
);
