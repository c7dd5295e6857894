-- name: claim
-- What the owner of the lock reads. The count of claims may be lost in a crash of the server, which costs nothing. A job whose
-- last two visits died is due later each time, should this one die as well; a save says when it is due otherwise.
WITH a AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE job SET claims = claims + 1, due_at = CASE WHEN claims < 2 THEN due_at
    ELSE greatest(due_at, now() + least(2 ^ least(claims, 16), 300) * interval '1 second') END
FROM a WHERE content_id = %(content_id)s AND (SELECT here FROM place) = 'here'
RETURNING revision, claims, document::text

-- name: load
SELECT revision, document::text FROM job WHERE content_id = %(content_id)s

-- name: hold
SELECT document::text FROM job WHERE content_id = %(content_id)s FOR UPDATE

-- name: insert
INSERT INTO job (content_id, revision, state, due_at, document)
VALUES (%(content_id)s, %(revision)s, %(state)s, now() + %(wait)s * interval '1 second', %(document)s)
ON CONFLICT DO NOTHING

-- name: update
-- One that is not durable may be lost in a crash of the server.
WITH a AS (SELECT set_config(
    'synchronous_commit', CASE WHEN %(durable)s THEN current_setting('synchronous_commit') ELSE 'off' END, true))
UPDATE job SET document = %(document)s, revision = %(revision)s, state = %(state)s, claims = 0, failed_since = NULL,
    due_at = now() + %(wait)s * interval '1 second', saved_at = clock_timestamp()
FROM a WHERE content_id = %(content_id)s AND revision = %(before)s

-- name: take_back
UPDATE job SET document = %(document)s, revision = %(revision)s, saved_at = clock_timestamp()
WHERE content_id = %(content_id)s AND revision = %(before)s AND document::text = %(written)s

-- name: still_mine
SELECT FROM job WHERE content_id = %(content_id)s AND revision = %(before)s FOR UPDATE

-- name: delete
DELETE FROM job WHERE content_id = %(content_id)s AND revision = %(before)s

-- name: leave
-- The end of a visit. One that leaves a job due does not look at it again at once. May be lost.
WITH a AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE job SET claims = 0, due_at = greatest(due_at, now() + %(pause)s * interval '1 second') FROM a
WHERE content_id = %(content_id)s

-- name: due
SELECT content_id FROM job WHERE due_at <= now() AND (SELECT here FROM place) = 'here' ORDER BY due_at LIMIT %(most)s

-- name: ids
SELECT content_id FROM job

-- name: marks
SELECT content_id, revision, saved_at FROM job

-- name: documents
SELECT content_id, document::text FROM job
WHERE content_id > %(after)s AND (%(only)s::text[] IS NULL OR content_id = ANY(%(only)s)) ORDER BY content_id LIMIT %(most)s

-- name: summary
SELECT state, count(*), count(*) FILTER (WHERE due_at <= now()),
    coalesce(extract(epoch FROM max(now() - due_at) FILTER (WHERE due_at <= now())), 0)::float8
FROM job GROUP BY state

-- name: failed
UPDATE job SET failed_since = coalesce(failed_since, now()) WHERE content_id = %(content_id)s
RETURNING extract(epoch FROM now() - failed_since)::float8

-- name: names_aside
SELECT name FROM job_set_aside ORDER BY name

-- name: aside
SELECT document::text FROM job_set_aside WHERE name = %(name)s

-- name: put_aside
WITH gone AS (DELETE FROM job WHERE content_id = %(content_id)s RETURNING content_id, document)
INSERT INTO job_set_aside (name, content_id, reason, document)
SELECT %(name)s, content_id, %(reason)s, document FROM gone

-- name: drop_aside
DELETE FROM job_set_aside WHERE name = %(name)s
