-- Who wants what of a source, and a bell for those who look at sources: what becomes of them leaves no event.

ALTER TABLE sources ADD COLUMN wanted_by int REFERENCES people, ADD COLUMN wanted_at timestamptz;
ALTER TABLE gaps ADD COLUMN asked_by int REFERENCES people;

CREATE FUNCTION sources_ring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('hubbub', 'sources');
    RETURN NULL;
END $$;

-- A beat is no news.
CREATE TRIGGER sources_ring_new AFTER INSERT ON sources FOR EACH ROW EXECUTE FUNCTION sources_ring();
CREATE TRIGGER sources_ring_changed AFTER UPDATE ON sources FOR EACH ROW
    WHEN ((OLD.state, OLD.problem, OLD.wanted) IS DISTINCT FROM (NEW.state, NEW.problem, NEW.wanted)) EXECUTE FUNCTION sources_ring();
CREATE TRIGGER gaps_ring AFTER INSERT OR UPDATE ON gaps FOR EACH ROW EXECUTE FUNCTION sources_ring();
CREATE TRIGGER source_faults_ring AFTER INSERT OR UPDATE ON source_faults FOR EACH ROW EXECUTE FUNCTION sources_ring();
CREATE TRIGGER rejects_ring_new AFTER INSERT OR DELETE ON rejects FOR EACH ROW EXECUTE FUNCTION sources_ring();
CREATE TRIGGER rejects_ring_asked AFTER UPDATE OF asked_at ON rejects FOR EACH ROW
    WHEN (OLD.asked_at IS DISTINCT FROM NEW.asked_at) EXECUTE FUNCTION sources_ring();
CREATE TRIGGER accounts_ring AFTER UPDATE ON accounts FOR EACH ROW
    WHEN ((OLD.state, OLD.login_until) IS DISTINCT FROM (NEW.state, NEW.login_until)) EXECUTE FUNCTION sources_ring();
