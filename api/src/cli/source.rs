//! The log that a command reads while no server runs on it.

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
    /// Where the log is kept: `embedded`, or `fluvio://host:port/prefix`, which is taken over from
    /// a server that still runs.
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

    use boxoffice_log::fluvio::{FluvioLog, topics};

    use crate::log_store::fluvio_config;

    let mut config = fluvio_config(url, NonZeroU16::MIN, tls);
    let found = topics::describe(&config).await?;
    let partitions = found.first().and_then(|topic| u16::try_from(topic.partitions).ok());
    if let Some(partitions) = partitions.and_then(NonZeroU16::new) {
        config.partitions = partitions;
    }
    Ok(FluvioLog::open(&config).await?.into())
}
