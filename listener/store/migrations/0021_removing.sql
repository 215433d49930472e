-- What others say under a post of ours can be deleted, where the network allows it.

ALTER TABLE network_acts DROP CONSTRAINT network_acts_what_check;
ALTER TABLE network_acts ADD CONSTRAINT network_acts_what_check
    CHECK (what IN ('like', 'unlike', 'hide', 'show', 'delete', 'remove', 'block', 'unblock'));
