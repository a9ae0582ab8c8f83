//! Where a cluster is and how it is used. Nothing here changes what was written before.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_topics::Genesis;
use boxoffice_topics::partition::PARTITIONS_MAX;

use crate::{LogError, Topic};

/// What a URL of a cluster begins with.
const SCHEME: &str = "fluvio://";
/// What names of topics begin with when the URL does not say.
const PREFIX: &str = "boxoffice";
/// Bytes of a prefix: a topic's name has at most 63.
const PREFIX_BYTES_MAX: usize = 32;
/// Bytes of the segments of a topic. A fetch has to take in a whole segment: the client loses
/// what is cut off at the end of a fetch, and a fetch never goes beyond a segment.
pub(super) const SEGMENT_BYTES: u32 = 16 << 20;
/// Bytes of one fetch: a segment and the batch that may go beyond its limit.
const FETCH_BYTES: u32 = SEGMENT_BYTES + (9 << 20);

/// The address of a log in a cluster: `fluvio://host:port` or `fluvio://host:port/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluvioUrl {
    /// The public address of the stream controller.
    pub endpoint: String,
    /// What the names of its topics begin with.
    pub prefix: String,
}

/// The text is no address of a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a log in a cluster: expected fluvio://host:port or fluvio://host:port/prefix, \
     where a prefix has at most {PREFIX_BYTES_MAX} of the characters a-z, 0-9 and -"
)]
pub struct FluvioUrlInvalid(String);

impl FromStr for FluvioUrl {
    type Err = FluvioUrlInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let rest = text.strip_prefix(SCHEME)?;
            let (endpoint, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let (host, port) = endpoint.rsplit_once(':')?;
            let prefix = if prefix.is_empty() { PREFIX } else { prefix };
            let named =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            let sane = !host.is_empty()
                && port.parse::<u16>().is_ok()
                && prefix.len() <= PREFIX_BYTES_MAX
                && prefix.bytes().all(named)
                && !prefix.starts_with('-');
            sane.then(|| Self { endpoint: endpoint.to_owned(), prefix: prefix.to_owned() })
        };
        parse().ok_or_else(|| FluvioUrlInvalid(text.to_owned()))
    }
}

/// Certificates for a cluster that speaks TLS. Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluvioTls {
    /// The name in the controller's certificate.
    pub domain: String,
    /// The key of this client.
    pub key: PathBuf,
    /// The certificate of this client.
    pub cert: PathBuf,
    /// The certificate of the authority that signed the servers'.
    pub ca_cert: PathBuf,
}

/// How a log in a cluster is used.
#[derive(Clone, Debug)]
pub struct FluvioConfig {
    /// The public address of the stream controller.
    pub endpoint: String,
    /// What the names of the topics begin with.
    pub prefix: String,
    /// Partitions that each topic had when the log was made, or shall have. A log that is opened
    /// says it itself when this is absent.
    pub partitions: Option<NonZeroU16>,
    /// Certificates, when the cluster speaks TLS.
    pub tls: Option<FluvioTls>,
    /// What a new log is called; a random name and the time of day when absent.
    pub genesis: Option<Genesis>,
    /// Bytes of one fetch. Less than a segment costs opening the stream again at every loss.
    pub fetch_bytes: u32,
    /// How long one write may take before it is in doubt.
    pub write_timeout: Duration,
    /// How long an append waits in the queue while the cluster is away before it is refused.
    pub patience: Duration,
    /// How long the cluster may be away before the log stops.
    pub outage_max: Duration,
}

impl FluvioConfig {
    /// The defaults for a log.
    #[must_use]
    pub fn new(url: &FluvioUrl, partitions: NonZeroU16) -> Self {
        Self {
            endpoint: url.endpoint.clone(),
            prefix: url.prefix.clone(),
            partitions: Some(partitions),
            tls: None,
            genesis: None,
            fetch_bytes: FETCH_BYTES,
            // Above any pause of a healthy server.
            write_timeout: Duration::from_secs(5),
            // A server that is restarted in place is back by then.
            patience: Duration::from_secs(3),
            // Somebody has been woken up by then, and reads are still answered meanwhile.
            outage_max: Duration::from_secs(300),
        }
    }

    /// The name of a topic in the cluster.
    #[must_use]
    pub fn topic_name(&self, topic: Topic) -> String {
        format!("{}-{}", self.prefix, topic.name())
    }

    pub(super) fn check(&self) -> Result<(), LogError> {
        let built_with_tls = cfg!(feature = "fluvio-tls");
        if self.tls.is_some() && !built_with_tls {
            let reason = "this program was built without TLS for Fluvio (feature fluvio-tls)";
            return Err(LogError::Mismatch(Arc::from(reason)));
        }
        if self.partitions.is_some_and(|partitions| partitions.get() > PARTITIONS_MAX) {
            let reason = format!("a log has 1 to {PARTITIONS_MAX} partitions");
            return Err(LogError::Mismatch(Arc::from(reason)));
        }
        Ok(())
    }
}
