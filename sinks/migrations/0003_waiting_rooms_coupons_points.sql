-- Waiting rooms, coupons and points. Every row is written from one partition alone: that of its
-- performance, its campaign or its wallet. What one key knows of another is no row of its own, so
-- no row waits for one that another partition brings.

CREATE TABLE waiting_rooms (
    performance_id uuid PRIMARY KEY,
    -- While the room is off everybody goes through, and the rules are the last that there were.
    is_on boolean NOT NULL,
    admissions_per_minute bigint NOT NULL,
    active_buyers_max bigint NOT NULL,
    session_ms bigint NOT NULL,
    grace_ms bigint NOT NULL,
    -- The lottery; without a commitment there is none. Hashes and the seed are 64 hex digits.
    commitment text,
    closes_before_ms bigint,
    draw_within_ms bigint,
    entries_closed_at timestamptz,
    entrants bigint,
    digest text,
    draw_by timestamptz,
    drawn_at timestamptz,
    -- Without a value although the lottery was drawn, the digest alone decided.
    seed text,
    -- How often somebody joined, so far.
    joins bigint NOT NULL,
    changed_at timestamptz NOT NULL
);

-- One row for each place whose turn came: let in, or missed.
CREATE TABLE turns (
    performance_id uuid NOT NULL,
    account_id uuid NOT NULL,
    -- The join that led there.
    number bigint NOT NULL,
    -- inside, bought, left, expired, missed
    state text NOT NULL,
    called_at timestamptz NOT NULL,
    -- When the session ends by itself; without a value the turn was missed.
    session_ends_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (performance_id, account_id, number)
) WITH (fillfactor = 60);

CREATE TABLE campaigns (
    campaign_id bigint PRIMARY KEY,
    name text NOT NULL,
    -- Whether the campaign is a key of its own, told apart from one that lives with its
    -- performance.
    is_spanning boolean NOT NULL,
    performances uuid[] NOT NULL,
    -- Whether buyers must know a code. The code is not here, and no hash of it: what people type
    -- is found from its hash by trying, and whoever reads reports has no need of it.
    asks_code boolean NOT NULL,
    opens_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    quantity bigint NOT NULL,
    account_limit integer NOT NULL,
    -- The terms under which coupons are issued now.
    version integer NOT NULL,
    issued bigint NOT NULL,
    paused_at timestamptz,
    created_at timestamptz NOT NULL,
    changed_at timestamptz
) WITH (fillfactor = 50);

-- What coupons are good for. A coupon keeps the version under which it was issued.
CREATE TABLE campaign_terms (
    campaign_id bigint NOT NULL,
    version integer NOT NULL,
    -- fixed: amount_minor; percent: basis_points, at most cap_minor
    reduction text NOT NULL,
    amount_minor bigint,
    basis_points integer,
    cap_minor bigint,
    currency char(3) NOT NULL,
    minimum_spend_minor bigint NOT NULL,
    -- Codes of the price levels that are reduced; none means all.
    price_levels text[] NOT NULL,
    -- Who bears the discount: platform, promoter
    issuer text NOT NULL,
    uses integer NOT NULL,
    expires_at timestamptz NOT NULL,
    returned_on_refund boolean NOT NULL,
    PRIMARY KEY (campaign_id, version)
);

CREATE TABLE coupons (
    coupon_id bigint PRIMARY KEY,
    campaign_id bigint NOT NULL,
    account_id uuid NOT NULL,
    version integer NOT NULL,
    -- The how-manieth of its campaign, from one.
    number bigint NOT NULL,
    -- free: it has a use left; reserved: orders have the last; used
    state text NOT NULL,
    uses integer NOT NULL,
    uses_left integer NOT NULL,
    uses_reserved integer NOT NULL,
    issued_at timestamptz NOT NULL,
    -- The core never gives more uses than there are; here the database says so as well.
    CHECK (uses_left >= 0 AND uses_reserved >= 0 AND uses_left + uses_reserved <= uses)
) WITH (fillfactor = 60);
CREATE INDEX coupons_by_account ON coupons (account_id);

CREATE TABLE coupon_uses (
    coupon_id bigint NOT NULL,
    order_id bigint NOT NULL,
    -- reserved, used, released, returned
    state text NOT NULL,
    reserved_at timestamptz NOT NULL,
    -- Since when it is what it is, when it is not reserved any more.
    settled_at timestamptz,
    PRIMARY KEY (coupon_id, order_id)
) WITH (fillfactor = 70);
CREATE INDEX coupon_uses_by_order ON coupon_uses (order_id);

