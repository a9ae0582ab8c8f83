//! Names that leave the system, and the keys of results that come back.
//!
//! Every name begins with the log's random id, so that two logs can share one account at the
//! provider and never meet.

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{IntentKey, LogId, OrderId};

use super::effect::Subject;

/// Names things after the log that they come from.
#[derive(Clone, Copy, Debug)]
pub struct Naming {
    log_id: LogId,
}

/// What a result says, as part of its key: a decline and a later capture are two intents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResultKind {
    Captured,
    Declined,
    Refunded,
    Failed,
}

impl ResultKind {
    /// The kind as metrics have it, and part of the key: never changed.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Declined => "declined",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
        }
    }
}

impl Naming {
    /// Names of this log.
    #[must_use]
    pub const fn new(log_id: LogId) -> Self {
        Self { log_id }
    }

    /// The order id that the provider sees: `{log id, 32 hex digits}_{order}`.
    #[must_use]
    pub fn provider_order_id(&self, order: OrderId) -> String {
        format!("{:032x}_{order}", self.log_id.as_u128())
    }

    /// The order that the provider's order id stands for; `None` when it is not of this log.
    #[must_use]
    pub fn order_of(&self, provider_order_id: &str) -> Option<OrderId> {
        let (log_id, order) = provider_order_id.split_once('_')?;
        (log_id == format!("{:032x}", self.log_id.as_u128())).then(|| order.parse().ok()).flatten()
    }

    /// The idempotency key of an effect at the provider: `{log id, 32 hex digits}-{effect}`.
    #[must_use]
    pub fn idempotency_key(&self, effect: EffectName) -> String {
        format!("{:032x}-{effect}", self.log_id.as_u128())
    }

    /// The key of the intent that carries a result. The same result has the same key whoever
    /// reports it, so that the core drops the second report.
    pub(super) fn result_key(&self, subject: Subject, kind: ResultKind) -> IntentKey {
        let subject = match subject {
            Subject::Capture(payment) => format!("payment {payment}"),
            Subject::Refund(refund) => format!("refund {refund}"),
        };
        let mut hasher = blake3::Hasher::new_derive_key("boxoffice payment result intent key v1");
        hasher.update(&self.log_id.to_bytes());
        hasher.update(subject.as_bytes()).update(b" ").update(kind.as_str().as_bytes());
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        IntentKey::from_bytes(key)
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::{Offset, PartitionId};

    use super::*;

    fn naming() -> Naming {
        Naming::new(LogId::from_u128(0xab))
    }

    #[test]
    fn provider_order_ids_fit_the_provider_and_find_their_order_again() {
        let order: OrderId = "4095-1023-2199023255551".parse().unwrap();
        let name = naming().provider_order_id(order);
        assert_eq!(name, "000000000000000000000000000000ab_4095-1023-2199023255551");
        assert!(name.len() <= 64);
        assert_eq!(naming().order_of(&name), Some(order));
        assert_eq!(Naming::new(LogId::from_u128(0xac)).order_of(&name), None);
        assert_eq!(naming().order_of("4095-1023-1"), None);
    }

    #[test]
    fn a_result_has_one_key_and_another_result_another() {
        let effect = EffectName::new(PartitionId::new(3).unwrap(), Offset::new(77), 1);
        let payment = Subject::Capture("1-3-77".parse().unwrap());
        let key = |subject, kind| naming().result_key(subject, kind);
        assert_eq!(key(payment, ResultKind::Captured), key(payment, ResultKind::Captured));
        assert_ne!(key(payment, ResultKind::Captured), key(payment, ResultKind::Declined));
        assert_ne!(
            key(Subject::Refund(effect), ResultKind::Refunded),
            key(Subject::Refund(effect), ResultKind::Failed)
        );
        assert_eq!(naming().idempotency_key(effect), "000000000000000000000000000000ab-3-77-1");
    }
}
