//! What became of an order that had to wait for another key: placed, or not, and what the wallet that
//! refused its points had.

use boxoffice_topics::{
    AccountId, Message, OrderId, Outcome, PartitionId, PointsOutcome, RefusalCode, Slot, Step,
    Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Decided, EarlierJson, FiguresJson, Finding};
use crate::json::moment;

/// What became of an order that had to wait.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LaterJson {
    /// The partition of the record that says so.
    pub partition: u16,
    /// Its offset.
    pub offset: u64,
    /// When it was decided.
    pub at: String,
    /// How many milliseconds after the intent.
    pub milliseconds_after: i64,
    /// `placed` or `not placed`.
    pub what: &'static str,
    /// The code of the rule by which it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "points_insufficient")]
    pub rule: Option<&'static str>,
    /// That rule in a sentence.
    #[serde(skip)]
    pub(super) meaning: Option<&'static str>,
}

/// An order that had to wait, followed to its end.
#[derive(Clone, Debug)]
pub struct Waited {
    order: OrderId,
    account: AccountId,
    points_asked: Option<i64>,
    end: Option<End>,
    wallet: Option<(PartitionId, WalletTale)>,
}

#[derive(Clone, Debug)]
struct End {
    finding: Finding,
    reason: Option<RefusalCode>,
}

/// What a wallet had when it refused an order.
#[derive(Clone, Debug)]
pub struct WalletTale {
    account: AccountId,
    order: OrderId,
    balance: i64,
    last: Option<Finding>,
    has_refused: bool,
    is_complete: bool,
}

impl Decided<'_> {
    /// The order that was told to wait, if it was.
    #[must_use]
    pub fn waits(&self) -> Option<Waited> {
        let Some(Outcome::OrderReserving(waits)) = self.step.reply() else { return None };
        let (order, account) = (waits.order, waits.account);
        Some(Waited { order, account, points_asked: None, end: None, wallet: None })
    }
}

impl Waited {
    /// Takes the next step of the order's partition, from the one on that told it to wait. Returns
    /// whether its end is known.
    pub fn follow(&mut self, step: &Step) -> bool {
        for outcome in &step.outcomes {
            match outcome {
                Outcome::MessageSent { message: Message::ReservePoints { order, amount, .. } }
                    if *order == self.order =>
                {
                    self.points_asked = Some(amount.minor);
                }
                Outcome::OrderPlaced { order, .. } if *order == self.order => {
                    self.end = Some(End { finding: Finding::new(step, "placed"), reason: None });
                }
                Outcome::OrderNotPlaced { order, reason, .. } if *order == self.order => {
                    let finding = Finding::new(step, "not placed");
                    self.end = Some(End { finding, reason: Some(*reason) });
                }
                _ => (),
            }
        }
        self.end.is_some()
    }

    /// The wallet that has to be looked into: it refused the order.
    #[must_use]
    pub fn wallet_to_look_into(&self) -> Option<WalletTale> {
        let reason = self.end.as_ref()?.reason?;
        let (account, order) = (self.account, self.order);
        let tale = WalletTale {
            account,
            order,
            balance: 0,
            last: None,
            has_refused: false,
            is_complete: false,
        };
        (reason == RefusalCode::PointsInsufficient).then_some(tale)
    }

    /// What was found in the wallet.
    pub fn looked_into(&mut self, partition: PartitionId, tale: WalletTale) {
        self.wallet = Some((partition, tale));
    }

    /// What became of the order; nothing while it waits, or when that is not known.
    pub(super) fn shown(&self, decided: &Decided<'_>) -> Option<LaterJson> {
        let End { finding, reason } = self.end.as_ref()?;
        Some(LaterJson {
            partition: decided.id.partition().number(),
            offset: finding.offset.number(),
            at: moment(finding.at).0.to_string(),
            milliseconds_after: since(decided.step.now, finding.at),
            what: finding.what,
            rule: reason.map(RefusalCode::as_str),
            meaning: reason.map(RefusalCode::meaning),
        })
    }

    /// What last happened to the wallet before it refused.
    pub(super) fn earlier(&self, decided: &Decided<'_>) -> Option<EarlierJson> {
        let (partition, tale) = self.wallet.as_ref()?;
        let last = tale.last.as_ref()?;
        let mut earlier = last.shown(decided, *partition, "your wallet".to_owned());
        // The wallet may have changed after the intent, and before it refused.
        if let Some(End { finding, .. }) = &self.end {
            earlier.milliseconds_before = since(last.at, finding.at);
        }
        Some(earlier)
    }

    /// Whether the wallet has records that were not looked at.
    pub(super) fn is_cut_short(&self) -> bool {
        self.wallet.as_ref().is_some_and(|(_, tale)| !tale.is_complete)
    }

    pub(super) fn figures(&self) -> Option<FiguresJson> {
        let (_, tale) = self.wallet.as_ref()?;
        let had = tale.is_complete.then_some(tale.balance);
        Some(FiguresJson { limit: None, had, asked: self.points_asked })
    }
}

const fn since(before: Timestamp, after: Timestamp) -> i64 {
    after.as_millis().saturating_sub(before.as_millis())
}

impl WalletTale {
    /// Takes the next step of the wallet's partition. Returns whether it refused the order.
    pub fn fold(&mut self, step: &Step) -> bool {
        for outcome in &step.outcomes {
            match outcome {
                Outcome::Points(outcome) => self.fold_points(outcome, step),
                Outcome::MessageSent { message: Message::PointsRefused { order, .. } } => {
                    self.has_refused |= *order == self.order;
                }
                _ => (),
            }
        }
        self.has_refused
    }

    /// The slot of the wallet's key.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot::of_account(self.account)
    }

    /// Every step before the refusal was folded.
    pub fn complete(&mut self) {
        self.is_complete = self.has_refused;
    }

    fn fold_points(&mut self, outcome: &PointsOutcome, step: &Step) {
        let (account, change, what) = match outcome {
            PointsOutcome::RuleSet { .. } => return,
            PointsOutcome::Credited { account, amount, debt_paid_minor, .. } => {
                (account, amount.minor - debt_paid_minor, "credited")
            }
            PointsOutcome::Reserved { account, amount, .. } => {
                (account, -amount.minor, "drawn on for an order")
            }
            PointsOutcome::Committed { account, .. } => (account, 0, "drawn on for good"),
            PointsOutcome::Released { account, amount, debt_paid_minor, .. } => {
                (account, amount.minor - debt_paid_minor, "given points back")
            }
            PointsOutcome::TakenBack { account, parts, .. } => (
                account,
                -parts.iter().map(|part| part.minor).sum::<i64>(),
                "drawn on for a refund",
            ),
            PointsOutcome::Expired { account, amount, .. } => {
                (account, -amount.minor, "emptied of what had expired")
            }
        };
        if *account == self.account {
            self.balance += change;
            let finding = Finding::new(step, what);
            // What orders do comes as messages, in nobody's name: they are the asker's.
            let is_nobody = finding.account == AccountId::default();
            let account = if is_nobody { self.account } else { finding.account };
            self.last = Some(Finding { account, ..finding });
        }
    }
}
