CREATE TABLE sessions (
  id                 INTEGER PRIMARY KEY,
  key                TEXT    NOT NULL UNIQUE,
  session_id         TEXT    NOT NULL UNIQUE,
  agent_id           TEXT    NOT NULL,
  created_ms         INTEGER NOT NULL,
  updated_ms         INTEGER NOT NULL,
  lifecycle_revision TEXT    NOT NULL,
  generation         INTEGER NOT NULL,
  fields             TEXT    NOT NULL,
  label              TEXT    GENERATED ALWAYS AS (json_extract(fields, '$.label')) VIRTUAL
) STRICT;
CREATE INDEX sessions_label ON sessions (label);
CREATE INDEX sessions_updated ON sessions (updated_ms DESC, id DESC);

-- One row per generation of a session. `message_count` is also the newest seq:
-- rows are numbered 1, 2, 3 … and never removed one by one.
CREATE TABLE transcripts (
  id              INTEGER PRIMARY KEY,
  session         INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  generation      INTEGER NOT NULL,
  message_count   INTEGER NOT NULL DEFAULT 0,
  first_user_text TEXT,
  UNIQUE (session, generation)
) STRICT;

CREATE TABLE messages (
  row             INTEGER PRIMARY KEY,
  transcript      INTEGER NOT NULL REFERENCES transcripts (id) ON DELETE CASCADE,
  seq             INTEGER NOT NULL,
  id              TEXT    NOT NULL,
  role            TEXT    NOT NULL,
  run_id          TEXT,
  idempotency_key TEXT,
  ts_ms           INTEGER NOT NULL,
  meta            TEXT    NOT NULL,
  text            TEXT    NOT NULL,
  body            TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_seq ON messages (transcript, seq);
CREATE UNIQUE INDEX messages_id ON messages (transcript, id);

-- The index reads its text from `messages`, so nothing is stored twice.
CREATE VIRTUAL TABLE messages_fts USING fts5 (
  text, content = 'messages', content_rowid = 'row', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER messages_indexed AFTER INSERT ON messages WHEN new.text <> '' BEGIN
  INSERT INTO messages_fts (rowid, text) VALUES (new.row, new.text);
END;
CREATE TRIGGER messages_unindexed AFTER DELETE ON messages WHEN old.text <> '' BEGIN
  INSERT INTO messages_fts (messages_fts, rowid, text) VALUES ('delete', old.row, old.text);
END;

CREATE TABLE runs (
  run_id      TEXT    PRIMARY KEY,
  transcript  INTEGER NOT NULL REFERENCES transcripts (id) ON DELETE CASCADE,
  agent_id    TEXT    NOT NULL,
  body_hash   BLOB    NOT NULL,
  status      TEXT    NOT NULL,
  started_ms  INTEGER NOT NULL,
  ended_ms    INTEGER,
  stop_reason TEXT,
  error       TEXT,
  result      TEXT
) STRICT;
CREATE INDEX runs_transcript ON runs (transcript);
CREATE INDEX runs_running ON runs (started_ms) WHERE status = 'running';

CREATE TABLE partials (
  run_id     TEXT    PRIMARY KEY REFERENCES runs (run_id) ON DELETE CASCADE,
  text       TEXT    NOT NULL,
  thinking   TEXT,
  updated_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE media (
  id         TEXT    PRIMARY KEY,
  session    INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  mime       TEXT    NOT NULL,
  kind       TEXT    NOT NULL,
  name       TEXT,
  size       INTEGER NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX media_session ON media (session);

CREATE TABLE docs (
  kind TEXT NOT NULL,
  id   TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
