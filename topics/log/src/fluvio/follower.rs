//! Follows one partition of a topic record by record, whatever becomes of the client: it checks
//! that no record is missing, that the topic is the one that it was, and opens a new stream with
//! a new client after any error.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fluvio::consumer::{ConsumerConfigExtBuilder, Record, RetryMode};
use fluvio::dataplane::link::ErrorCode;
use fluvio::{Fluvio, Isolation};
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;

use super::config::FluvioConfig;
use super::connect::{Away, connect, within};
use super::fold::{Fold, Folded};
use super::frame;
use crate::metric_definitions::stream_gap;
use crate::{LogError, TopicPartition};

/// How long opening a stream may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a record that is known to be there may take before the stream is opened again.
const STALL: Duration = Duration::from_secs(5);
/// How long a stream may be quiet before it is opened again, which reads the record before: a
/// connection that died without a word is found out then.
const QUIET: Duration = Duration::from_secs(60);
/// Records that a stream may be behind before opening another one is cheaper.
const BEHIND_MAX: u64 = 64;
/// The wait after an error, so that a cluster that starts is not flooded.
const PAUSE: Duration = Duration::from_millis(100);

/// A place in a topic and everything that is known there.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    /// The next record, in the offsets of Fluvio.
    pub(super) position: u64,
    /// The checksum of the record before.
    pub(super) last: u32,
    pub(super) fold: Fold,
}

impl Cursor {
    /// Goes over the next record.
    pub(super) fn take(&mut self, of: TopicPartition, record: &[u8]) -> Result<Folded, LogError> {
        let position = self.position;
        let taken = self.fold.take(record).map_err(|broken| {
            LogError::Diverged(Arc::from(format!("{of}, record {position} of the topic: {broken}")))
        })?;
        self.position += 1;
        self.last = crc32c::crc32c(record);
        Ok(taken)
    }
}

type Records = Pin<Box<dyn Stream<Item = Result<Record, ErrorCode>> + Send>>;

/// A stream and the client that it needs.
struct Open {
    records: Records,
    /// The record that it gives next.
    position: u64,
    _client: Fluvio,
}

impl Open {
    /// Opens a stream: one partition, and nothing that the client would do about errors.
    async fn at(config: &FluvioConfig, of: TopicPartition, position: u64) -> Result<Self, Away> {
        let client = connect(config).await?;
        let start = i64::try_from(position).map_err(|error| error.to_string())?;
        let start = fluvio::Offset::absolute(start).map_err(|error| error.to_string())?;
        let settings = ConsumerConfigExtBuilder::default()
            .topic(config.topic_name(of.topic))
            .partition(u32::from(of.partition.number()))
            .offset_start(start)
            .isolation(Isolation::ReadUncommitted)
            .max_bytes(i32::try_from(config.fetch_bytes).unwrap_or(i32::MAX))
            .retry_mode(RetryMode::Disabled)
            .build()
            .map_err(|error| error.to_string())?;
        let opening = client.consumer_with_config(settings);
        let records = within(OPEN_TIMEOUT, "open a stream", opening).await?;
        Ok(Self { records: Box::pin(records), position, _client: client })
    }

    /// The record at a position. The client loses records without a word: only their offsets
    /// tell.
    async fn get(&mut self, position: u64) -> Result<Record, Broken> {
        loop {
            let record = self.next().await?;
            let found = record.offset();
            self.position = u64::try_from(found).map_err(|error| error.to_string())? + 1;
            if self.position == position + 1 {
                return Ok(record);
            }
            if self.position > position {
                stream_gap();
                return Err(Broken::Away(format!("record {found} came where {position} is next")));
            }
        }
    }

    async fn next(&mut self) -> Result<Record, Broken> {
        match self.records.next().await {
            Some(Ok(record)) => Ok(record),
            Some(Err(ErrorCode::OffsetEvicted { .. })) => Err(Broken::Evicted),
            Some(Err(error)) => Err(Broken::Away(error.to_string())),
            None => Err(Broken::Away("the stream ended".to_owned())),
        }
    }
}

