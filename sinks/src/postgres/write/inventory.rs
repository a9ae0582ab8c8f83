//! Channels, allotments and inventory of other shapes into the database.

use sqlx::{PgConnection, query};

use super::copy_rows;
use crate::postgres::copy::CopyBuffer;
use crate::postgres::error::Error;
use crate::postgres::fold::Fold;
use crate::postgres::house::House;
use crate::postgres::rows::{
    AllotmentRow, ChannelHoldRow, ChannelRow, CompanionReleaseRow, NightRow, ShapedSeatRow,
};

const COPY_ALLOTMENTS: &str = "\
    COPY allotments (performance_id, channel, step_offset, outcome_index, number, kind, \
    first_seat, section, quantity, moved_at) FROM STDIN (FORMAT binary)";

const COPY_CHANNEL_HOLDS: &str = "\
    COPY channel_holds (hold_id, performance_id, channel) FROM STDIN (FORMAT binary)";

pub(super) async fn write(
    to: &mut PgConnection,
    fold: &Fold,
    copy: &mut CopyBuffer,
) -> Result<u64, Error> {
    let mut written = write_channels(to, &fold.channels.changed()).await?;
    let allotments = fold.allotments.changes();
    written += copy_rows(to, copy, COPY_ALLOTMENTS, &allotments.new, copy_allotment).await?;
    let holds = fold.channel_holds.changes();
    written += copy_rows(to, copy, COPY_CHANNEL_HOLDS, &holds.new, copy_channel_hold).await?;
    written += write_companion_releases(to, &fold.companion_releases.changed()).await?;
    Ok(written)
}

async fn write_channels(to: &mut PgConnection, rows: &[&ChannelRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO channels
         SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::text[], $4::bigint[],
                $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[])
         ON CONFLICT (performance_id, channel) DO UPDATE
            SET uses_max = EXCLUDED.uses_max, releases_at = EXCLUDED.releases_at,
                released_at = EXCLUDED.released_at, changed_at = EXCLUDED.changed_at",
    )
    .bind(column!(rows, |row| row.performance_id))
    .bind(column!(rows, |row| row.channel))
    .bind(column!(rows, |row| &*row.name))
    .bind(column!(rows, |row| row.uses_max))
    .bind(column!(rows, |row| row.releases_at))
    .bind(column!(rows, |row| row.released_at))
    .bind(column!(rows, |row| row.created_at))
    .bind(column!(rows, |row| row.changed_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

fn copy_allotment(copy: &mut CopyBuffer, row: &AllotmentRow) -> Result<(), Error> {
    copy.row(10)
        .field(row.performance_id)?
        .field(row.channel)?
        .field(row.step_offset)?
        .field(row.outcome_index)?
        .field(row.number)?
        .field(row.kind.as_str())?
        .field(row.first_seat)?
        .field(row.section)?
        .field(row.quantity)?
        .field(row.moved_at)?;
    Ok(())
}

fn copy_channel_hold(copy: &mut CopyBuffer, row: &ChannelHoldRow) -> Result<(), Error> {
    copy.row(3).field(row.hold_id)?.field(row.performance_id)?.field(row.channel)?;
    Ok(())
}

async fn write_companion_releases(
    to: &mut PgConnection,
    rows: &[&CompanionReleaseRow],
) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO companion_releases
         SELECT * FROM UNNEST($1::uuid[], $2::timestamptz[])
         ON CONFLICT DO NOTHING",
    )
    .bind(column!(rows, |row| row.performance_id))
    .bind(column!(rows, |row| row.released_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

/// What never changes after a performance was created; written again it stays as it is.
pub(super) async fn write_shapes(to: &mut PgConnection, house: &House) -> Result<u64, Error> {
    let seats: Vec<ShapedSeatRow> = house.shaped_seat_rows().collect();
    let nights: Vec<NightRow> = house.night_rows().collect();
    if seats.is_empty() && nights.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO shaped_seats
         SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::text[])
         ON CONFLICT DO NOTHING",
    )
    .bind(column!(seats, |row| row.performance_id))
    .bind(column!(seats, |row| row.seat))
    .bind(column!(seats, |row| row.shape.as_str()))
    .execute(&mut *to)
    .await?;
    query(
        "INSERT INTO nights
         SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::text[], $4::timestamptz[])
         ON CONFLICT DO NOTHING",
    )
    .bind(column!(nights, |row| row.performance_id))
    .bind(column!(nights, |row| row.section))
    .bind(column!(nights, |row| &*row.room_type))
    .bind(column!(nights, |row| row.night))
    .execute(to)
    .await?;
    Ok((seats.len() + nights.len()) as u64)
}
