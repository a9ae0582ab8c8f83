//! Who has what, for those who look.

use boxoffice_topics::LogId;
use sqlx::query_as;
use uuid::Uuid;

use super::Kind;
use crate::database::{DatabaseError, SharedDatabase, in_time};

/// One thing that is leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// What it is.
    pub kind: Kind,
    /// Which one: of processors, the partition.
    pub number: u16,
    /// Grows by one with each change of owner. Zero: it never had one.
    pub epoch: u64,
    /// `None`: it is free.
    pub owner: Option<Owner>,
}

/// Who owns something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The node, as it was named.
    pub name: String,
    /// Names the process: two nodes may have the same name.
    pub node_id: Uuid,
    /// It has shown itself within the length of its lease.
    pub is_alive: bool,
    /// It has been told to give this back.
    pub is_leaving: bool,
}

type Row = (String, i32, i64, bool, Option<Uuid>, Option<String>, Option<bool>);

/// Everything that is leased of a log, by kind and number. Whoever asks need not own anything.
///
/// # Errors
/// When the database cannot be asked.
pub async fn holders(
    database: &SharedDatabase,
    log_id: LogId,
) -> Result<Vec<Holder>, DatabaseError> {
    let rows = query_as::<_, Row>(
        "SELECT leases.kind, number, epoch, leaving, node_id, name, expires_at > clock_timestamp()
         FROM boxoffice_processors.leases LEFT JOIN boxoffice_processors.nodes ON node_id = owner
         WHERE leases.log_id = $1 ORDER BY leases.kind, number",
    )
    .bind(Uuid::from_bytes(log_id.to_bytes()))
    .fetch_all(database.pool());
    Ok(in_time(rows).await?.into_iter().filter_map(holder).collect())
}

/// A kind that this program does not know is left out.
fn holder((kind, number, epoch, is_leaving, node_id, name, is_alive): Row) -> Option<Holder> {
    let owner = node_id.zip(name).map(|(node_id, name)| Owner {
        name,
        node_id,
        is_alive: is_alive.unwrap_or_default(),
        is_leaving,
    });
    Some(Holder {
        kind: Kind::ALL.into_iter().find(|known| known.name() == kind)?,
        number: number.try_into().ok()?,
        epoch: epoch.try_into().ok()?,
        owner,
    })
}
