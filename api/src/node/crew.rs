//! What there is one of for each partition: its appender, its owner and its messenger, or whoever
//! follows it. Partitions come while the node runs, and where several processes share a log they
//! change hands, so all of them are looked after in one place.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_ingest::{Appenders, Ingest};
use boxoffice_log::{AnyLog, Log as _};
use boxoffice_processors::Checkpoints;
use boxoffice_topics::PartitionId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::followers::Followers;
use super::messengers::Messengers;
use super::owners::{self, Owners, Releases};
use super::{Answers, NodeError, open, until};
use crate::views::{Views, Waiter};

/// How often it is looked whether another process has added partitions: the one that did waits for
/// nobody, and slots move for longer than that.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Asks for so many partitions in all.
#[derive(Debug)]
pub struct Grow {
    /// How many.
    pub partitions: u16,
    /// Told when they are there, or why they are not.
    pub done: oneshot::Sender<Result<(), String>>,
}

/// How this process comes to know what is decided.
pub(super) enum Decided {
    /// It decides everything itself.
    Here,
    /// It follows the log, and decides what others do not.
    Anywhere(Followers),
}

/// Those who work for partitions.
pub(super) struct Crew {
    pub(super) log: AnyLog,
    pub(super) views: Arc<Views>,
    pub(super) ingest: Ingest<Arc<Waiter>>,
    pub(super) answers: Arc<Answers>,
    pub(super) checkpoints: Checkpoints,
    pub(super) appenders: Appenders,
    pub(super) messengers: Messengers,
    pub(super) owners: Owners,
    pub(super) decided: Decided,
    pub(super) grow: mpsc::Receiver<Grow>,
}

enum Event {
    Stop,
    Failed(NodeError),
    Share(owners::Event),
    SlotsMoved,
    Grow(Grow),
    Announced(u16),
}

impl Crew {
    /// Looks after everybody until it is told to stop.
    pub(super) fn start(self) -> (watch::Sender<bool>, JoinHandle<Result<(), NodeError>>) {
        let (stop, stopped) = watch::channel(false);
        (stop, tokio::spawn(self.run(stopped)))
    }

    /// Works until `stop`; then appends what is queued, and decides and publishes it.
    ///
    /// # Errors
    /// When a part that selling needs has failed: the process must end.
    async fn run(mut self, stop: watch::Receiver<bool>) -> Result<(), NodeError> {
        let mut stop = std::pin::pin!(until(stop));
        let mut announced = self.look_out();
        self.messengers.restart(&self.owned()).await?;
        loop {
            let event = tokio::select! {
                biased;
                () = stop.as_mut() => Event::Stop,
                event = self.next(&mut announced) => event,
            };
            match event {
                Event::Stop => return self.shut_down().await,
                Event::Failed(error) => return Err(error),
                Event::Share(event) => {
                    self.owners.handle(event)?;
                    self.messengers.restart(&self.owned()).await?;
                }
                Event::SlotsMoved => self.messengers.restart(&self.owned()).await?,
                Event::Grow(Grow { partitions, done }) => {
                    let grown = self.grow_to(partitions).await;
                    // A failure of the log is noticed by everybody else, too.
                    done.send(grown.map_err(|error| error.to_string())).unwrap_or_default();
                }
                Event::Announced(partitions) => self.grow_to(partitions).await?,
            }
        }
    }

    /// The next thing to do. Dropping the future loses nothing.
    async fn next(&mut self, announced: &mut watch::Receiver<u16>) -> Event {
        tokio::select! {
            biased;
            error = self.appenders.failed() => Event::Failed(error.into()),
            error = failed(&mut self.decided) => Event::Failed(error),
            event = self.owners.next() => Event::Share(event),
            moved = self.messengers.attend() => moved.map_or_else(Event::Failed, |()| Event::SlotsMoved),
            Some(grow) = self.grow.recv() => Event::Grow(grow),
            Ok(()) = announced.changed() => Event::Announced(*announced.borrow_and_update()),
        }
    }

    /// Looks in the background, because it waits for the cluster, whether another process has added
    /// partitions.
    fn look_out(&self) -> watch::Receiver<u16> {
        let (sender, announced) = watch::channel(self.log.partitions());
        if matches!(self.decided, Decided::Anywhere(_)) {
            tokio::spawn(look_out(self.log.clone(), sender));
        }
        announced
    }

    fn owned(&self) -> BTreeSet<PartitionId> {
        self.owners.partitions().collect()
    }

    /// Adds partitions, which begin without any slot.
    async fn grow_to(&mut self, partitions: u16) -> Result<(), NodeError> {
        let known = self.views.partitions().count();
        self.log.grow(partitions).await?;
        if usize::from(self.log.partitions()) == known {
            return Ok(());
        }
        // First the way there, because slots that are seen there are asked for at once.
        let config = boxoffice_ingest::Config::default();
        self.ingest.grow(&mut self.appenders, &self.log, &config, &self.answers);
        for partition in open::partitions(&self.log).skip(known) {
            self.add(partition).await?;
        }
        self.messengers.restart(&self.owned()).await
    }

    async fn add(&mut self, partition: PartitionId) -> Result<(), NodeError> {
        match &mut self.decided {
            Decided::Here => {
                let recovered = open::recover_one(&self.log, partition, &self.checkpoints).await?;
                self.views.add(recovered.state.clone());
                let views = Arc::clone(&self.views);
                self.owners.start(recovered, Releases { views, partition });
            }
            Decided::Anywhere(followers) => {
                let followed = open::follow_one(&self.log, partition, &self.checkpoints).await?;
                self.views.add(followed.state);
                followers.start(partition, followed.follower);
            }
        }
        Ok(())
    }

    async fn shut_down(self) -> Result<(), NodeError> {
        let mut result = self.appenders.shut_down().await.map_err(NodeError::from);
        result = result.and(self.messengers.stop().await);
        result = result.and(self.owners.shut_down().await);
        if let Decided::Anywhere(followers) = self.decided {
            result = result.and(followers.shut_down().await);
        }
        result
    }
}

/// Returns when this process cannot know any more what is decided.
async fn failed(decided: &mut Decided) -> NodeError {
    match decided {
        Decided::Here => std::future::pending().await,
        Decided::Anywhere(followers) => followers.failed().await,
    }
}

async fn look_out(log: AnyLog, announced: watch::Sender<u16>) {
    while !announced.is_closed() {
        tokio::time::sleep(LOOK_INTERVAL).await;
        match log.announced().await {
            Ok(partitions) => {
                announced.send_if_modified(|known| {
                    let more = partitions > *known;
                    *known = partitions.max(*known);
                    more
                });
            }
            Err(error) if error.is_retriable() => {}
            // Everybody notices that the log has stopped.
            Err(_) => return,
        }
    }
}
