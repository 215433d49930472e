-- A look back may be for one topic: then the network's own search is asked. '': all that a stream would have brought.
ALTER TABLE gaps ADD COLUMN topic text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE gaps DROP CONSTRAINT gaps_source_id_start_at_cause_key;
ALTER TABLE gaps ADD CONSTRAINT gaps_once UNIQUE (source_id, start_at, cause, topic);
