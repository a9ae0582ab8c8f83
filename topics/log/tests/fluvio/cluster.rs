//! Logs in clusters.

use boxoffice_log::fluvio::{FluvioConfig, FluvioLog, FluvioUrl};

use crate::servers::Cluster;
use crate::support::{GENESIS, PARTITIONS};

impl Cluster {
    /// The configuration of a log that nobody else uses.
    pub(crate) fn config(&self) -> FluvioConfig {
        let prefix = format!("t{:x}", std::process::id());
        let url = FluvioUrl { endpoint: self.endpoint.clone(), prefix };
        FluvioConfig { genesis: Some(GENESIS), ..FluvioConfig::new(&url, PARTITIONS) }
    }

    /// A new log.
    pub(crate) async fn log(&self) -> FluvioLog {
        FluvioLog::create(&self.config()).await.unwrap()
    }
}
