//! What keys tell each other, as rows: waiting rooms, coupons and points, each written by the
//! partition that owns it, in whatever order the partitions come and wherever a write is cut off.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use boxoffice_log::Log;
use boxoffice_log::memory::MemoryLog;
use boxoffice_sinks::postgres::{Error, PostgresSink, Replace, compare, rebuild};
use boxoffice_sinks::progress::Position;
use boxoffice_sinks::runner::Sink;
use boxoffice_tests::services::Database;
use sqlx::{AssertSqlSafe, Executor, PgPool, query};

#[allow(dead_code, reason = "other tests need more of it")]
mod support;

use support::between_keys::told;
use support::follow::{
    CutOff, Running, all_rows, batch, config, ends, follow_to_end, is_fold_of, kill_who_waits,
    lines, pool, tables,
};

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
async fn channels_and_shapes_have_their_rows() {
    let (_log, _database, pool) = followed().await;
    let channels = "SELECT concat_ws(' ', name, channel, uses_max, set_aside, released,
                           released_at IS NULL, orders_open + orders_confirmed)
                      FROM channels JOIN channel_counts USING (performance_id, channel, name)";
    assert_eq!(lines(&pool, channels).await, ["FANS 0 2 10 5 t 0"]);
    let moved = "SELECT concat_ws(' ', kind, number, 'seat ' || first_seat,
                        'section ' || section, quantity)
                   FROM allotments ORDER BY step_offset, number";
    assert_eq!(
        lines(&pool, moved).await,
        [
            "set_aside 1 seat 0 2",
            "set_aside 2 section 2 3",
            "released 1 seat 0 2",
            "released 2 section 2 2",
            "set_aside 1 seat 0 2",
            "set_aside 2 section 2 3",
            "released 1 section 2 1",
        ]
    );
    let shapes = "SELECT concat_ws(' ', shape, seats.label) FROM shaped_seats
                    JOIN seats USING (performance_id, seat) ORDER BY seat";
    assert_eq!(lines(&pool, shapes).await.len(), 1 + 4);
    let nights = "SELECT concat_ws(' ', room_type, (night AT TIME ZONE 'UTC')::date, code)
                    FROM nights JOIN sections USING (performance_id, section) ORDER BY night";
    assert_eq!(lines(&pool, nights).await, ["D 2026-12-24 D_261224", "D 2026-12-25 D_261225"]);
    let through = "SELECT concat_ws(' ', right(account_id::text, 1), channel)
                     FROM channel_holds JOIN holds USING (hold_id)";
    assert_eq!(lines(&pool, through).await, ["9 0"]);
}

#[tokio::test]
async fn waiting_rooms_have_their_rows() {
    let (_, _database, pool) = followed().await;
    let rooms = "SELECT concat_ws(' ', is_on, admissions_per_minute, active_buyers_max, session_ms,
                        grace_ms, left(commitment, 8), closes_before_ms, draw_within_ms, entrants,
                        left(digest, 4), draw_by > entries_closed_at,
                        drawn_at > entries_closed_at, left(seed, 4), joins, changed_at > drawn_at)
                   FROM waiting_rooms";
    let room = "f 0 1000 600000 300000 ebaf85b4 0 60000 4 0505 t t 0707 6 t";
    assert_eq!(lines(&pool, rooms).await, [room]);
    let turns = "SELECT concat_ws(' ', right(account_id::text, 1), number, state,
                        session_ends_at > called_at, ended_at > called_at)
                   FROM turns ORDER BY account_id, number";
    assert_eq!(
        lines(&pool, turns).await,
        [
            "1 0 bought t t",
            "2 1 expired t t",
            "3 2 missed",
            "3 4 left t t",
            "3 5 inside t",
            "4 3 inside t",
        ]
    );
    let counts = "SELECT concat_ws(' ', joins, admitted, inside, bought, went_out, ran_out, missed,
                         not_called) FROM waiting_room_counts";
    assert_eq!(lines(&pool, counts).await, ["6 5 2 1 1 1 1 0"]);
}

