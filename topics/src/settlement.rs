//! Settlement: what the money of a performance is for, in double entry, and the terms by which fees
//! are taken of it.
//!
//! Variant and field numbers are part of the log and never change their meaning.

use minicbor::{Decode, Encode};

use crate::coupon::BASIS_POINTS;
use crate::definition::{DefinitionInvalid, invalid};
use crate::ids::{OrderId, PerformanceId};
use crate::money::Currency;
use crate::outcome::Outcome;
use crate::partition::Slot;

/// The fees of a performance. A fee is a share of what is kept, rounded down for each order; what is
/// given back takes its part of the fee along, so an order that goes back whole leaves none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct SettlementTerms {
    /// What the payment provider takes of the money that paid orders, in [`BASIS_POINTS`].
    #[n(0)]
    pub provider_fee_basis_points: u16,
    /// The provider does not give its fee back with the money.
    #[n(1)]
    pub provider_keeps_fee: bool,
    /// What the platform takes of the price of tickets less what the promoter's own coupons take
    /// off, in [`BASIS_POINTS`].
    #[n(2)]
    pub platform_fee_basis_points: u16,
    /// The tax on either fee, in [`BASIS_POINTS`] of it, rounded down for each.
    #[n(3)]
    pub fee_vat_basis_points: u16,
}

impl SettlementTerms {
    /// Checks everything that the rest of the system relies on.
    ///
    /// # Errors
    /// Names the first field that is wrong, as a path from the root of the terms.
    pub fn validate(&self) -> Result<(), DefinitionInvalid> {
        for (field, share) in [
            ("provider_fee_basis_points", self.provider_fee_basis_points),
            ("platform_fee_basis_points", self.platform_fee_basis_points),
            ("fee_vat_basis_points", self.fee_vat_basis_points),
        ] {
            if share > BASIS_POINTS {
                return invalid(field, format!("must be 0 to {BASIS_POINTS}"));
            }
        }
        Ok(())
    }
}

macro_rules! ledger_accounts {
    ($($(#[doc = $doc:literal])* $number:literal $name:ident $code:literal $party:ident;)*) => {
        /// What an amount is for. An amount is positive when it is debited and negative when it is
        /// credited.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
        #[cbor(index_only)]
        pub enum LedgerAccount {
            $($(#[doc = $doc])* #[n($number)] $name,)*
        }

        impl LedgerAccount {
            /// Every account, in order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The account as clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Its place in [`LedgerAccount::ALL`].
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }

            /// With whom it is settled.
            #[must_use]
            pub const fn party(self) -> Party {
                match self { $(Self::$name => Party::$party,)* }
            }
        }
    };
}

ledger_accounts! {
    /// Money that the payment provider took and has not given back.
    1 ProviderCash "provider_cash" Provider;
    /// Money that belongs to buyers: it paid for nothing, or is on its way back.
    2 BuyerMoney "buyer_money" Buyer;
    /// The price of places that were sold.
    3 TicketSales "ticket_sales" Promoter;
    /// The price of places that were given back.
    4 Refunds "refunds" Promoter;
    /// What was kept of tickets that went back.
    5 CancellationFees "cancellation_fees" Promoter;
    /// What bookings cost beside their places.
    6 BookingFees "booking_fees" Platform;
    /// What coupons of the platform took off.
    7 PlatformDiscounts "platform_discounts" Platform;
    /// What coupons of the promoter took off.
    8 PromoterDiscounts "promoter_discounts" Promoter;
    /// What points paid.
    9 Points "points" Platform;
    /// What the provider's fee costs the promoter.
    10 ProviderFees "provider_fees" Promoter;
    /// The same, as it is owed to the provider.
    11 ProviderFeesOwed "provider_fees_owed" Provider;
    /// What the platform's fee costs the promoter.
    12 PlatformFees "platform_fees" Promoter;
    /// The same, as the platform has it.
    13 PlatformFeesOwed "platform_fees_owed" Platform;
    /// The tax on fees of the provider that the promoter bears.
    14 ProviderFeeVat "provider_fee_vat" Promoter;
    /// The same, as it is owed to the provider, who owes it to the state.
    15 ProviderFeeVatOwed "provider_fee_vat_owed" Provider;
    /// The tax on fees of the platform that the promoter bears.
    16 PlatformFeeVat "platform_fee_vat" Promoter;
    /// The same, as the platform has it, who owes it to the state.
    17 PlatformFeeVatOwed "platform_fee_vat_owed" Platform;
}

/// With whom an account is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The payment provider.
    Provider,
    /// Buyers.
    Buyer,
    /// Who puts the performance on sale: the balance of its accounts, credited, is the payout.
    Promoter,
    /// Who runs the shop.
    Platform,
}

impl Party {
    /// Every party.
    pub const ALL: [Self; 4] = [Self::Provider, Self::Buyer, Self::Promoter, Self::Platform];

    /// The party as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Buyer => "buyer",
            Self::Promoter => "promoter",
            Self::Platform => "platform",
        }
    }
}

