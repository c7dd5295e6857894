-- name: today
SELECT (now() AT TIME ZONE 'utc')::date::text

-- name: hold_references
-- Programs that change what becomes of a call wait for each other; sorted, so that they cannot deadlock.
SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT unnest(%(keys)s::bigint[]) AS key ORDER BY 1) AS keys

-- name: last_of
SELECT DISTINCT ON (reference) reference, day::text, entry, usd, rehearsal FROM movement
WHERE reference = ANY(%(references)s) ORDER BY reference, number DESC

-- name: hold_day
INSERT INTO budget_day AS b (day, rehearsal, used) VALUES (%(day)s, %(rehearsal)s, 0)
ON CONFLICT (day, rehearsal) DO UPDATE SET used = b.used RETURNING used

-- name: use_day
UPDATE budget_day SET used = used + %(usd)s WHERE day = %(day)s AND rehearsal = %(rehearsal)s

-- name: append
INSERT INTO movement (day, entry, reference, content_id, service, step, clip, usd, rehearsal, facts)
VALUES (%(day)s, %(entry)s, %(reference)s, %(content_id)s, %(service)s, %(step)s, %(clip)s, %(usd)s, %(rehearsal)s, %(facts)s)

-- name: last
SELECT number, at, day::text, entry, reference, content_id, service, step, clip, usd, rehearsal, facts::text FROM movement
WHERE reference = %(reference)s AND number > %(after)s ORDER BY number DESC LIMIT 1

-- name: lines
SELECT number, at, day::text, entry, reference, content_id, service, step, clip, usd, rehearsal, facts::text FROM movement
WHERE number > %(after)s AND day >= %(since)s::date ORDER BY number LIMIT %(most)s

-- name: mark
SELECT coalesce(max(number), 0) FROM movement

-- name: total
SELECT used FROM budget_day WHERE day = %(day)s AND rehearsal = %(rehearsal)s

-- name: totals
SELECT entry, sum(usd) FROM (
    SELECT DISTINCT ON (reference) day, entry, usd, rehearsal FROM movement
    WHERE reference IN (SELECT reference FROM movement WHERE day = %(day)s) ORDER BY reference, number DESC
) AS last WHERE day = %(day)s AND rehearsal = %(rehearsal)s GROUP BY entry

-- name: know_id
INSERT INTO vendor_job (id, content_id) VALUES (%(id)s, %(content_id)s) ON CONFLICT DO NOTHING

-- name: wrong_days
SELECT DISTINCT day::text FROM budget_day FULL JOIN (
    SELECT day, rehearsal, sum(usd) AS counted FROM (
        SELECT DISTINCT ON (reference) day, rehearsal, CASE WHEN entry = 'released' THEN 0 ELSE usd END AS usd
        FROM movement ORDER BY reference, number DESC
    ) AS last GROUP BY day, rehearsal
) AS sums USING (day, rehearsal) WHERE coalesce(used, 0) <> coalesce(counted, 0) ORDER BY 1
