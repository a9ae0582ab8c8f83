//! Settlement: the fees of a performance, and its ledger as finance reads it.

use std::collections::BTreeMap;

use boxoffice_core::LedgerEntry;
use boxoffice_topics::settlement::Party;
use boxoffice_topics::{
    Currency, Intent, LedgerAccount, LedgerLine, PerformanceId, SettlementIntent, SettlementTerms,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parse::Tag;
use super::values::{Parsed, moment};
use crate::http::problem::Problem;

/// The fees of a performance. Each is rounded down for each order; what goes back takes its part of
/// the fee along.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementTermsJson {
    /// What the payment provider takes of the money that paid orders, of 10,000.
    #[serde(default)]
    #[schema(example = 275)]
    pub provider_fee_basis_points: u16,
    /// The provider does not give its fee back with the money.
    #[serde(default)]
    pub provider_keeps_fee: bool,
    /// What the platform takes of the price of tickets less what coupons of the promoter take off,
    /// of 10,000.
    #[serde(default)]
    #[schema(example = 500)]
    pub platform_fee_basis_points: u16,
    /// The tax on either fee, of 10,000.
    #[serde(default)]
    #[schema(example = 1_000)]
    pub fee_vat_basis_points: u16,
}

impl From<SettlementTermsJson> for SettlementTerms {
    fn from(terms: SettlementTermsJson) -> Self {
        let SettlementTermsJson {
            provider_fee_basis_points,
            provider_keeps_fee,
            platform_fee_basis_points,
            fee_vat_basis_points,
        } = terms;
        Self {
            provider_fee_basis_points,
            provider_keeps_fee,
            platform_fee_basis_points,
            fee_vat_basis_points,
        }
    }
}

impl From<SettlementTerms> for SettlementTermsJson {
    fn from(terms: SettlementTerms) -> Self {
        let SettlementTerms {
            provider_fee_basis_points,
            provider_keeps_fee,
            platform_fee_basis_points,
            fee_vat_basis_points,
        } = terms;
        Self {
            provider_fee_basis_points,
            provider_keeps_fee,
            platform_fee_basis_points,
            fee_vat_basis_points,
        }
    }
}

/// Says which fees are taken of orders that are sold from now on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSettlementTerms {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// The terms from now on.
    pub terms: SettlementTermsJson,
}

impl SetSettlementTerms {
    pub(super) fn to_intent(&self) -> Result<Intent<'static>, Problem> {
        let terms = SettlementTerms::from(self.terms);
        terms.validate().map_err(|error| {
            let path = format!("terms.{}", error.field);
            Problem::invalid("settlement_terms_invalid", error.reason).path(path)
        })?;
        let performance = self.performance.0;
        Ok(Intent::Settlement(SettlementIntent::SetSettlementTerms { performance, terms }))
    }
}

/// One line of the ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettlementLineJson {
    /// Its name: the log position of the outcome that moved the money, `partition-offset-index`, and
    /// the number of the line.
    #[schema(example = "2-80-1.3")]
    pub id: String,
    /// The partition of the outcomes topic.
    pub partition: u16,
    /// The offset of the step in it.
    pub offset: u64,
    /// The index of the outcome in the step.
    pub index: u16,
    /// The number of the line, from one: the lines of one outcome sum to zero.
    pub line: u16,
    /// The time of the log then.
    pub at: String,
    /// `capture`, `sale`, `return` or `repayment`.
    pub kind: &'static str,
    /// Of which order.
    #[schema(example = "1018-2-80")]
    pub order: String,
    /// What for.
    #[schema(example = "ticket_sales")]
    pub account: &'static str,
    /// ISO 4217 code.
    #[schema(example = "KRW")]
    pub currency: String,
    /// Positive when debited, negative when credited.
    #[schema(example = -165_000)]
    pub amount_minor: i64,
}

impl SettlementLineJson {
    /// One line of an entry, numbered from one.
    #[must_use]
    pub fn of(entry: &LedgerEntry, number: u16, line: LedgerLine) -> Self {
        let name = entry.name;
        Self {
            id: format!("{name}.{number}"),
            partition: name.partition().number(),
            offset: name.offset().number(),
            index: name.index(),
            line: number,
            at: moment(entry.at).0.to_string(),
            kind: entry.kind.as_str(),
            order: entry.order.to_string(),
            account: line.account.as_str(),
            currency: entry.currency.to_string(),
            amount_minor: line.amount_minor,
        }
    }
}

/// What one account comes to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccountTotalJson {
    /// ISO 4217 code.
    #[schema(example = "KRW")]
    pub currency: String,
    /// The account.
    #[schema(example = "ticket_sales")]
    pub account: &'static str,
    /// With whom it is settled: `provider`, `buyer`, `promoter` or `platform`.
    pub party: &'static str,
    /// Its balance before the period: debits less credits.
    pub opening_minor: i64,
    /// Debits of the period.
    pub debit_minor: i64,
    /// Credits of the period.
    pub credit_minor: i64,
    /// Its balance after the period.
    pub closing_minor: i64,
}

