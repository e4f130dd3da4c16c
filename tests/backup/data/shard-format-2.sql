BEGIN TRANSACTION;
CREATE TABLE letter (
    id INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    stored_us INTEGER NOT NULL,
    recorded_us INTEGER,
    document BLOB NOT NULL,
    revision INTEGER NOT NULL,
    deletes INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    first_attempt_us INTEGER,
    due_us INTEGER,
    dead_us INTEGER,
    reason TEXT NOT NULL,
    status INTEGER,
    detail TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX letter_in_order ON letter (subscription_id, position, slot);
CREATE INDEX letter_parked ON letter (subscription_id, position, slot, size) WHERE dead_us IS NULL;
CREATE INDEX letter_dead ON letter (subscription_id, dead_us, size) WHERE dead_us IS NOT NULL;
CREATE INDEX letter_document ON letter (subscription_id, document, revision)
    WHERE dead_us IS NOT NULL AND document <> x'';
CREATE TABLE letter_body (
    id INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE skip (
    subscription_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    first_position INTEGER NOT NULL,
    end_position INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, reason, first_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
    position INTEGER PRIMARY KEY,
    provider_id INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    reason TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    resolved_by INTEGER
) STRICT;
CREATE INDEX quarantine_unresolved ON quarantine (position) WHERE resolved_by IS NULL;
CREATE TABLE request (
    position INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL
) STRICT;
INSERT INTO letter VALUES(1,1,2,0,2,2,1000000,1700000000000000,NULL,X'',0,0,1,1700000000000000,1700000009000000,NULL,'timeout',NULL,'');
INSERT INTO letter_body VALUES(1,2745614147,X'7B7D');
INSERT INTO skip VALUES(1,'access_ended',1,2,1);
INSERT INTO skip VALUES(1,'expired',3,5,2);
INSERT INTO quarantine VALUES(4,1,'drivetech','plate: missing',1000000,NULL);
INSERT INTO request VALUES(1,'r-1');
PRAGMA user_version=2;
COMMIT;
