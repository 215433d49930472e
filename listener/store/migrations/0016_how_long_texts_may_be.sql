-- How long a text of an account of ours may be, where each server of a network says so itself. Told by the stream that hears the account.
CREATE TABLE account_limits (
    account_id      int PRIMARY KEY REFERENCES accounts,
    characters      int NOT NULL,
    per_link        int NOT NULL                      -- what a link counts as, however long it is
);
