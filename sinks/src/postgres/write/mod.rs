//! Rows into the database, a table in one or two statements. Rows that are many, put once and
//! seldom changed go by `COPY`.

use sqlx::{PgConnection, query};

use crate::postgres::copy::CopyBuffer;
use crate::postgres::error::Error;
use crate::postgres::fold::Fold;
use crate::postgres::house::House;
use crate::postgres::rows::{
    HoldRow, OrderRow, PaymentRow, PerformanceRow, PriceLevelRow, RefundRow, Row, SeatRow,
    SectionRow, TicketRow,
};
use crate::postgres::table::Changes;
use crate::runner::Move;

/// One column of many rows.
macro_rules! column {
    ($rows:expr, |$row:ident| $value:expr) => {
        $rows.iter().map(|$row| $value).collect::<Vec<_>>()
    };
}

mod coupon;
mod inventory;
mod points;
mod refund;
mod settlement;
mod ticket;
mod waiting_room;

const COPY_HOLDS: &str = "\
    COPY holds (hold_id, performance_id, account_id, state, seats, sections, quantities, \
    seating, total_minor, currency, held_at, expires_at, ended_at) \
    FROM STDIN (FORMAT binary)";

/// Writes every changed row of a fold and returns how many there were.
pub(super) async fn write_changes(
    to: &mut PgConnection,
    fold: &Fold,
    copy: &mut CopyBuffer,
) -> Result<u64, Error> {
    let mut rows = write_performances(to, fold).await?;
    rows += write_holds(to, fold.holds.changes(), copy).await?;
    rows += write_orders(to, &fold.orders.changed()).await?;
    rows += write_payments(to, &fold.payments.changed()).await?;
    rows += write_refunds(to, &fold.refunds.changed()).await?;
    rows += write_tickets(to, fold.tickets.changed()).await?;
    rows += waiting_room::write(to, fold, copy).await?;
    rows += coupon::write(to, fold, copy).await?;
    rows += points::write(to, fold, copy).await?;
    rows += inventory::write(to, fold, copy).await?;
    rows += ticket::write(to, fold, copy).await?;
    rows += refund::write(to, fold, copy).await?;
    rows += settlement::write(to, fold, copy).await?;
    Ok(rows)
}

/// Moves the progress of partitions.
///
/// # Errors
/// [`Error::ProgressMoved`] when one of them does not stand where the move begins: then nothing
/// of the transaction may be kept.
pub(super) async fn write_moves(to: &mut PgConnection, moves: &[Move]) -> Result<(), Error> {
    let moved = query(
        "UPDATE progress SET next_offset = m.after, chain = m.chain
           FROM UNNEST($1::integer[], $2::bigint[], $3::bigint[], $4::bytea[])
                AS m(partition, before, after, chain)
          WHERE progress.partition = m.partition AND progress.next_offset = m.before",
    )
    .bind(column!(moves, |step| i32::from(step.to.partition.number())))
    .bind(column!(moves, |step| step.from.next.number().cast_signed()))
    .bind(column!(moves, |step| step.to.next.number().cast_signed()))
    .bind(column!(moves, |step| step.to.chain.as_bytes().to_vec()))
    .execute(to)
    .await?;
    if moved.rows_affected() == moves.len() as u64 { Ok(()) } else { Err(Error::ProgressMoved) }
}

