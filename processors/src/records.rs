//! Reads a partition record by record, and refuses a hole.

use boxoffice_log::{Log, LogReader, TopicPartition};
use boxoffice_topics::Offset;
use boxoffice_topics::envelope::Genesis;
use bytes::Bytes;

use crate::error::Error;

/// Bytes of the records in one append, unless one record alone is larger: half of what the smallest
/// log takes at once.
const APPEND_BYTES_MAX: usize = 4 << 20;

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

/// Takes the first records off a list, as many as one append may carry.
pub(crate) fn take_append(records: &mut Vec<Bytes>) -> Vec<Bytes> {
    let mut bytes = 0;
    let fitting = records.iter().take_while(|record| {
        bytes += record.len();
        bytes <= APPEND_BYTES_MAX
    });
    let count = fitting.count().max(1);
    if count >= records.len() {
        return std::mem::take(records);
    }
    let rest = records.split_off(count);
    std::mem::replace(records, rest)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(records: &[Bytes]) -> Vec<usize> {
        records.iter().map(Bytes::len).collect()
    }

    #[test]
    fn an_append_carries_what_fits_and_at_least_one_record() {
        let (small, large) = (Bytes::from(vec![0; 1 << 20]), Bytes::from(vec![0; 5 << 20]));
        let mut records = vec![small.clone(), small.clone(), large, small.clone(), small];
        assert_eq!(lengths(&take_append(&mut records)), [1 << 20, 1 << 20]);
        assert_eq!(lengths(&take_append(&mut records)), [5 << 20]);
        assert_eq!(lengths(&take_append(&mut records)), [1 << 20, 1 << 20]);
        assert!(records.is_empty() && take_append(&mut records).is_empty());
    }
}
