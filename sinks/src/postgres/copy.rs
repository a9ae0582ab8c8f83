//! New rows into a table by `COPY` in its binary format, which costs the server less than half
//! of what `INSERT` does. The format is that of the PostgreSQL manual, section COPY.
//!
//! Every statement names its columns: a migration of a later program may add others, and this
//! program goes on writing while it is being replaced.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArgumentBuffer;
use sqlx::{Encode, PgConnection, Postgres};

use super::error::Error;

/// Signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// In the place of a row's number of fields.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// In the place of a field's length.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// What is kept for the next batch: a usual one fits, and one large batch is forgotten.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// Rows in the binary format. Its memory serves every batch.
#[derive(Default)]
pub(super) struct CopyBuffer {
    bytes: PgArgumentBuffer,
}

impl std::fmt::Debug for CopyBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyBuffer").field("bytes", &self.bytes.len()).finish()
    }
}

impl CopyBuffer {
    pub(super) fn begin(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
        self.bytes.extend_from_slice(HEADER);
    }

    /// Begins a row with that many fields.
    pub(super) fn row(&mut self, fields: i16) -> &mut Self {
        self.bytes.extend_from_slice(&fields.to_be_bytes());
        self
    }

    /// Adds the next field of the row.
    pub(super) fn field<'q, T: Encode<'q, Postgres>>(
        &mut self,
        value: T,
    ) -> Result<&mut Self, Error> {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&NULL);
        let is_null = value.encode(&mut self.bytes).map_err(encode)?;
        if matches!(is_null, IsNull::No) {
            let length = i32::try_from(self.bytes.len() - at - NULL.len()).map_err(encode)?;
            self.bytes[at..at + NULL.len()].copy_from_slice(&length.to_be_bytes());
        }
        Ok(self)
    }

    /// Sends the rows and returns how many the server has taken.
    pub(super) async fn send(
        &mut self,
        to: &mut PgConnection,
        statement: &'static str,
    ) -> Result<u64, Error> {
        self.bytes.extend_from_slice(&TRAILER);
        let mut copy = to.copy_in_raw(statement).await?;
        copy.send(self.bytes.as_slice()).await?;
        Ok(copy.finish().await?)
    }
}

fn encode(error: impl Into<BoxDynError>) -> Error {
    Error::Database(sqlx::Error::Encode(error.into()))
}