/// Why a stream gives nothing more.
enum Broken {
    /// Another stream may.
    Away(Away),
    /// The records are gone.
    Evicted,
    /// The topic is another one.
    Diverged(LogError),
}

impl From<Away> for Broken {
    fn from(reason: Away) -> Self {
        Self::Away(reason)
    }
}

/// A record, and what it is.
pub(super) struct Followed {
    bytes: Bytes,
    pub(super) folded: Folded,
}

impl Followed {
    /// The offset of the first record and the records, when these are some.
    pub(super) fn into_records(self) -> Option<(u64, Vec<Bytes>)> {
        match self.folded {
            Folded::Block(header, first) => Some((first, frame::records(&self.bytes, &header))),
            Folded::Word | Folded::Repeated | Folded::Unreadable(_) => None,
        }
    }
}

/// Follows a partition. The place is the caller's, who may be further than the stream is: what
/// lies between is passed over.
pub(super) struct Follower {
    config: Arc<FluvioConfig>,
    of: TopicPartition,
    /// The position before which records are known to be there.
    written: watch::Receiver<u64>,
    open: Option<Open>,
}

impl Follower {
    pub(super) fn new(
        config: Arc<FluvioConfig>,
        of: TopicPartition,
        written: watch::Receiver<u64>,
    ) -> Self {
        Self { config, of, written, open: None }
    }

    /// Gives the stream up until the next record is asked for.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Gives the stream up when it is far behind a place.
    pub(super) fn close_behind(&mut self, position: u64) {
        self.open = self.open.take().filter(|open| open.position + BEHIND_MAX >= position);
    }

    /// The next record, which the cursor goes over. Waits at the tail, and while the cluster is
    /// away.
    ///
    /// # Errors
    /// [`LogError::Diverged`] when the topic is not the one that it was.
    pub(super) async fn next(&mut self, cursor: &mut Cursor) -> Result<Followed, LogError> {
        loop {
            match self.try_next(cursor).await {
                Ok(followed) => return Ok(followed),
                Err(Broken::Diverged(error)) => return Err(error),
                Err(Broken::Evicted) => {
                    let (of, position) = (self.of, cursor.position);
                    let reason = format!("{of}, record {position} of the topic was removed");
                    return Err(LogError::Diverged(Arc::from(reason)));
                }
                Err(Broken::Away(reason)) => {
                    tracing::debug!(of = %self.of, reason, "the stream is opened again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The next record. The stream is kept when it came.
    async fn try_next(&mut self, cursor: &mut Cursor) -> Result<Followed, Broken> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.reopen(cursor).await?,
        };
        let record = self.receive(&mut open, cursor.position).await?;
        let bytes = Bytes::copy_from_slice(record.value());
        let folded = cursor.take(self.of, &bytes).map_err(Broken::Diverged)?;
        self.open = Some(open);
        Ok(Followed { bytes, folded })
    }

    /// Opens a stream at the record before the next one, and looks whether it is still the same.
    async fn reopen(&mut self, cursor: &Cursor) -> Result<Open, Broken> {
        let Some(before) = cursor.position.checked_sub(1) else {
            return Ok(Open::at(&self.config, self.of, 0).await?);
        };
        let mut open = Open::at(&self.config, self.of, before).await?;
        let first = tokio::time::timeout(OPEN_TIMEOUT, open.get(before)).await;
        let first = first.map_err(|_| "no record came".to_owned())??;
        if crc32c::crc32c(first.value()) != cursor.last {
            let of = self.of;
            let reason = format!("{of}, record {before} of the topic is another one than before");
            return Err(Broken::Diverged(LogError::Diverged(Arc::from(reason))));
        }
        Ok(open)
    }

    /// Waits for a record: long at the tail, and not for one that is known to be there.
    async fn receive(&mut self, open: &mut Open, position: u64) -> Result<Record, Broken> {
        let since = Instant::now();
        loop {
            let is_there = match tokio::time::timeout(STALL, open.get(position)).await {
                Ok(record) => return record,
                Err(_) => *self.written.borrow() > position,
            };
            if is_there || since.elapsed() >= QUIET {
                let quiet = since.elapsed();
                return Err(Broken::Away(format!("no record came within {quiet:?}")));
            }
        }
    }
}
