//! How far a sink has got in one partition, and the one way to read on from there.
//!
//! A cursor takes exactly the next step: it drops what it has seen, and it stops at a hole, at
//! another log and at a step that does not continue the chained hash. It never skips.

use boxoffice_topics::codec::decode_whole;
use boxoffice_topics::envelope::{ChainHash, EnvelopeError, StepHeader};
use boxoffice_topics::{Envelope, Genesis, LogId, Offset, PartitionId, RecordKind, Step};

/// A place between two steps of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: PartitionId,
    /// The offset of the next step. Zero means that not even the genesis record was seen.
    pub next: Offset,
    /// The chained hash of everything before it.
    pub chain: ChainHash,
}

impl Position {
    /// Before everything.
    #[must_use]
    pub fn start(log_id: LogId, partition: PartitionId) -> Self {
        Self { partition, next: Offset::ZERO, chain: ChainHash::of_log(log_id) }
    }
}

/// A log that does not continue what was written.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// The rows come from another log.
    #[error("partition {partition}: the rows come from log {written}, this is log {found}")]
    OtherLog {
        /// Which partition.
        partition: PartitionId,
        /// The log of the rows.
        written: LogId,
        /// The log at hand.
        found: LogId,
    },
    /// The log has fewer partitions than the rows come from.
    #[error("the rows come from {written} partitions, the log has {found}")]
    FewerPartitions {
        /// Partitions of the rows.
        written: usize,
        /// Partitions of the log.
        found: usize,
    },
    /// The log ends before what was written.
    #[error(
        "partition {partition}: rows were written up to offset {written}, the log ends at {end}"
    )]
    Shorter {
        /// Which partition.
        partition: PartitionId,
        /// The next offset of the rows.
        written: Offset,
        /// The end of the log.
        end: Offset,
    },
    /// The log has the same name and another content.
    #[error("partition {partition}: the step at offset {offset} is not the one expected there")]
    Different {
        /// Which partition.
        partition: PartitionId,
        /// The step.
        offset: Offset,
    },
    /// A step is missing.
    #[error("partition {partition}: the step at offset {expected} is missing, {found} follows")]
    Hole {
        /// Which partition.
        partition: PartitionId,
        /// The step that should come.
        expected: Offset,
        /// The step that came.
        found: Offset,
    },
    /// A record that this program cannot read.
    #[error("partition {partition}, offset {offset}: {error}")]
    Unreadable {
        /// Which partition.
        partition: PartitionId,
        /// Place of the record.
        offset: Offset,
        /// What is wrong with it.
        error: EnvelopeError,
    },
}

/// Reads one partition on from a position.
#[derive(Clone, Debug)]
pub struct Cursor {
    log_id: LogId,
    position: Position,
}

impl Cursor {
    /// Goes on from a position in a log.
    #[must_use]
    pub const fn new(log_id: LogId, position: Position) -> Self {
        Self { log_id, position }
    }

    /// Where to start reading: the last record that was seen is read again, to see that it is
    /// still the same.
    #[must_use]
    pub fn read_from(&self) -> Offset {
        Offset::new(self.position.next.number().saturating_sub(1))
    }

    /// Where the cursor is.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Takes the record at an offset. Returns its step when it is the next one; a genesis record
    /// and a step that was seen before have none.
    ///
    /// # Errors
    /// When the record does not continue what was seen before.
    pub fn accept(&mut self, offset: Offset, record: &[u8]) -> Result<Option<Step>, ProgressError> {
        let partition = self.position.partition;
        let unreadable = |error| ProgressError::Unreadable { partition, offset, error };
        let envelope = Envelope::open(record).map_err(unreadable)?;
        match envelope.kind {
            RecordKind::Genesis => {
                let genesis = Genesis::from_record(record).map_err(unreadable)?;
                self.check_log(genesis.log_id)?;
                self.position.next = self.position.next.max(offset.next());
                Ok(None)
            }
            RecordKind::Step => {
                let header: StepHeader =
                    decode_whole(envelope.header).map_err(|error| unreadable(error.into()))?;
                self.check_log(header.log_id)?;
                if !self.is_next(&header, envelope.payload)? {
                    return Ok(None);
                }
                let step =
                    decode_whole(envelope.payload).map_err(|error| unreadable(error.into()))?;
                self.position.next = header.input.next();
                self.position.chain = header.chain;
                Ok(Some(step))
            }
            RecordKind::Intent => Err(unreadable(EnvelopeError::Kind(RecordKind::Intent as u8))),
        }
    }

