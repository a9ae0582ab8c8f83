//! Settlement into the database. None of these rows ever changes.

use sqlx::PgConnection;

use super::copy_rows;
use crate::postgres::copy::CopyBuffer;
use crate::postgres::error::Error;
use crate::postgres::fold::Fold;
use crate::postgres::rows::{SettlementLineRow, SettlementTermsRow};

const COPY_SETTLEMENT_TERMS: &str = "\
    COPY settlement_terms (performance_id, version, provider_fee_basis_points, \
    provider_keeps_fee, platform_fee_basis_points, fee_vat_basis_points, set_at) \
    FROM STDIN (FORMAT binary)";
const COPY_SETTLEMENT_LINES: &str = "\
    COPY settlement_lines (partition, step_offset, outcome_index, line, performance_id, order_id, \
    kind, account, currency, amount_minor, posted_at) FROM STDIN (FORMAT binary)";

pub(super) async fn write(
    to: &mut PgConnection,
    fold: &Fold,
    copy: &mut CopyBuffer,
) -> Result<u64, Error> {
    let terms = fold.settlement_terms.changed();
    let written = copy_rows(to, copy, COPY_SETTLEMENT_TERMS, &terms, copy_terms).await?;
    let lines = fold.settlement_lines.changed();
    Ok(written + copy_rows(to, copy, COPY_SETTLEMENT_LINES, &lines, copy_line).await?)
}

fn copy_terms(copy: &mut CopyBuffer, row: &SettlementTermsRow) -> Result<(), Error> {
    copy.row(7)
        .field(row.performance_id)?
        .field(row.version)?
        .field(row.provider_fee_basis_points)?
        .field(row.provider_keeps_fee)?
        .field(row.platform_fee_basis_points)?
        .field(row.fee_vat_basis_points)?
        .field(row.set_at)?;
    Ok(())
}

fn copy_line(copy: &mut CopyBuffer, row: &SettlementLineRow) -> Result<(), Error> {
    copy.row(11)
        .field(row.partition)?
        .field(row.step_offset)?
        .field(row.outcome_index)?
        .field(row.line)?
        .field(row.performance_id)?
        .field(row.order_id)?
        .field(&*row.kind)?
        .field(&*row.account)?
        .field(row.currency.as_str())?
        .field(row.amount_minor)?
        .field(row.posted_at)?;
    Ok(())
}