#[tokio::test]
async fn campaigns_and_coupons_have_their_rows() {
    let (_, _database, pool) = followed().await;
    let campaigns = "SELECT concat_ws(' ', name, is_spanning, cardinality(performances), asks_code,
                            closes_at - opens_at, quantity, account_limit, version, issued,
                            paused_at > created_at, changed_at > created_at)
                       FROM campaigns ORDER BY is_spanning";
    assert_eq!(
        lines(&pool, campaigns).await,
        ["Early whales f 1 f 01:00:00 100 1 0 1", "Early whales t 2 t 01:00:00 50 1 1 3 t t"]
    );
    let terms = "SELECT concat_ws(' ', is_spanning, t.version, reduction, amount_minor,
                        basis_points, cap_minor, currency, minimum_spend_minor, price_levels,
                        issuer, uses, expires_at - opens_at, returned_on_refund)
                   FROM campaign_terms t JOIN campaigns USING (campaign_id)
                  ORDER BY is_spanning, t.version";
    assert_eq!(
        lines(&pool, terms).await,
        [
            "f 0 fixed 10000 KRW 50000 {} promoter 2 02:00:00 t",
            "t 0 fixed 10000 KRW 50000 {} promoter 2 02:00:00 t",
            "t 1 percent 1000 12000 KRW 50000 {R,S} platform 1 02:00:00 f",
        ]
    );
    let coupons =
        "SELECT concat_ws(' ', is_spanning, number, right(account_id::text, 1), c.version,
                          state, uses, uses_left, uses_reserved, issued_at > created_at)
                     FROM coupons c JOIN campaigns USING (campaign_id)
                    ORDER BY is_spanning, number";
    assert_eq!(
        lines(&pool, coupons).await,
        [
            "f 1 4 0 free 2 2 0 t",
            "t 1 1 0 reserved 2 0 1 t",
            "t 2 2 0 free 2 2 0 t",
            "t 3 3 1 free 1 1 0 t",
        ]
    );
    let uses = "SELECT concat_ws(' ', is_spanning, number, right(o.account_id::text, 1), o.state,
                       u.state, u.settled_at > u.reserved_at)
                  FROM coupon_uses u JOIN coupons c USING (coupon_id)
                  JOIN campaigns USING (campaign_id) JOIN orders o USING (order_id)
                 ORDER BY order_id";
    assert_eq!(
        lines(&pool, uses).await,
        [
            "t 1 1 confirmed used t",
            "t 2 2 refunded returned t",
            "t 3 3 not_placed released t",
            "f 1 4 cancelled released t",
            "t 1 1 reserving reserved",
        ]
    );
    // By the clock of the database every coupon of the story is either good or not.
    let counts = "SELECT concat_ws(' ', quantity, issued, uses_free + uses_expired, uses_reserved,
                         used, released, returned)
                    FROM campaign_counts JOIN campaigns USING (campaign_id, quantity, issued)
                   ORDER BY is_spanning";
    assert_eq!(lines(&pool, counts).await, ["100 1 2 0 0 1 0", "50 3 3 1 1 1 1"]);
}

