//! The lines of one posting as they are drawn up, and the fees among them.

use boxoffice_topics::{LedgerAccount, LedgerLine, OrderId, SettlementTerms};

use crate::coupon::share_of;

/// The lines of a posting. What is zero is not written.
#[derive(Debug, Default)]
pub(super) struct Sheet(Vec<LedgerLine>);

/// What fees are a share of, in minor units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FeeBase {
    /// The money that the provider handles.
    pub(super) provider: i64,
    /// What tickets bring in.
    pub(super) platform: i64,
}

/// Fees and the tax on them, in minor units.
#[derive(Clone, Copy, Debug, Default)]
struct Fees {
    provider: i64,
    provider_vat: i64,
    platform: i64,
    platform_vat: i64,
}

impl Fees {
    /// Each is rounded down.
    fn of(terms: SettlementTerms, base: FeeBase) -> Self {
        let provider = share_of(base.provider, terms.provider_fee_basis_points.into());
        let platform = share_of(base.platform, terms.platform_fee_basis_points.into());
        let vat_of = |fee| share_of(fee, terms.fee_vat_basis_points.into());
        Self { provider, provider_vat: vat_of(provider), platform, platform_vat: vat_of(platform) }
    }
}

impl Sheet {
    pub(super) fn debit(&mut self, account: LedgerAccount, amount_minor: i64) {
        if amount_minor != 0 {
            self.0.push(LedgerLine { account, amount_minor });
        }
    }

    pub(super) fn credit(&mut self, account: LedgerAccount, amount_minor: i64) {
        self.debit(account, amount_minor.saturating_neg());
    }

    /// Charges what the fees become by a change of what they are a share of. They are rounded as a
    /// whole and not change by change, so nothing of them is left of an order that went back.
    pub(super) fn charge(&mut self, terms: SettlementTerms, before: FeeBase, after: FeeBase) {
        let (before, after) = (Fees::of(terms, before), Fees::of(terms, after));
        let more = |fee: fn(&Fees) -> i64| fee(&after).saturating_sub(fee(&before));
        let (provider, provider_vat) = (more(|it| it.provider), more(|it| it.provider_vat));
        let (platform, platform_vat) = (more(|it| it.platform), more(|it| it.platform_vat));
        self.owe(LedgerAccount::ProviderFees, LedgerAccount::ProviderFeesOwed, provider);
        self.owe(LedgerAccount::PlatformFees, LedgerAccount::PlatformFeesOwed, platform);
        self.owe(LedgerAccount::ProviderFeeVat, LedgerAccount::ProviderFeeVatOwed, provider_vat);
        self.owe(LedgerAccount::PlatformFeeVat, LedgerAccount::PlatformFeeVatOwed, platform_vat);
    }

    fn owe(&mut self, cost: LedgerAccount, owed: LedgerAccount, amount_minor: i64) {
        self.debit(cost, amount_minor);
        self.credit(owed, amount_minor);
    }

    /// The lines, which are even.
    pub(super) fn close(self, order: OrderId) -> Vec<LedgerLine> {
        let sum: i128 = self.0.iter().map(|line| i128::from(line.amount_minor)).sum();
        assert!(sum == 0, "INV-70: a posting of order {order} is {sum} off");
        self.0
    }
}
