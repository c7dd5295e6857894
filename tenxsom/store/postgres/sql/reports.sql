-- name: write
INSERT INTO report (name, content_id, data) VALUES (%(name)s, %(content_id)s, %(data)s)
ON CONFLICT (name) DO UPDATE SET data = excluded.data, written_at = clock_timestamp()

-- name: read
SELECT data FROM report WHERE name = %(name)s

-- name: facts
SELECT octet_length(data), extract(epoch FROM clock_timestamp() - written_at)::float8 FROM report WHERE name = %(name)s

-- name: of_job
SELECT name FROM report WHERE content_id = %(content_id)s

-- name: any_of
SELECT FROM report WHERE name = ANY(%(names)s) LIMIT 1

-- name: some_of
SELECT name, data FROM report WHERE name = ANY(%(names)s)

-- name: since
SELECT name, data FROM report WHERE name > %(after)s AND written_at >= %(since)s ORDER BY name LIMIT %(most)s

-- name: marks
SELECT name, written_at FROM report

-- name: rename
UPDATE report SET name = %(new)s WHERE name = %(name)s

-- name: remove
DELETE FROM report WHERE name = %(name)s

-- name: put_aside
WITH gone AS (DELETE FROM report WHERE name = %(name)s RETURNING name, data)
INSERT INTO report_set_aside (name, reason, data) SELECT name, %(reason)s, data FROM gone

-- name: owner_of
SELECT content_id FROM vendor_job WHERE id = %(id)s
