//! Logs in clusters.

use boxoffice_log::Log;
use boxoffice_log::fluvio::{FluvioConfig, FluvioLog, FluvioUrl};
use boxoffice_topics::PartitionId;

use crate::servers::Cluster;
use crate::support::{GENESIS, PARTITIONS};

impl Cluster {
    /// The configuration of a log that nobody else uses.
    pub(crate) fn config(&self) -> FluvioConfig {
        let prefix = format!("t{:x}", std::process::id());
        let url = FluvioUrl { endpoint: self.endpoint.clone(), prefix };
        FluvioConfig { genesis: Some(GENESIS), ..FluvioConfig::new(&url, PARTITIONS) }
    }

    /// A new log, all of which this process owns.
    pub(crate) async fn log(&self) -> FluvioLog {
        let log = FluvioLog::create(&self.config()).await.unwrap();
        for partition in (0..log.partitions()).filter_map(PartitionId::new) {
            log.own(partition).await.unwrap();
        }
        log
    }
}
