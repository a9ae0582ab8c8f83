//! The books: every payment, every movement of money, every answer that was given under an
//! idempotency key. Pure: no clock, no files, no HTTP.
//!
//! INV-1: a payment key is booked at most once.
//! INV-2: what was given back never exceeds what was booked.
//! INV-3: the books are the fold of their entries, so reading the entries again gives them back.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::Answer;
use super::behaviour::Behaviour;

/// One line of the books: what changed, and the answer that was promised with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) change: Option<Change>,
    pub(super) promise: Option<Promise>,
}

/// An answer under its idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Promise {
    pub(super) identity: String,
    pub(super) answer: Answer,
}

/// Something that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Change {
    Opened(Opened),
    Booked {
        payment_key: String,
        at_ms: i64,
    },
    Aborted {
        payment_key: String,
        code: String,
    },
    Canceled {
        payment_key: String,
        cancel: Cancel,
    },
    /// The webhook of a late booking arrived.
    Noticed {
        payment_key: String,
    },
    /// What new payments do when they are not told.
    Default {
        behaviour: Behaviour,
    },
}

/// A payment that a buyer authenticated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Opened {
    pub(super) payment_key: String,
    pub(super) order_id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) behaviour: Behaviour,
    /// False while the buyer has not finished: it cannot be confirmed.
    pub(super) authenticated: bool,
    pub(super) at_ms: i64,
}

/// Money that was given back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cancel {
    pub(super) transaction_key: String,
    pub(super) amount: i64,
    pub(super) reason: String,
    pub(super) at_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ready,
    InProgress,
    Done,
    Aborted,
    Canceled,
    PartialCanceled,
    Expired,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::InProgress => "IN_PROGRESS",
            Self::Done => "DONE",
            Self::Aborted => "ABORTED",
            Self::Canceled => "CANCELED",
            Self::PartialCanceled => "PARTIAL_CANCELED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// A payment.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) opened: Opened,
    booked_at_ms: Option<i64>,
    aborted: Option<String>,
    cancels: Vec<Cancel>,
    pub(super) noticed: bool,
}

impl Payment {
    fn canceled(&self) -> i64 {
        self.cancels.iter().map(|cancel| cancel.amount).sum()
    }

    pub(super) fn balance(&self) -> i64 {
        self.opened.amount - self.canceled()
    }

    pub(super) const fn is_booked(&self) -> bool {
        self.booked_at_ms.is_some()
    }

