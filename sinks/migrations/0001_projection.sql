-- The projection of the outcomes topic: what finance, support and reports read. Every row can be
-- thrown away and folded again from the log.
--
-- One writer writes all of it, rows and progress in one transaction. There are no foreign keys:
-- they would be checked row by row for what the log has already decided.
--
-- An id of a hold, order or payment packs slot (12 bits), partition (10) and offset (41) of the
-- intent that made it. readable_id() gives the spelling that clients see.
--
-- Rows that change soon after they were written leave room on their page, so that the change
-- stays on it and touches no index.

CREATE FUNCTION readable_id(packed bigint) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (packed >> 51)::text || '-' || ((packed >> 41) & 1023)::text
        || '-' || (packed & 2199023255551)::text;

CREATE TABLE progress (
    partition integer PRIMARY KEY,
    log_id uuid NOT NULL,
    next_offset bigint NOT NULL,
    chain bytea NOT NULL
);

CREATE TABLE performances (
    performance_id uuid PRIMARY KEY,
    partition integer NOT NULL,
    name text NOT NULL,
    venue text NOT NULL,
    starts_at timestamptz NOT NULL,
    currency char(3) NOT NULL,
    sale_opens_at timestamptz,
    sale_closes_at timestamptz,
    hold_ttl_ms bigint NOT NULL,
    hold_renewals_max integer NOT NULL,
    payment_window_ms bigint NOT NULL,
    account_seats_max integer NOT NULL,
    -- What a promoter last said: by_schedule, opened, closed.
    sale_switch text NOT NULL,
    sale_switched_at timestamptz,
    created_at timestamptz NOT NULL,
    -- The whole definition as the log has it.
    definition bytea NOT NULL
);

CREATE TABLE price_levels (
    performance_id uuid NOT NULL,
    price_level integer NOT NULL,
    code text NOT NULL,
    price_minor bigint NOT NULL,
    PRIMARY KEY (performance_id, price_level)
);

CREATE TABLE sections (
    performance_id uuid NOT NULL,
    section integer NOT NULL,
    code text NOT NULL,
    -- Places of general admission; without a value the section has numbered seats.
    capacity bigint,
    price_level integer,
    PRIMARY KEY (performance_id, section)
);

CREATE TABLE seats (
    performance_id uuid NOT NULL,
    seat integer NOT NULL,
    label text NOT NULL,
    section integer NOT NULL,
    "row" text NOT NULL,
    number integer NOT NULL,
    price_level integer NOT NULL,
    accessible boolean NOT NULL,
    PRIMARY KEY (performance_id, seat)
);

CREATE TABLE holds (
    hold_id bigint PRIMARY KEY,
    performance_id uuid NOT NULL,
    account_id uuid NOT NULL,
    -- live, ordered, released, expired
    state text NOT NULL,
    -- Numbers of seats, and sections of general admission with the places in each.
    seats integer[] NOT NULL,
    sections integer[] NOT NULL,
    quantities integer[] NOT NULL,
    seating text NOT NULL,
    total_minor bigint NOT NULL,
    currency char(3) NOT NULL,
    held_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
) WITH (fillfactor = 60);
CREATE INDEX holds_by_account ON holds (account_id);

CREATE TABLE orders (
    order_id bigint PRIMARY KEY,
    hold_id bigint NOT NULL,
    performance_id uuid NOT NULL,
    account_id uuid NOT NULL,
    -- placed, paying, confirmed, cancelled, refunded
    state text NOT NULL,
    total_minor bigint NOT NULL,
    currency char(3) NOT NULL,
    -- The latest attempt to pay it, or the one that did.
    payment_id bigint,
    placed_at timestamptz NOT NULL,
    -- The deadline that the buyer was told when the order was placed.
    pay_by timestamptz NOT NULL,
    confirmed_at timestamptz,
    -- The order was dead when the money came, and its places were still free.
    reseated boolean NOT NULL,
    cancelled_at timestamptz,
    -- by_buyer, expired
    cancel_reason text
) WITH (fillfactor = 50);
CREATE INDEX orders_by_account ON orders (account_id);
CREATE INDEX orders_by_performance ON orders (performance_id);

