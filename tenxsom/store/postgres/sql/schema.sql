-- name: where_am_i
SELECT pg_backend_pid(), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
    current_setting('server_version_num')::int, extract(epoch FROM clock_timestamp())::float8,
    to_regclass('tenxsom.place') IS NOT NULL,
    has_database_privilege(current_database(), 'CREATE')

-- name: place
SELECT here, schema_version FROM tenxsom.place

-- name: place_shared
SELECT here, schema_version FROM tenxsom.place FOR SHARE

-- name: end_session
SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
WHERE pid = %(pid)s AND application_name = %(name)s AND pid <> pg_backend_pid()

-- name: other_hosts
SELECT DISTINCT split_part(split_part(application_name, ' ', 3), ':', 1) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'tenxsom works %%' AND application_name NOT LIKE %(ours)s

-- name: begin
CREATE SCHEMA IF NOT EXISTS tenxsom

-- name: make_place
CREATE TABLE IF NOT EXISTS tenxsom.place (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    here text NOT NULL DEFAULT 'here' CHECK (here IN ('here', 'arriving', 'leaving')),
    schema_version integer NOT NULL
)

-- name: put_place
INSERT INTO tenxsom.place (schema_version) VALUES (0) ON CONFLICT DO NOTHING

-- name: set_version
UPDATE tenxsom.place SET schema_version = %(version)s
