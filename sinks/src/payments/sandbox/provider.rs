//! What the sandbox does with a request: the rules of the protocol, over the books.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use boxoffice_topics::Money;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::answer::Answer;
use super::behaviour::Behaviour;
use super::books::{Books, Cancel, Change, Entry, Opened, Payment, Promise, Status};
use super::journal::{Journal, Written};
use super::webhook::Webhooks;
use super::{SandboxConfig, SandboxError};
use crate::payments::toss::error_code::{Meaning, meaning};

/// The code of a booked payment whose answer got lost.
const CODE_INTERNAL: &str = "FAILED_INTERNAL_SYSTEM_PROCESSING";
/// The code of a refusal that is taken back later.
const CODE_REJECTED: &str = "REJECT_CARD_PAYMENT";
/// The code of a request that makes no sense.
const CODE_INVALID: &str = "INVALID_REQUEST";
/// Longest idempotency key of the provider.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 300;

/// `POST /sandbox/payments`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OpenRequest {
    order_id: String,
    amount: i64,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    behaviour: Option<Behaviour>,
    #[serde(default)]
    authenticated: Option<bool>,
}

/// `POST /v1/payments/confirm`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfirmRequest {
    payment_key: String,
    order_id: String,
    amount: i64,
}

/// `POST /v1/payments/{paymentKey}/cancel`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelRequest {
    cancel_reason: String,
    #[serde(default)]
    cancel_amount: Option<i64>,
}

/// A request that moves money.
#[derive(Clone, Debug)]
pub(super) enum Movement {
    Confirm(ConfirmRequest),
    Cancel {
        payment_key: String,
        request: CancelRequest,
    },
    /// The body is not one.
    Malformed,
}

impl Movement {
    fn payment_key(&self) -> Option<&str> {
        match self {
            Self::Confirm(request) => Some(&request.payment_key),
            Self::Cancel { payment_key, .. } => Some(payment_key),
            Self::Malformed => None,
        }
    }
}

/// The sandbox's whole state.
pub(super) struct Provider {
    pub(super) config: SandboxConfig,
    inner: Mutex<Inner>,
    webhooks: Webhooks,
}

struct Inner {
    books: Books,
    journal: Option<Journal>,
    /// Identities of requests that are being worked on.
    in_flight: HashSet<String>,
}

impl Inner {
    fn written(&self) -> Written {
        self.journal.as_ref().map_or(Written::at_once(), Journal::written)
    }