async fn write_performances(to: &mut PgConnection, fold: &Fold) -> Result<u64, Error> {
    let rows: Vec<&PerformanceRow> = fold.performances.changed();
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO performances
         SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::text[], $4::text[],
                $5::timestamptz[], $6::text[], $7::timestamptz[], $8::timestamptz[],
                $9::bigint[], $10::integer[], $11::bigint[], $12::integer[], $13::text[],
                $14::timestamptz[], $15::timestamptz[], $16::bytea[], $17::integer[],
                $18::integer[], $19::integer[])
         ON CONFLICT (performance_id) DO UPDATE
            SET sale_switch = EXCLUDED.sale_switch, sale_switched_at = EXCLUDED.sale_switched_at,
                points_earned_basis_points = EXCLUDED.points_earned_basis_points,
                points_earned_days = EXCLUDED.points_earned_days,
                points_restored_days = EXCLUDED.points_restored_days",
    )
    .bind(column!(rows, |row| row.performance_id))
    .bind(column!(rows, |row| row.partition))
    .bind(column!(rows, |row| &*row.name))
    .bind(column!(rows, |row| &*row.venue))
    .bind(column!(rows, |row| row.starts_at))
    .bind(column!(rows, |row| row.currency.as_str()))
    .bind(column!(rows, |row| row.sale_opens_at))
    .bind(column!(rows, |row| row.sale_closes_at))
    .bind(column!(rows, |row| row.hold_ttl_ms))
    .bind(column!(rows, |row| row.hold_renewals_max))
    .bind(column!(rows, |row| row.payment_window_ms))
    .bind(column!(rows, |row| row.account_seats_max))
    .bind(column!(rows, |row| row.sale_switch.as_str()))
    .bind(column!(rows, |row| row.sale_switched_at))
    .bind(column!(rows, |row| row.created_at))
    .bind(column!(rows, |row| &*row.definition))
    .bind(column!(rows, |row| row.points_earned_basis_points))
    .bind(column!(rows, |row| row.points_earned_days))
    .bind(column!(rows, |row| row.points_restored_days))
    .execute(&mut *to)
    .await?;
    let mut written = rows.len() as u64;
    for house in fold.new_houses.iter().filter_map(|id| fold.houses.get(id)) {
        written += write_house(to, house).await?;
        written += inventory::write_shapes(to, house).await?;
    }
    Ok(written)
}

/// What never changes after a performance was created; written again it stays as it is.
async fn write_house(to: &mut PgConnection, house: &House) -> Result<u64, Error> {
    let levels: Vec<PriceLevelRow> = house.price_level_rows().collect();
    query(
        "INSERT INTO price_levels
         SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::text[], $4::bigint[])
         ON CONFLICT DO NOTHING",
    )
    .bind(column!(levels, |row| row.performance_id))
    .bind(column!(levels, |row| row.price_level))
    .bind(column!(levels, |row| &*row.code))
    .bind(column!(levels, |row| row.price_minor))
    .execute(&mut *to)
    .await?;
    let sections: Vec<SectionRow> = house.section_rows().collect();
    query(
        "INSERT INTO sections
         SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::text[], $4::bigint[], $5::integer[])
         ON CONFLICT DO NOTHING",
    )
    .bind(column!(sections, |row| row.performance_id))
    .bind(column!(sections, |row| row.section))
    .bind(column!(sections, |row| &*row.code))
    .bind(column!(sections, |row| row.capacity))
    .bind(column!(sections, |row| row.price_level))
    .execute(&mut *to)
    .await?;
    let seats: Vec<SeatRow> = house.seat_rows().collect();
    query(
        "INSERT INTO seats
         SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[],
                $6::integer[], $7::integer[], $8::boolean[])
         ON CONFLICT DO NOTHING",
    )
    .bind(column!(seats, |row| row.performance_id))
    .bind(column!(seats, |row| row.seat))
    .bind(column!(seats, |row| &*row.label))
    .bind(column!(seats, |row| row.section))
    .bind(column!(seats, |row| &*row.row))
    .bind(column!(seats, |row| row.number))
    .bind(column!(seats, |row| row.price_level))
    .bind(column!(seats, |row| row.accessible))
    .execute(to)
    .await?;
    Ok((levels.len() + sections.len() + seats.len()) as u64)
}

/// Most rows of an on-sale are holds, so they go the cheapest way.
async fn write_holds(
    to: &mut PgConnection,
    rows: Changes<'_, HoldRow>,
    copy: &mut CopyBuffer,
) -> Result<u64, Error> {
    let written = copy_rows(to, copy, COPY_HOLDS, &rows.new, copy_hold).await?;
    Ok(written + update_holds(to, &rows.changed).await?)
}

/// Puts rows that the database has never seen.
async fn copy_rows<R>(
    to: &mut PgConnection,
    copy: &mut CopyBuffer,
    statement: &'static str,
    rows: &[&R],
    add: impl Fn(&mut CopyBuffer, &R) -> Result<(), Error>,
) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    copy.begin();
    rows.iter().try_for_each(|row| add(copy, row))?;
    copy.send(to, statement).await
}

