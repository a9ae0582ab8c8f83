//! What is decided, by whomever, what can be looked at, and the way into the log.

use std::num::NonZeroU16;
use std::sync::Arc;

use boxoffice_core::State;
use boxoffice_ingest::{Appenders, Ingest};
use boxoffice_log::{AnyLog, Log as _};
use boxoffice_processors::ownership::Kind;
use boxoffice_processors::{Checkpoints, Followed, Follower, Recovered};
use boxoffice_topics::{PartitionId, PartitionMap, Routes};
use tokio::sync::mpsc;

use super::crew::{Crew, Decided, Grow};
use super::followers::Followers;
use super::messengers::Messengers;
use super::owners::{Owners, Releases};
use super::payments::Sandbox;
use super::sinks::{Parts, Sinks, Turn};
use super::{Answers, NodeError, Shared, open};
use crate::config::Config;
use crate::views::{Subscribers, Views, Waiter};

/// How a node comes to know what is decided.
pub(super) enum Begun {
    Recovered(Vec<Recovered>),
    Followed(Vec<(PartitionId, Follower<AnyLog>)>),
}

impl Begun {
    /// Recovers every partition; where others may decide, reads what they have decided.
    pub(super) async fn begin(
        log: &AnyLog,
        checkpoints: &Checkpoints,
        is_shared: bool,
    ) -> Result<(Vec<State>, Self), NodeError> {
        if !is_shared {
            let recovered = open::recover_all(log, checkpoints).await?;
            let states = recovered.iter().map(|it| it.state.clone()).collect();
            return Ok((states, Self::Recovered(recovered)));
        }
        let followed = open::follow_all(log, checkpoints).await?;
        let taken_apart = |it: Followed<AnyLog>| {
            let partition = it.state.partition();
            (it.state, (partition, it.follower))
        };
        let (states, followers) = followed.into_iter().map(taken_apart).unzip();
        Ok((states, Self::Followed(followers)))
    }

    pub(super) fn start(self, views: &Arc<Views>, owners: &mut Owners) -> Decided {
        match self {
            Self::Recovered(recovered) => {
                for recovered in recovered {
                    let (views, partition) = (Arc::clone(views), recovered.state.partition());
                    owners.start(recovered, Releases { views, partition });
                }
                Decided::Here
            }
            Self::Followed(each) => {
                let mut followers = Followers::new(views);
                each.into_iter().for_each(|(partition, it)| followers.start(partition, it));
                Decided::Anywhere(followers)
            }
        }
    }
}

/// What can be looked at, and the way into the log.
pub(super) struct Sale {
    pub(super) views: Arc<Views>,
    pub(super) ingest: Ingest<Arc<Waiter>>,
    appenders: Appenders,
    answers: Arc<Answers>,
}

impl Sale {
    pub(super) fn open(
        config: &Config,
        log: &AnyLog,
        states: Vec<State>,
    ) -> Result<Self, NodeError> {
        let dealt = NonZeroU16::new(log.dealt()).and_then(PartitionMap::dealt);
        let dealt = dealt.ok_or(NodeError::TooManyPartitions)?;
        let routes = Arc::new(Routes::new(&dealt));
        let limits = &config.limits;
        let subscribers =
            Subscribers::new(limits.subscribers_max.get(), limits.subscriber_events_max.get());
        let (log_id, recent_steps) = (log.log_id(), limits.recent_steps.get());
        let views =
            Views::new(log_id, dealt, Arc::clone(&routes), states, recent_steps, subscribers);
        let views = Arc::new(views);
        let answers = Arc::new(Answers(Arc::clone(&views)));
        let ingest_config = boxoffice_ingest::Config::default();
        let (ingest, appenders) = boxoffice_ingest::start(log, routes, &ingest_config, &answers);
        Ok(Self { views, ingest, appenders, answers })
    }

    pub(super) fn start_sinks(
        &self,
        config: &Config,
        log: &AnyLog,
        sandbox: Option<&Sandbox>,
        shared: Option<&Shared>,
    ) -> Result<Sinks, NodeError> {
        let parts = Parts {
            config: config.clone(),
            sandbox_url: sandbox.map(|sandbox| sandbox.url.clone()),
            log: log.clone(),
            views: Arc::clone(&self.views),
            ingest: self.ingest.clone(),
        };
        let turn = match shared {
            Some(shared) => Turn::Leased(Box::new(shared.leases(Kind::Sinks)), false),
            None => Turn::Always,
        };
        Sinks::start(parts, turn)
    }

    pub(super) fn crew(
        self,
        log: &AnyLog,
        checkpoints: Checkpoints,
        owners: Owners,
        decided: Decided,
        grow: mpsc::Receiver<Grow>,
    ) -> Crew {
        let messengers = Messengers::new(log, &self.views);
        let (log, Self { views, ingest, appenders, answers }) = (log.clone(), self);
        Crew {
            log,
            views,
            ingest,
            answers,
            checkpoints,
            appenders,
            messengers,
            owners,
            decided,
            grow,
        }
    }
}
