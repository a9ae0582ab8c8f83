//! Where the log is kept, as the configuration names it.

use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// Where the log is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogStore {
    /// In this process, under the data directory.
    #[default]
    Embedded,
    /// In a Fluvio cluster.
    #[cfg(feature = "fluvio")]
    Fluvio(boxoffice_log::fluvio::FluvioUrl),
}

/// The text names no log.
#[derive(Debug, thiserror::Error)]
pub enum LogStoreUnknown {
    /// It is neither of the two.
    #[error("`{0}` is not a log: expected `embedded` or `fluvio://host:port/prefix`")]
    Other(String),
    /// It is not a complete address.
    #[cfg(feature = "fluvio")]
    #[error(transparent)]
    Url(#[from] boxoffice_log::fluvio::FluvioUrlInvalid),
    /// This program cannot use a cluster.
    #[cfg(not(feature = "fluvio"))]
    #[error("`{0}`: this program was built without Fluvio")]
    NotBuilt(String),
}

impl TryFrom<String> for LogStore {
    type Error = LogStoreUnknown;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for LogStore {
    type Err = LogStoreUnknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        if !text.starts_with("fluvio://") {
            return Err(LogStoreUnknown::Other(text.to_owned()));
        }
        #[cfg(feature = "fluvio")]
        return Ok(Self::Fluvio(text.parse()?));
        #[cfg(not(feature = "fluvio"))]
        Err(LogStoreUnknown::NotBuilt(text.to_owned()))
    }
}

/// Certificates for a cluster that speaks TLS. Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
#[group(requires_all = ["domain", "key", "cert", "ca_cert"])]
pub struct LogTls {
    /// The name in the controller's certificate.
    #[arg(long = "log-tls-domain", env = "BOXOFFICE_LOG_TLS_DOMAIN", required = false)]
    pub domain: String,
    /// File with the key of this client.
    #[arg(long = "log-tls-key", env = "BOXOFFICE_LOG_TLS_KEY", required = false)]
    pub key: PathBuf,
    /// File with the certificate of this client.
    #[arg(long = "log-tls-cert", env = "BOXOFFICE_LOG_TLS_CERT", required = false)]
    pub cert: PathBuf,
    /// File with the certificate of the authority that signed the servers'.
    #[arg(long = "log-tls-ca", env = "BOXOFFICE_LOG_TLS_CA", required = false)]
    pub ca_cert: PathBuf,
}

#[cfg(feature = "fluvio")]
mod cluster {
    use std::num::NonZeroU16;

    use boxoffice_log::fluvio::{FluvioConfig, FluvioTls, FluvioUrl};

    use super::LogTls;

    /// How a log in a cluster is used.
    pub(crate) fn fluvio_config(
        url: &FluvioUrl,
        partitions: NonZeroU16,
        tls: Option<&LogTls>,
    ) -> FluvioConfig {
        let tls = tls.cloned().map(|tls| {
            let LogTls { domain, key, cert, ca_cert } = tls;
            FluvioTls { domain, key, cert, ca_cert }
        });
        FluvioConfig { tls, ..FluvioConfig::new(url, partitions) }
    }
}

#[cfg(feature = "fluvio")]
pub(crate) use cluster::fluvio_config;
