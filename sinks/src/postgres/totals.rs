//! What the rows add up to, for whoever has counted the same in another way.

use boxoffice_topics::PerformanceId;
use sqlx::{FromRow, PgPool, query_as};
use uuid::Uuid;

use super::error::Error;

/// Sums over some performances. Money is in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Totals {
    /// Live tickets.
    pub tickets: i64,
    /// What providers took.
    pub captured_minor: i64,
    /// What providers gave back.
    pub refunded_minor: i64,
    /// First entries at the doors.
    pub entries: i64,
}

/// Adds up the rows of these performances.
///
/// # Errors
/// When the database cannot be read.
pub async fn totals(pool: &PgPool, performances: &[PerformanceId]) -> Result<Totals, Error> {
    let ids: Vec<Uuid> = performances.iter().map(|id| Uuid::from_u128(id.as_u128())).collect();
    let sums = query_as(
        "WITH ours AS (SELECT order_id FROM orders WHERE performance_id = ANY($1))
         SELECT (SELECT count(*) FROM tickets
                  WHERE performance_id = ANY($1) AND voided_at IS NULL) AS tickets,
                (SELECT coalesce(sum(captured_minor), 0)::bigint
                   FROM payments JOIN ours USING (order_id)) AS captured_minor,
                (SELECT coalesce(sum(amount_minor), 0)::bigint
                   FROM refunds JOIN ours USING (order_id)
                  WHERE state = 'refunded') AS refunded_minor,
                (SELECT count(*) FROM ticket_scans
                  WHERE performance_id = ANY($1) AND kind = 'in' AND entry = 1) AS entries",
    );
    Ok(sums.bind(ids).fetch_one(pool).await?)
}
