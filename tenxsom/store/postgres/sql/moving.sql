-- name: is_empty
SELECT NOT EXISTS (SELECT FROM job) AND NOT EXISTS (SELECT FROM report) AND NOT EXISTS (SELECT FROM movement)
    AND NOT EXISTS (SELECT FROM job_set_aside)

-- name: set_here
UPDATE place SET here = %(here)s

-- name: job
INSERT INTO job (content_id, revision, state, due_at, document)
VALUES (%(content_id)s, %(revision)s, %(state)s, now() + %(wait)s * interval '1 second', %(document)s)
ON CONFLICT DO NOTHING

-- name: aside
INSERT INTO job_set_aside (name, content_id, reason, document) VALUES (%(name)s, %(content_id)s, %(reason)s, %(document)s)
ON CONFLICT DO NOTHING

-- name: line
INSERT INTO movement (at, day, entry, reference, content_id, service, step, clip, usd, rehearsal, facts)
VALUES (%(time)s, %(day)s, %(entry)s, %(reference)s, %(content_id)s, %(service)s, %(step)s, %(clip)s, %(usd)s, %(rehearsal)s, %(facts)s)

-- name: days
INSERT INTO budget_day (day, rehearsal, used)
SELECT day, rehearsal, sum(usd) FROM (
    SELECT DISTINCT ON (reference) day, rehearsal, CASE WHEN entry = 'released' THEN 0 ELSE usd END AS usd
    FROM movement ORDER BY reference, number DESC
) AS last GROUP BY day, rehearsal

-- name: all_aside
SELECT name, reason, document::text FROM job_set_aside ORDER BY name

-- name: all_reports
SELECT name, data FROM report WHERE name > %(after)s ORDER BY name LIMIT %(most)s