/// What happened to the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum PostingKind {
    /// The provider took it.
    #[n(1)]
    Capture,
    /// Places were sold for it.
    #[n(2)]
    Sale,
    /// Places went back, and it is the buyer's again.
    #[n(3)]
    Return,
    /// The provider gave it back.
    #[n(4)]
    Repayment,
}

impl PostingKind {
    /// Every kind, in order of its number.
    pub const ALL: [Self; 4] = [Self::Capture, Self::Sale, Self::Return, Self::Repayment];

    /// The kind as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Sale => "sale",
            Self::Return => "return",
            Self::Repayment => "repayment",
        }
    }
}

/// One line of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LedgerLine {
    /// What for.
    #[n(0)]
    pub account: LedgerAccount,
    /// How much, in minor units: positive when debited, negative when credited, never zero.
    #[n(1)]
    pub amount_minor: i64,
}

/// What one outcome does to the money of an order. Its lines sum to zero.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Posting {
    /// Index, in the same step, of the outcome that caused it: with the place of the step, the log
    /// position that its lines cite.
    #[n(0)]
    pub cause: u16,
    /// What happened.
    #[n(1)]
    pub kind: PostingKind,
    /// Of which performance.
    #[n(2)]
    pub performance: PerformanceId,
    /// Of which order.
    #[n(3)]
    pub order: OrderId,
    /// The currency of every amount.
    #[n(4)]
    pub currency: Currency,
    /// Line by line, each account once.
    #[n(5)]
    pub lines: Vec<LedgerLine>,
}

/// What somebody asks about settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SettlementIntent {
    /// Orders are sold under other fees from now on.
    #[n(1)]
    SetSettlementTerms {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The terms.
        #[n(1)]
        terms: SettlementTerms,
    },
}

impl SettlementIntent {
    /// The slot of the intent's key.
    #[must_use]
    pub fn slot(&self) -> Slot {
        let Self::SetSettlementTerms { performance, .. } = self;
        Slot::of(*performance)
    }

    /// The intent's type as clients write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        let Self::SetSettlementTerms { .. } = self;
        "set_settlement_terms"
    }
}

/// What was decided about settlement.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SettlementOutcome {
    /// Orders are sold under other fees.
    #[n(1)]
    TermsSet {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Their number; the terms of the definition are number 0.
        #[n(1)]
        version: u16,
        /// The terms.
        #[n(2)]
        terms: SettlementTerms,
    },
    /// What the other outcomes of the step do to the money. It is the last of its step.
    #[n(2)]
    Posted {
        /// In the order of the outcomes that caused them.
        #[n(0)]
        postings: Vec<Posting>,
    },
}

impl From<SettlementOutcome> for Outcome {
    fn from(outcome: SettlementOutcome) -> Self {
        Self::Settlement(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_say_what_is_wrong_with_them() {
        let terms = SettlementTerms { fee_vat_basis_points: 10_000, ..SettlementTerms::default() };
        assert_eq!(terms.validate(), Ok(()));
        let error = SettlementTerms { platform_fee_basis_points: 10_001, ..terms }.validate();
        assert_eq!(error.unwrap_err().field, "platform_fee_basis_points");
    }

    #[test]
    fn accounts_and_kinds_have_names_of_their_own() {
        assert!(LedgerAccount::ALL.iter().enumerate().all(|(index, it)| it.index() == index));
        let mut names: Vec<_> = LedgerAccount::ALL.iter().map(|account| account.as_str()).collect();
        names.extend(PostingKind::ALL.map(PostingKind::as_str));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
