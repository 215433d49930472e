-- Who may read a message, as its network says; of private messages (kind 'dm') it says no more than that.
ALTER TABLE mentions ADD COLUMN audience text NOT NULL DEFAULT 'public'
    CHECK (audience IN ('public', 'unlisted', 'followers', 'members', 'some'));
