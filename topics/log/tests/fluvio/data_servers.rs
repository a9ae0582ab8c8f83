//! A data server is made known once, and nobody takes its number.

use boxoffice_log::LogError;
use boxoffice_log::fluvio::data_servers::{DataServer, HostPort, register};

use crate::servers::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_server_is_registered_once_and_its_number_is_not_given_away() {
    let Some(cluster) = Cluster::own().await else { return };
    let config = cluster.config();
    let at = |port| HostPort { host: "spu.example".to_owned(), port };
    let server = DataServer { id: 6001, public: at(9010), private: at(9011) };
    assert!(register(&config, &server).await.unwrap(), "it is new");
    assert!(!register(&config, &server).await.unwrap(), "it is known");
    let moved = DataServer { public: at(9012), ..server };
    let refused = register(&config, &moved).await.unwrap_err();
    assert!(matches!(refused, LogError::Mismatch(_)), "{refused:?}");
    assert!(refused.to_string().contains("spu.example:9010"), "{refused}");
}