#[tokio::test]
async fn points_have_their_lots_and_their_ledger() {
    let (_, _database, pool) = followed().await;
    let lots = "SELECT concat_ws(' ', right(account_id::text, 1), source, order_id IS NOT NULL,
                       currency, amount_minor || ' =', free_minor, reserved_minor, spent_minor,
                       taken_back_minor, expired_minor, debt_paid_minor,
                       round(extract(epoch FROM expires_at - credited_at) / 86400))
                  FROM points_lots ORDER BY lot_id";
    assert_eq!(
        lines(&pool, lots).await,
        [
            "1 earned t KRW 1550 = 1550 0 0 0 0 0 30",
            "2 granted f KRW 3000 = 0 0 3000 0 0 0 30",
            "2 granted f KRW 4000 = 0 0 2000 1500 500 0 30",
            "2 earned t KRW 1500 = 1500 0 0 0 0 0 30",
            "2 restored t KRW 5000 = 5000 0 0 0 0 0 30",
            "5 granted f KRW 3000 = 0 0 0 1500 0 1500 30",
            "5 granted f KRW 1000 = 800 0 0 0 0 200 30",
            "6 granted f KRW 165000 = 0 0 165000 0 0 0 30",
        ]
    );
    let uses = "SELECT concat_ws(' ', right(account_id::text, 1), number, u.amount_minor, u.state,
                       u.settled_at > u.reserved_at)
                  FROM points_uses u JOIN points_lots USING (lot_id)
                 ORDER BY u.order_id, number";
    assert_eq!(
        lines(&pool, uses).await,
        ["2 1 3000 spent t", "2 2 2000 spent t", "5 1 2000 released t", "6 1 165000 spent t"]
    );
    let ledger = "SELECT concat_ws(' ', right(account_id::text, 1), kind, order_id IS NOT NULL,
                         lot_id IS NOT NULL, amount_minor || ':', free_minor, reserved_minor,
                         owed_minor, currency)
                    FROM points_ledger
                   ORDER BY account_id, partition, step_offset, outcome_index";
    assert_eq!(
        lines(&pool, ledger).await,
        [
            "1 earned t t 1550: 1550 0 0 KRW",
            "2 granted f t 3000: 3000 0 0 KRW",
            "2 granted f t 4000: 4000 0 0 KRW",
            "2 reserved t f 5000: -5000 5000 0 KRW",
            "2 spent t f 5000: 0 -5000 0 KRW",
            "2 earned t t 1500: 1500 0 0 KRW",
            "2 restored t t 5000: 5000 0 0 KRW",
            "2 taken_back t f 1500: -1500 0 0 KRW",
            "2 expired f t 500: -500 0 0 KRW",
            "5 granted f t 3000: 3000 0 0 KRW",
            "5 reserved t f 2000: -2000 2000 0 KRW",
            "5 taken_back t f 2500: -1000 0 1500 KRW",
            "5 released t f 2000: 500 -2000 -1500 KRW",
            "5 taken_back t f 700: -500 0 200 KRW",
            "5 granted f t 1000: 800 0 -200 KRW",
            "6 granted f t 165000: 165000 0 0 KRW",
            "6 reserved t f 165000: -165000 165000 0 KRW",
            "6 spent t f 165000: 0 -165000 0 KRW",
        ]
    );
    let wallets = "SELECT concat_ws(' ', right(account_id::text, 1), currency, free_minor,
                          reserved_minor, owed_minor) FROM wallets ORDER BY account_id";
    assert_eq!(
        lines(&pool, wallets).await,
        ["1 KRW 1550 0 0", "2 KRW 6500 0 0", "5 KRW 800 0 0", "6 KRW 0 0 0"]
    );
    // Two books of the same points.
    let lots = "SELECT concat_ws(' ', right(account_id::text, 1), currency, sum(free_minor),
                       sum(reserved_minor), 0)
                  FROM points_lots GROUP BY account_id, currency ORDER BY account_id";
    assert_eq!(lines(&pool, lots).await, lines(&pool, wallets).await);
}

#[tokio::test]
async fn orders_say_who_pays_for_them() {
    let (_, _database, pool) = followed().await;
    let orders = "SELECT concat_ws(' ', right(account_id::text, 1), state,
                         COALESCE(total_minor, -1), price_minor, discount_minor, issuer,
                         points_minor, earned_minor, coupon_id IS NOT NULL,
                         campaign_id IS NOT NULL, placed_at > reserving_since,
                         not_placed_at > reserving_since, not_placed_reason)
                    FROM orders ORDER BY order_id";
    assert_eq!(
        lines(&pool, orders).await,
        [
            "1 confirmed 155000 165000 10000 promoter 1550 t t t",
            "2 refunded 150000 165000 10000 promoter 5000 1500 t t t",
            "3 not_placed -1 165000 12000 platform 9000 t t t points_insufficient",
            "4 cancelled 155000 165000 10000 promoter t t",
            "6 confirmed 0 165000 165000 f f t",
            "1 reserving -1 165000 10000 promoter 50 t t",
        ]
    );
    let ledger = "SELECT concat_ws(' ', right(account_id::text, 1), state, price_minor,
                         platform_discount_minor, promoter_discount_minor, points_minor,
                         total_minor, captured_minor, refunded_minor, refunds_open_minor,
                         unexplained_minor, earned_minor)
                    FROM order_ledger ORDER BY order_id";
    assert_eq!(
        lines(&pool, ledger).await,
        [
            "1 confirmed 165000 0 10000 0 155000 155000 0 0 0 1550",
            "2 refunded 165000 0 10000 5000 150000 150000 150000 0 0 1500",
            "4 cancelled 165000 0 10000 0 155000 0 0 0 0",
            "6 confirmed 165000 0 0 165000 0 0 0 0 0",
        ]
    );
    // Of the order that was not placed the hold lives on, as long as it was told.
    let holds = "SELECT concat_ws(' ', right(account_id::text, 1), state,
                        round(extract(epoch FROM expires_at - held_at)))
                   FROM holds ORDER BY hold_id";
    assert_eq!(
        lines(&pool, holds).await,
        [
            "1 ordered 300",
            "2 ordered 300",
            "3 live 123",
            "4 ordered 300",
            "6 ordered 300",
            "1 live 300",
            "9 live 300"
        ]
    );
}

