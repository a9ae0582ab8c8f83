//! The audit: is the database the fold of the log, row for row?

use std::fmt;

use boxoffice_log::{Batch, Durability, Log, LogReader, TopicPartition};
use boxoffice_topics::{Offset, PartitionId};
use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgPool, query, query_as};

use super::error::Error;
use super::fold::Fold;
use super::house::House;
use super::read::read_progress;
use super::rows::{PriceLevelRow, Row, SeatRow, SectionRow};
use super::table::Table;
use crate::causal::may_follow;
use crate::progress::{Cursor, Position, ProgressError};

/// What a comparison found.
#[derive(Debug)]
pub struct Comparison {
    /// How far the database is. The log was folded to there.
    pub positions: Vec<Position>,
    /// Rows that the fold has, in all tables.
    pub rows: u64,
    /// The first difference of every table that has one.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Whether the database is the fold of the log.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.differences.is_empty()
    }
}

/// A row that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row.
    pub key: String,
    /// The row of the fold; nothing when there should be none.
    pub expected: Option<String>,
    /// The row of the database; nothing when it has none.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |row: &Option<String>| row.clone().unwrap_or_else(|| "no row".into());
        let (expected, found) = (shown(&self.expected), shown(&self.found));
        write!(f, "{} {}: expected {expected}, found {found}", self.table, self.key)
    }
}

/// Folds the log up to the progress of the database, in memory, and compares every row. The sink
/// may go on writing meanwhile: the database is read as of one moment.
///
/// # Errors
/// When the database or the log cannot be read, or the progress is not that of this log.
pub async fn compare<L: Log>(log: &L, pool: &PgPool) -> Result<Comparison, Error> {
    let mut transaction = pool.begin().await?;
    query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *transaction)
        .await?;
    let positions = read_progress(&mut transaction, log.log_id(), log.partitions()).await?;
    let fold = fold_to(log, &positions).await?;
    let (rows, differences) = compare_rows(&mut transaction, &fold).await?;
    transaction.rollback().await?;
    Ok(Comparison { positions, rows, differences })
}

/// Folds every partition from its beginning to a position. One that waits for slots which have
/// not left another is gone on with when that has come further.
async fn fold_to<L: Log>(log: &L, positions: &[Position]) -> Result<Fold, Error> {
    let mut fold = Fold::new();
    let mut ways = Vec::with_capacity(positions.len());
    for position in positions {
        ways.push(Way::open(log, *position).await?);
    }
    let mut nexts: Vec<Offset> = ways.iter().map(Way::next).collect();
    loop {
        let before = nexts.clone();
        for at in 0..ways.len() {
            nexts[at] = ways[at].fold(&mut fold, &nexts).await?;
        }
        match ways.iter().find(|way| way.next() < way.to.next) {
            None => return Ok(fold),
            // The rows of arrivals are never written before those of departures.
            Some(way) if nexts == before => {
                let (partition, offset) = (way.to.partition, way.next());
                return Err(ProgressError::Different { partition, offset }.into());
            }
            Some(_) => (),
        }
    }
}

/// The way of one partition to where its rows were written.
struct Way<R> {
    cursor: Cursor,
    reader: R,
    to: Position,
    /// What was read, the first records of which are folded.
    batch: Batch,
    folded: usize,
}

impl<R: LogReader> Way<R> {
    async fn open<L: Log<Reader = R>>(log: &L, to: Position) -> Result<Self, Error> {
        let cursor = Cursor::new(log.log_id(), Position::start(log.log_id(), to.partition));
        let from = TopicPartition::outcomes(to.partition);
        // An append of nothing finds the end, also when another process writes there.
        let end = log.append(from, Vec::new(), Durability::Written).await?;
        if end < to.next {
            let Position { partition, next: written, .. } = to;
            return Err(ProgressError::Shorter { partition, written, end }.into());
        }
        let reader = log.read(from, cursor.read_from()).await?;
        let batch = Batch { first: cursor.read_from(), records: Vec::new() };
        Ok(Self { cursor, reader, to, batch, folded: 0 })
    }

    fn next(&self) -> Offset {
        self.cursor.position().next
    }

