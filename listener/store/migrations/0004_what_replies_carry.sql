-- What helps to answer and what goes out with it.

-- What was answered to a message, for whoever gets a similar one.
CREATE INDEX replies_parent ON replies (parent_id);
