//! The one way to read a partition of a topic: which of its records count.
//!
//! Nothing on the server rejects a writer that was replaced, a record that comes twice or one of
//! somebody else, so every reader passes over the same ones. A block of a writer that writes alone
//! counts when it is of the last fence and begins where the log ends. A block of one session among
//! others counts when it is of the session's last attempt and begins where the session stands:
//! its offset in the log is where the log ends then. A hole, another log or another history is an
//! error: it is never passed over.

use std::sync::Arc;

use boxoffice_topics::LogId;

use super::frame::{self, Chain, Header, Kind, Unreadable, WriterId};

/// Sessions that are remembered in one partition: far more processes than write at a time. The
/// one that has been quiet for longest is forgotten, and begins again when it still writes.
const SESSIONS_MAX: usize = 64;

/// What is known after a number of records.
#[derive(Clone, Debug, Default)]
pub(super) struct Fold {
    /// The offset that the next block has, in the offsets of this log.
    pub(super) next: u64,
    /// Which log this is, once that is known.
    pub(super) log_id: Option<LogId>,
    /// How many partitions have begun, when it was said here.
    pub(super) extent: Option<Extent>,
    /// Who writes alone.
    writer: Option<WriterId>,
    chain: Chain,
    /// Who writes beside others; who wrote last comes last.
    sessions: Arc<Vec<Session>>,
}

/// Partitions of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// How many there were at first.
    pub(super) dealt: u16,
    /// How many there are.
    pub(super) partitions: u16,
}

/// One process that writes beside others.
#[derive(Clone, Copy, Debug)]
struct Session {
    writer: WriterId,
    /// How many records of it there are.
    next: u64,
    chain: Chain,
}

/// What one record is.
#[derive(Debug)]
pub(super) enum Folded {
    /// Records, and the offset of the first of them in the log.
    Block(Header, u64),
    /// A word of who writes, or of the partitions.
    Word,
    /// A frame that came twice, or late from a writer that was replaced.
    Repeated,
    /// Not a record of this log.
    Unreadable(Unreadable),
}

