//! Postgres for finance, support and reports: the projection of the outcomes topic.
//!
//! Rows and progress change in one transaction, so that however often and however far a write
//! got, the rows are those of the progress. Sales never wait for it. The same statements run on
//! a server and on the database in process.

mod columns;
mod compare;
mod config;
mod copy;
#[cfg(feature = "embedded-postgres")]
mod embedded;
mod error;
mod fold;
mod house;
mod load;
mod missing;
pub(crate) mod read;
mod rebuild;
mod rows;
mod sink;
mod table;
mod totals;
mod write;

pub use compare::{Comparison, Difference, compare};
pub use config::{DatabaseUrl, DatabaseUrlInvalid};
#[cfg(feature = "embedded-postgres")]
pub use embedded::Embedded;
pub use error::Error;
pub use rebuild::{Replace, rebuild};
pub use sink::{PostgresSink, migrate};
pub use sqlx::PgPool;
pub use totals::{Totals, totals};
