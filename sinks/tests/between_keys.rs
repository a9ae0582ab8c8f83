//! What keys tell each other, as rows: waiting rooms, coupons and points, each written by the
//! partition that owns it, in whatever order the partitions come.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

#[allow(dead_code, reason = "other tests need more of it")]
mod support;

use boxoffice_log::Log;
use boxoffice_log::memory::MemoryLog;
use boxoffice_sinks::postgres::{PostgresSink, compare, rebuild};
use boxoffice_sinks::progress::Position;
use boxoffice_sinks::runner::{Sink, StepBatch};
use boxoffice_tests::services::Database;
use sqlx::{PgPool, query};

use support::between_keys::told;
use support::follow::{CutOff, batch, config, follow_to_end, is_fold_of, lines, pool};

const LOG_ID: u128 = 0xc0c0;

/// The projection of the story, written by a sink that follows it.
async fn followed() -> (MemoryLog, Database, PgPool) {
    let database = Database::fresh().await;
    let (log, pool) = (told(LOG_ID).await, pool(&database));
    follow_to_end(&log, &pool).await;
    is_fold_of(&log, &pool).await;
    (log, database, pool)
}

#[tokio::test]
async fn scratch() {
    let (_log, _database, pool) = followed().await;
    for sql in [
        WAITING_ROOMS,
        TURNS,
        CAMPAIGNS,
        TERMS,
        COUPONS,
        COUPON_USES,
        LOTS,
        POINTS_USES,
        LEDGER_POINTS,
        WALLETS,
        ORDERS,
        ORDER_LEDGER,
        HOLDS,
    ] {
        println!("{:#?}", lines(&pool, sql).await);
    }
}
const ACCOUNT: &str = "";
const WAITING_ROOMS: &str = "SELECT concat_ws(' ', is_on, admissions_per_minute, active_buyers_max, session_ms, grace_ms,
    left(commitment, 8), closes_before_ms, draw_within_ms, entrants, left(digest, 4), draw_by - entries_closed_at,
    drawn_at > entries_closed_at, left(seed, 4), joins, changed_at > drawn_at) FROM waiting_rooms";
const TURNS: &str = "SELECT concat_ws(' ', right(account_id::text, 1), number, state, session_ends_at > called_at, ended_at > called_at)
    FROM turns ORDER BY account_id, number";
const CAMPAIGNS: &str = "SELECT concat_ws(' ', name, is_spanning, cardinality(performances), asks_code, closes_at - opens_at, quantity, account_limit, version, issued,
     paused_at > created_at, changed_at > created_at) FROM campaigns ORDER BY is_spanning";
const TERMS: &str = "SELECT concat_ws(' ', is_spanning, t.version, reduction, amount_minor, basis_points, cap_minor, currency, minimum_spend_minor, price_levels, issuer, uses, expires_at - opens_at, returned_on_refund)
     FROM campaign_terms t JOIN campaigns USING (campaign_id) ORDER BY is_spanning, t.version";
const COUPONS: &str = "SELECT concat_ws(' ', is_spanning, number, right(account_id::text, 1), c.version, state, uses, uses_left, uses_reserved, issued_at > created_at)
     FROM coupons c JOIN campaigns USING (campaign_id) ORDER BY is_spanning, number";
const COUPON_USES: &str = "SELECT concat_ws(' ', is_spanning, number, right(o.account_id::text, 1), o.state, u.state, u.settled_at > u.reserved_at)
     FROM coupon_uses u JOIN coupons c USING (coupon_id) JOIN campaigns USING (campaign_id) JOIN orders o USING (order_id) ORDER BY order_id";
const LOTS: &str = "SELECT concat_ws(' ', right(account_id::text, 1), source, order_id IS NOT NULL, currency, amount_minor || ' =', free_minor, reserved_minor, spent_minor, taken_back_minor, expired_minor, debt_paid_minor, expires_at - credited_at)
     FROM points_lots ORDER BY lot_id";
const POINTS_USES: &str = "SELECT concat_ws(' ', right(account_id::text, 1), number, u.amount_minor, u.state, u.settled_at > u.reserved_at)
     FROM points_uses u JOIN points_lots USING (lot_id) ORDER BY u.order_id, number";
const LEDGER_POINTS: &str = "SELECT concat_ws(' ', right(account_id::text, 1), kind, order_id IS NOT NULL, lot_id IS NOT NULL, amount_minor || ':', free_minor, reserved_minor, owed_minor, currency)
     FROM points_ledger ORDER BY account_id, partition, step_offset, outcome_index";
const WALLETS: &str = "SELECT concat_ws(' ', right(account_id::text, 1), currency, free_minor, reserved_minor, owed_minor) FROM wallets ORDER BY account_id";
const ORDERS: &str = "SELECT concat_ws(' ', right(account_id::text, 1), state, COALESCE(total_minor, -1), price_minor, discount_minor, issuer, points_minor, earned_minor, 
     coupon_id IS NOT NULL, campaign_id IS NOT NULL, placed_at > reserving_since, not_placed_at > reserving_since, not_placed_reason) FROM orders ORDER BY order_id";
const HOLDS: &str = "SELECT concat_ws(' ', right(account_id::text, 1), state, expires_at - held_at) FROM holds ORDER BY hold_id";
const ORDER_LEDGER: &str = "SELECT concat_ws(' ', right(account_id::text, 1), state, price_minor, platform_discount_minor, promoter_discount_minor, points_minor, total_minor, captured_minor, refunded_minor, refunds_open_minor, unexplained_minor, earned_minor) FROM order_ledger ORDER BY order_id";
