//! Where sinks run: a thread of their own, which gives way to those that answer buyers. A sink
//! that falls behind catches up when the rush is over.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// How much the thread gives way, in the steps of nice(2): at 5 it still gets a third of what a
/// thread gets that answers buyers.
const NICENESS: i32 = 5;

/// A runtime of one thread. Dropping it waits for nothing.
#[derive(Debug)]
pub(super) struct Background {
    runtime: Option<Runtime>,
}

impl Background {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("boxoffice-sinks")
            .on_thread_start(give_way)
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Runs a task there.
    pub(super) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let runtime = self.runtime.as_ref();
        runtime.unwrap_or_else(|| unreachable!("it is taken when dropped")).spawn(task)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A runtime that is dropped among tasks must not wait for its own.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn give_way() {
    // On Linux a thread has a niceness of its own; elsewhere it would be the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(error = %error, "sinks run at the usual priority");
    }
}
