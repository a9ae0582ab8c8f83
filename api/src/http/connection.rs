//! What one connection may cost: a place among all, a place among those of its address, and
//! patience with a client that does not read.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use super::metric_definitions;
use super::rate_limit::network;

/// The places of all connections.
pub(super) struct Places {
    all: Arc<Semaphore>,
    by_address: Arc<ByAddress>,
}

/// How many connections each address has.
struct ByAddress {
    /// Zero sets no limit.
    max: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection. It ends when it is dropped.
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    by_address: Arc<ByAddress>,
    address: IpAddr,
}

impl Places {
    pub(super) fn new(all_max: usize, by_address_max: usize) -> Self {
        let by_address = ByAddress { max: by_address_max, counts: Mutex::default() };
        Self { all: Arc::new(Semaphore::new(all_max)), by_address: Arc::new(by_address) }
    }

    /// Waits for a place for whoever comes next.
    pub(super) async fn any(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Gives the place to a connection; `None` when its address has too many.
    pub(super) fn take(&self, of_all: OwnedSemaphorePermit, from: IpAddr) -> Option<Place> {
        let address = network(from);
        let by_address = Arc::clone(&self.by_address);
        {
            let mut counts = by_address.counts();
            let count = counts.entry(address).or_default();
            if by_address.max != 0 && *count >= by_address.max {
                drop(counts);
                metric_definitions::connection_refused();
                return None;
            }
            *count += 1;
        }
        metric_definitions::connection_opened();
        Some(Place { _of_all: of_all, by_address, address })
    }
}

impl ByAddress {
    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.by_address.counts();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
        drop(counts);
        metric_definitions::connection_closed();
    }
}

/// A stream whose other end must read on: when nothing can be written for too long, it ends.
pub(super) struct Patient {
    stream: TcpStream,
    timeout: Duration,
    /// Runs while there is something to write and no room for it.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(super) const fn new(stream: TcpStream, timeout: Duration) -> Self {
        Self { stream, timeout, waiting: None }
    }

    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let timeout = self.timeout;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(waiting.as_mut().poll(context));
        metric_definitions::write_timed_out();
        // What the system still holds for this client is not worth its memory.
        if let Err(error) = self.stream.set_zero_linger() {
            tracing::debug!(error = %error, "a connection that timed out lingers");
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(places: &Places, from: &str) -> Option<Place> {
        let of_all = Arc::clone(&places.all).try_acquire_owned().unwrap();
        places.take(of_all, from.parse().unwrap())
    }

    #[test]
    fn an_address_has_its_share_of_the_places_and_gets_it_back() {
        let places = Places::new(10, 2);
        let first = take(&places, "192.0.2.1");
        let second = take(&places, "::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some());
        assert!(take(&places, "192.0.2.1").is_none());
        assert_eq!(places.all.available_permits(), 8, "who is refused keeps no place");
        assert!(take(&places, "192.0.2.2").is_some(), "nobody pays for another");
        drop(first);
        let third = take(&places, "192.0.2.1");
        assert!(third.is_some());
        drop((second, third));
        assert!(places.by_address.counts().is_empty());
        assert_eq!(places.all.available_permits(), 10);
    }

    #[test]
    fn zero_sets_no_limit() {
        let places = Places::new(100, 0);
        let taken: Vec<_> = (0..100).map(|_| take(&places, "2001:db8::1")).collect();
        assert!(taken.iter().all(Option::is_some));
    }
}
