//! The ledger of one performance: its terms, and what was posted, in the order of the log.

use std::borrow::Cow;

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    Currency, LedgerLine, OrderId, Posting, PostingKind, SettlementOutcome, SettlementTerms, Step,
    Timestamp,
};
use minicbor::{Decode, Encode};

use super::TERMS_MAX;
use crate::performance::Performance;
use crate::state::State;

/// One posting with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LedgerEntry {
    /// The outcome that caused it.
    #[n(0)]
    pub name: EffectName,
    /// The time of the log then.
    #[n(1)]
    pub at: Timestamp,
    /// What happened.
    #[n(2)]
    pub kind: PostingKind,
    /// Of which order.
    #[n(3)]
    pub order: OrderId,
    /// The currency of every amount.
    #[n(4)]
    pub currency: Currency,
    /// Line by line. They sum to zero.
    #[n(5)]
    pub lines: Box<[LedgerLine]>,
}

/// The ledger of one performance.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// By number, the latest at the end; never empty.
    terms: Vec<SettlementTerms>,
    entries: Vec<LedgerEntry>,
}

impl Ledger {
    pub(crate) fn new(terms: SettlementTerms) -> Self {
        Self { terms: vec![terms], entries: Vec::new() }
    }

    /// The terms under which orders are sold now.
    #[must_use]
    pub fn terms(&self) -> SettlementTerms {
        self.terms.last().copied().unwrap_or_default()
    }

    /// The number of the terms of now.
    #[must_use]
    pub fn version(&self) -> u16 {
        u16::try_from(self.terms.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    /// The terms of a number.
    pub(super) fn terms_of(&self, version: u16) -> SettlementTerms {
        self.terms.get(usize::from(version)).copied().unwrap_or_default()
    }

    /// The number of the terms that would come next; `None` when there are enough.
    pub(super) fn next_version(&self) -> Option<u16> {
        let count = self.terms.len();
        u16::try_from(count).ok().filter(|_| count < TERMS_MAX)
    }

    /// Everything that was posted, in the order of the log.
    #[must_use]
    pub fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    /// What was posted before a moment of the log, and what from then on.
    #[must_use]
    pub fn split_at(&self, moment: Timestamp) -> (&[LedgerEntry], &[LedgerEntry]) {
        let index = self.entries.partition_point(|entry| entry.at < moment);
        self.entries.split_at_checked(index).unwrap_or_default()
    }

    pub(crate) fn saved_terms(&self) -> Option<Cow<'_, [SettlementTerms]>> {
        let (_, later) = self.terms.split_first()?;
        (!later.is_empty()).then_some(Cow::Borrowed(later))
    }

    pub(crate) fn saved_entries(&self) -> Option<Cow<'_, [LedgerEntry]>> {
        (!self.entries.is_empty()).then_some(Cow::Borrowed(&self.entries))
    }

    pub(crate) fn restore(
        &mut self,
        later_terms: Option<&[SettlementTerms]>,
        entries: Option<Cow<'_, [LedgerEntry]>>,
    ) {
        self.terms.extend_from_slice(later_terms.unwrap_or_default());
        self.entries = entries.map(Cow::into_owned).unwrap_or_default();
    }
}

impl Performance {
    /// What its money was for; none when it was made before there was settlement.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_deref()
    }
}

impl State {
    /// Keeps what was posted, and returns whether a timer may have lost its meaning: never.
    pub(crate) fn apply_settlement(&mut self, step: &Step, outcome: &SettlementOutcome) -> bool {
        match outcome {
            SettlementOutcome::TermsSet { performance, terms, .. } => {
                if let Some(ledger) = &mut self.performance_mut(*performance).ledger {
                    ledger.terms.push(*terms);
                }
            }
            SettlementOutcome::Posted { postings } => {
                postings.iter().for_each(|posting| self.keep_posting(step, posting));
            }
        }
        false
    }

    fn keep_posting(&mut self, step: &Step, posting: &Posting) {
        let name = EffectName::new(self.partition, step.offset, posting.cause);
        if let Some(ledger) = &mut self.performance_mut(posting.performance).ledger {
            ledger.entries.push(LedgerEntry {
                name,
                at: step.now,
                kind: posting.kind,
                order: posting.order,
                currency: posting.currency,
                lines: posting.lines.as_slice().into(),
            });
        }
    }
}