    fn commit(&mut self, entry: Entry) -> Written {
        if entry.change.is_none() && entry.promise.is_none() {
            return self.written();
        }
        let written = match &mut self.journal {
            Some(journal) => journal.append(&entry),
            None => Written::at_once(),
        };
        self.books.apply(entry);
        written
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Provider {
    pub(super) fn open(config: SandboxConfig) -> Result<Self, SandboxError> {
        let lifetime_ms = i64::try_from(config.lifetime.as_millis()).unwrap_or(i64::MAX);
        let mut books = Books::new(lifetime_ms, config.default_behaviour.clone());
        let journal = match &config.directory {
            Some(directory) => {
                Some(Journal::open(directory, config.sync, |entry| books.apply(entry))?)
            }
            None => None,
        };
        let webhooks = Webhooks::new(config.webhook_url.clone(), config.webhook_retry)?;
        let inner = Mutex::new(Inner { books, journal, in_flight: HashSet::new() });
        Ok(Self { config, inner, webhooks })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the late bookings that the last process did not come to.
    pub(super) fn resume(self: &Arc<Self>) {
        let late: Vec<_> = {
            let inner = self.inner();
            let is_late = |payment: &&Payment| {
                let waits =
                    payment.is_booked() || inner.books.status(payment, now_ms()) == Status::Aborted;
                payment.opened.behaviour.late_booking().is_some() && waits && !payment.noticed
            };
            inner.books.payments().filter(is_late).map(|it| it.opened.clone()).collect()
        };
        for opened in late {
            if let Some(delay) = opened.behaviour.late_booking() {
                self.book_late(opened.payment_key, delay);
            }
        }
    }

    /// Opens a payment; `None` when the request makes no sense.
    pub(super) fn open_payment(&self, request: OpenRequest) -> Option<(String, Written)> {
        let OpenRequest { order_id, amount, currency, behaviour, authenticated } = request;
        let is_order_id = (6..=64).contains(&order_id.len())
            && order_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_order_id || !(1..=Money::MINOR_MAX).contains(&amount) {
            return None;
        }
        let mut inner = self.inner();
        let payment_key = format!("sandbox_{}", Uuid::new_v4().simple());
        let opened = Opened {
            payment_key: payment_key.clone(),
            order_id,
            amount,
            currency: currency.unwrap_or_else(|| "KRW".into()),
            behaviour: behaviour.unwrap_or_else(|| inner.books.default_behaviour.clone()),
            authenticated: authenticated.unwrap_or(true),
            at_ms: now_ms(),
        };
        let change = Some(Change::Opened(opened));
        Some((payment_key, inner.commit(Entry { change, promise: None })))
    }

    pub(super) fn set_default_behaviour(&self, behaviour: Behaviour) -> Written {
        let change = Some(Change::Default { behaviour });
        self.inner().commit(Entry { change, promise: None })
    }

    pub(super) fn audit(&self) -> (Value, Written) {
        let inner = self.inner();
        (inner.books.audit(now_ms()), inner.written())
    }

    pub(super) fn find(&self, payment_key: &str) -> (Answer, Written) {
        let inner = self.inner();
        (show(&inner.books, inner.books.payment(payment_key)), inner.written())
    }

    pub(super) fn find_by_order(&self, order_id: &str) -> (Answer, Written) {
        let inner = self.inner();
        (show(&inner.books, inner.books.payment_of_order(order_id)), inner.written())
    }

    /// Answers a request that moves money: once for each identity.
    pub(super) async fn answer(
        self: Arc<Self>,
        movement: Movement,
        idempotency_key: Option<String>,
        url: &str,
    ) -> (Answer, Written) {
        let Some(key) = idempotency_key else {
            return self.work(movement, None).await;
        };
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            return (Answer::error("INVALID_IDEMPOTENCY_KEY"), Written::at_once());
        }
        // The body is no part of it, exactly as the provider has it.
        let identity = format!("{key} {} POST {url}", self.config.secret_key.expose());
        let identity = blake3::hash(identity.as_bytes()).to_hex().to_string();
        {
            let mut inner = self.inner();
            if let Some(answer) = inner.books.promise(&identity) {
                return (answer.clone(), inner.written());
            }
            if !inner.in_flight.insert(identity.clone()) {
                let answer = Answer::error("IDEMPOTENT_REQUEST_PROCESSING");
                return (answer, Written::at_once());
            }
        }
        let answered = self.work(movement, Some(identity.clone())).await;
        self.inner().in_flight.remove(&identity);
        answered
    }

    async fn work(
        self: &Arc<Self>,
        movement: Movement,
        identity: Option<String>,
    ) -> (Answer, Written) {
        let behaviour = movement.payment_key().and_then(|key| {
            self.inner().books.payment(key).map(|payment| payment.opened.behaviour.clone())
        });
        let behaviour = behaviour.unwrap_or_default();
        if let Some(delay) = behaviour.delay() {
            tokio::time::sleep(delay).await;
        }
        let (answer, written, moved) = {
            let mut inner = self.inner();
            let (change, answer) = decide(&inner.books, &movement, &behaviour);
            let moved = change.is_some();
            let promise = |identity| Promise { identity, answer: answer.clone() };
            let entry = Entry { change, promise: identity.map(promise) };
            (answer, inner.commit(entry), moved)
        };
        if let (true, Some(payment_key)) = (moved, movement.payment_key()) {
            self.notify(payment_key, &behaviour);
            let is_confirm = matches!(movement, Movement::Confirm(_));
            if let (true, Some(delay)) = (is_confirm, behaviour.late_booking()) {
                self.book_late(payment_key.to_owned(), delay);
            }
        }
        (answer, written)
    }

    fn notify(&self, payment_key: &str, behaviour: &Behaviour) {
        if self.config.webhook_url.is_none() {
            return;
        }
        let times = if *behaviour == Behaviour::AnswerTwice { 2 } else { 1 };
        let body = {
            let inner = self.inner();
            let payment = inner.books.payment(payment_key);
            payment.map(|payment| inner.books.render(payment, now_ms()))
        };
        for body in body.into_iter().cycle().take(times) {
            tokio::spawn(self.webhooks.deliver(body));
        }
    }

    /// Books a refused payment after a while. Only the webhook tells, so it is remembered until
    /// it has arrived.
    fn book_late(self: &Arc<Self>, payment_key: String, delay: Duration) {
        let provider = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let (body, written) = provider.book_now(&payment_key);
            let Some(body) = body else { return };
            if written.wait().await && provider.webhooks.deliver(body).await {
                let change = Some(Change::Noticed { payment_key });
                provider.inner().commit(Entry { change, promise: None });
            }
        });
    }