    /// Applies a change of this payment.
    ///
    /// # Panics
    /// When it would break an invariant.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Opened(_) | Change::Default { .. } => (),
            Change::Booked { at_ms, .. } => {
                assert!(self.booked_at_ms.is_none(), "INV-1: booked twice");
                self.booked_at_ms = Some(*at_ms);
            }
            Change::Aborted { code, .. } => self.aborted = Some(code.clone()),
            Change::Canceled { cancel, .. } => {
                assert!(self.is_booked(), "INV-2: given back before it was booked");
                assert!(cancel.amount <= self.balance(), "INV-2: too much given back");
                self.cancels.push(cancel.clone());
            }
            Change::Noticed { .. } => self.noticed = true,
        }
    }

    /// A payment that is not confirmed in time expires by itself.
    pub(super) fn status(&self, now_ms: i64, lifetime_ms: i64) -> Status {
        if self.is_booked() {
            match self.canceled() {
                0 => Status::Done,
                canceled if canceled == self.opened.amount => Status::Canceled,
                _ => Status::PartialCanceled,
            }
        } else if self.aborted.is_some() {
            Status::Aborted
        } else if now_ms >= self.opened.at_ms.saturating_add(lifetime_ms) {
            Status::Expired
        } else if self.opened.authenticated {
            Status::InProgress
        } else {
            Status::Ready
        }
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct Books {
    payments: HashMap<String, Payment>,
    by_order: HashMap<String, Vec<String>>,
    promises: HashMap<String, Answer>,
    pub(super) default_behaviour: Behaviour,
    lifetime_ms: i64,
}

impl Books {
    pub(super) fn new(lifetime_ms: i64, default_behaviour: Behaviour) -> Self {
        Self {
            payments: HashMap::new(),
            by_order: HashMap::new(),
            promises: HashMap::new(),
            default_behaviour,
            lifetime_ms,
        }
    }

    pub(super) fn promise(&self, identity: &str) -> Option<&Answer> {
        self.promises.get(identity)
    }

    pub(super) fn payment(&self, payment_key: &str) -> Option<&Payment> {
        self.payments.get(payment_key)
    }

    pub(super) fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values()
    }

    pub(super) fn status(&self, payment: &Payment, now_ms: i64) -> Status {
        payment.status(now_ms, self.lifetime_ms)
    }

    /// The payment of an order: the one that was booked, else the newest.
    pub(super) fn payment_of_order(&self, order_id: &str) -> Option<&Payment> {
        let keys = self.by_order.get(order_id)?;
        let mut payments = keys.iter().filter_map(|key| self.payments.get(key));
        let booked = payments.clone().find(|payment| payment.is_booked());
        booked.or_else(|| payments.next_back())
    }

    /// Applies an entry that was decided before.
    ///
    /// # Panics
    /// When the entry would break an invariant: then the books cannot be trusted.
    pub(super) fn apply(&mut self, entry: Entry) {
        if let Some(Promise { identity, answer }) = entry.promise {
            self.promises.insert(identity, answer);
        }
        let Some(change) = entry.change else { return };
        match change {
            Change::Opened(opened) => self.open(opened),
            Change::Default { behaviour } => self.default_behaviour = behaviour,
            Change::Booked { ref payment_key, .. }
            | Change::Aborted { ref payment_key, .. }
            | Change::Canceled { ref payment_key, .. }
            | Change::Noticed { ref payment_key } => {
                if let Some(payment) = self.payments.get_mut(payment_key) {
                    payment.apply(&change);
                }
            }
        }
    }

    fn open(&mut self, opened: Opened) {
        let keys = self.by_order.entry(opened.order_id.clone()).or_default();
        keys.push(opened.payment_key.clone());
        let (booked_at_ms, aborted, cancels, noticed) = (None, None, Vec::new(), false);
        self.payments.insert(
            opened.payment_key.clone(),
            Payment { opened, booked_at_ms, aborted, cancels, noticed },
        );
    }

    /// A payment as the provider shows it.
    pub(super) fn render(&self, payment: &Payment, now_ms: i64) -> Value {
        let status = self.status(payment, now_ms);
        let time = |at_ms| jiff::Timestamp::from_millisecond(at_ms).map(|at| at.to_string()).ok();
        let code = match status {
            Status::Aborted => payment.aborted.as_deref(),
            Status::Expired => Some("EXPIRED_PAYMENT"),
            _ => None,
        };
        let cancel = |cancel: &Cancel| {
            json!({
                "transactionKey": cancel.transaction_key,
                "cancelReason": cancel.reason,
                "cancelAmount": cancel.amount,
                "canceledAt": time(cancel.at_ms),
                "cancelStatus": "DONE",
            })
        };
        let cancels = payment.cancels.iter().map(cancel).collect::<Vec<_>>();
        json!({
            "version": "2022-11-16",
            "mId": "sandbox",
            "type": "NORMAL",
            "method": "카드",
            "country": "KR",
            "paymentKey": payment.opened.payment_key,
            "orderId": payment.opened.order_id,
            "currency": payment.opened.currency,
            "status": status.as_str(),
            "totalAmount": payment.opened.amount,
            "balanceAmount": payment.balance(),
            "requestedAt": time(payment.opened.at_ms),
            "approvedAt": payment.booked_at_ms.map(time),
            "isPartialCancelable": true,
            "cancels": if cancels.is_empty() { Value::Null } else { Value::Array(cancels) },
            "failure": code.map(|code| json!({ "code": code, "message": "refused" })),
        })
    }

    /// The whole books, for audits: sorted, with totals.
    pub(super) fn audit(&self, now_ms: i64) -> Value {
        let mut payments: Vec<_> = self.payments.values().collect();
        payments.sort_by(|a, b| a.opened.payment_key.cmp(&b.opened.payment_key));
        let booked = || payments.iter().filter(|payment| payment.is_booked());
        let captured: i64 = booked().map(|payment| payment.opened.amount).sum();
        let refunded: i64 = booked().map(|payment| payment.canceled()).sum();
        let line = |payment: &&Payment| {
            json!({
                "paymentKey": payment.opened.payment_key,
                "orderId": payment.opened.order_id,
                "status": self.status(payment, now_ms).as_str(),
                "totalAmount": payment.opened.amount,
                "balanceAmount": payment.balance(),
            })
        };
        let lines = payments.iter().map(line).collect::<Vec<_>>();
        json!({ "payments": lines, "captured": captured, "refunded": refunded })
    }
}
