//! A sandbox that can be killed, results that can be awaited, and an executor between them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use boxoffice_log::{Batch, Durability, Log, LogError, LogReader, TopicPartition};
use boxoffice_topics::envelope::{ChainHash, Genesis, step_to_record};
use boxoffice_topics::intent::{PaymentResult, RefundResult};
use boxoffice_topics::outcome::{EffectName, RefundReason};
use boxoffice_topics::{
    Currency, Intent, IntentKey, LogId, Money, Offset, OrderId, Outcome, PartitionId, PaymentId,
    Step, Timestamp,
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::payments::executor::{
    Executor, ExecutorConfig, ExecutorError, ExecutorHandle, ExecutorParts, FollowFrom,
    ResultIntents, SubmitError,
};
use crate::payments::sandbox::{self, SandboxConfig};
use crate::payments::toss::{SecretKey, TossClient, TossConfig};
use crate::payments::{Effect, Naming};

pub(super) const SECRET: &str = "test_sk_secret";
pub(super) const LOG_ID: LogId = LogId::from_u128(0x0123_4567_89ab_cdef);

pub(super) fn won(minor: i64) -> Money {
    Money::new(minor, Currency::KRW)
}

pub(super) fn order(number: u64) -> OrderId {
    format!("7-0-{number}").parse().unwrap()
}

pub(super) fn payment(number: u64) -> PaymentId {
    format!("7-0-{number}").parse().unwrap()
}

pub(super) fn provider_order_id(number: u64) -> String {
    Naming::new(LOG_ID).provider_order_id(order(number))
}

fn effect_name(number: u64) -> EffectName {
    EffectName::new(PartitionId::new(0).unwrap(), Offset::new(number), 0)
}

/// The capture that pays order `number`.
pub(super) fn capture(number: u64, amount: i64, payment_key: &str) -> Effect {
    Effect::Capture {
        name: effect_name(number),
        payment: payment(number),
        order: order(number),
        amount: won(amount),
        payment_key: payment_key.into(),
    }
}

/// The refund of the payment that [`capture`] makes.
pub(super) fn refund(number: u64, amount: i64, payment_key: &str) -> Effect {
    Effect::Refund {
        name: effect_name(number + 1_000),
        payment: payment(number),
        order: order(number),
        amount: won(amount),
        payment_key: payment_key.into(),
        reason: RefundReason::OrderCancelled,
    }
}

/// One of several refunds of the payment that [`capture`] makes.
pub(super) fn refund_part(number: u64, part: u64, amount: i64, payment_key: &str) -> Effect {
    let Effect::Refund { payment, order, amount, payment_key, .. } =
        refund(number, amount, payment_key)
    else {
        unreachable!("a refund is one")
    };
    let (name, reason) = (effect_name(number + 2_000 + part), RefundReason::TicketsRefunded);
    Effect::Refund { name, payment, order, amount, payment_key, reason }
}

/// Adds the step of the input at `offset` to the outcomes.
pub(super) fn push(log: &TopicLog, log_id: LogId, offset: u64, outcomes: Vec<Outcome>) {
    let step = Step { offset: Offset::new(offset), outcomes, ..Step::default() };
    let chain = ChainHash::of_log(log_id);
    log.push(step_to_record(log_id, 1, chain, &step, &mut Vec::new()).0);
}

/// Asks for a capture of 1,000 won.
pub(super) fn requested(number: u64, payment_key: &str) -> Outcome {
    let (payment, order, amount) = (payment(number), order(number), won(1_000));
    Outcome::PaymentRequested { payment, order, amount, payment_key: payment_key.into() }
}

/// A sandbox in a runtime of its own, which can be ended like a process.
pub(super) struct SandboxProcess {
    pub(super) address: SocketAddr,
    http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl SandboxProcess {
    pub(super) fn config(directory: Option<&Path>) -> SandboxConfig {
        SandboxConfig {
            directory: directory.map(Path::to_owned),
            webhook_retry: Duration::from_millis(10),
            ..SandboxConfig::new(SecretKey::new(SECRET))
        }
    }

    pub(super) async fn start() -> Self {
        Self::start_with(Self::config(None), None).await
    }

    pub(super) async fn start_with(config: SandboxConfig, at: Option<SocketAddr>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = oneshot::channel();
        let run = async move {
            let at = at.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
            let listener = TcpListener::bind(at).await.unwrap();
            ready.send(listener.local_addr().unwrap()).unwrap();
            tokio::select! {
                result = sandbox::serve(listener, config) => result.unwrap(),
                _ = stopped => (),
            }
        };
        let thread = thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(run);
        });
        let (address, http) = (address.await.unwrap(), reqwest::Client::new());
        Self { address, http, stop: Some(stop), thread: Some(thread) }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that is under way ends at once.
    pub(super) fn kill(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// A buyer authenticates a payment for order `number`.
    pub(super) async fn open(&self, number: u64, amount: i64, behaviour: Value) -> String {
        let body = json!({
            "orderId": provider_order_id(number), "amount": amount, "behaviour": behaviour
        });
        let request = self.http.post(self.url("/sandbox/payments")).json(&body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["paymentKey"].as_str().unwrap().to_owned()
    }

    pub(super) async fn books(&self) -> Value {
        let request = self.http.get(self.url("/sandbox/books"));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// What was captured and refunded in all.
    pub(super) async fn totals(&self) -> (i64, i64) {
        let books = self.books().await;
        (books["captured"].as_i64().unwrap(), books["refunded"].as_i64().unwrap())
    }

    pub(super) fn toss_config(&self) -> TossConfig {
        TossConfig { base_url: self.url("").into(), ..TossConfig::new(SecretKey::new(SECRET)) }
    }

    pub(super) fn client(&self) -> TossClient {
        TossClient::new(&self.toss_config()).unwrap()
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A result as it reached the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    Captured(PaymentId, i64),
    Declined(PaymentId, String),
    Refunded(PaymentId, i64),
    Failed(PaymentId, String),
}

/// Takes results; turns away the first few, or keeps every one waiting for ever.
pub(super) struct Results {
    sender: mpsc::Sender<(Recorded, IntentKey)>,
    busy: Arc<AtomicU32>,
    endless: bool,
}

impl ResultIntents for Results {
    async fn submit(&self, intent: Intent<'_>, key: IntentKey) -> Result<(), SubmitError> {
        let busy = self.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if busy.is_ok() {
            return Err(SubmitError::Busy);
        }
        let recorded = match intent {
            Intent::RecordPaymentResult { payment, result } => match result {
                PaymentResult::Captured { amount } => Recorded::Captured(payment, amount.minor),
                PaymentResult::Declined { code } => Recorded::Declined(payment, code.to_owned()),
            },
            Intent::RecordRefundResult { payment, result, .. } => match result {
                RefundResult::Refunded { amount } => Recorded::Refunded(payment, amount.minor),
                RefundResult::Failed { code } => Recorded::Failed(payment, code.to_owned()),
            },
            other => panic!("not a result: {other:?}"),
        };
        // A test that has seen enough may have dropped its end.
        drop(self.sender.send((recorded, key)).await);
        if self.endless {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// A running executor.
pub(super) struct Running {
    pub(super) handle: ExecutorHandle,
    pub(super) task: JoinHandle<Result<(), ExecutorError>>,
    results: mpsc::Receiver<(Recorded, IntentKey)>,
    busy: Arc<AtomicU32>,
}

/// How to start an executor.
pub(super) struct Start {
    pub(super) pending: Vec<Effect>,
    pub(super) log: TopicLog,
    pub(super) follow_from: Option<u64>,
    pub(super) busy: u32,
    pub(super) endless_submit: bool,
}

impl Start {
    pub(super) fn with(pending: Vec<Effect>) -> Self {
        let log = TopicLog::new();
        Self { pending, log, follow_from: None, busy: 0, endless_submit: false }
    }

    /// With an effect that nobody has asked the provider for yet.
    pub(super) fn fresh(number: u64, payment_key: &str) -> Self {
        let start = Self { follow_from: Some(1), ..Self::with(Vec::new()) };
        push(&start.log, LOG_ID, 1, vec![requested(number, payment_key)]);
        start
    }

    pub(super) fn run(self, client: TossClient) -> Running {
        let (sender, results) = mpsc::channel(1_024);
        let busy = Arc::new(AtomicU32::new(self.busy));
        let parts = ExecutorParts {
            log: self.log,
            provider: client,
            results: Results { sender, busy: Arc::clone(&busy), endless: self.endless_submit },
            // Order and payment of one number belong together here.
            lookup: |order: OrderId, _: &str| Some(PaymentId(order.0)),
        };
        let config = ExecutorConfig {
            backoff_min: Duration::from_millis(2),
            backoff_max: Duration::from_millis(20),
            backoff_misconfigured: Duration::from_millis(5),
            submit_backoff_max: Duration::from_millis(2),
            ..ExecutorConfig::default()
        };
        let partition = PartitionId::new(0).unwrap();
        let from = self.follow_from.map(|at| FollowFrom { partition, offset: Offset::new(at) });
        let from = from.into_iter().collect();
        let (executor, handle) = Executor::new(parts, self.pending, from, config);
        Running { handle, task: tokio::spawn(executor.run()), results, busy }
    }
}

impl Running {
    pub(super) async fn next(&mut self) -> Recorded {
        self.next_with_key().await.0
    }

    pub(super) async fn next_with_key(&mut self) -> (Recorded, IntentKey) {
        self.results.recv().await.unwrap()
    }

    /// Ingest has room from now on.
    pub(super) fn make_room(&self) {
        self.busy.store(0, Ordering::SeqCst);
    }

    /// Waits until nothing is pending.
    pub(super) async fn drained(&self) {
        eventually(|| self.handle.pending() == 0).await;
    }

    /// Stops the executor. Returns what reached the log and was not looked at.
    pub(super) async fn stop(mut self) -> Vec<Recorded> {
        self.handle.stop();
        self.task.await.unwrap().unwrap();
        std::iter::from_fn(|| self.results.try_recv().ok()).map(|(it, _)| it).collect()
    }
}

/// Waits for a condition that nobody announces.
pub(super) async fn eventually(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The outcomes of one partition, in memory.
#[derive(Clone)]
pub(super) struct TopicLog {
    records: Arc<Mutex<Vec<Bytes>>>,
    end: Arc<watch::Sender<u64>>,
}

impl TopicLog {
    pub(super) fn new() -> Self {
        let genesis = Genesis { log_id: LOG_ID, created_at: Timestamp::from_millis(0) };
        let records = Arc::new(Mutex::new(vec![genesis.to_record().into()]));
        Self { records, end: Arc::new(watch::Sender::new(1)) }
    }

    pub(super) fn push(&self, record: Vec<u8>) {
        self.records.lock().unwrap().push(record.into());
        self.end.send_modify(|end| *end += 1);
    }
}

impl Log for TopicLog {
    type Reader = TopicReader;

    fn log_id(&self) -> LogId {
        LOG_ID
    }

    fn partitions(&self) -> u16 {
        1
    }

    async fn append(
        &self,
        _: TopicPartition,
        _: Vec<Bytes>,
        _: Durability,
    ) -> Result<Offset, LogError> {
        unreachable!("the executor appends nothing")
    }

    async fn end(&self, _: TopicPartition) -> Result<Offset, LogError> {
        Ok(Offset::new(*self.end.borrow()))
    }

    async fn wait_durable(&self, _: TopicPartition, _: Offset) -> Result<(), LogError> {
        Ok(())
    }

    async fn read(&self, _: TopicPartition, at: Offset) -> Result<TopicReader, LogError> {
        let end = Offset::new(*self.end.borrow());
        if at > end {
            return Err(LogError::OutOfRange { asked: at, end });
        }
        Ok(TopicReader { log: self.clone(), end: self.end.subscribe(), next: at })
    }
}

pub(super) struct TopicReader {
    log: TopicLog,
    end: watch::Receiver<u64>,
    next: Offset,
}

impl LogReader for TopicReader {
    async fn next(&mut self) -> Result<Batch, LogError> {
        let first = self.next;
        self.end.wait_for(|&end| end > first.number()).await.unwrap();
        let records = self.log.records.lock().unwrap()[first.number() as usize..].to_vec();
        let batch = Batch { first, records };
        self.next = batch.end();
        Ok(batch)
    }
}
