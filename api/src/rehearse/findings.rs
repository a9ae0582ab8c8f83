//! What a rehearsal promises, and where a promise was broken. Knows no HTTP and no log.

use std::collections::BTreeMap;

/// Details that are kept of each broken promise: enough to start looking.
const DETAILS_MAX: usize = 20;

/// A promise that the audit checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Invariant {
    SeatSoldOnce,
    PlaceHasOneOwner,
    StandingWithinCapacity,
    AccountWithinLimit,
    NothingLost,
    OneReplyEach,
    RepeatsAgree,
    AnswersAsExpected,
    HoldsEnd,
    HoldsKeepTheirTime,
    MoneyConserved,
    PaymentsKnown,
    AvailabilityAgrees,
    TicketsAgree,
    LogIsWhole,
    ReplayIdentical,
    PostgresIdentical,
}

impl Invariant {
    pub(super) const ALL: [Self; 17] = [
        Self::SeatSoldOnce,
        Self::PlaceHasOneOwner,
        Self::StandingWithinCapacity,
        Self::AccountWithinLimit,
        Self::NothingLost,
        Self::OneReplyEach,
        Self::RepeatsAgree,
        Self::AnswersAsExpected,
        Self::HoldsEnd,
        Self::HoldsKeepTheirTime,
        Self::MoneyConserved,
        Self::PaymentsKnown,
        Self::AvailabilityAgrees,
        Self::TicketsAgree,
        Self::LogIsWhole,
        Self::ReplayIdentical,
        Self::PostgresIdentical,
    ];

    /// The stable name in the JSON report.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::SeatSoldOnce => "seat_sold_once",
            Self::PlaceHasOneOwner => "place_has_one_owner",
            Self::StandingWithinCapacity => "standing_within_capacity",
            Self::AccountWithinLimit => "account_within_limit",
            Self::NothingLost => "nothing_lost",
            Self::OneReplyEach => "one_reply_each",
            Self::RepeatsAgree => "repeats_agree",
            Self::AnswersAsExpected => "answers_as_expected",
            Self::HoldsEnd => "holds_end",
            Self::HoldsKeepTheirTime => "holds_keep_their_time",
            Self::MoneyConserved => "money_conserved",
            Self::PaymentsKnown => "payments_known",
            Self::AvailabilityAgrees => "availability_agrees",
            Self::TicketsAgree => "tickets_agree",
            Self::LogIsWhole => "log_is_whole",
            Self::ReplayIdentical => "replay_identical",
            Self::PostgresIdentical => "postgres_identical",
        }
    }

    /// The promise in words.
    pub(super) const fn promise(self) -> &'static str {
        match self {
            Self::SeatSoldOnce => "no seat is sold twice",
            Self::PlaceHasOneOwner => "a place has one holder or owner at a time",
            Self::StandingWithinCapacity => "general admission stays within its capacity",
            Self::AccountWithinLimit => "no account holds and owns more than its limit",
            Self::NothingLost => "every acknowledged intent is in the log where it was promised",
            Self::OneReplyEach => "every accepted intent has exactly one reply",
            Self::RepeatsAgree => "a repeated key gets the same reply",
            Self::AnswersAsExpected => "every answer is one that the buyer could expect",
            Self::HoldsEnd => "every hold and every order has ended",
            Self::HoldsKeepTheirTime => "no hold ends before its time",
            Self::MoneyConserved => "captured - refunded = live tickets, per order and in total",
            Self::PaymentsKnown => "no payment and no refund is unknown",
            Self::AvailabilityAgrees => "the seat map shows what the log says",
            Self::TicketsAgree => "buyers see the tickets that the log gave them",
            Self::LogIsWhole => "offsets are dense and every record can be read",
            Self::ReplayIdentical => "deciding everything again gives the same outcomes",
            Self::PostgresIdentical => "the rows in Postgres are the fold of the outcomes",
        }
    }
}

/// One broken promise.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// How often it was broken.
    pub(super) count: u64,
    /// The first few cases.
    pub(super) details: Vec<String>,
}

/// Everything that the audit found.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<Invariant, Finding>);

impl Findings {
    /// Notes one broken promise.
    pub(super) fn note(&mut self, invariant: Invariant, detail: impl FnOnce() -> String) {
        let finding = self.0.entry(invariant).or_default();
        finding.count += 1;
        if finding.details.len() < DETAILS_MAX {
            finding.details.push(detail());
        }
    }

    /// Notes a broken promise unless `holds`.
    pub(super) fn check(
        &mut self,
        holds: bool,
        invariant: Invariant,
        detail: impl FnOnce() -> String,
    ) {
        if !holds {
            self.note(invariant, detail);
        }
    }

    /// Takes over what another check found.
    pub(super) fn absorb(&mut self, other: Self) {
        for (invariant, theirs) in other.0 {
            let ours = self.0.entry(invariant).or_default();
            ours.count += theirs.count;
            let room = DETAILS_MAX.saturating_sub(ours.details.len());
            ours.details.extend(theirs.details.into_iter().take(room));
        }
    }

    /// How a promise was broken; `None` when it was kept.
    pub(super) fn of(&self, invariant: Invariant) -> Option<&Finding> {
        self.0.get(&invariant)
    }

    /// Whether every promise was kept.
    pub(super) fn is_clean(&self) -> bool {
        self.0.is_empty()
    }

    /// Every broken promise.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Invariant, &Finding)> {
        self.0.iter().map(|(invariant, finding)| (*invariant, finding))
    }
}
