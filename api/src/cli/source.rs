//! The log that a command reads: in the data directory while no server runs on it, or in a
//! cluster at any time.

use boxoffice_log::AnyLog;

use super::{CliError, DataDir};
use crate::log_store::LogStore;
#[cfg(feature = "fluvio")]
use crate::log_store::LogTls;

/// The log, and what is beside it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StoppedLog {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// Where the log is kept: `embedded`, or `fluvio://host:port/prefix`, which is read beside the
    /// servers that run on it.
    #[arg(long, default_value = "embedded", env = "BOXOFFICE_LOG_URL")]
    log: LogStore,
    #[cfg(feature = "fluvio")]
    #[command(flatten)]
    log_tls: Option<LogTls>,
}

impl StoppedLog {
    /// Opens it. A log says itself how many partitions it has.
    pub(super) async fn open(&self) -> Result<AnyLog, CliError> {
        match &self.log {
            LogStore::Embedded => Ok(self.data_dir.open_log()?.into()),
            #[cfg(feature = "fluvio")]
            LogStore::Fluvio(url) => open_cluster(url, self.log_tls.as_ref()).await,
        }
    }
}

#[cfg(feature = "fluvio")]
async fn open_cluster(
    url: &boxoffice_log::fluvio::FluvioUrl,
    tls: Option<&LogTls>,
) -> Result<AnyLog, CliError> {
    use std::num::NonZeroU16;

    use boxoffice_log::fluvio::FluvioLog;

    use crate::log_store::fluvio_config;

    let mut config = fluvio_config(url, NonZeroU16::MIN, tls);
    config.partitions = None;
    Ok(FluvioLog::open(&config).await?.into())
}
