//! The accept loop: connections with limits on their number, their headers and their patience.
//!
//! It knows no route. `axum::serve` has no header timeout, so one slow client per connection
//! could hold the house for ever; this loop has one.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Bytes of the request line and all headers together.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// How long to let go of the processor when the system has no descriptor left: some connection
/// must end first.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// What the accept loop enforces.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections.
    pub connections_max: usize,
    /// Until the headers of the next request are complete.
    pub header_timeout: Duration,
    /// From the signal to stop until connections are cut.
    pub drain_timeout: Duration,
}

/// Answers requests.
pub trait Service: Clone + Send + Sync + 'static {
    /// Answers one request that came from this address.
    fn call(
        &self,
        request: Request<Incoming>,
        from: IpAddr,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Binds the address.
///
/// # Errors
/// Whatever the operating system says.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `stop` becomes true or its sender is gone, then lets requests in flight end.
pub async fn serve<S: Service>(
    listener: TcpListener,
    service: S,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(HEADER_BYTES_MAX)
        .half_close(false);
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, from, place)) = accepted else {
            continue;
        };
        let service = service.clone();
        let answer = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.call(request, from).await) }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), answer));
        tokio::spawn(async move {
            // A client that goes away or speaks nonsense is its own affair: hyper has answered
            // what could be answered.
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were cut at the end of the drain timeout");
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the node is gone, which is as good as a signal.
    if stop.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("the node ended without a signal");
    }
}

/// Takes a place first: who finds none waits in the listen queue, where it costs nothing.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, from)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(error = %error, "connection ended before its first request");
                return None;
            }
            Some((stream, from.ip(), place))
        }
        Err(error) if is_connection_error(&error) => None,
        Err(error) => {
            tracing::error!(error = %error, "cannot accept connections");
            tokio::time::sleep(EXHAUSTED_PAUSE).await;
            None
        }
    }
}

fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
