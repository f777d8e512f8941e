-- charter: differs no-foreign-keys
-- charter: differs no-indexes
-- On DuckDB a table that has an index, or that a foreign key refers to, cannot be altered later: this is the base text
-- without its two indexes and its foreign key. Primary keys and unique columns stay; they are in no one's way.

-- The tables behind every SQL store. They are append-only, but for the one row of charter_head, the cursors, and the
-- uploads of pushes that are not published yet.

CREATE TABLE charter_schema_version (
    version BIGINT NOT NULL PRIMARY KEY,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    description TEXT NOT NULL,
    minimum_program TEXT NOT NULL,
    environment TEXT NOT NULL CHECK (environment IN ('dev', 'staging', 'prod'))
);

-- One row: who this store is, and how far its change log has come.
CREATE TABLE charter_head (
    singleton BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    last_receipt TEXT
);

-- sort_key orders namespace, kind, name and version by bytes, whatever the collation.
CREATE TABLE charter_records (
    digest TEXT NOT NULL PRIMARY KEY,
    sort_key BYTEA NOT NULL UNIQUE,
    namespace TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    pre_release BOOLEAN NOT NULL,
    parent TEXT,
    body JSON NOT NULL,
    stored_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE charter_changes (
    sequence BIGINT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    push TEXT
);

CREATE TABLE charter_cursors (
    remote TEXT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    local_sequence BIGINT NOT NULL,
    remote_sequence BIGINT NOT NULL
);

CREATE TABLE charter_receipts (
    remote TEXT NOT NULL,
    push TEXT NOT NULL,
    source TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    records BIGINT NOT NULL,
    sequence_before BIGINT NOT NULL,
    sequence_after BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    previous TEXT,
    hash TEXT NOT NULL,
    PRIMARY KEY (remote, push)
);

-- What pushes brought and did not publish yet. Nothing reads it but the push itself, so it may hold a row twice.
CREATE TABLE charter_uploads (
    push TEXT NOT NULL,
    digest TEXT NOT NULL,
    sort_key BYTEA NOT NULL,
    namespace TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    pre_release BOOLEAN NOT NULL,
    parent TEXT,
    body JSON NOT NULL,
    uploaded_at BIGINT NOT NULL
);

-- For reading by people. A body that has a zero character somewhere shows no title: one engine cannot look into it.

CREATE VIEW schemas AS
SELECT digest AS id, namespace, name, version,
    CASE WHEN CAST(body AS TEXT) LIKE '%u0000%' THEN NULL ELSE body ->> 'title' END AS title,
    body AS schema_data, stored_at AS created_at
FROM charter_records WHERE kind = 'schema';

CREATE VIEW coercion_rules AS
SELECT digest AS id, namespace, name, version, body AS rules, stored_at AS created_at
FROM charter_records WHERE kind = 'coercion_rules';

CREATE VIEW validation_rules AS
SELECT digest AS id, namespace, name, version, body AS rules, stored_at AS created_at
FROM charter_records WHERE kind = 'validation_rules';

CREATE VIEW metadata_records AS
SELECT digest AS id, namespace, name, version,
    CASE WHEN CAST(body AS TEXT) LIKE '%u0000%' THEN NULL ELSE body ->> 'title' END AS title,
    body AS metadata, stored_at AS created_at
FROM charter_records WHERE kind = 'metadata';

CREATE VIEW data_contracts AS
SELECT digest AS id, namespace, name, version, body AS contract_data, stored_at AS created_at
FROM charter_records WHERE kind = 'contract';

-- Of what is edited in place, the edition that no other one replaces.

CREATE VIEW governance_rules AS
SELECT digest AS id, namespace, name, version AS edition, body AS rule_definition, stored_at AS created_at
FROM charter_records AS current_edition
WHERE kind = 'governance_rule'
    AND NOT EXISTS (SELECT 1 FROM charter_records AS newer WHERE newer.parent = current_edition.digest);

CREATE VIEW ownership AS
SELECT digest AS id, namespace, name, version AS edition, body AS ownership_data, stored_at AS created_at
FROM charter_records AS current_edition
WHERE kind = 'ownership'
    AND NOT EXISTS (SELECT 1 FROM charter_records AS newer WHERE newer.parent = current_edition.digest);

CREATE VIEW owners AS
SELECT digest AS id, namespace, name, version AS edition, body AS owner_data, stored_at AS created_at
FROM charter_records AS current_edition
WHERE kind = 'owner'
    AND NOT EXISTS (SELECT 1 FROM charter_records AS newer WHERE newer.parent = current_edition.digest);

CREATE VIEW domains AS
SELECT digest AS id, namespace, name, version AS edition, body AS domain_data, stored_at AS created_at
FROM charter_records AS current_edition
WHERE kind = 'domain'
    AND NOT EXISTS (SELECT 1 FROM charter_records AS newer WHERE newer.parent = current_edition.digest);

CREATE VIEW systems AS
SELECT digest AS id, namespace, name, version AS edition, body AS system_data, stored_at AS created_at
FROM charter_records AS current_edition
WHERE kind = 'system'
    AND NOT EXISTS (SELECT 1 FROM charter_records AS newer WHERE newer.parent = current_edition.digest);

CREATE VIEW data_feeds AS
SELECT digest AS id, namespace, name, version AS edition, body AS data_feed_data, stored_at AS created_at
FROM charter_records AS current_edition
WHERE kind = 'data_feed'
    AND NOT EXISTS (SELECT 1 FROM charter_records AS newer WHERE newer.parent = current_edition.digest);
