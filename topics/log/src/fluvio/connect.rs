//! Clients of a cluster: how they connect, and how long anybody waits for them.
//!
//! A client is thrown away after its first error: errors stay in it, and what it knows of the
//! cluster no longer changes once its connection to the controller is lost.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use fluvio::config::TlsPaths;
use fluvio::{Fluvio, FluvioClusterConfig};
use fluvio_future::net::{
    BoxReadConnection, BoxWriteConnection, ConnectionFd, DomainConnector, TcpDomainConnector,
    TcpStream,
};
use futures_util::io::AsyncRead;
use std::os::fd::AsRawFd;

use super::config::FluvioConfig;

/// How long connecting may take: the client's own limit is a minute.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a client says when it is refused, and nothing can be told from it but that it was.
pub(super) type Away = String;

/// Waits for a client, but not for ever.
pub(super) fn within<'a, T: 'a, E: std::fmt::Display + 'a>(
    limit: Duration,
    what: &'a str,
    work: impl Future<Output = Result<T, E>> + Send + 'a,
) -> impl Future<Output = Result<T, Away>> + Send + 'a {
    // The client's futures are deep: their types go no further than here.
    let work: Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>> = Box::pin(work);
    async move {
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(format!("{what}: {error:#}")),
            Err(_) => Err(format!("{what}: no answer within {limit:?}")),
        }
    }
}

/// A new client.
pub(super) async fn connect(config: &FluvioConfig) -> Result<Fluvio, Away> {
    let cluster = cluster(config);
    let what = format!("connect to {}", config.endpoint);
    // TLS has a connector of its own, which cannot be given another socket.
    if config.tls.is_some() {
        return within(CONNECT_TIMEOUT, &what, Fluvio::connect_with_config(&cluster)).await;
    }
    let connector = Box::new(PromptConnector::default());
    within(CONNECT_TIMEOUT, &what, Fluvio::connect_with_connector(connector, &cluster)).await
}

fn cluster(config: &FluvioConfig) -> FluvioClusterConfig {
    let cluster = FluvioClusterConfig::new(&config.endpoint);
    match &config.tls {
        None => cluster,
        Some(tls) => cluster.with_tls(TlsPaths {
            domain: tls.domain.clone(),
            key: tls.key.clone(),
            cert: tls.cert.clone(),
            ca_cert: tls.ca_cert.clone(),
        }),
    }
}

/// Connects without delays: a server writes an answer in two parts, and waits for the client's
/// acknowledgement of the first, which Linux delays by 40 ms unless it is told not to.
#[derive(Clone, Debug, Default)]
struct PromptConnector {
    domain: String,
}

type Connecting<'a> = Pin<
    Box<
        dyn Future<Output = io::Result<(BoxWriteConnection, BoxReadConnection, ConnectionFd)>>
            + Send
            + 'a,
    >,
>;

impl TcpDomainConnector for PromptConnector {
    fn connect<'a, 'b, 'c>(&'a self, address: &'b str) -> Connecting<'c>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            let stream = prompt(address).await?;
            let fd = stream.as_raw_fd();
            let write: BoxWriteConnection = Box::new(stream.clone());
            let read: BoxReadConnection = Box::new(PromptRead(stream));
            Ok((write, read, fd))
        })
    }

    fn new_domain(&self, domain: String) -> DomainConnector {
        Box::new(Self { domain })
    }

    fn domain(&self) -> &str {
        &self.domain
    }

    fn clone_box(&self) -> DomainConnector {
        Box::new(self.clone())
    }
}

async fn prompt(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Acknowledges at once what it reads. Linux forgets that it was told, so it is told every time.
struct PromptRead(TcpStream);

impl AsyncRead for PromptRead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.0).poll_read(context, buffer);
        #[cfg(target_os = "linux")]
        if read.is_ready() {
            // Without it answers come late, and nothing else is wrong.
            rustix::net::sockopt::set_tcp_quickack(&self.0, true).unwrap_or_default();
        }
        read
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write as _;

    use futures_util::io::AsyncReadExt;
    use rustix::net::sockopt::{set_tcp_quickack, tcp_quickack};

    use super::*;

    #[tokio::test]
    async fn nothing_is_delayed_on_either_side() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stream = prompt(&address).await.unwrap();
        assert!(stream.nodelay().unwrap());
        let (mut server, _) = listener.accept().unwrap();
        for _ in 0..3 {
            set_tcp_quickack(&stream, false).unwrap();
            assert!(!tcp_quickack(&stream).unwrap());
            server.write_all(b"answer").unwrap();
            let mut answer = [0; 6];
            PromptRead(stream.clone()).read_exact(&mut answer).await.unwrap();
            assert!(tcp_quickack(&stream).unwrap(), "told again after every read");
        }
    }
}