    fn check_log(&self, found: LogId) -> Result<(), ProgressError> {
        let (partition, written) = (self.position.partition, self.log_id);
        if found == written {
            Ok(())
        } else {
            Err(ProgressError::OtherLog { partition, written, found })
        }
    }

    fn is_next(&self, header: &StepHeader, payload: &[u8]) -> Result<bool, ProgressError> {
        let Position { partition, next, chain } = self.position;
        let offset = header.input;
        if offset > next {
            return Err(ProgressError::Hole { partition, expected: next, found: offset });
        }
        let same = if offset == next {
            chain.extended_by(payload) == header.chain
        } else {
            offset.next() < next || header.chain == chain
        };
        if same { Ok(offset == next) } else { Err(ProgressError::Different { partition, offset }) }
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::Timestamp;
    use boxoffice_topics::envelope::step_to_record;

    use super::*;

    const LOG: LogId = LogId::from_u128(7);

    fn partition() -> PartitionId {
        PartitionId::new(0).unwrap()
    }

    fn genesis(log_id: LogId) -> Vec<u8> {
        Genesis { log_id, created_at: Timestamp::default() }.to_record()
    }

    /// Steps at offsets 1, 2, ... with these stamps.
    fn steps(log_id: LogId, stamps_ms: &[i64]) -> Vec<Vec<u8>> {
        let (mut chain, mut scratch) = (ChainHash::of_log(log_id), Vec::new());
        let mut records = Vec::new();
        for (offset, now_ms) in (1..).map(Offset::new).zip(stamps_ms) {
            let step = Step { offset, now: Timestamp::from_millis(*now_ms), ..Step::default() };
            let (record, next) = step_to_record(log_id, 1, chain, &step, &mut scratch);
            chain = next;
            records.push(record);
        }
        records
    }

    fn cursor_after(records: &[Vec<u8>]) -> Cursor {
        let mut cursor = Cursor::new(LOG, Position::start(LOG, partition()));
        assert!(cursor.accept(Offset::ZERO, &genesis(LOG)).unwrap().is_none());
        for (offset, record) in (1..).map(Offset::new).zip(records) {
            assert_eq!(cursor.accept(offset, record).unwrap().unwrap().offset, offset);
        }
        cursor
    }

    #[test]
    fn a_cursor_takes_every_step_once() {
        let records = steps(LOG, &[10, 20, 30]);
        let mut cursor = cursor_after(&records[..2]);
        assert_eq!(cursor.read_from(), Offset::new(2));
        for (offset, record) in (1..).map(Offset::new).zip(&records[..2]) {
            assert!(cursor.accept(offset, record).unwrap().is_none());
        }
        assert!(cursor.accept(Offset::new(3), &records[2]).unwrap().is_some());
        assert_eq!(cursor.position().next, Offset::new(4));
    }

    #[test]
    fn a_cursor_stops_at_a_hole() {
        let records = steps(LOG, &[10, 20, 30]);
        let mut cursor = cursor_after(&records[..1]);
        let error = cursor.accept(Offset::new(3), &records[2]).unwrap_err();
        assert!(matches!(error, ProgressError::Hole { .. }), "{error}");
    }

    #[test]
    fn a_cursor_stops_at_another_past_and_at_another_future() {
        let (records, others) = (steps(LOG, &[10, 20, 30]), steps(LOG, &[10, 21, 30]));
        let mut cursor = cursor_after(&records[..2]);
        for record in &others[1..] {
            let error = cursor.accept(Offset::new(2), record).unwrap_err();
            assert!(matches!(error, ProgressError::Different { .. }), "{error}");
        }
    }

    #[test]
    fn a_cursor_stops_at_another_log_and_at_bytes_that_changed() {
        let other = LogId::from_u128(8);
        let mut cursor = cursor_after(&[]);
        for record in [genesis(other), steps(other, &[10]).remove(0)] {
            let error = cursor.accept(Offset::new(1), &record).unwrap_err();
            assert!(matches!(error, ProgressError::OtherLog { .. }), "{error}");
        }
        let mut record = steps(LOG, &[10]).remove(0);
        *record.last_mut().unwrap() ^= 1;
        let error = cursor.accept(Offset::new(1), &record).unwrap_err();
        assert!(matches!(error, ProgressError::Unreadable { .. }), "{error}");
    }
}
