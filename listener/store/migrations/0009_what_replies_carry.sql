-- What helps to answer and what goes out with it.

-- What was answered to a message, for whoever gets a similar one.
CREATE INDEX replies_parent ON replies (parent_id);

-- Pictures beside a draft (reply_id NULL), later of the reply: our own, without what their files told beside the picture.
CREATE TABLE attachments (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id        int NOT NULL REFERENCES brands,
    conversation_id bigint NOT NULL REFERENCES conversations,
    person_id       int NOT NULL REFERENCES people,
    reply_id        bigint REFERENCES replies,
    name            text NOT NULL,                    -- of the file, for the writer only
    media_type      text COLLATE "C" NOT NULL CHECK (media_type IN ('image/jpeg', 'image/png', 'image/webp')),
    width           int NOT NULL,
    height          int NOT NULL,
    alt             text NOT NULL CHECK (alt <> ''),  -- for those who cannot see it
    content         bytea NOT NULL CHECK (octet_length(content) <= 20000000),
    at              timestamptz NOT NULL
);
ALTER TABLE attachments ALTER content SET STORAGE EXTERNAL; -- packed already
CREATE INDEX attachments_of ON attachments (conversation_id, person_id, id);
CREATE INDEX attachments_reply ON attachments (reply_id) WHERE reply_id IS NOT NULL;
