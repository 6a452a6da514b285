-- Summaries and dividers are few and are looked for in every run.
CREATE INDEX messages_system ON messages (transcript, seq) WHERE role = 'system';

-- Totals ask for a span of time.
CREATE INDEX messages_time ON messages (ts_ms);
CREATE INDEX runs_ended ON runs (ended_ms);