    /// Goes on as far as the others have come, and returns the next offset.
    async fn fold(&mut self, fold: &mut Fold, nexts: &[Offset]) -> Result<Offset, Error> {
        let next_of = |of: PartitionId| nexts.get(usize::from(of.number())).copied();
        while self.next() < self.to.next {
            let Some(record) = self.batch.records.get(self.folded) else {
                (self.batch, self.folded) = (self.reader.next().await?, 0);
                continue;
            };
            let offset = self.batch.first.plus(self.folded as u64);
            let mut ahead = self.cursor.clone();
            if let Some(step) = ahead.accept(offset, record)? {
                if !may_follow(&step, next_of) {
                    break;
                }
                fold.apply(self.to.partition, &step)?;
            }
            self.cursor = ahead;
            self.folded += 1;
        }
        Ok(self.next())
    }
}

async fn compare_rows(
    database: &mut PgConnection,
    fold: &Fold,
) -> Result<(u64, Vec<Difference>), Error> {
    let mut tables = Tables { database, rows: 0, differences: Vec::new() };
    let sql = "SELECT * FROM performances ORDER BY performance_id";
    tables.table(sql, &fold.performances).await?;
    compare_houses(&mut tables, fold).await?;
    let sql = "SELECT * FROM holds ORDER BY hold_id";
    tables.table(sql, &fold.holds).await?;
    let sql = "SELECT * FROM orders ORDER BY order_id";
    tables.table(sql, &fold.orders).await?;
    let sql = "SELECT * FROM payments ORDER BY payment_id";
    tables.table(sql, &fold.payments).await?;
    let sql = "SELECT * FROM refunds ORDER BY refund";
    tables.table(sql, &fold.refunds).await?;
    let sql = "SELECT * FROM tickets ORDER BY order_id, number";
    tables.table(sql, &fold.tickets).await?;
    let sql = "SELECT * FROM waiting_rooms ORDER BY performance_id";
    tables.table(sql, &fold.waiting_rooms).await?;
    let sql = "SELECT * FROM turns ORDER BY performance_id, account_id, number";
    tables.table(sql, &fold.turns).await?;
    let sql = "SELECT * FROM campaigns ORDER BY campaign_id";
    tables.table(sql, &fold.campaigns).await?;
    let sql = "SELECT * FROM campaign_terms ORDER BY campaign_id, version";
    tables.table(sql, &fold.campaign_terms).await?;
    let sql = "SELECT * FROM coupons ORDER BY coupon_id";
    tables.table(sql, &fold.coupons).await?;
    let sql = "SELECT * FROM coupon_uses ORDER BY coupon_id, order_id";
    tables.table(sql, &fold.coupon_uses).await?;
    let sql = "SELECT * FROM points_lots ORDER BY lot_id";
    tables.table(sql, &fold.points_lots).await?;
    let sql = "SELECT * FROM points_uses ORDER BY order_id, number";
    tables.table(sql, &fold.points_uses).await?;
    let sql =
        "SELECT * FROM points_ledger ORDER BY account_id, partition, step_offset, outcome_index";
    tables.table(sql, &fold.points_ledger).await?;
    let sql = "SELECT * FROM ticket_rules ORDER BY performance_id";
    tables.table(sql, &fold.ticket_rules).await?;
    let sql = "SELECT * FROM ticket_transfers ORDER BY transfer_id";
    tables.table(sql, &fold.ticket_transfers).await?;
    let sql = "SELECT * FROM ticket_scans ORDER BY scan_id";
    tables.table(sql, &fold.ticket_scans).await?;
    compare_refunds(&mut tables, fold).await?;
    compare_settlement(&mut tables, fold).await?;
    compare_inventory(&mut tables, fold).await?;
    Ok((tables.rows, tables.differences))
}

async fn compare_refunds(tables: &mut Tables<'_>, fold: &Fold) -> Result<(), Error> {
    let sql = "SELECT * FROM refund_terms ORDER BY performance_id, version";
    tables.table(sql, &fold.refund_terms).await?;
    let sql = "SELECT * FROM ticket_refunds ORDER BY order_id, number";
    tables.table(sql, &fold.ticket_refunds).await?;
    let sql = "SELECT * FROM performance_cancellations ORDER BY performance_id";
    tables.table(sql, &fold.cancellations).await
}

