-- Refunds by the terms of their performance, ticket by ticket, and performances that are not shown.

-- What a booking costs beside its places, and what is kept of tickets that go back. Terms never
-- change: a performance gets others. Number 0 are those of the definition, if it has any.
CREATE TABLE refund_terms (
    performance_id uuid NOT NULL,
    version integer NOT NULL,
    booking_fee_minor bigint NOT NULL,
    -- Minutes by which the venue is ahead of UTC; without a value there is no ladder, and
    -- everything comes back.
    utc_offset_minutes integer,
    -- When nothing is kept: until so many days after the booking, so many before the performance.
    free_within_days integer,
    free_days_before integer,
    -- Step by step: its last day, its share, and a fixed fee of which the share is the most.
    days_before integer[] NOT NULL,
    basis_points integer[] NOT NULL,
    fixed_minor bigint[] NOT NULL,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (performance_id, version)
);

-- Tickets that went back while their order kept others, or of which something was kept. Of an order
-- that was cancelled with everything coming back, orders and refunds tell all.
-- price - discount + booking fee - kept = money + points
CREATE TABLE ticket_refunds (
    order_id bigint NOT NULL,
    number integer NOT NULL,
    -- The terms by which it was counted; without a value everything comes back.
    version integer,
    currency char(3) NOT NULL,
    price_minor bigint NOT NULL,
    discount_minor bigint NOT NULL,
    booking_fee_minor bigint NOT NULL,
    kept_minor bigint NOT NULL,
    money_minor bigint NOT NULL,
    points_minor bigint NOT NULL,
    -- Points that it had earned, which are taken back.
    earned_minor bigint NOT NULL,
    refunded_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, number)
);

CREATE TABLE performance_cancellations (
    performance_id uuid PRIMARY KEY,
    cancelled_at timestamptz NOT NULL
);

-- The booking fee is a part of the total.
ALTER TABLE orders ADD COLUMN booking_fee_minor bigint;
-- Refunds of the payment that paid the order which have not gone back. A cancelled order is
-- refunded when there is none.
ALTER TABLE orders ADD COLUMN refunds_left integer NOT NULL DEFAULT 0;
UPDATE orders SET refunds_left =
    (SELECT count(*) FROM refunds
      WHERE refunds.payment_id = orders.payment_id AND refunds.state <> 'refunded');
