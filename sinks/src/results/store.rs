//! What is kept in Postgres: how far the topics are written, and what later records are told by.
//! All of it moves with the records, in one transaction that ends after they were acknowledged.

use std::collections::BTreeMap;

use boxoffice_log::fluvio::results::ResultTopic;
use boxoffice_topics::codec::{decode_whole, encode_into};
use boxoffice_topics::outcome::{EffectName, Places};
use boxoffice_topics::{
    AccountId, Currency, LogId, Money, Offset, Outcome, PartitionId, PerformanceId,
};
use sqlx::{FromRow, PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::Error;
use super::compose::Tails;
use super::session::Known;
use super::subject::{Subject, Subjects};
use crate::postgres;
use crate::postgres::read::{ProgressRow, position};
use crate::progress::{Position, ProgressError};
use crate::runner::Move;

/// What is read in this transaction belongs together, whoever writes meanwhile.
pub(super) async fn at_one_moment(on: &mut PgConnection) -> Result<(), Error> {
    query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(on).await?;
    Ok(())
}

/// The position of every partition, in order; one that is new stands at the start.
pub(super) async fn positions(
    from: &mut PgConnection,
    log_id: LogId,
    partitions: u16,
) -> Result<Vec<Position>, Error> {
    let starts = (0..partitions).filter_map(PartitionId::new);
    let starts = starts.map(|partition| Position::start(log_id, partition));
    let (numbers, chains): (Vec<_>, Vec<_>) = starts
        .map(|start| (i32::from(start.partition.number()), start.chain.as_bytes().to_vec()))
        .unzip();
    query(
        "INSERT INTO result_progress (partition, log_id, next_offset, chain)
         SELECT p.partition, $1, 0, p.chain
           FROM UNNEST($2::integer[], $3::bytea[]) AS p(partition, chain)
         ON CONFLICT DO NOTHING",
    )
    .bind(Uuid::from_u128(log_id.as_u128()))
    .bind(numbers)
    .bind(chains)
    .execute(&mut *from)
    .await?;
    let rows: Vec<ProgressRow> =
        query_as("SELECT * FROM result_progress ORDER BY partition").fetch_all(from).await?;
    let (written, found) = (rows.len(), usize::from(partitions));
    if written > found {
        return Err(ProgressError::FewerPartitions { written, found }.into());
    }
    Ok(rows.into_iter().map(|row| position(row, log_id)).collect::<Result<_, _>>()?)
}

/// Moves the positions of partitions, and keeps everybody else from moving them meanwhile.
///
/// # Errors
/// [`postgres::Error::ProgressMoved`] when one does not stand where the move begins.
pub(super) async fn move_positions(to: &mut PgConnection, moves: &[Move]) -> Result<(), Error> {
    let moved = query(
        "UPDATE result_progress SET next_offset = m.after, chain = m.chain
           FROM UNNEST($1::integer[], $2::bigint[], $3::bigint[], $4::bytea[])
                AS m(partition, before, after, chain)
          WHERE result_progress.partition = m.partition
            AND result_progress.next_offset = m.before",
    )
    .bind(column(moves, |it| i32::from(it.to.partition.number())))
    .bind(column(moves, |it| it.from.next.number().cast_signed()))
    .bind(column(moves, |it| it.to.next.number().cast_signed()))
    .bind(column(moves, |it| it.to.chain.as_bytes().to_vec()))
    .execute(to)
    .await?;
    if moved.rows_affected() == moves.len() as u64 {
        return Ok(());
    }
    Err(postgres::Error::ProgressMoved.into())
}

fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

/// Forgets everything: the topics are written again from the first outcome.
pub(super) async fn forget(on: &mut PgConnection) -> Result<(), Error> {
    query("TRUNCATE result_progress, result_tails, result_definitions, result_subjects")
        .execute(on)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct TailRow {
    topic: String,
    partition: i32,
    step_offset: i64,
    outcome_index: i32,
    known_offset: i64,
}

/// The end of every partition of every topic, and where a record of it is known to be.
pub(super) async fn tails(from: &mut PgConnection) -> Result<(Tails, Known), Error> {
    let sql = "SELECT topic, partition, step_offset, outcome_index, known_offset FROM result_tails";
    let rows: Vec<TailRow> = query_as(sql).fetch_all(from).await?;
    let (mut tails, mut known) = (Tails::new(), Known::new());
    for row in rows {
        let read = || {
            let topic = ResultTopic::from_name(&row.topic)?;
            let partition = PartitionId::new(u16::try_from(row.partition).ok()?)?;
            let offset = Offset::new(u64::try_from(row.step_offset).ok()?);
            let index = u16::try_from(row.outcome_index).ok()?;
            let name = EffectName::new(partition, offset, index);
            Some(((topic, partition), name, u64::try_from(row.known_offset).ok()?))
        };
        let (place, name, known_offset) = read().ok_or(Error::Malformed("result_tails"))?;
        tails.insert(place, name);
        known.insert(place, known_offset);
    }
    Ok((tails, known))
}

/// Keeps the ends that have moved.
pub(super) async fn keep_tails(
    to: &mut PgConnection,
    before: &Tails,
    after: &Tails,
    known: &Known,
) -> Result<(), Error> {
    let moved = |(place, name): &(&_, &_)| before.get(*place) != Some(*name);
    let rows: Vec<_> = after.iter().filter(moved).collect();
    query(
        "INSERT INTO result_tails (topic, partition, step_offset, outcome_index, known_offset)
         SELECT * FROM UNNEST($1::text[], $2::integer[], $3::bigint[], $4::integer[], $5::bigint[])
         ON CONFLICT (topic, partition) DO UPDATE
            SET step_offset = EXCLUDED.step_offset, outcome_index = EXCLUDED.outcome_index,
                known_offset = EXCLUDED.known_offset",
    )
    .bind(column(&rows, |(place, _)| place.0.name()))
    .bind(column(&rows, |(place, _)| i32::from(place.1.number())))
    .bind(column(&rows, |(_, name)| name.offset().number().cast_signed()))
    .bind(column(&rows, |(_, name)| i32::from(name.index())))
    .bind(column(&rows, |(place, _)| known.get(place).map_or(0, |offset| offset.cast_signed())))
    .execute(to)
    .await?;
    Ok(())
}

/// What later outcomes are told by, in the order in which it came.
pub(super) async fn definitions(from: &mut PgConnection) -> Result<Vec<Outcome>, Error> {
    let sql = "SELECT outcome FROM result_definitions ORDER BY number";
    let rows: Vec<Vec<u8>> = query_scalar(sql).fetch_all(from).await?;
    let read = |bytes: &Vec<u8>| decode_whole(bytes);
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|_| Error::Malformed("a definition"))
}

/// Adds what later outcomes are told by.
pub(super) async fn keep_definitions(
    to: &mut PgConnection,
    outcomes: &[&Outcome],
) -> Result<(), Error> {
    if outcomes.is_empty() {
        return Ok(());
    }
    query(
        "INSERT INTO result_definitions (outcome)
         SELECT d.outcome FROM UNNEST($1::bytea[]) WITH ORDINALITY AS d(outcome, number)
          ORDER BY d.number",
    )
    .bind(column(outcomes, |outcome| encoded(*outcome)))
    .execute(to)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct SubjectRow {
    subject_id: i64,
    performance_id: Uuid,
    account_id: Uuid,
    places: Vec<u8>,
    total_minor: i64,
    currency: String,
}

/// Holds and orders by their packed ids. Those that are not known yet are left out.
pub(super) async fn subjects(
    from: &mut PgConnection,
    ids: &[i64],
) -> Result<BTreeMap<i64, Subject>, Error> {
    let sql = "SELECT * FROM result_subjects WHERE subject_id = ANY($1)";
    let rows: Vec<SubjectRow> = query_as(sql).bind(ids).fetch_all(from).await?;
    let read = |row: SubjectRow| {
        let places: Places = decode_whole(&row.places).ok()?;
        let currency: Currency = row.currency.parse().ok()?;
        let subject = Subject {
            performance: PerformanceId::from_u128(row.performance_id.as_u128()),
            account: AccountId::from_u128(row.account_id.as_u128()),
            places,
            total: Money::new(row.total_minor, currency),
        };
        Some((row.subject_id, subject))
    };
    rows.into_iter().map(read).collect::<Option<_>>().ok_or(Error::Malformed("result_subjects"))
}

/// Keeps the holds and orders that are new or others, and forgets those that have ended.
pub(super) async fn keep_subjects(to: &mut PgConnection, subjects: &Subjects) -> Result<(), Error> {
    let ended: Vec<i64> = subjects.ended().collect();
    query("DELETE FROM result_subjects WHERE subject_id = ANY($1)")
        .bind(ended)
        .execute(&mut *to)
        .await?;
    let rows: Vec<(i64, &Subject)> = subjects.changed().collect();
    query(
        "INSERT INTO result_subjects
                (subject_id, performance_id, account_id, places, total_minor, currency)
         SELECT * FROM UNNEST($1::bigint[], $2::uuid[], $3::uuid[], $4::bytea[], $5::bigint[],
                              $6::text[])
         ON CONFLICT (subject_id) DO UPDATE
            SET places = EXCLUDED.places, total_minor = EXCLUDED.total_minor",
    )
    .bind(column(&rows, |(id, _)| *id))
    .bind(column(&rows, |(_, it)| Uuid::from_u128(it.performance.as_u128())))
    .bind(column(&rows, |(_, it)| Uuid::from_u128(it.account.as_u128())))
    .bind(column(&rows, |(_, it)| encoded(&it.places)))
    .bind(column(&rows, |(_, it)| it.total.minor))
    .bind(column(&rows, |(_, it)| it.total.currency.to_string()))
    .execute(to)
    .await?;
    Ok(())
}

fn encoded<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(value, &mut bytes);
    bytes
}
