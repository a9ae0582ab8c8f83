//! The leases of one node: its turns, one after another, and what it is to be told of them.

use std::collections::VecDeque;
use std::pin::Pin;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use boxoffice_topics::LogId;
use sqlx::PgConnection;
use tokio::time::Instant;
use uuid::Uuid;

use super::held::Held;
use super::turn::{Node, Row, Said};
use super::{Change, Kind, LeaseTerms};
use crate::database::{DatabaseError, SharedDatabase};
use crate::metric_definitions::LeaseMetrics;

/// After a first failure the next turn is this part of an interval away, so that one lost packet
/// costs little; the delay doubles with each further one, up to the interval.
const FIRST_RETRY_PART: u32 = 8;

/// A turn on its way, with what was given back in it.
struct Turn {
    ended: Vec<u16>,
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

type Answer = Result<(PgConnection, Vec<Row>), DatabaseError>;

/// What one node owns of one kind, and its part in sharing it out.
pub struct Leases {
    node: Node,
    held: Held,
    untold: VecDeque<Change>,
    connection: Option<PgConnection>,
    turn: Option<Turn>,
    next_turn: Instant,
    /// The delays of the row of failures that goes on.
    failing: Option<ExponentialBackoff>,
    metrics: LeaseMetrics,
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leases").field("node", &self.node).field("held", &self.held).finish()
    }
}

impl Leases {
    /// A new node that owns nothing. Its name is for people; two nodes may have the same one.
    #[must_use]
    pub fn new(
        database: &SharedDatabase,
        log_id: LogId,
        kind: Kind,
        name: impl Into<String>,
        terms: LeaseTerms,
    ) -> Self {
        let (database, id, name) = (database.clone(), Uuid::new_v4(), name.into());
        Self {
            node: Node { database, log_id, kind, id, name, terms },
            held: Held::default(),
            untold: VecDeque::new(),
            connection: None,
            turn: None,
            next_turn: Instant::now(),
            failing: None,
            metrics: LeaseMetrics::new(kind.name()),
        }
    }

    /// The next change, when there are `numbers` to be shared: from 0 on, and never fewer than
    /// before.
    ///
    /// The node lives by this: whoever has leases must wait here all the time, and do nothing long
    /// beside it. Dropping the future loses nothing. While the database is away there is no change,
    /// and owners go on.
    pub async fn changed(&mut self, numbers: u16) -> Change {
        loop {
            if let Some(change) = self.untold.pop_front() {
                return change;
            }
            if self.turn.is_none() {
                tokio::time::sleep_until(self.next_turn).await;
            }
            let turn = self.turn.get_or_insert_with(|| {
                begin_turn(&self.node, &self.held, self.connection.take(), numbers)
            });
            let answer = turn.answer.as_mut().await;
            let ended = self.turn.take().map(|turn| turn.ended).unwrap_or_default();
            self.learn(&ended, answer);
        }
    }

    /// The work for something that was lost has ended, or it ended by itself: others may have it.
    /// The next turn says so, and is due at once.
    pub fn give_back(&mut self, number: u16) {
        self.held.give_back(number);
        if self.failing.is_none() {
            self.next_turn = Instant::now();
        }
    }

    /// Gives everything back and takes no part any more: others take over at once. All work that
    /// the leases were for must have ended.
    ///
    /// # Errors
    /// When the database is away. Then others take over when the leases have run out.
    pub async fn leave(mut self) -> Result<(), DatabaseError> {
        // A turn that comes after the farewell would bring the node back.
        if let Some(turn) = self.turn.take() {
            self.connection = turn.answer.await.ok().map(|(connection, _)| connection);
        }
        self.metrics.held(0);
        self.node.leave(self.connection.take()).await
    }

    fn learn(&mut self, ended: &[u16], answer: Answer) {
        let now = Instant::now();
        match answer {
            Ok((connection, rows)) => {
                self.connection = Some(connection);
                self.held.forget(ended);
                let changes = self.held.learn(&rows);
                self.metrics.changed(&changes);
                self.metrics.held(self.held.owned());
                self.untold.extend(changes);
                // Something may have been given back during this turn.
                let has_more = !self.held.ended().is_empty();
                let interval = self.node.terms.renewal_interval();
                self.next_turn = if has_more { now } else { now + interval };
                if self.failing.take().is_some() {
                    tracing::info!(kind = self.node.kind.name(), "leases are renewed again");
                }
            }
            Err(error) => {
                self.metrics.failed();
                self.next_turn = now + self.next_delay(&error);
            }
        }
    }

    fn next_delay(&mut self, error: &DatabaseError) -> std::time::Duration {
        let interval = self.node.terms.renewal_interval();
        let failing = self.failing.get_or_insert_with(|| {
            let (kind, held) = (self.node.kind.name(), self.held.owned());
            tracing::warn!(kind, held, %error, "leases are not renewed; owners go on");
            let first = interval / FIRST_RETRY_PART;
            let delays = ExponentialBuilder::new().with_min_delay(first).with_max_delay(interval);
            delays.with_jitter().without_max_times().build()
        });
        failing.next().unwrap_or(interval).min(interval)
    }
}

fn begin_turn(node: &Node, held: &Held, connection: Option<PgConnection>, numbers: u16) -> Turn {
    let (node, ended) = (node.clone(), held.ended());
    let said = Said { numbers, ended: ended.clone(), busy: held.busy() };
    Turn { ended, answer: Box::pin(async move { node.take_turn(connection, &said).await }) }
}
