-- What was sent from here can be edited, where the network allows it. An edit brings words of ours, as a reply does.

ALTER TABLE network_acts DROP CONSTRAINT network_acts_what_check;
ALTER TABLE network_acts ADD CONSTRAINT network_acts_what_check
    CHECK (what IN ('like', 'unlike', 'hide', 'show', 'delete', 'remove', 'block', 'unblock', 'edit'));
ALTER TABLE network_acts
    ADD COLUMN body             text,                 -- of an edit: what it is to say
    ADD COLUMN known_content_id text COLLATE "C",     -- and the message's content as its editor knew it
    ADD CONSTRAINT network_acts_edit_has_words CHECK ((what = 'edit') = (body IS NOT NULL AND known_content_id IS NOT NULL));

CREATE INDEX replies_mention ON replies (mention_id) WHERE mention_id IS NOT NULL; -- whether it was sent from here
