-- A queue that exists, or the unpaid rate of one that does not. It is in line while jobs wait.
CREATE TABLE IF NOT EXISTS queue (
    type TEXT, id TEXT, interval INTEGER, last INTEGER, waiting INTEGER, leased INTEGER,
    ready_since INTEGER, place INTEGER, PRIMARY KEY (type, id)
);
CREATE INDEX IF NOT EXISTS existing ON queue (type, id) WHERE waiting + leased > 0;
CREATE INDEX IF NOT EXISTS line ON queue (type, ready_since, place) WHERE waiting > 0;
CREATE INDEX IF NOT EXISTS too_late ON queue (ready_since)
    WHERE waiting > 0 AND ready_since > coalesce(last + interval, 0);
CREATE INDEX IF NOT EXISTS served_ahead ON queue (last) WHERE waiting > 0;
CREATE INDEX IF NOT EXISTS unpaid ON queue (last + interval) WHERE waiting + leased = 0;

-- A job that waits (no token, no expiry) or is leased.
CREATE TABLE IF NOT EXISTS job (
    type TEXT, queue TEXT, id TEXT, number INTEGER, payload BLOB, requeues INTEGER,
    attempts INTEGER DEFAULT 0, returned INTEGER DEFAULT 0, token TEXT, expires_at INTEGER,
    PRIMARY KEY (type, queue, id)
);
CREATE INDEX IF NOT EXISTS waiting ON job (type, queue, returned DESC, number)
    WHERE token IS NULL;
CREATE INDEX IF NOT EXISTS leased ON job (expires_at, type, queue, number)
    WHERE expires_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS leased_by_type ON job (type, expires_at, queue, number)
    WHERE expires_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS dead (
    number INTEGER PRIMARY KEY, type TEXT, queue TEXT, id TEXT, payload BLOB, attempts INTEGER,
    died_at INTEGER, reason TEXT
);
CREATE INDEX IF NOT EXISTS dead_by_job ON dead (type, queue, id);

CREATE TABLE IF NOT EXISTS receipt (
    type TEXT, queue TEXT, id TEXT, token TEXT, until INTEGER,
    PRIMARY KEY (type, queue, id, token)
);
CREATE INDEX IF NOT EXISTS old_receipt ON receipt (until);

-- What a take with an attempt id got, in this order.
CREATE TABLE IF NOT EXISTS attempt (
    number INTEGER PRIMARY KEY, type TEXT, id TEXT, queue TEXT, job TEXT, token TEXT,
    until INTEGER
);
CREATE INDEX IF NOT EXISTS attempt_by_id ON attempt (type, id, number);
CREATE INDEX IF NOT EXISTS old_attempt ON attempt (until);

-- Minute counts. An empty queue stands for the whole type, an empty type for everything.
CREATE TABLE IF NOT EXISTS minute (
    type TEXT, queue TEXT, epoch INTEGER, enqueues INTEGER, dequeues INTEGER,
    PRIMARY KEY (type, queue, epoch)
);
CREATE INDEX IF NOT EXISTS old_minute ON minute (epoch);

-- The latest number of a job, a place or a dead letter.
CREATE TABLE IF NOT EXISTS counter (number INTEGER);
INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter);