/// Checks that an update found every row that it is for.
fn updated<R: Row>(updated: u64, rows: &[&R]) -> Result<u64, Error> {
    if updated == rows.len() as u64 {
        return Ok(updated);
    }
    let key = format!("one of {} that changed", rows.len());
    Err(Error::RowMissing { table: R::TABLE, key })
}

fn copy_hold(copy: &mut CopyBuffer, row: &HoldRow) -> Result<(), Error> {
    copy.row(13)
        .field(row.hold_id)?
        .field(row.performance_id)?
        .field(row.account_id)?
        .field(row.state.as_str())?
        .field(&row.seats)?
        .field(&row.sections)?
        .field(&row.quantities)?
        .field(row.seating.as_str())?
        .field(row.total_minor)?
        .field(row.currency.as_str())?
        .field(row.held_at)?
        .field(row.expires_at)?
        .field(row.ended_at)?;
    Ok(())
}

async fn update_holds(to: &mut PgConnection, rows: &[&HoldRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let done = query(
        "UPDATE holds SET state = h.state, expires_at = h.expires_at, ended_at = h.ended_at
           FROM UNNEST($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[])
                AS h(hold_id, state, expires_at, ended_at)
          WHERE holds.hold_id = h.hold_id",
    )
    .bind(column!(rows, |row| row.hold_id))
    .bind(column!(rows, |row| row.state.as_str()))
    .bind(column!(rows, |row| row.expires_at))
    .bind(column!(rows, |row| row.ended_at))
    .execute(to)
    .await?;
    updated(done.rows_affected(), rows)
}

async fn write_orders(to: &mut PgConnection, rows: &[&OrderRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO orders
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[],
                $6::bigint[], $7::text[], $8::bigint[], $9::timestamptz[], $10::timestamptz[],
                $11::timestamptz[], $12::boolean[], $13::timestamptz[], $14::text[],
                $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[],
                $20::bigint[], $21::bigint[], $22::timestamptz[], $23::timestamptz[],
                $24::text[], $25::bigint[], $26::integer[])
         ON CONFLICT (order_id) DO UPDATE
            SET state = EXCLUDED.state, total_minor = EXCLUDED.total_minor,
                payment_id = EXCLUDED.payment_id, placed_at = EXCLUDED.placed_at,
                pay_by = EXCLUDED.pay_by, confirmed_at = EXCLUDED.confirmed_at,
                reseated = EXCLUDED.reseated, cancelled_at = EXCLUDED.cancelled_at,
                cancel_reason = EXCLUDED.cancel_reason, price_minor = EXCLUDED.price_minor,
                discount_minor = EXCLUDED.discount_minor, coupon_id = EXCLUDED.coupon_id,
                campaign_id = EXCLUDED.campaign_id, issuer = EXCLUDED.issuer,
                points_minor = EXCLUDED.points_minor, earned_minor = EXCLUDED.earned_minor,
                reserving_since = EXCLUDED.reserving_since,
                not_placed_at = EXCLUDED.not_placed_at,
                not_placed_reason = EXCLUDED.not_placed_reason,
                booking_fee_minor = EXCLUDED.booking_fee_minor,
                refunds_left = EXCLUDED.refunds_left",
    )
    .bind(column!(rows, |row| row.order_id))
    .bind(column!(rows, |row| row.hold_id))
    .bind(column!(rows, |row| row.performance_id))
    .bind(column!(rows, |row| row.account_id))
    .bind(column!(rows, |row| row.state.as_str()))
    .bind(column!(rows, |row| row.total_minor))
    .bind(column!(rows, |row| row.currency.as_str()))
    .bind(column!(rows, |row| row.payment_id))
    .bind(column!(rows, |row| row.placed_at))
    .bind(column!(rows, |row| row.pay_by))
    .bind(column!(rows, |row| row.confirmed_at))
    .bind(column!(rows, |row| row.reseated))
    .bind(column!(rows, |row| row.cancelled_at))
    .bind(column!(rows, |row| row.cancel_reason.map(|reason| reason.as_str())))
    .bind(column!(rows, |row| row.price_minor))
    .bind(column!(rows, |row| row.discount_minor))
    .bind(column!(rows, |row| row.coupon_id))
    .bind(column!(rows, |row| row.campaign_id))
    .bind(column!(rows, |row| row.issuer.map(|issuer| issuer.as_str())))
    .bind(column!(rows, |row| row.points_minor))
    .bind(column!(rows, |row| row.earned_minor))
    .bind(column!(rows, |row| row.reserving_since))
    .bind(column!(rows, |row| row.not_placed_at))
    .bind(column!(rows, |row| row.not_placed_reason.as_deref()))
    .bind(column!(rows, |row| row.booking_fee_minor))
    .bind(column!(rows, |row| row.refunds_left))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

async fn write_payments(to: &mut PgConnection, rows: &[&PaymentRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO payments
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[],
                $6::text[], $7::bigint[], $8::text[], $9::text[], $10::timestamptz[],
                $11::timestamptz[])
         ON CONFLICT (payment_id) DO UPDATE
            SET state = EXCLUDED.state, captured_minor = EXCLUDED.captured_minor,
                captured_currency = EXCLUDED.captured_currency,
                decline_code = EXCLUDED.decline_code, settled_at = EXCLUDED.settled_at",
    )
    .bind(column!(rows, |row| row.payment_id))
    .bind(column!(rows, |row| row.order_id))
    .bind(column!(rows, |row| row.state.as_str()))
    .bind(column!(rows, |row| row.amount_minor))
    .bind(column!(rows, |row| row.currency.as_str()))
    .bind(column!(rows, |row| &*row.payment_key))
    .bind(column!(rows, |row| row.captured_minor))
    .bind(column!(rows, |row| row.captured_currency.as_ref().map(|currency| currency.as_str())))
    .bind(column!(rows, |row| row.decline_code.as_deref()))
    .bind(column!(rows, |row| row.requested_at))
    .bind(column!(rows, |row| row.settled_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

async fn write_refunds(to: &mut PgConnection, rows: &[&RefundRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO refunds
         SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],
                $6::bigint[], $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[])
         ON CONFLICT (refund) DO UPDATE
            SET state = EXCLUDED.state, failure_code = EXCLUDED.failure_code,
                settled_at = EXCLUDED.settled_at",
    )
    .bind(column!(rows, |row| &*row.refund))
    .bind(column!(rows, |row| row.payment_id))
    .bind(column!(rows, |row| row.order_id))
    .bind(column!(rows, |row| row.state.as_str()))
    .bind(column!(rows, |row| row.reason.as_str()))
    .bind(column!(rows, |row| row.amount_minor))
    .bind(column!(rows, |row| row.currency.as_str()))
    .bind(column!(rows, |row| row.failure_code.as_deref()))
    .bind(column!(rows, |row| row.requested_at))
    .bind(column!(rows, |row| row.settled_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

async fn write_tickets(to: &mut PgConnection, mut rows: Vec<&TicketRow>) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    // A seat may pass from one ticket to another within a batch: first it is given up.
    rows.sort_by_key(|row| row.voided_at.is_none());
    query(
        "INSERT INTO tickets
         SELECT * FROM UNNEST($1::bigint[], $2::integer[], $3::uuid[], $4::uuid[], $5::integer[],
                $6::integer[], $7::text[], $8::integer[], $9::bigint[], $10::text[],
                $11::timestamptz[], $12::timestamptz[])
         ON CONFLICT (order_id, number) DO UPDATE
            SET issued_at = EXCLUDED.issued_at, voided_at = EXCLUDED.voided_at,
                account_id = EXCLUDED.account_id",
    )
    .bind(column!(rows, |row| row.order_id))
    .bind(column!(rows, |row| row.number))
    .bind(column!(rows, |row| row.performance_id))
    .bind(column!(rows, |row| row.account_id))
    .bind(column!(rows, |row| row.section))
    .bind(column!(rows, |row| row.seat))
    .bind(column!(rows, |row| &*row.place))
    .bind(column!(rows, |row| row.price_level))
    .bind(column!(rows, |row| row.price_minor))
    .bind(column!(rows, |row| row.currency.as_str()))
    .bind(column!(rows, |row| row.issued_at))
    .bind(column!(rows, |row| row.voided_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}
