//! Refunds into the database. None of these rows ever changes.

use sqlx::PgConnection;

use super::copy_rows;
use crate::postgres::copy::CopyBuffer;
use crate::postgres::error::Error;
use crate::postgres::fold::Fold;
use crate::postgres::rows::{PerformanceCancellationRow, RefundTermsRow, TicketRefundRow};

const COPY_REFUND_TERMS: &str = "\
    COPY refund_terms (performance_id, version, booking_fee_minor, utc_offset_minutes, \
    free_within_days, free_days_before, days_before, basis_points, fixed_minor, set_at) \
    FROM STDIN (FORMAT binary)";
const COPY_TICKET_REFUNDS: &str = "\
    COPY ticket_refunds (order_id, number, version, currency, price_minor, discount_minor, \
    booking_fee_minor, kept_minor, money_minor, points_minor, earned_minor, refunded_at) \
    FROM STDIN (FORMAT binary)";
const COPY_CANCELLATIONS: &str = "\
    COPY performance_cancellations (performance_id, cancelled_at) FROM STDIN (FORMAT binary)";

pub(super) async fn write(
    to: &mut PgConnection,
    fold: &Fold,
    copy: &mut CopyBuffer,
) -> Result<u64, Error> {
    let terms = fold.refund_terms.changed();
    let mut written = copy_rows(to, copy, COPY_REFUND_TERMS, &terms, copy_terms).await?;
    let tickets = fold.ticket_refunds.changed();
    written += copy_rows(to, copy, COPY_TICKET_REFUNDS, &tickets, copy_ticket).await?;
    let cancelled = fold.cancellations.changed();
    written += copy_rows(to, copy, COPY_CANCELLATIONS, &cancelled, copy_cancellation).await?;
    Ok(written)
}

fn copy_terms(copy: &mut CopyBuffer, row: &RefundTermsRow) -> Result<(), Error> {
    copy.row(10)
        .field(row.performance_id)?
        .field(row.version)?
        .field(row.booking_fee_minor)?
        .field(row.utc_offset_minutes)?
        .field(row.free_within_days)?
        .field(row.free_days_before)?
        .field(&row.days_before)?
        .field(&row.basis_points)?
        .field(&row.fixed_minor)?
        .field(row.set_at)?;
    Ok(())
}

fn copy_ticket(copy: &mut CopyBuffer, row: &TicketRefundRow) -> Result<(), Error> {
    copy.row(12)
        .field(row.order_id)?
        .field(row.number)?
        .field(row.version)?
        .field(row.currency.as_str())?
        .field(row.price_minor)?
        .field(row.discount_minor)?
        .field(row.booking_fee_minor)?
        .field(row.kept_minor)?
        .field(row.money_minor)?
        .field(row.points_minor)?
        .field(row.earned_minor)?
        .field(row.refunded_at)?;
    Ok(())
}

fn copy_cancellation(copy: &mut CopyBuffer, row: &PerformanceCancellationRow) -> Result<(), Error> {
    copy.row(2).field(row.performance_id)?.field(row.cancelled_at)?;
    Ok(())
}