async fn compare_settlement(tables: &mut Tables<'_>, fold: &Fold) -> Result<(), Error> {
    let sql = "SELECT * FROM settlement_terms ORDER BY performance_id, version";
    tables.table(sql, &fold.settlement_terms).await?;
    let sql = "SELECT * FROM settlement_lines ORDER BY partition, step_offset, outcome_index, line";
    tables.table(sql, &fold.settlement_lines).await
}

async fn compare_inventory(tables: &mut Tables<'_>, fold: &Fold) -> Result<(), Error> {
    let sql = "SELECT * FROM channels ORDER BY performance_id, channel";
    tables.table(sql, &fold.channels).await?;
    let sql = "SELECT * FROM allotments
                ORDER BY performance_id, channel, step_offset, outcome_index, number";
    tables.table(sql, &fold.allotments).await?;
    let sql = "SELECT * FROM channel_holds ORDER BY hold_id";
    tables.table(sql, &fold.channel_holds).await?;
    let sql = "SELECT * FROM companion_releases ORDER BY performance_id";
    tables.table(sql, &fold.companion_releases).await?;
    let houses = || fold.houses.values();
    let sql = "SELECT * FROM shaped_seats ORDER BY performance_id, seat";
    tables.compare(sql, houses().flat_map(House::shaped_seat_rows)).await?;
    let sql = "SELECT * FROM nights ORDER BY performance_id, section";
    tables.compare(sql, houses().flat_map(House::night_rows)).await
}

async fn compare_houses(tables: &mut Tables<'_>, fold: &Fold) -> Result<(), Error> {
    let houses = || fold.houses.values();
    let sql = "SELECT * FROM price_levels ORDER BY performance_id, price_level";
    tables.compare::<PriceLevelRow>(sql, houses().flat_map(House::price_level_rows)).await?;
    let sql = "SELECT * FROM sections ORDER BY performance_id, section";
    tables.compare::<SectionRow>(sql, houses().flat_map(House::section_rows)).await?;
    let sql = "SELECT * FROM seats ORDER BY performance_id, seat";
    tables.compare::<SeatRow>(sql, houses().flat_map(House::seat_rows)).await
}

struct Tables<'c> {
    database: &'c mut PgConnection,
    rows: u64,
    differences: Vec<Difference>,
}

impl Tables<'_> {
    /// Compares a table that the fold has in memory.
    async fn table<R>(&mut self, sql: &'static str, expected: &Table<R>) -> Result<(), Error>
    where
        R: Row + Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        self.compare(sql, expected.rows().cloned()).await
    }

    /// Compares one table, both sides in order of their keys.
    async fn compare<R>(
        &mut self,
        sql: &'static str,
        expected: impl Iterator<Item = R>,
    ) -> Result<(), Error>
    where
        R: Row + Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        let mut different = None;
        let mut found = query_as::<_, R>(sql).fetch(&mut *self.database);
        for expected in expected {
            self.rows += 1;
            if different.is_none() {
                different = difference(Some(expected), found.try_next().await?);
            }
        }
        if different.is_none() {
            different = difference(None::<R>, found.try_next().await?);
        }
        self.differences.extend(different);
        Ok(())
    }
}

fn difference<R: Row>(expected: Option<R>, found: Option<R>) -> Option<Difference> {
    if expected == found {
        return None;
    }
    // Of two different keys the smaller one is the row that the other side lacks.
    let (expected, found) = match (expected, found) {
        (Some(expected), Some(found)) if expected.key() < found.key() => (Some(expected), None),
        (Some(expected), Some(found)) if expected.key() > found.key() => (None, Some(found)),
        both => both,
    };
    let key = expected.as_ref().or(found.as_ref()).map(Row::readable_key).unwrap_or_default();
    let shown = |row: Option<R>| row.map(|row| format!("{row:?}"));
    Some(Difference { table: R::TABLE, key, expected: shown(expected), found: shown(found) })
}
