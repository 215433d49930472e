-- The search box walks backwards in time where no word can be looked up, or where a word stands in too many messages.
CREATE INDEX mentions_time ON mentions (at DESC, id DESC);
