//! The next segment, made in the background before it is needed.
//!
//! Making a segment is the only time at which the disk can be full: everything else writes over
//! zeros that are already there.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use metrics::Histogram;

use super::disk::{Disk, DiskFile};
use super::recover::is_full;
use super::segment::{self, SegmentHeader};

/// A segment that nothing was written to.
pub(crate) struct Unused {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) header: SegmentHeader,
}

/// Why there is no next segment.
pub(crate) enum NoSpare {
    /// The disk is full. There may be room later.
    Full,
    /// The disk failed.
    Failed(io::Error),
}

/// Makes one segment ahead.
pub(crate) struct Spare {
    disk: Arc<dyn Disk>,
    /// What the next segment will say of itself.
    next: SegmentHeader,
    ready: Option<Unused>,
    making: Option<JoinHandle<io::Result<Arc<dyn DiskFile>>>>,
    full_retry: Duration,
    full_until: Option<Instant>,
    prepare_seconds: Histogram,
}

impl Spare {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        next: SegmentHeader,
        ready: Option<Unused>,
        full_retry: Duration,
        prepare_seconds: Histogram,
    ) -> Self {
        Self { disk, next, ready, making: None, full_retry, full_until: None, prepare_seconds }
    }

    /// Begins to make the next segment, unless that was done.
    pub(crate) fn begin(&mut self) {
        if self.ready.is_some() || self.making.is_some() {
            return;
        }
        let (disk, header) = (Arc::clone(&self.disk), self.next);
        let seconds = self.prepare_seconds.clone();
        let making =
            std::thread::Builder::new().name("boxoffice-segment".into()).spawn(move || {
                let started = Instant::now();
                let made = segment::make(&*disk, header, &[]);
                seconds.record(started.elapsed());
                made
            });
        // Without a thread the segment is made when it is needed.
        self.making = making.ok();
    }

    /// Waits until there is a next segment. It stays the next one until [`Spare::take`].
    pub(crate) fn ensure(&mut self) -> Result<(), NoSpare> {
        if self.ready.is_some() {
            return Ok(());
        }
        let made_ahead = self.making.take().map(|making| {
            making.join().unwrap_or_else(|_| Err(io::Error::other("making a segment panicked")))
        });
        let file = match made_ahead {
            Some(Err(error)) if !is_full(&error) => return Err(NoSpare::Failed(error)),
            Some(Ok(file)) => file,
            // Never begun, or full at that time: there may be room now.
            Some(Err(_)) | None => self.make_now()?,
        };
        self.ready = Some(Unused { file, header: self.next });
        Ok(())
    }

    fn make_now(&mut self) -> Result<Arc<dyn DiskFile>, NoSpare> {
        if self.full_until.is_some_and(|until| Instant::now() < until) {
            return Err(NoSpare::Full);
        }
        match segment::make(&*self.disk, self.next, &[]) {
            Ok(file) => {
                self.full_until = None;
                Ok(file)
            }
            Err(error) if is_full(&error) => {
                self.full_until = Some(Instant::now() + self.full_retry);
                Err(NoSpare::Full)
            }
            Err(error) => Err(NoSpare::Failed(error)),
        }
    }

    /// The next segment, when there is one.
    pub(crate) fn take(&mut self) -> Option<Unused> {
        let unused = self.ready.take()?;
        self.next.number = unused.header.number + 1;
        Some(unused)
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some(making) = self.making.take() {
            // What was made stays for the next open; what failed would only matter to a writer.
            making.join().map(drop).unwrap_or_default();
        }
    }
}
