//! The one way to read a partition of a topic: which of its records count.
//!
//! Nothing on the server rejects a writer that was replaced, a record that comes twice or one of
//! somebody else, so every reader passes over the same ones: a block counts when it is of the
//! writer of the last fence and begins where the log ends. A hole, another log or another history
//! is an error: it is never passed over.

use boxoffice_topics::LogId;

use super::frame::{self, Chain, Header, Kind, Unreadable, WriterId};

/// What is known after a number of records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fold {
    /// The offset that the next block has, in the offsets of this log.
    pub(super) next: u64,
    /// Which log this is, once that is known.
    pub(super) log_id: Option<LogId>,
    writer: Option<WriterId>,
    chain: Chain,
}

/// What one record is.
#[derive(Debug)]
pub(super) enum Folded {
    /// Records, which are the next ones.
    Block(Header),
    /// Another writer writes from here on.
    Fence(WriterId),
    /// A block that came twice, or late from a writer that was replaced.
    Repeated,
    /// Not a record of this log.
    Unreadable(Unreadable),
}

/// The topic is not the one that it was, or has lost records.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("it belongs to log {found}, and not to {expected}")]
    OtherLog { expected: LogId, found: LogId },
    #[error("it begins with offset {found}, and {expected} is missing")]
    Hole { expected: u64, found: u64 },
    #[error("it follows another history than the one that was read before")]
    OtherHistory,
}

impl Fold {
    /// Before the first record of a log that is known already.
    pub(super) fn of_log(log_id: LogId) -> Self {
        Self { log_id: Some(log_id), chain: Chain::of_log(log_id), ..Self::default() }
    }

    /// Takes the next record of the topic.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Folded, Broken> {
        let header = match frame::open(bytes) {
            Ok(header) => header,
            Err(reason) => return Ok(Folded::Unreadable(reason)),
        };
        match header.kind {
            Kind::Fence => Ok(self.fence(header.writer)),
            Kind::Block => self.block(header, bytes),
        }
    }

    /// The fence of an older attempt of the same session came late: it changes nothing.
    fn fence(&mut self, by: WriterId) -> Folded {
        let late = |now: &WriterId| now.session == by.session && now.attempt >= by.attempt;
        if self.writer.as_ref().is_some_and(late) {
            return Folded::Repeated;
        }
        self.writer = Some(by);
        Folded::Fence(by)
    }

    fn block(&mut self, header: Header, bytes: &[u8]) -> Result<Folded, Broken> {
        let expected = self.log_id.unwrap_or(header.log_id);
        if header.log_id != expected {
            return Err(Broken::OtherLog { expected, found: header.log_id });
        }
        if self.writer != Some(header.writer) || header.first < self.next {
            return Ok(Folded::Repeated);
        }
        if header.first > self.next {
            return Err(Broken::Hole { expected: self.next, found: header.first });
        }
        let chain = self.chain_of(header.log_id);
        if header.chain != chain {
            return Err(Broken::OtherHistory);
        }
        self.log_id = Some(header.log_id);
        self.chain = chain.extended_by(frame::body(bytes));
        self.next += u64::from(header.count);
        Ok(Folded::Block(header))
    }

    /// The header of the next block of a writer.
    pub(super) fn next_block(&self, log_id: LogId, writer: WriterId, count: usize) -> Header {
        Header {
            kind: Kind::Block,
            writer,
            log_id,
            chain: self.chain_of(log_id),
            first: self.next,
            // Bounded by the bytes of an append, which are far fewer.
            count: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }

    fn chain_of(&self, log_id: LogId) -> Chain {
        if self.log_id.is_some() { self.chain } else { Chain::of_log(log_id) }
    }
}