    fn book_now(&self, payment_key: &str) -> (Option<Value>, Written) {
        let mut inner = self.inner();
        let is_booked = inner.books.payment(payment_key).map(Payment::is_booked);
        let mut written = inner.written();
        if is_booked == Some(false) {
            let payment_key = payment_key.to_owned();
            let change = Some(Change::Booked { payment_key, at_ms: now_ms() });
            written = inner.commit(Entry { change, promise: None });
        }
        let payment = inner.books.payment(payment_key);
        (payment.map(|payment| inner.books.render(payment, now_ms())), written)
    }
}

fn show(books: &Books, payment: Option<&Payment>) -> Answer {
    payment.map_or_else(
        || Answer::error("NOT_FOUND_PAYMENT"),
        |payment| Answer::payment(&books.render(payment, now_ms())),
    )
}

/// What changes, and the answer.
fn decide(books: &Books, movement: &Movement, behaviour: &Behaviour) -> (Option<Change>, Answer) {
    let decided = match movement {
        Movement::Confirm(request) => confirm(books, request, behaviour),
        Movement::Cancel { payment_key, request } => cancel(books, payment_key, request),
        Movement::Malformed => Err((None, CODE_INVALID)),
    };
    let change = match decided {
        Ok(change) => change,
        Err((change, code)) => return (change.map(|change| *change), Answer::error(code)),
    };
    if *behaviour == Behaviour::FailAfterBooking {
        return (Some(change), Answer::error(CODE_INTERNAL));
    }
    // The answer shows the payment as it will be.
    let after = movement.payment_key().and_then(|key| books.payment(key)).cloned();
    let answer = after.map(|mut payment| {
        payment.apply(&change);
        Answer::payment(&books.render(&payment, now_ms()))
    });
    (Some(change), answer.unwrap_or_else(|| Answer::error(CODE_INTERNAL)))
}

type Decided<'a> = Result<Change, (Option<Box<Change>>, &'a str)>;

fn confirm<'a>(books: &Books, request: &ConfirmRequest, behaviour: &'a Behaviour) -> Decided<'a> {
    let payment = books.payment(&request.payment_key);
    let payment = payment.ok_or((None, "NOT_FOUND_PAYMENT_SESSION"))?;
    match books.status(payment, now_ms()) {
        Status::Done | Status::Canceled | Status::PartialCanceled => {
            return Err((None, "ALREADY_PROCESSED_PAYMENT"));
        }
        Status::Ready | Status::Aborted | Status::Expired => {
            return Err((None, "NOT_FOUND_PAYMENT_SESSION"));
        }
        Status::InProgress => (),
    }
    if payment.opened.order_id != request.order_id || payment.opened.amount != request.amount {
        return Err((None, CODE_INVALID));
    }
    let payment_key = request.payment_key.clone();
    let abort = |code: &str| {
        let (payment_key, code) = (request.payment_key.clone(), code.to_owned());
        Some(Box::new(Change::Aborted { payment_key, code }))
    };
    match behaviour {
        Behaviour::Decline { code } => {
            let is_final = meaning(Answer::error(code).status, code) == Meaning::Final;
            Err((if is_final { abort(code) } else { None }, code))
        }
        Behaviour::DeclineThenCapture { .. } => Err((abort(CODE_REJECTED), CODE_REJECTED)),
        _ => Ok(Change::Booked { payment_key, at_ms: now_ms() }),
    }
}

fn cancel<'a>(books: &Books, payment_key: &str, request: &CancelRequest) -> Decided<'a> {
    let payment = books.payment(payment_key).ok_or((None, "NOT_FOUND_PAYMENT"))?;
    match books.status(payment, now_ms()) {
        Status::Done | Status::PartialCanceled => (),
        Status::Canceled => return Err((None, "ALREADY_CANCELED_PAYMENT")),
        _ => return Err((None, "NOT_CANCELABLE_PAYMENT")),
    }
    let amount = request.cancel_amount.unwrap_or_else(|| payment.balance());
    if !(1..=payment.balance()).contains(&amount) {
        return Err((None, "NOT_CANCELABLE_AMOUNT"));
    }
    let cancel = Cancel {
        transaction_key: Uuid::new_v4().simple().to_string(),
        amount,
        reason: request.cancel_reason.clone(),
        at_ms: now_ms(),
    };
    Ok(Change::Canceled { payment_key: payment_key.to_owned(), cancel })
}
