-- What becomes of tickets after the sale: the rules of a performance, offers to other accounts, and
-- every time that a ticket was shown at a gate. A ticket's account is who has it now.

CREATE TABLE ticket_rules (
    performance_id uuid PRIMARY KEY,
    transfers_max integer NOT NULL,
    transfers_close_before_ms bigint NOT NULL,
    offer_ttl_ms bigint NOT NULL,
    reentry boolean NOT NULL,
    admits_after_start_ms bigint NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE ticket_transfers (
    transfer_id bigint PRIMARY KEY,
    order_id bigint NOT NULL,
    number integer NOT NULL,
    performance_id uuid NOT NULL,
    from_account_id uuid NOT NULL,
    to_account_id uuid NOT NULL,
    -- offered, accepted, withdrawn, declined, lapsed
    state text NOT NULL,
    -- How often the ticket had changed hands when it was accepted.
    generation integer,
    offered_at timestamptz NOT NULL,
    lapses_at timestamptz NOT NULL,
    ended_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX ticket_transfers_by_ticket ON ticket_transfers (order_id, number);

CREATE TABLE ticket_scans (
    -- The intent that brought the scan.
    scan_id bigint PRIMARY KEY,
    order_id bigint NOT NULL,
    number integer NOT NULL,
    performance_id uuid NOT NULL,
    -- in, out; again: somebody was inside with the ticket already
    kind text NOT NULL,
    gate text NOT NULL,
    -- By the scanner's clock when it had no connection.
    scanned_at timestamptz NOT NULL,
    -- The how many-th time somebody came in with the ticket.
    entry integer,
    -- The scanner's own name for the scan.
    scan uuid,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX ticket_scans_by_ticket ON ticket_scans (order_id, number);
CREATE INDEX ticket_scans_by_gate ON ticket_scans (performance_id, gate);

-- What went through each gate.
CREATE VIEW gate_counts AS
SELECT performance_id, gate,
       count(*) FILTER (WHERE kind = 'in' AND entry = 1) AS entries,
       count(*) FILTER (WHERE kind = 'in' AND entry > 1) AS reentries,
       count(*) FILTER (WHERE kind = 'out') AS exits,
       count(*) FILTER (WHERE kind = 'again') AS conflicts
  FROM ticket_scans
 GROUP BY performance_id, gate;
