//! A house with one partition, and what drives it.

use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;

use boxoffice_log::memory::MemoryLog;
use boxoffice_log::{Durability, Log, TopicPartition};
use boxoffice_topics::envelope::{intent_to_record, step_from_record};
use boxoffice_topics::intent::SectionQuantity;
use boxoffice_topics::{
    AccountId, Currency, Genesis, Header, HoldId, Intent, IntentId, IntentKey, LogId, Offset,
    Outcome, PartitionId, PerformanceDefinition, PerformanceId, PriceLevel, SaleRules, Section,
    SectionKind, Slot, Step, Timestamp,
};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::{Checkpoints, Clock, Config, Error, Finished, Partition, Recovered, Release, recover};

pub(super) const PERFORMANCE: PerformanceId = PerformanceId::from_u128(7);
pub(super) const START_MS: i64 = 1_800_000_000_000;
pub(super) const HOLD_TTL_MS: u32 = 60_000;

pub(super) fn partition() -> PartitionId {
    PartitionId::new(0).unwrap()
}

pub(super) fn intents() -> TopicPartition {
    TopicPartition::intents(partition())
}

pub(super) fn outcomes() -> TopicPartition {
    TopicPartition::outcomes(partition())
}

pub(super) fn new_log() -> MemoryLog {
    log_named(LogId::from_u128(0xb0))
}

pub(super) fn log_named(log_id: LogId) -> MemoryLog {
    let genesis = Genesis { log_id, created_at: Timestamp::from_millis(START_MS) };
    MemoryLog::new(NonZeroU16::MIN, genesis)
}

/// A log of the same name with these records after its genesis records.
pub(super) async fn log_with(asked: &[Bytes], published: &[Bytes]) -> MemoryLog {
    let log = new_log();
    for (topic, records) in [(intents(), asked), (outcomes(), published)] {
        if !records.is_empty() {
            log.append(topic, records.to_vec(), Durability::Synced).await.unwrap();
        }
    }
    log
}

pub(super) fn after_genesis(log: &MemoryLog, topic: TopicPartition) -> Vec<Bytes> {
    log.records(topic).split_off(1)
}

pub(super) fn published_steps(log: &MemoryLog) -> Vec<Step> {
    let records = after_genesis(log, outcomes());
    records.iter().map(|record| step_from_record(record).unwrap().1).collect()
}

/// An intent of some account, `after_ms` after the start.
pub(super) fn record(number: u64, after_ms: i64, intent: &Intent<'_>) -> Bytes {
    let header = Header {
        recorded_at: Timestamp::from_millis(START_MS + after_ms),
        account: AccountId::from_u128(u128::from(number)),
        key: IntentKey::from_u128(u128::from(number) + 1),
        fingerprint: 0,
        traceparent: None,
    };
    intent_to_record(&header, intent).into()
}

pub(super) fn create() -> Intent<'static> {
    let kind = SectionKind::GeneralAdmission { capacity: 2_000, price_level: 0 };
    Intent::CreatePerformance {
        definition: Box::new(PerformanceDefinition {
            performance: PERFORMANCE,
            name: "Hamlet".to_owned(),
            venue: "Globe".to_owned(),
            starts_at: Timestamp::from_millis(START_MS + 86_400_000),
            currency: Currency::KRW,
            price_levels: vec![PriceLevel { code: "R".to_owned(), price_minor: 99_000 }],
            sections: vec![Section { code: "FLOOR".to_owned(), kind }],
            sale: SaleRules {
                opens_at: None,
                closes_at: None,
                hold_ttl_ms: HOLD_TTL_MS,
                hold_renewals_max: 1,
                payment_window_ms: 60_000,
                account_seats_max: 4,
            },
            shapes: None,
            refund_terms: None,
            settlement_terms: None,
        }),
    }
}

pub(super) fn open() -> Intent<'static> {
    Intent::OpenSale { performance: PERFORMANCE }
}

pub(super) fn hold() -> Intent<'static> {
    let floor = SectionQuantity { section: "FLOOR", quantity: 1 };
    Intent::HoldGeneralAdmission {
        performance: PERFORMANCE,
        sections: std::iter::once(floor).collect(),
        code: None,
    }
}

