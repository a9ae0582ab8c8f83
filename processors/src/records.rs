//! Reads a partition record by record, and refuses a hole.

use boxoffice_log::{Log, LogReader, TopicPartition};
use boxoffice_topics::Offset;
use boxoffice_topics::envelope::Genesis;
use bytes::Bytes;

use crate::error::Error;

pub(crate) struct Records<R> {
    topic: TopicPartition,
    reader: R,
    next: Offset,
    batch: std::vec::IntoIter<Bytes>,
}

impl<R: LogReader> Records<R> {
    pub(crate) async fn open<L: Log<Reader = R>>(
        log: &L,
        topic: TopicPartition,
        at: Offset,
    ) -> Result<Self, Error> {
        let reader = log.read(topic, at).await?;
        Ok(Self { topic, reader, next: at, batch: Vec::new().into_iter() })
    }

    /// The next record. Waits at the tail: callers know that it is there.
    pub(crate) async fn next(&mut self) -> Result<(Offset, Bytes), Error> {
        loop {
            if let Some(record) = self.batch.next() {
                let offset = self.next;
                self.next = offset.next();
                return Ok((offset, record));
            }
            let batch = self.reader.next().await?;
            expect_offset(self.topic, self.next, batch.first)?;
            self.batch = batch.records.into_iter();
        }
    }
}

pub(crate) fn expect_offset(
    topic: TopicPartition,
    expected: Offset,
    found: Offset,
) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::OffsetUnexpected { topic, expected, found }) }
}

/// Checks that a partition begins as one of this log.
pub(crate) async fn check_genesis<L: Log>(log: &L, topic: TopicPartition) -> Result<(), Error> {
    let (offset, record) = Records::open(log, topic, Offset::ZERO).await?.next().await?;
    let genesis = Genesis::from_record(&record).map_err(|error| Error::Unreadable {
        topic,
        offset,
        error,
    })?;
    let (expected, found) = (log.log_id(), genesis.log_id);
    if expected == found { Ok(()) } else { Err(Error::OtherLog { topic, offset, expected, found }) }
}
