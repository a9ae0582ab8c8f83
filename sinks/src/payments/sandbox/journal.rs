//! The file of the books: one JSON entry on each line, appended in the order of the changes.
//!
//! One thread writes whatever has gathered, syncs it if it shall, and says how far it got. An
//! answer waits until its line is there. A line that was cut off by a crash was never answered
//! and is dropped; damage before it is an error.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use tokio::sync::watch;

use super::SandboxError;
use super::books::Entry;

/// The file's name in its directory.
const FILE_NAME: &str = "sandbox-books.ndjson";
/// Lines that wait to be written. Above that a request waits for the disk, and others with it.
const LINES_WAITING_MAX: usize = 65_536;
/// Most bytes that are written before they are synced.
const GROUP_BYTES_MAX: usize = 1 << 20;

/// Appends entries. Dropping it writes what is left.
#[derive(Debug)]
pub(super) struct Journal {
    lines: Option<mpsc::SyncSender<Vec<u8>>>,
    writer: Option<thread::JoinHandle<()>>,
    appended: u64,
    written: watch::Receiver<u64>,
}

impl Journal {
    /// Opens the file, hands every entry to `replay`, and starts the writer.
    pub(super) fn open(
        directory: &Path,
        sync: bool,
        mut replay: impl FnMut(Entry),
    ) -> Result<Self, SandboxError> {
        std::fs::create_dir_all(directory)?;
        let options = OpenOptions::new().read(true).append(true).create(true).clone();
        let mut file = options.open(directory.join(FILE_NAME))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SandboxError::Locked,
            TryLockError::Error(error) => SandboxError::Io(error),
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        for (index, line) in text[..whole].split_inclusive(|&byte| byte == b'\n').enumerate() {
            let damaged = |error| SandboxError::Damaged { line: index + 1, error };
            replay(serde_json::from_slice(line).map_err(damaged)?);
        }
        file.set_len(whole as u64)?;
        let (lines, queue) = mpsc::sync_channel(LINES_WAITING_MAX);
        let (progress, written) = watch::channel(0);
        let writer = thread::Builder::new()
            .name("sandbox-books".into())
            .spawn(move || write_lines(&mut file, sync, &queue, &progress))?;
        Ok(Self { lines: Some(lines), writer: Some(writer), appended: 0, written })
    }

    /// Queues an entry behind those before it. Returns what to wait for.
    pub(super) fn append(&mut self, entry: &Entry) -> Written {
        match serde_json::to_vec(entry) {
            Ok(mut line) => {
                line.push(b'\n');
                self.appended += 1;
                if let Some(lines) = &self.lines {
                    // The writer is gone only after a failed write, which the waiter finds out.
                    drop(lines.send(line));
                }
            }
            Err(error) => unreachable!("entries have text keys only: {error}"),
        }
        self.written()
    }

    /// What to wait for before showing the books as they are now.
    pub(super) fn written(&self) -> Written {
        Written(Some((self.written.clone(), self.appended)))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.lines.take());
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has told so itself.
            drop(writer.join());
        }
    }
}

/// Waits for the file.
#[derive(Debug)]
pub(super) struct Written(Option<(watch::Receiver<u64>, u64)>);

impl Written {
    /// Nothing to wait for.
    pub(super) const fn at_once() -> Self {
        Self(None)
    }

    /// Returns true when everything up to here is in the file, false when it never will be.
    pub(super) async fn wait(self) -> bool {
        match self.0 {
            None => true,
            Some((mut written, line)) => written.wait_for(|&done| done >= line).await.is_ok(),
        }
    }
}

fn write_lines(
    file: &mut File,
    sync: bool,
    queue: &mpsc::Receiver<Vec<u8>>,
    progress: &watch::Sender<u64>,
) {
    let mut done = 0;
    while let Ok(mut group) = queue.recv() {
        done += 1;
        while group.len() < GROUP_BYTES_MAX {
            let Ok(line) = queue.try_recv() else { break };
            group.extend_from_slice(&line);
            done += 1;
        }
        let stored =
            file.write_all(&group).and_then(|()| if sync { file.sync_data() } else { Ok(()) });
        if let Err(error) = stored {
            // What the file holds is now a guess: nothing is answered any more.
            tracing::error!(%error, "the sandbox cannot write its books and answers no more");
            return;
        }
        progress.send_replace(done);
    }
}