/// The hold that the intent at this offset made.
pub(super) fn hold_at(offset: u64) -> HoldId {
    HoldId(IntentId::new(Slot::of(PERFORMANCE), partition(), Offset::new(offset)))
}

/// A performance, its sale, and a few things that happen in it.
pub(super) fn script() -> Vec<Bytes> {
    vec![
        record(0, 0, &create()),
        record(1, 1, &open()),
        record(2, 2, &hold()),
        record(3, 3, &hold()),
        Bytes::from_static(b"not a record at all"),
        record(4, 4, &Intent::ReleaseHold { hold: hold_at(3) }),
        record(3, 5, &Intent::PlaceOrder { hold: hold_at(4), coupon: None, points_minor: None }),
        record(5, 6, &Intent::RenewHold { hold: hold_at(77) }),
    ]
}

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(super) struct ManualClock(Arc<watch::Sender<Timestamp>>);

impl ManualClock {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Timestamp::from_millis(START_MS))))
    }

    pub(super) fn advance(&self, millis: u32) {
        self.0.send_modify(|now| *now = now.plus_millis(millis));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn wait_until(&self, at: Timestamp) {
        self.0.subscribe().wait_for(|now| *now >= at).await.unwrap();
    }
}

pub(super) struct Released(pub(super) mpsc::Sender<Arc<Step>>);

impl Release for Released {
    fn release(&mut self, steps: Vec<Arc<Step>>) {
        steps.into_iter().for_each(|step| self.0.try_send(step).unwrap());
    }
}

/// A running partition.
pub(super) struct Node<L = MemoryLog> {
    pub(super) log: L,
    pub(super) clock: ManualClock,
    pub(super) released: mpsc::Receiver<Arc<Step>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Finished, Error>>,
}

/// The config of tests: no snapshot but the last one, and a tick at once.
pub(super) fn quiet() -> Config {
    Config {
        tick_interval: std::time::Duration::ZERO,
        checkpoint_interval: std::time::Duration::from_secs(86_400),
        ..Config::default()
    }
}

pub(super) async fn recover_in(log: &impl Log, folder: &Path) -> Result<Recovered, Error> {
    recover_from(log, &Checkpoints::new(folder)).await
}

pub(super) async fn recover_from(
    log: &impl Log,
    checkpoints: &Checkpoints,
) -> Result<Recovered, Error> {
    recover(log, partition(), checkpoints, |_| ()).await
}

impl<L: Log> Node<L> {
    pub(super) async fn start(log: &L, folder: &Path, config: Config) -> Self {
        Self::start_from(log, Checkpoints::new(folder), config).await
    }

    pub(super) async fn start_from(log: &L, checkpoints: Checkpoints, config: Config) -> Self {
        let recovered = recover_from(log, &checkpoints).await.unwrap();
        let (sender, released) = mpsc::channel(4_096);
        let (clock, (stop, stopped)) = (ManualClock::new(), oneshot::channel());
        let partition = Partition::new(
            log.clone(),
            recovered,
            checkpoints,
            config,
            Released(sender),
            clock.clone(),
        );
        let stopped = async move { stopped.await.unwrap_or_default() };
        let task = tokio::spawn(partition.run(stopped));
        Self { log: log.clone(), clock, released, stop, task }
    }

    /// Puts records into the log, one after another, and returns their steps.
    pub(super) async fn ask(&mut self, records: &[Bytes]) -> Vec<Arc<Step>> {
        let mut steps = Vec::new();
        for record in records {
            let batch = vec![record.clone()];
            self.log.append(intents(), batch, Durability::Synced).await.unwrap();
            steps.push(self.released.recv().await.unwrap());
        }
        steps
    }

    pub(super) async fn finish(self) -> Finished {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap()
    }

    /// How a partition ends whose log has failed.
    pub(super) async fn failed(self) -> Error {
        self.task.await.unwrap().unwrap_err()
    }
}

/// Lets every task run until all of them wait.
pub(super) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// The step that an intent of this offset led to, when it held something.
pub(super) fn is_held(step: &Step) -> bool {
    matches!(step.reply(), Some(Outcome::Held { .. }))
}
