//! The result topics of a node. Whatever becomes of them, sales go on.

use boxoffice_log::AnyLog;
use boxoffice_sinks::runner::Status;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::background::Background;
use crate::config::Config;

/// Starts the sink that writes them, when the configuration asks for it, and says how it is.
pub(super) fn start_watched(
    config: &Config,
    log: &AnyLog,
    background: &Background,
    stop: watch::Receiver<bool>,
) -> Option<(JoinHandle<()>, watch::Receiver<Status>)> {
    let (status, watched) = watch::channel(Status::default());
    Some((start(config, log, background, status, stop)?, watched))
}

/// Starts the sink that writes them, when the configuration asks for it.
#[cfg(feature = "fluvio")]
fn start(
    config: &Config,
    log: &AnyLog,
    background: &Background,
    status: watch::Sender<Status>,
    stop: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    use boxoffice_sinks::postgres::DatabaseUrl;
    use boxoffice_sinks::results::ResultsSink;
    use boxoffice_sinks::runner;

    use crate::config::Database;
    use crate::json::ResultJson;
    use crate::log_store::{LogStore, fluvio_config};

    if !config.results.enabled {
        return None;
    }
    // Without both of them the configuration was refused.
    let (LogStore::Fluvio(cluster), Database::Url(database)) = (&config.log, &config.database)
    else {
        return None;
    };
    // What it is wrong with is said by the sink of the rows.
    let pool = database.parse::<DatabaseUrl>().ok()?.pool();
    let cluster = fluvio_config(cluster, config.partitions, config.log_tls.as_ref());
    let sink = ResultsSink::<ResultJson>::new(cluster, pool);
    let log = log.clone();
    Some(background.spawn(async move {
        // Why it stopped was said when it did.
        let stop = super::until(stop);
        drop(runner::run(log, sink, runner::Config::default(), status, stop).await);
    }))
}

/// Starts nothing: this program knows no cluster.
#[cfg(not(feature = "fluvio"))]
fn start(
    _: &Config,
    _: &AnyLog,
    _: &Background,
    _: watch::Sender<Status>,
    _: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    None
}
