-- What is told of hiding is swept by its age, every ten minutes: only what is old is read for it.

CREATE INDEX hidden_messages_at ON hidden_messages (at);