CREATE TABLE points_lots (
    lot_id bigint PRIMARY KEY,
    account_id uuid NOT NULL,
    -- granted, earned, restored
    source text NOT NULL,
    -- The order that earned them, or that was refunded.
    order_id bigint,
    currency char(3) NOT NULL,
    -- How many came, and where each of them is now.
    amount_minor bigint NOT NULL,
    free_minor bigint NOT NULL,
    reserved_minor bigint NOT NULL,
    spent_minor bigint NOT NULL,
    taken_back_minor bigint NOT NULL,
    expired_minor bigint NOT NULL,
    debt_paid_minor bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    credited_at timestamptz NOT NULL,
    -- The core never spends a point twice; here the database says so as well.
    CHECK (amount_minor = free_minor + reserved_minor + spent_minor + taken_back_minor
                          + expired_minor + debt_paid_minor
           AND least(free_minor, reserved_minor, spent_minor, taken_back_minor, expired_minor,
                     debt_paid_minor) >= 0)
) WITH (fillfactor = 70);
CREATE INDEX points_lots_by_account ON points_lots (account_id);

-- Which points an order is paid with, lot by lot.
CREATE TABLE points_uses (
    order_id bigint NOT NULL,
    -- From one, the oldest lot first.
    number integer NOT NULL,
    lot_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    -- reserved, spent, released
    state text NOT NULL,
    reserved_at timestamptz NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (order_id, number)
) WITH (fillfactor = 70);

-- Every movement in every wallet, once and for ever.
CREATE TABLE points_ledger (
    account_id uuid NOT NULL,
    -- The outcome that moved them. A wallet is in one partition, so this is the order in time.
    partition integer NOT NULL,
    step_offset bigint NOT NULL,
    outcome_index integer NOT NULL,
    -- granted, earned, restored, reserved, spent, released, taken_back, expired
    kind text NOT NULL,
    order_id bigint,
    -- Without a value several lots moved: points_uses has them.
    lot_id bigint,
    currency char(3) NOT NULL,
    amount_minor bigint NOT NULL,
    -- What it changed: points that can be spent, that are kept for orders, that are owed.
    free_minor bigint NOT NULL,
    reserved_minor bigint NOT NULL,
    owed_minor bigint NOT NULL,
    booked_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, partition, step_offset, outcome_index)
);
CREATE INDEX points_ledger_by_order ON points_ledger (order_id) WHERE order_id IS NOT NULL;

-- The points rule of a performance; without values nothing is earned.
ALTER TABLE performances ADD COLUMN points_earned_basis_points integer;
ALTER TABLE performances ADD COLUMN points_earned_days integer;
ALTER TABLE performances ADD COLUMN points_restored_days integer;

-- An order may wait for a coupon or for points before it is placed: then it is `reserving`, and
-- has no total yet. It becomes `placed`, or for ever `not_placed`; what it asked for stays.
ALTER TABLE orders ALTER COLUMN total_minor DROP NOT NULL;
ALTER TABLE orders ALTER COLUMN placed_at DROP NOT NULL;
ALTER TABLE orders ALTER COLUMN pay_by DROP NOT NULL;
-- What the places cost; without a value that is the total.
ALTER TABLE orders ADD COLUMN price_minor bigint;
ALTER TABLE orders ADD COLUMN discount_minor bigint;
ALTER TABLE orders ADD COLUMN coupon_id bigint;
ALTER TABLE orders ADD COLUMN campaign_id bigint;
-- Who bears the discount: platform, promoter
ALTER TABLE orders ADD COLUMN issuer text;
ALTER TABLE orders ADD COLUMN points_minor bigint;
ALTER TABLE orders ADD COLUMN earned_minor bigint;
ALTER TABLE orders ADD COLUMN reserving_since timestamptz;
ALTER TABLE orders ADD COLUMN not_placed_at timestamptz;
-- The code of the refusal.
ALTER TABLE orders ADD COLUMN not_placed_reason text;