/// The topic is not the one that it was, or has lost records.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("it belongs to log {found}, and not to {expected}")]
    OtherLog { expected: LogId, found: LogId },
    #[error("it begins with {found}, and {expected} is missing")]
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
            Kind::Renewal => Ok(self.renewal(header.writer)),
            Kind::Session => Ok(self.session(header.writer)),
            Kind::Mark => Ok(Folded::Word),
            Kind::Partitions => Ok(self.partitions(header.first)),
            Kind::Genesis if self.next > 0 => Ok(Folded::Repeated),
            Kind::Genesis => self.block(header, bytes),
            Kind::Block => self.block_of_writer(header, bytes),
            Kind::SessionBlock => self.block_of_session(header, bytes),
        }
    }

    /// Whether this writer writes alone.
    pub(super) fn is_alone(&self, writer: WriterId) -> bool {
        self.writer == Some(writer)
    }

    /// The header of the next block of a writer that writes alone.
    pub(super) fn next_block(&self, log_id: LogId, writer: WriterId, count: u32) -> Header {
        let (kind, chain, first) = (Kind::Block, self.chain_of(log_id), self.next);
        Header { kind, writer, log_id, chain, first, count }
    }

    /// The header of the next block of a session. `None` when another attempt of it counts, or
    /// none.
    pub(super) fn next_of_session(&self, writer: WriterId, count: u32) -> Option<Header> {
        let session = self.sessions.iter().rev().find(|session| session.writer == writer)?;
        let (kind, chain, first) = (Kind::SessionBlock, session.chain, session.next);
        Some(Header { kind, writer, log_id: self.log_id?, chain, first, count })
    }

    /// The fence of an older attempt of the same session came late: it changes nothing.
    fn fence(&mut self, by: WriterId) -> Folded {
        let late = |now: &WriterId| now.session == by.session && now.attempt >= by.attempt;
        if self.writer.as_ref().is_some_and(late) {
            return Folded::Repeated;
        }
        self.writer = Some(by);
        Folded::Word
    }

    /// Renews what this session has, and takes nothing from others.
    fn renewal(&mut self, by: WriterId) -> Folded {
        if self.writer.is_none_or(|now| now.session != by.session) {
            return Folded::Repeated;
        }
        self.fence(by)
    }

    /// Nobody writes to a partition that has not begun: what comes before is of another log.
    fn session(&mut self, by: WriterId) -> Folded {
        let Some(log_id) = self.log_id.filter(|_| self.next > 0) else { return Folded::Repeated };
        let known = self.sessions.iter().position(|known| known.writer.session == by.session);
        if known.is_some_and(|at| self.sessions[at].writer.attempt >= by.attempt) {
            return Folded::Repeated;
        }
        let sessions = Arc::make_mut(&mut self.sessions);
        let new = Session { writer: by, next: 0, chain: Chain::of_log(log_id) };
        let session = known.map_or(new, |at| Session { writer: by, ..sessions.remove(at) });
        if sessions.len() == SESSIONS_MAX {
            sessions.remove(0);
        }
        sessions.push(session);
        Folded::Word
    }

    /// The first number is that of the partitions that slots were dealt to.
    fn partitions(&mut self, number: u64) -> Folded {
        let Ok(number) = u16::try_from(number) else {
            return Folded::Unreadable(Unreadable::Content);
        };
        let first = Extent { dealt: number, partitions: number };
        let extent = self.extent.get_or_insert(first);
        extent.partitions = extent.partitions.max(number);
        Folded::Word
    }

    fn block_of_writer(&mut self, header: Header, bytes: &[u8]) -> Result<Folded, Broken> {
        self.check_log(&header)?;
        if self.writer != Some(header.writer) || header.first < self.next {
            return Ok(Folded::Repeated);
        }
        self.block(header, bytes)
    }

    /// A block of the partition's own chain.
    fn block(&mut self, header: Header, bytes: &[u8]) -> Result<Folded, Broken> {
        self.check_log(&header)?;
        follows(&header, self.next, self.chain_of(header.log_id))?;
        self.log_id = Some(header.log_id);
        self.chain = header.chain.extended_by(frame::body(bytes));
        Ok(self.count(header))
    }

    fn block_of_session(&mut self, header: Header, bytes: &[u8]) -> Result<Folded, Broken> {
        let at = self.sessions.iter().rposition(|session| session.writer == header.writer);
        let Some(at) = at else { return Ok(Folded::Repeated) };
        let session = self.sessions[at];
        self.check_log(&header)?;
        if header.first < session.next {
            return Ok(Folded::Repeated);
        }
        follows(&header, session.next, session.chain)?;
        let sessions = Arc::make_mut(&mut self.sessions);
        let session = &mut sessions[at];
        session.next += u64::from(header.count);
        session.chain = session.chain.extended_by(frame::body(bytes));
        sessions[at..].rotate_left(1);
        Ok(self.count(header))
    }

    fn count(&mut self, header: Header) -> Folded {
        let first = self.next;
        self.next += u64::from(header.count);
        Folded::Block(header, first)
    }

    fn check_log(&self, header: &Header) -> Result<(), Broken> {
        match self.log_id {
            Some(expected) if expected != header.log_id => {
                Err(Broken::OtherLog { expected, found: header.log_id })
            }
            _ => Ok(()),
        }
    }

    fn chain_of(&self, log_id: LogId) -> Chain {
        if self.log_id.is_some() { self.chain } else { Chain::of_log(log_id) }
    }
}

/// A block follows what was read before it.
fn follows(header: &Header, expected: u64, chain: Chain) -> Result<(), Broken> {
    if header.first != expected {
        return Err(Broken::Hole { expected, found: header.first });
    }
    if header.chain == chain { Ok(()) } else { Err(Broken::OtherHistory) }
}