/// What is due to one party, by all of its accounts. All parties together are zero.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PartyTotalJson {
    /// ISO 4217 code.
    #[schema(example = "KRW")]
    pub currency: String,
    /// `provider`, `buyer`, `promoter` or `platform`.
    pub party: &'static str,
    /// What was due before the period. It is negative when the party owes it.
    pub opening_minor: i64,
    /// What the period adds: to a promoter, the payout of the period.
    pub due_minor: i64,
    /// What is due after the period.
    pub closing_minor: i64,
}

/// The settlement of a performance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettlementJson {
    /// Of which performance.
    pub performance: String,
    /// The period begins here; absent: with the first line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The period ends before this moment; absent: with the last line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The partition whose log it was read from.
    pub partition: u16,
    /// Everything before this offset of it is accounted for.
    pub end: u64,
    /// The number of the terms under which orders are sold now.
    pub terms_version: u16,
    /// The terms under which orders are sold now. An order keeps those of its sale.
    pub terms: SettlementTermsJson,
    /// What is due to whom, over all lines of the period.
    pub parties: Vec<PartyTotalJson>,
    /// Account by account, over all lines of the period.
    pub totals: Vec<AccountTotalJson>,
    /// A page of the lines of the period, in the order of the log.
    pub lines: Vec<SettlementLineJson>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Debits and credits, wide enough for every ledger.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    opening: i128,
    debit: i128,
    credit: i128,
}

/// The sums of one currency, one for each of [`LedgerAccount::ALL`].
type Sums = [Sum; LedgerAccount::ALL.len()];

/// The sums of one ledger over a period. The ledger is looked at under a lock that sales wait for, so
/// adding a line is adding a number.
#[derive(Debug, Default)]
pub struct SettlementTotals(BTreeMap<Currency, Sums>);

impl SettlementTotals {
    /// Adds up what was posted before a period and in it.
    #[must_use]
    pub fn of(before: &[LedgerEntry], within: &[LedgerEntry]) -> Self {
        let mut totals = Self::default();
        totals.add(before, |sum, amount| sum.opening += amount);
        totals.add(within, |sum, amount| match amount {
            0.. => sum.debit += amount,
            _ => sum.credit -= amount,
        });
        totals
    }

    fn add(&mut self, entries: &[LedgerEntry], add: impl Fn(&mut Sum, i128)) {
        for of_currency in entries.chunk_by(|one, next| one.currency == next.currency) {
            let Some(first) = of_currency.first() else { continue };
            let sums = self.0.entry(first.currency).or_default();
            for line in of_currency.iter().flat_map(|entry| &entry.lines) {
                add(&mut sums[line.account.index()], line.amount_minor.into());
            }
        }
    }

    /// Every account that was posted to, with its sums.
    fn sums(&self) -> impl Iterator<Item = (Currency, LedgerAccount, Sum)> {
        self.0.iter().flat_map(|(currency, sums)| {
            let sums = LedgerAccount::ALL.iter().zip(sums);
            let posted =
                sums.filter(|(_, sum)| sum.opening != 0 || sum.debit != 0 || sum.credit != 0);
            posted.map(|(account, sum)| (*currency, *account, *sum))
        })
    }

    /// Account by account; `None` when a sum is more than a document can show.
    #[must_use]
    pub fn accounts(&self) -> Option<Vec<AccountTotalJson>> {
        let totals = self.sums().map(|(currency, account, sum)| {
            let Sum { opening, debit, credit } = sum;
            Some(AccountTotalJson {
                currency: currency.to_string(),
                account: account.as_str(),
                party: account.party().as_str(),
                opening_minor: i64::try_from(opening).ok()?,
                debit_minor: i64::try_from(debit).ok()?,
                credit_minor: i64::try_from(credit).ok()?,
                closing_minor: i64::try_from(opening + debit - credit).ok()?,
            })
        });
        totals.collect()
    }

    /// Party by party; `None` when a sum is more than a document can show.
    #[must_use]
    pub fn parties(&self) -> Option<Vec<PartyTotalJson>> {
        let mut due: BTreeMap<(Currency, Party), (i128, i128)> = BTreeMap::new();
        for (currency, account, sum) in self.sums() {
            let (opening, period) = due.entry((currency, account.party())).or_default();
            *opening -= sum.opening;
            *period += sum.credit - sum.debit;
        }
        let totals = due.into_iter().map(|((currency, party), (opening, period))| {
            Some(PartyTotalJson {
                currency: currency.to_string(),
                party: party.as_str(),
                opening_minor: i64::try_from(opening).ok()?,
                due_minor: i64::try_from(period).ok()?,
                closing_minor: i64::try_from(opening + period).ok()?,
            })
        });
        totals.collect()
    }
}
