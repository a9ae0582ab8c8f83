-- Who should own what. Every time is of this server's clock: clocks of nodes are never compared.

-- Processes that take part, once for each kind of thing that is leased. A node lives until
-- `expires_at`, which it moves on; what it owns it owns for as long as its row is there.
CREATE TABLE boxoffice_processors.nodes (
    node_id    uuid PRIMARY KEY,
    log_id     uuid NOT NULL,
    kind       text NOT NULL,
    name       text NOT NULL,
    lease      interval NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX nodes_by_kind ON boxoffice_processors.nodes (log_id, kind);

-- `leaving`: the owner has been told to give it back, and has not done so yet.
CREATE TABLE boxoffice_processors.leases (
    log_id  uuid NOT NULL,
    kind    text NOT NULL,
    number  integer NOT NULL,
    epoch   bigint NOT NULL DEFAULT 0,
    owner   uuid REFERENCES boxoffice_processors.nodes ON DELETE SET NULL,
    leaving boolean NOT NULL DEFAULT false,
    PRIMARY KEY (log_id, kind, number)
);

CREATE INDEX leases_by_owner ON boxoffice_processors.leases (owner);

-- One turn of one node: it shows that it lives, gives back what it has ended, takes what is free
-- up to its share, or is told what to give up; returned is what it owns. All in one statement of
-- the client, so that a client that stops in the middle holds no lock.
CREATE FUNCTION boxoffice_processors.take_turn(
    p_log_id   uuid,
    p_kind     text,
    p_node_id  uuid,
    p_name     text,
    p_lease_ms bigint,
    p_numbers  integer,   -- how many there are: 0 to p_numbers - 1
    p_ended    integer[], -- what the node has ended, and gives back
    p_busy     integer[]  -- what the node works for or has not ended yet, and cannot take again
) RETURNS TABLE (number integer, epoch bigint, leaving boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_lease  interval := p_lease_ms * interval '1 millisecond';
    v_now    timestamptz;
    v_last   timestamptz;
    v_living integer;
    v_floor  integer; -- the share of each node, rounded down
    v_ceil   integer; -- and rounded up
    v_mine   integer;
    v_open   integer; -- free, or soon to be
    v_needed integer; -- what other nodes lack of their share, rounded down
    v_take   integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_log_id::text || '/' || p_kind, 0));
    v_now := clock_timestamp();

    -- When nobody at all took a turn for half a lease, it was the server that was away, or its
    -- clock that jumped, and not a node that died: everybody gets a whole lease again.
    SELECT max(expires_at - lease) INTO v_last FROM boxoffice_processors.nodes
        WHERE log_id = p_log_id AND kind = p_kind;
    IF v_now - v_last > v_lease / 2 OR v_last > v_now THEN
        UPDATE boxoffice_processors.nodes SET expires_at = v_now + lease
            WHERE log_id = p_log_id AND kind = p_kind;
    END IF;

    -- The dead leave, and with their rows their leases become free. It may be this very node, when
    -- it stood still for too long.
    DELETE FROM boxoffice_processors.nodes
        WHERE log_id = p_log_id AND kind = p_kind AND expires_at <= v_now;
    INSERT INTO boxoffice_processors.nodes (node_id, log_id, kind, name, lease, expires_at)
        VALUES (p_node_id, p_log_id, p_kind, p_name, v_lease, v_now + v_lease)
        ON CONFLICT (node_id) DO UPDATE SET expires_at = excluded.expires_at;
    UPDATE boxoffice_processors.leases SET owner = NULL
        WHERE log_id = p_log_id AND kind = p_kind AND owner = p_node_id AND number = ANY (p_ended);

    IF (SELECT count(*) FROM boxoffice_processors.leases
            WHERE log_id = p_log_id AND kind = p_kind) < p_numbers THEN
        INSERT INTO boxoffice_processors.leases (log_id, kind, number)
            SELECT p_log_id, p_kind, generate_series(0, p_numbers - 1) ON CONFLICT DO NOTHING;
    END IF;

    SELECT count(*) INTO v_living FROM boxoffice_processors.nodes
        WHERE log_id = p_log_id AND kind = p_kind;
    v_floor := p_numbers / v_living;
    v_ceil := (p_numbers + v_living - 1) / v_living;
    SELECT count(*) FILTER (WHERE owner = p_node_id AND NOT leaving),
           count(*) FILTER (WHERE owner IS NULL OR leaving)
        INTO v_mine, v_open FROM boxoffice_processors.leases
        WHERE log_id = p_log_id AND kind = p_kind AND number < p_numbers;
    SELECT coalesce(sum(greatest(0, v_floor - (
            SELECT count(*) FROM boxoffice_processors.leases
                WHERE owner = node_id AND NOT leaving AND number < p_numbers))), 0)
        INTO v_needed FROM boxoffice_processors.nodes
        WHERE log_id = p_log_id AND kind = p_kind AND node_id <> p_node_id;

    -- Its share rounded down in any case; one more when nobody else lacks it.
    v_take := least(v_ceil - v_mine, greatest(v_floor - v_mine, v_open - v_needed));
    IF v_take > 0 THEN
        UPDATE boxoffice_processors.leases
            SET owner = p_node_id, epoch = epoch + 1, leaving = false
            WHERE log_id = p_log_id AND kind = p_kind AND number IN (
                SELECT number FROM boxoffice_processors.leases
                    WHERE log_id = p_log_id AND kind = p_kind AND number < p_numbers
                        AND owner IS NULL AND number <> ALL (p_busy)
                    ORDER BY number LIMIT v_take);
    ELSIF (v_mine > v_ceil OR (v_mine > v_floor AND v_needed > v_open))
        AND NOT EXISTS (SELECT FROM boxoffice_processors.leases
            WHERE owner = p_node_id AND leaving) THEN
        UPDATE boxoffice_processors.leases SET leaving = true
            WHERE log_id = p_log_id AND kind = p_kind AND number = (
                SELECT max(number) FROM boxoffice_processors.leases
                    WHERE owner = p_node_id AND NOT leaving);
    END IF;

    RETURN QUERY SELECT number, epoch, leaving FROM boxoffice_processors.leases
        WHERE owner = p_node_id ORDER BY number;
END
$$;
