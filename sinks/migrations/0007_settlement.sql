-- Settlement: the fees of performances, and every movement of money in double entry.

-- Terms never change: a performance gets others. Number 0 are those of the definition; an order keeps
-- those under which it was sold. Shares are of 10,000, rounded down for each order.
CREATE TABLE settlement_terms (
    performance_id uuid NOT NULL,
    version integer NOT NULL,
    -- Of the money that paid orders; returned with it, unless the provider keeps it.
    provider_fee_basis_points integer NOT NULL,
    provider_keeps_fee boolean NOT NULL,
    -- Of the price of tickets less what coupons of the promoter take off.
    platform_fee_basis_points integer NOT NULL,
    -- Of either fee.
    fee_vat_basis_points integer NOT NULL,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (performance_id, version)
);

-- One line for each account that an outcome moved money on; the lines of one outcome sum to zero.
CREATE TABLE settlement_lines (
    -- The outcome that moved the money: its place in the log. A performance is in one partition, so
    -- this is the order in time.
    partition integer NOT NULL,
    step_offset bigint NOT NULL,
    outcome_index integer NOT NULL,
    -- From one, in the order in which they were posted.
    line integer NOT NULL,
    performance_id uuid NOT NULL,
    order_id bigint NOT NULL,
    -- capture, sale, return, repayment
    kind text NOT NULL,
    -- provider_cash, buyer_money, ticket_sales, refunds, cancellation_fees, booking_fees,
    -- platform_discounts, promoter_discounts, points, provider_fees, provider_fees_owed,
    -- platform_fees, platform_fees_owed, provider_fee_vat, provider_fee_vat_owed,
    -- platform_fee_vat, platform_fee_vat_owed
    account text NOT NULL,
    currency char(3) NOT NULL,
    -- Positive when debited, negative when credited.
    amount_minor bigint NOT NULL,
    posted_at timestamptz NOT NULL,
    PRIMARY KEY (partition, step_offset, outcome_index, line)
);
CREATE INDEX settlement_lines_by_performance ON settlement_lines (performance_id, posted_at);
CREATE INDEX settlement_lines_by_order ON settlement_lines (order_id);

-- The balance of every account of every performance.
CREATE VIEW settlement_balances AS
SELECT performance_id, currency, account,
       COALESCE(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0)::bigint AS debit_minor,
       COALESCE(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0)::bigint AS credit_minor,
       sum(amount_minor)::bigint AS balance_minor
  FROM settlement_lines
 GROUP BY performance_id, currency, account;