CREATE TABLE payments (
    payment_id bigint PRIMARY KEY,
    order_id bigint NOT NULL,
    -- requested, captured, declined
    state text NOT NULL,
    amount_minor bigint NOT NULL,
    currency char(3) NOT NULL,
    -- The provider's name for the payment.
    payment_key text NOT NULL,
    -- What the provider took, which may be another amount than was asked for.
    captured_minor bigint,
    captured_currency char(3),
    decline_code text,
    requested_at timestamptz NOT NULL,
    settled_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX payments_by_order ON payments (order_id);
CREATE INDEX payments_by_key ON payments (payment_key);

CREATE TABLE refunds (
    -- The refund's own name: partition-offset-index.
    refund text COLLATE "C" PRIMARY KEY,
    payment_id bigint NOT NULL,
    order_id bigint NOT NULL,
    -- requested, refunded, failed
    state text NOT NULL,
    -- order_cancelled, late_capture, duplicate_capture, amount_mismatch
    reason text NOT NULL,
    amount_minor bigint NOT NULL,
    currency char(3) NOT NULL,
    failure_code text,
    requested_at timestamptz NOT NULL,
    settled_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX refunds_by_order ON refunds (order_id);
CREATE INDEX refunds_by_payment ON refunds (payment_id);
CREATE INDEX refunds_open ON refunds (requested_at) WHERE state <> 'refunded';

CREATE TABLE tickets (
    order_id bigint NOT NULL,
    -- From one, in the order of the order's places.
    number integer NOT NULL,
    performance_id uuid NOT NULL,
    account_id uuid NOT NULL,
    section integer NOT NULL,
    -- Without a value in general admission.
    seat integer,
    -- The seat's label, or the section's code in general admission.
    place text NOT NULL,
    price_level integer NOT NULL,
    price_minor bigint NOT NULL,
    currency char(3) NOT NULL,
    issued_at timestamptz NOT NULL,
    voided_at timestamptz,
    PRIMARY KEY (order_id, number)
);
-- The core never sells a seat twice; here the database says so as well.
CREATE UNIQUE INDEX tickets_one_for_each_seat ON tickets (performance_id, seat)
    WHERE voided_at IS NULL AND seat IS NOT NULL;
CREATE INDEX tickets_by_account ON tickets (account_id);

-- One line for each order: what was asked for, taken and given back.
CREATE VIEW order_ledger AS
SELECT readable_id(o.order_id) AS "order", o.order_id, o.performance_id, o.account_id, o.state,
       o.currency, o.total_minor, p.captured_minor, r.refunded_minor, r.refunds_open,
       t.tickets_valid, o.placed_at, o.confirmed_at, o.cancelled_at
  FROM orders o
 CROSS JOIN LATERAL (SELECT COALESCE(sum(captured_minor), 0)::bigint AS captured_minor
                       FROM payments WHERE payments.order_id = o.order_id) p
 CROSS JOIN LATERAL (SELECT COALESCE(sum(amount_minor) FILTER (WHERE state = 'refunded'), 0)::bigint
                                AS refunded_minor,
                            count(*) FILTER (WHERE state <> 'refunded') AS refunds_open
                       FROM refunds WHERE refunds.order_id = o.order_id) r
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE voided_at IS NULL) AS tickets_valid
                       FROM tickets WHERE tickets.order_id = o.order_id) t;

-- One line for each place of a hold.
CREATE VIEW hold_places AS
SELECT readable_id(h.hold_id) AS hold, h.hold_id, h.state, s.label AS place, 1 AS quantity
  FROM holds h
 CROSS JOIN LATERAL unnest(h.seats) AS held(seat)
  JOIN seats s ON s.performance_id = h.performance_id AND s.seat = held.seat
UNION ALL
SELECT readable_id(h.hold_id), h.hold_id, h.state, s.code, held.quantity
  FROM holds h
 CROSS JOIN LATERAL unnest(h.sections, h.quantities) AS held(section, quantity)
  JOIN sections s ON s.performance_id = h.performance_id AND s.section = held.section;
