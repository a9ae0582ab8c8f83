//! Where several processes decide, the views of each follow what all of them have published.

use std::sync::Arc;

use boxoffice_log::AnyLog;
use boxoffice_processors::Follower;
use boxoffice_topics::PartitionId;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::owners::Releases;
use super::{NodeError, until};
use crate::views::Views;

/// One for each partition.
pub(super) struct Followers {
    views: Arc<Views>,
    stop: watch::Sender<bool>,
    running: JoinSet<Result<(), NodeError>>,
}

impl Followers {
    pub(super) fn new(views: &Arc<Views>) -> Self {
        let (stop, running) = (watch::Sender::new(false), JoinSet::new());
        Self { views: Arc::clone(views), stop, running }
    }

    /// Shows what is published in a partition from where the views are.
    pub(super) fn start(&mut self, partition: PartitionId, follower: Follower<AnyLog>) {
        let releases = Releases { views: Arc::clone(&self.views), partition };
        let stopped = until(self.stop.subscribe());
        self.running.spawn(async move {
            let ended = follower.run(releases, stopped).await;
            ended.map(drop).map_err(|error| NodeError::Partition { partition, error })
        });
    }

    /// Returns when one of them has failed. Dropping the future loses nothing.
    pub(super) async fn failed(&mut self) -> NodeError {
        match self.running.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Ok(Ok(())) | Err(_)) => NodeError::Ended("a reader of outcomes"),
            None => std::future::pending().await,
        }
    }

    /// Ends them: nobody looks any more.
    pub(super) async fn shut_down(mut self) -> Result<(), NodeError> {
        self.stop.send_replace(true);
        let mut result = Ok(());
        while let Some(ended) = self.running.join_next().await {
            result = result.and(ended.unwrap_or(Err(NodeError::Ended("a reader of outcomes"))));
        }
        result
    }
}
