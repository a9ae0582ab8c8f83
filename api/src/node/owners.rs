//! Those who decide: an owner for each partition that is this process's share.
//!
//! A process that is alone has all of them. Where several share a log, leases say whose turn it is,
//! and what a lease says is carried out here: who gains a partition takes it over in the log and
//! recovers it, who loses one lets its owner finish and gives it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use boxoffice_log::{AnyLog, Log as _, LogError};
use boxoffice_processors::ownership::{Change, Leases};
use boxoffice_processors::{Checkpoints, Partition, Recovered, Release, SystemClock};
use boxoffice_topics::{PartitionId, Step};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::{NodeError, open, until};
use crate::views::Views;

/// Shows the steps of one partition.
pub(super) struct Releases {
    pub(super) views: Arc<Views>,
    pub(super) partition: PartitionId,
}

impl Release for Releases {
    fn release(&mut self, steps: Vec<Arc<Step>>) {
        self.views.release(self.partition, &steps);
    }
}

/// Where several processes decide, all of them read from the log what was decided.
struct ReadBack;

impl Release for ReadBack {
    fn release(&mut self, _: Vec<Arc<Step>>) {}
}

/// What has become of the share.
#[derive(Debug)]
pub(super) enum Event {
    Changed(Change),
    Ended(PartitionId, Result<(), NodeError>),
}

type Running = (PartitionId, Result<(), NodeError>);

/// The running owners.
pub(super) struct Owners {
    log: AnyLog,
    checkpoints: Checkpoints,
    leases: Option<Leases>,
    running: JoinSet<Running>,
    stops: BTreeMap<PartitionId, watch::Sender<bool>>,
}

impl Owners {
    /// Nobody yet. With leases they come and go by them.
    pub(super) fn new(log: &AnyLog, checkpoints: Checkpoints, leases: Option<Leases>) -> Self {
        let (running, stops) = (JoinSet::new(), BTreeMap::new());
        Self { log: log.clone(), checkpoints, leases, running, stops }
    }

    /// The partitions of this process that are not about to go.
    pub(super) fn partitions(&self) -> impl Iterator<Item = PartitionId> {
        self.stops.iter().filter(|(_, stop)| !*stop.borrow()).map(|(partition, _)| *partition)
    }

    /// Starts the owner of a partition that is recovered.
    pub(super) fn start(&mut self, recovered: Recovered, release: impl Release) {
        let partition = recovered.state.partition();
        let stopped = self.stopped(partition);
        let (log, checkpoints) = (self.log.clone(), self.checkpoints.clone());
        self.running.spawn(async move {
            (partition, decide(log, recovered, checkpoints, release, stopped).await)
        });
    }

    /// Takes a partition over, recovers it and decides, all of it in the background.
    fn take(&mut self, partition: PartitionId) {
        let stopped = self.stopped(partition);
        let (log, checkpoints) = (self.log.clone(), self.checkpoints.clone());
        self.running.spawn(async move {
            let recovered = tokio::select! {
                recovered = open::recover_one(&log, partition, &checkpoints) => recovered,
                () = until(stopped.clone()) => return (partition, Ok(())),
            };
            let ended = match recovered {
                Ok(recovered) => {
                    decide(log.clone(), recovered, checkpoints, ReadBack, stopped).await
                }
                Err(error) => Err(error),
            };
            let disowned = log.disown(partition).await.map_err(NodeError::from);
            (partition, ended.and(disowned))
        });
    }

    fn stopped(&mut self, partition: PartitionId) -> watch::Receiver<bool> {
        let (stop, stopped) = watch::channel(false);
        self.stops.insert(partition, stop);
        stopped
    }

    /// The next thing that becomes of the share. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Event {
        let partitions = self.log.partitions();
        tokio::select! {
            Some(ended) = self.running.join_next() => ended_as(ended),
            change = changed(&mut self.leases, partitions) => Event::Changed(change),
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When a partition cannot go on, here or anywhere.
    pub(super) fn handle(&mut self, event: Event) -> Result<(), NodeError> {
        match event {
            Event::Changed(Change::Gained { number, epoch }) => {
                tracing::info!(partition = number, epoch, "partition gained");
                if let Some(partition) = PartitionId::new(number) {
                    self.take(partition);
                }
                Ok(())
            }
            Event::Changed(Change::Lost { number, why }) => {
                tracing::info!(partition = number, ?why, "partition lost");
                let stop =
                    PartitionId::new(number).and_then(|partition| self.stops.get(&partition));
                if let Some(stop) = stop {
                    stop.send_replace(true);
                }
                Ok(())
            }
            Event::Ended(partition, ended) => self.ended(partition, ended),
        }
    }

    fn ended(
        &mut self,
        partition: PartitionId,
        ended: Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        self.stops.remove(&partition);
        let Some(leases) = &mut self.leases else {
            return ended.and(Err(NodeError::Ended("a partition")));
        };
        match ended {
            Err(error) if !is_passing(&error) => return Err(error),
            Err(error) => tracing::warn!(%partition, %error, "partition given back"),
            Ok(()) => {}
        }
        leases.give_back(partition.number());
        Ok(())
    }

    /// Lets all of them finish, and others have their partitions.
    pub(super) async fn shut_down(mut self) -> Result<(), NodeError> {
        for stop in self.stops.values() {
            stop.send_replace(true);
        }
        let mut result = Ok(());
        while let Some(ended) = self.running.join_next().await {
            if let Event::Ended(_, Err(error)) = ended_as(ended)
                && !(self.leases.is_some() && is_passing(&error))
            {
                result = result.and(Err(error));
            }
        }
        if let Some(leases) = self.leases
            && let Err(error) = leases.leave().await
        {
            tracing::warn!(%error, "others take over when the leases have run out");
        }
        result
    }
}

async fn decide(
    log: AnyLog,
    recovered: Recovered,
    checkpoints: Checkpoints,
    release: impl Release,
    stopped: watch::Receiver<bool>,
) -> Result<(), NodeError> {
    let partition = recovered.state.partition();
    let config = boxoffice_processors::Config::default();
    let owner = Partition::new(log, recovered, checkpoints, config, release, SystemClock);
    let ended = owner.run(until(stopped)).await;
    ended.map(drop).map_err(|error| NodeError::Partition { partition, error })
}

fn ended_as(ended: Result<Running, JoinError>) -> Event {
    match ended {
        Ok((partition, ended)) => Event::Ended(partition, ended),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => unreachable!("nobody cancels an owner: {cancelled}"),
        },
    }
}

/// Waits for the next change; for ever, where nothing changes.
async fn changed(leases: &mut Option<Leases>, partitions: u16) -> Change {
    match leases {
        Some(leases) => leases.changed(partitions).await,
        None => std::future::pending().await,
    }
}

/// Whether another owner, or this process later, can go on: another process has taken the partition
/// over in the log, or the cluster was away when this one did.
fn is_passing(error: &NodeError) -> bool {
    let NodeError::Partition { error: boxoffice_processors::Error::Log(error), .. } = error else {
        return false;
    };
    matches!(error, LogError::Replaced(_)) || error.is_retriable()
}