-- One line for each order that was placed: what its places cost, who pays for them, what was
-- taken and given back. An order is sold while it is confirmed, so
--   captured - refunded - refunds_open = price - discounts - points   when it is sold, else 0,
-- and unexplained_minor is what one side has more than the other: zero, in every order.
DROP VIEW order_ledger;
CREATE VIEW order_ledger AS
SELECT readable_id(o.order_id) AS "order", o.order_id, o.performance_id, o.account_id, o.state,
       o.currency, l.price_minor, l.platform_discount_minor, l.promoter_discount_minor,
       l.points_minor, o.total_minor, p.captured_minor, r.refunded_minor, r.refunds_open_minor,
       p.captured_minor - r.refunded_minor - r.refunds_open_minor
           - CASE WHEN o.state = 'confirmed'
                  THEN l.price_minor - l.platform_discount_minor - l.promoter_discount_minor
                       - l.points_minor
                  ELSE 0 END AS unexplained_minor,
       r.refunds_open, t.tickets_valid, o.earned_minor, o.placed_at, o.confirmed_at,
       o.cancelled_at
  FROM orders o
 CROSS JOIN LATERAL (SELECT COALESCE(o.price_minor, o.total_minor) AS price_minor,
                            CASE WHEN o.issuer = 'platform' THEN o.discount_minor ELSE 0 END
                                AS platform_discount_minor,
                            CASE WHEN o.issuer = 'promoter' THEN o.discount_minor ELSE 0 END
                                AS promoter_discount_minor,
                            COALESCE(o.points_minor, 0) AS points_minor) l
 CROSS JOIN LATERAL (SELECT COALESCE(sum(captured_minor), 0)::bigint AS captured_minor
                       FROM payments WHERE payments.order_id = o.order_id) p
 CROSS JOIN LATERAL (SELECT COALESCE(sum(amount_minor) FILTER (WHERE state = 'refunded'), 0)::bigint
                                AS refunded_minor,
                            COALESCE(sum(amount_minor) FILTER (WHERE state <> 'refunded'), 0)::bigint
                                AS refunds_open_minor,
                            count(*) FILTER (WHERE state <> 'refunded') AS refunds_open
                       FROM refunds WHERE refunds.order_id = o.order_id) r
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE voided_at IS NULL) AS tickets_valid
                       FROM tickets WHERE tickets.order_id = o.order_id) t
 WHERE o.total_minor IS NOT NULL;

-- One line for each currency in each wallet.
CREATE VIEW wallets AS
SELECT account_id, currency, sum(free_minor)::bigint AS free_minor,
       sum(reserved_minor)::bigint AS reserved_minor, sum(owed_minor)::bigint AS owed_minor
  FROM points_ledger
 GROUP BY account_id, currency;

-- One line for each waiting room. How many wait at this moment is not here: who leaves or comes
-- back to the place is no row, or a crowd would write one for each page that it reloads.
-- not_called is the most that it can be; the room itself says it exactly.
CREATE VIEW waiting_room_counts AS
SELECT r.performance_id, r.is_on, r.joins, COALESCE(t.admitted, 0) AS admitted,
       COALESCE(t.inside, 0) AS inside, COALESCE(t.bought, 0) AS bought,
       COALESCE(t.went_out, 0) AS went_out, COALESCE(t.ran_out, 0) AS ran_out,
       COALESCE(t.missed, 0) AS missed, r.joins - COALESCE(t.called, 0) AS not_called
  FROM waiting_rooms r
  LEFT JOIN (SELECT performance_id, count(*) AS called,
                    count(*) FILTER (WHERE state <> 'missed') AS admitted,
                    count(*) FILTER (WHERE state = 'inside') AS inside,
                    count(*) FILTER (WHERE state = 'bought') AS bought,
                    count(*) FILTER (WHERE state = 'left') AS went_out,
                    count(*) FILTER (WHERE state = 'expired') AS ran_out,
                    count(*) FILTER (WHERE state = 'missed') AS missed
               FROM turns GROUP BY performance_id) t USING (performance_id);

-- One line for each campaign: where each use of its coupons is now. What has expired is told by
-- the clock of the database, because nothing is recorded when it does.
CREATE VIEW campaign_counts AS
SELECT readable_id(campaign_id) AS campaign, campaign_id, c.name, c.quantity, c.issued,
       COALESCE(k.uses_free, 0) AS uses_free, COALESCE(k.uses_expired, 0) AS uses_expired,
       COALESCE(k.uses_reserved, 0) AS uses_reserved, COALESCE(u.used, 0) AS used,
       COALESCE(u.released, 0) AS released, COALESCE(u.returned, 0) AS returned
  FROM campaigns c
  LEFT JOIN (SELECT campaign_id,
                    sum(uses_left) FILTER (WHERE expires_at > now()) AS uses_free,
                    sum(uses_left) FILTER (WHERE expires_at <= now()) AS uses_expired,
                    sum(uses_reserved) AS uses_reserved
               FROM coupons JOIN campaign_terms USING (campaign_id, version)
              GROUP BY campaign_id) k USING (campaign_id)
  LEFT JOIN (SELECT campaign_id, count(*) FILTER (WHERE coupon_uses.state = 'used') AS used,
                    count(*) FILTER (WHERE coupon_uses.state = 'released') AS released,
                    count(*) FILTER (WHERE coupon_uses.state = 'returned') AS returned
               FROM coupon_uses JOIN coupons USING (coupon_id)
              GROUP BY campaign_id) u USING (campaign_id);
