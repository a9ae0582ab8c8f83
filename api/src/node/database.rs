//! The Postgres sink of a node. Whatever becomes of it, sales go on.

use boxoffice_log::AnyLog;
use boxoffice_sinks::postgres::{DatabaseUrl, PostgresSink};
use boxoffice_sinks::runner::{self, Phase, Status};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::background::Background;
use super::until;
use crate::config::{Config, Database};

/// Starts the sink that the configuration asks for, when it asks for one.
pub(super) fn start(
    config: &Config,
    log: &AnyLog,
    background: &Background,
    status: watch::Sender<Status>,
    stop: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    let log = log.clone();
    match &config.database {
        Database::None => None,
        Database::Url(url) => {
            let url = url.parse::<DatabaseUrl>();
            Some(background.spawn(async move {
                match url {
                    Ok(url) => follow(log, PostgresSink::new(url.pool()), status, stop).await,
                    Err(error) => give_up(&status, &error),
                }
            }))
        }
        #[cfg(feature = "embedded-postgres")]
        Database::Embedded => {
            let dir = config.data_dir.join(super::POSTGRES_DIR);
            Some(background.spawn(async move {
                match boxoffice_sinks::postgres::Embedded::start(&dir).await {
                    Ok(database) => {
                        let sink = PostgresSink::new(database.pool().clone());
                        follow(log, sink, status, stop).await;
                        if let Err(error) = database.stop().await {
                            tracing::warn!(error = %error, "the embedded database did not end well");
                        }
                    }
                    Err(error) => give_up(&status, &error),
                }
            }))
        }
        #[cfg(not(feature = "embedded-postgres"))]
        Database::Embedded => None,
    }
}

async fn follow(
    log: AnyLog,
    sink: PostgresSink,
    status: watch::Sender<Status>,
    stop: watch::Receiver<bool>,
) {
    // Why it stopped was said when it did.
    drop(runner::run(log, sink, runner::Config::default(), status, until(stop)).await);
}

fn give_up(status: &watch::Sender<Status>, error: &dyn std::fmt::Display) {
    tracing::error!(error = %error, "the postgres sink cannot start; sales go on");
    status.send_modify(|status| status.phase = Phase::Stopped(Some(error.to_string())));
}