#[tokio::test]
async fn tickets_have_their_holders_their_offers_and_their_scans() {
    let (_, _database, pool) = followed().await;
    let rules = "SELECT concat_ws(' ', transfers_max, transfers_close_before_ms, offer_ttl_ms,
                        reentry, admits_after_start_ms) FROM ticket_rules";
    assert_eq!(lines(&pool, rules).await, ["2 0 60000 t 86400000"]);
    let offers = "SELECT concat_ws(' ', right(from_account_id::text, 1),
                         right(to_account_id::text, 1), number, state, generation,
                         ended_at > offered_at) FROM ticket_transfers ORDER BY transfer_id";
    assert_eq!(
        lines(&pool, offers).await,
        [
            "6 1 1 withdrawn t",
            "6 1 1 declined t",
            "6 1 1 lapsed t",
            "6 1 1 accepted 1 t",
            "6 1 1 offered"
        ]
    );
    let scans = "SELECT concat_ws(' ', kind, gate, entry, right(scan::text, 1),
                        recorded_at > scanned_at) FROM ticket_scans ORDER BY scan_id";
    assert_eq!(
        lines(&pool, scans).await,
        ["in North 1 t", "again South 5 t", "out South 5 t", "in South 2 t"]
    );
    let gates = "SELECT concat_ws(' ', gate, entries, reentries, exits, conflicts)
                   FROM gate_counts ORDER BY gate";
    assert_eq!(lines(&pool, gates).await, ["North 1 0 0 0", "South 0 1 1 1"]);
    let holders = "SELECT concat_ws(' ', right(o.account_id::text, 1),
                          right(t.account_id::text, 1))
                     FROM tickets t JOIN orders o USING (order_id)
                    WHERE t.account_id <> o.account_id";
    assert_eq!(lines(&pool, holders).await, ["6 1"]);
}

/// Writes what is left of one partition in pieces, and returns where it stands.
async fn write_partition(
    log: &MemoryLog,
    pool: &PgPool,
    sink: &mut PostgresSink,
    mut at: Position,
    steps_max: usize,
    restarts: bool,
) -> Position {
    loop {
        let batch = batch(log, at, steps_max).await;
        if batch.steps.is_empty() {
            return at;
        }
        sink.write(&batch).await.unwrap();
        at = batch.moves[0].to;
        if restarts {
            *sink = PostgresSink::new(pool.clone());
            assert!(sink.open(log.log_id(), log.partitions()).await.unwrap().contains(&at));
        }
    }
}

#[tokio::test]
async fn rows_are_the_same_in_whatever_order_and_pieces_the_partitions_come() {
    let (log, _database, followed) = followed().await;
    let expected = all_rows(&followed).await;
    for (order, steps_max, restarts) in [
        ([0, 1, 2], 1, true),
        ([2, 1, 0], 1, false),
        ([1, 2, 0], 3, true),
        ([2, 0, 1], 7, false),
        ([1, 0, 2], usize::MAX, true),
    ] {
        let database = Database::fresh().await;
        let pool = pool(&database);
        let mut sink = PostgresSink::new(pool.clone());
        let begins = sink.open(log.log_id(), log.partitions()).await.unwrap();
        for partition in order {
            let begin = begins[partition];
            write_partition(&log, &pool, &mut sink, begin, steps_max, restarts).await;
            is_fold_of(&log, &pool).await;
        }
        assert_eq!(all_rows(&pool).await, expected, "{order:?} by {steps_max}, {restarts}");
    }
}

#[tokio::test]
async fn steps_that_come_twice_change_nothing() {
    let (log, _database, pool) = followed().await;
    let expected = all_rows(&pool).await;
    let mut sink = PostgresSink::new(pool.clone());
    let ends = sink.open(log.log_id(), log.partitions()).await.unwrap();
    for end in ends {
        for steps_max in [1, 20, usize::MAX] {
            let begin = Position::start(log.log_id(), end.partition);
            let again = batch(&log, begin, steps_max).await;
            assert!(matches!(sink.write(&again).await, Err(Error::ProgressMoved)));
            assert_eq!(all_rows(&pool).await, expected);
            assert!(sink.open(log.log_id(), log.partitions()).await.unwrap().contains(&end));
        }
    }
}

