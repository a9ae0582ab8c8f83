//! Nodes as processes would be: each takes its turns in a task of its own, and can be let go, killed
//! or stopped in the middle.

use std::collections::BTreeMap;
use std::time::Duration;

use boxoffice_processors::SharedDatabase;
use boxoffice_processors::ownership::{Change, Kind, LeaseTerms, Leases};
use boxoffice_topics::LogId;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Long enough for a busy machine, short enough to wait for.
const LEASE: Duration = Duration::from_secs(3);
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

pub(crate) const LOG_ID: LogId = LogId::from_u128(0xb0);

pub(crate) fn terms() -> LeaseTerms {
    LeaseTerms::new(LEASE)
}

/// A node that takes no turn of its own accord.
pub(crate) fn leases(database: &SharedDatabase, kind: Kind, name: &str) -> Leases {
    Leases::new(database, LOG_ID, kind, name, terms())
}

/// A running node that gives back at once whatever it loses.
pub(crate) struct Node {
    /// What it owns, with the epochs.
    pub(crate) owned: watch::Receiver<BTreeMap<u16, u64>>,
    /// Everything that it was told.
    pub(crate) told: watch::Receiver<Vec<Change>>,
    leave: oneshot::Sender<()>,
    task: JoinHandle<Leases>,
}

impl Node {
    pub(crate) fn start(mut leases: Leases, numbers: watch::Receiver<u16>) -> Self {
        let (owned_sender, owned) = watch::channel(BTreeMap::new());
        let (told_sender, told) = watch::channel(Vec::new());
        let (leave, mut left) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                let count = *numbers.borrow();
                let change = tokio::select! {
                    _ = &mut left => return leases,
                    // Also shows that a future that is dropped loses nothing.
                    () = tokio::time::sleep(POLL_INTERVAL) => continue,
                    change = leases.changed(count) => change,
                };
                owned_sender.send_modify(|owned| match change {
                    Change::Gained { number, epoch } => drop(owned.insert(number, epoch)),
                    Change::Lost { number, .. } => drop(owned.remove(&number)),
                });
                if let Change::Lost { number, .. } = change {
                    leases.give_back(number);
                }
                told_sender.send_modify(|told| told.push(change));
            }
        });
        Self { owned, told, leave, task }
    }

    pub(crate) fn count(&self) -> usize {
        self.owned.borrow().len()
    }

    /// It stops taking turns, and leaves nothing behind but what is in the database.
    pub(crate) async fn pause(self) -> Leases {
        self.leave.send(()).unwrap();
        self.task.await.unwrap()
    }

    pub(crate) async fn leave(self) {
        self.pause().await.leave().await.unwrap();
    }

    /// As a process that was killed.
    pub(crate) async fn die(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// A few nodes of one kind.
pub(crate) fn start(
    database: &SharedDatabase,
    kind: Kind,
    names: &[&str],
    numbers: &watch::Sender<u16>,
) -> Vec<Node> {
    let node = |name: &&str| Node::start(leases(database, kind, name), numbers.subscribe());
    names.iter().map(node).collect()
}

/// How many each node owns, the fewest first.
pub(crate) fn shares(nodes: &[Node]) -> Vec<usize> {
    let mut shares: Vec<usize> = nodes.iter().map(Node::count).collect();
    shares.sort_unstable();
    shares
}

/// Everything that is owned, by number.
pub(crate) fn all_owned(nodes: &[Node]) -> Vec<(u16, u64)> {
    let owned = |node: &Node| node.owned.borrow().clone().into_iter().collect::<Vec<_>>();
    let mut all: Vec<(u16, u64)> = nodes.iter().flat_map(owned).collect();
    all.sort_unstable();
    all
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Longer than any lease lasts that is not renewed.
pub(crate) async fn outlast_a_lease() {
    tokio::time::sleep(LEASE + LEASE / 2).await;
}
