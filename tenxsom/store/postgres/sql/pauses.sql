-- name: tell
INSERT INTO service_pause AS p (service, shut_until, held_until)
VALUES (%(service)s, now() + %(shut)s * interval '1 second', now() + %(held)s * interval '1 second')
ON CONFLICT (service) DO UPDATE SET
    shut_until = greatest(p.shut_until, excluded.shut_until), held_until = greatest(p.held_until, excluded.held_until)

-- name: told
SELECT service, greatest(0, extract(epoch FROM shut_until - now()))::float8,
    greatest(0, extract(epoch FROM held_until - now()))::float8
FROM service_pause WHERE greatest(shut_until, held_until) > now()