#[tokio::test]
async fn a_sink_that_is_cut_off_in_the_middle_of_steps_goes_on_where_it_was() {
    let (log, _database, followed) = followed().await;
    let database = Database::fresh().await;
    let (mut waits_left, mut cut) = (0, 0);
    loop {
        let pool = pool(&database);
        let mut sink = PostgresSink::new(pool.clone());
        let positions = sink.open(log.log_id(), log.partitions()).await.unwrap();
        let comparison = compare(&log, &pool).await.unwrap();
        assert!(comparison.is_identical(), "cut off after {waits_left} waits: {comparison:?}");
        let ends = ends(&log).await;
        let left = positions.into_iter().zip(&ends).filter(|(at, end)| at.next < **end);
        let Some((at, _)) = left.min_by_key(|(at, _)| at.next) else { break };
        let next = batch(&log, at, 25).await;
        let future = Box::pin(sink.write(&next));
        match (CutOff { future, waits_left }).await {
            // The server had the end of what was cut off before, and has carried it out since.
            Some(written) => {
                assert!(matches!(written, Ok(_) | Err(Error::ProgressMoved)), "{written:?}");
                waits_left = 0;
            }
            None => (waits_left, cut) = (waits_left + 1, cut + 1),
        }
    }
    assert!(cut > 20, "writes were cut off {cut} times");
    let pool = pool(&database);
    assert_eq!(all_rows(&pool).await, all_rows(&followed).await);
}

#[tokio::test]
async fn a_sink_that_is_killed_at_any_table_catches_up() {
    let (log, _database, followed) = followed().await;
    let expected = all_rows(&followed).await;
    for table in [
        "waiting_rooms",
        "turns",
        "campaigns",
        "campaign_terms",
        "coupons",
        "coupon_uses",
        "points_lots",
        "points_uses",
        "points_ledger",
        "channels",
        "allotments",
        "channel_holds",
        "companion_releases",
        "shaped_seats",
        "nights",
        "ticket_rules",
        "ticket_transfers",
        "ticket_scans",
        "refund_terms",
        "ticket_refunds",
        "performance_cancellations",
        "settlement_terms",
        "settlement_lines",
    ] {
        let database = Database::fresh().await;
        let (pool, killer) = (pool(&database), pool(&database));
        PostgresSink::new(pool.clone()).open(log.log_id(), log.partitions()).await.unwrap();
        let mut locked = killer.begin().await.unwrap();
        locked.execute(AssertSqlSafe(format!("LOCK TABLE {table}"))).await.unwrap();
        let mut running = Running::start(&log, &pool);
        kill_who_waits(&killer).await;
        locked.rollback().await.unwrap();
        running.reach(&ends(&log).await).await;
        running.stop().await;
        assert_eq!(all_rows(&killer).await, expected, "killed at {table}");
    }
}

#[tokio::test]
async fn rebuilt_rows_are_the_same() {
    let (log, _database, pool) = followed().await;
    let expected = all_rows(&pool).await;
    rebuild(log.clone(), &pool, config(), Replace::OwnRows).await.unwrap();
    assert_eq!(all_rows(&pool).await, expected);
}

/// One change in every table, of which the audit tells the first row that differs.
const PLANTED: [(&str, &str); 35] = [
    ("allotments", "UPDATE allotments SET quantity = 4 WHERE kind = 'released'"),
    ("channel_holds", "DELETE FROM channel_holds"),
    ("channels", "UPDATE channels SET released_at = created_at"),
    (
        "companion_releases",
        "UPDATE companion_releases SET released_at = released_at + interval '1 ms'",
    ),
    ("nights", "UPDATE nights SET night = night + interval '1 day'"),
    ("settlement_lines", "UPDATE settlement_lines SET amount_minor = -1 WHERE amount_minor < 0"),
    ("settlement_terms", "UPDATE settlement_terms SET provider_keeps_fee = NOT provider_keeps_fee"),
    ("shaped_seats", "UPDATE shaped_seats SET shape = 'table' WHERE shape = 'companion'"),
    ("campaign_terms", "UPDATE campaign_terms SET cap_minor = 1 WHERE cap_minor IS NOT NULL"),
    ("campaigns", "UPDATE campaigns SET issued = issued - 1 WHERE is_spanning"),
    ("coupon_uses", "UPDATE coupon_uses SET state = 'released' WHERE state = 'used'"),
    ("coupons", "DELETE FROM coupons WHERE number = 3"),
    ("holds", "UPDATE holds SET quantities = '{1}' WHERE state = 'live'"),
    ("orders", "UPDATE orders SET points_minor = 49 WHERE points_minor = 50"),
    ("payments", "UPDATE payments SET captured_minor = 1"),
    (
        "performance_cancellations",
        "UPDATE performance_cancellations SET cancelled_at = cancelled_at + interval '1 ms'",
    ),
    ("performances", "UPDATE performances SET points_earned_days = 364"),
    ("points_ledger", "DELETE FROM points_ledger WHERE kind = 'taken_back'"),
    ("points_lots", "UPDATE points_lots SET expires_at = credited_at WHERE source = 'restored'"),
    (
        "points_uses",
        "INSERT INTO points_uses
         SELECT order_id, number + 7, lot_id, amount_minor, state, reserved_at, settled_at
           FROM points_uses WHERE amount_minor = 2000 AND state = 'spent'",
    ),
    ("price_levels", "UPDATE price_levels SET price_minor = price_minor + 1"),
    ("refund_terms", "UPDATE refund_terms SET fixed_minor = '{4000,NULL,NULL,1}'"),
    ("refunds", "UPDATE refunds SET failure_code = 'none'"),
    ("seats", "DELETE FROM seats WHERE seat = 19"),
    ("sections", "UPDATE sections SET capacity = capacity + 1"),
    ("ticket_rules", "UPDATE ticket_rules SET reentry = NOT reentry"),
    ("ticket_scans", "UPDATE ticket_scans SET gate = 'East' WHERE kind = 'again'"),
    ("ticket_scans", "DELETE FROM ticket_scans WHERE entry = 2"),
    ("ticket_transfers", "UPDATE ticket_transfers SET state = 'lapsed' WHERE state = 'declined'"),
    ("tickets", "UPDATE tickets SET account_id = gen_random_uuid()"),
    ("ticket_refunds", "DELETE FROM ticket_refunds"),
    ("tickets", "UPDATE tickets SET issued_at = issued_at + interval '1 ms'"),
    ("turns", "UPDATE turns SET state = 'left' WHERE state = 'expired'"),
    ("waiting_rooms", "UPDATE waiting_rooms SET seed = NULL"),
    ("waiting_rooms", "UPDATE waiting_rooms SET joins = joins + 1"),
];

#[tokio::test]
async fn a_difference_in_any_table_is_found() {
    let (log, _database, pool) = followed().await;
    let planted = PLANTED.iter().map(|(table, _)| *table);
    let mut covered: Vec<_> = planted.chain(["progress"]).collect();
    covered.sort_unstable();
    covered.dedup();
    let mut projection = tables(&pool).await;
    // What the result topics remember of their writing is no part of the fold.
    projection.retain(|table| !table.starts_with("result_"));
    assert_eq!(covered, projection, "a table without a planted difference");
    for (table, statement) in PLANTED {
        let done = query(statement).execute(&pool).await.unwrap();
        assert!(done.rows_affected() > 0, "{statement}");
        let comparison = compare(&log, &pool).await.unwrap();
        let found: Vec<_> = comparison.differences.iter().map(|found| found.table).collect();
        assert_eq!(found, [table], "{comparison:?}");
        rebuild(log.clone(), &pool, config(), Replace::OwnRows).await.unwrap();
        is_fold_of(&log, &pool).await;
    }
}

#[tokio::test]
async fn a_column_of_a_later_program_stands_in_nobody_s_way() {
    let database = Database::fresh().await;
    let (log, pool) = (told(LOG_ID).await, pool(&database));
    let mut sink = PostgresSink::new(pool.clone());
    let begins = sink.open(log.log_id(), log.partitions()).await.unwrap();
    for table in tables(&pool).await {
        let statement = format!("ALTER TABLE {table} ADD COLUMN later text NOT NULL DEFAULT 'x'");
        query(AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    }
    // Written, read back, changed and compared.
    for begin in begins {
        write_partition(&log, &pool, &mut sink, begin, 2, true).await;
    }
    is_fold_of(&log, &pool).await;
}

#[cfg(feature = "embedded-postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn the_database_in_process_has_the_same_rows() {
    use boxoffice_sinks::postgres::Embedded;

    let (log, _database, pool) = followed().await;
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::start(directory.path()).await.unwrap();
    follow_to_end(&log, embedded.pool()).await;
    assert_eq!(all_rows(embedded.pool()).await, all_rows(&pool).await);
    rebuild(log.clone(), embedded.pool(), config(), Replace::OwnRows).await.unwrap();
    is_fold_of(&log, embedded.pool()).await;
    embedded.stop().await.unwrap();
}
