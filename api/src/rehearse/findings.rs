//! What a rehearsal promises, and where a promise was broken. Knows no HTTP and no log.

use std::collections::BTreeMap;

/// Details that are kept of each broken promise: enough to start looking.
const DETAILS_MAX: usize = 20;

/// Promises: the id of the invariant in the fault model, the stable name in the JSON report, and
/// the promise in words.
macro_rules! invariants {
    ($($name:ident $id:literal $code:literal $promise:literal;)*) => {
        /// A promise that the audit checks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Invariant {
            $($name,)*
        }

        impl Invariant {
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            /// The id of the invariant that it is a part of.
            pub(super) const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The stable name in the JSON report.
            pub(super) const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The promise in words.
            pub(super) const fn promise(self) -> &'static str {
                match self { $(Self::$name => $promise,)* }
            }
        }
    };
}

invariants! {
    SeatSoldOnce "I1" "seat_sold_once" "no seat is sold twice";
    StandingWithinCapacity "I1" "standing_within_capacity"
        "general admission stays within its capacity";
    SlotInOnePartition "I2" "slot_in_one_partition"
        "a slot is in one partition at a time, and decided about nowhere else";
    PlaceHasOneOwner "I2" "place_has_one_owner" "a place has one holder or owner at a time";
    TablesSoldWhole "I2" "tables_sold_whole" "a table is sold whole, and goes back whole";
    CompanionsAccompany "I2" "companions_accompany"
        "a companion seat goes with an accessible seat beside it";
    TicketHasOneHolder "I2" "ticket_has_one_holder"
        "a ticket goes from its holder to the one account that it was offered to";
    TicketByLatestCode "I2" "ticket_by_latest_code"
        "a ticket that changed hands admits by its latest code only";
    TicketAdmitsOnce "I2" "ticket_admits_once"
        "a ticket admits once, to its performance, and only while it is live";
    TurnedAwayRightly "I2" "turned_away_rightly"
        "nobody is turned away at the door whose ticket is good";
    MoneyConserved "I3" "money_conserved"
        "captured - refunded = live tickets + fees - coupons - points + what was kept, per order and in total";
    SettlementEven "I3" "settlement_even"
        "the lines that are posted for one outcome sum to zero";
    SettlementAgrees "I3" "settlement_agrees"
        "captured money, refunds and settlement totals agree, per order and in total";
    RefundsByTerms "I3" "refunds_by_terms"
        "what comes back of each ticket is what its terms say";
    RefundedOnce "I3" "refunded_once" "a ticket goes back once, and its place is free again";
    MoneyForTickets "I4" "money_for_tickets"
        "at rest an order is confirmed with its money, or ended without any";
    CancelledGivesBack "I4" "cancelled_gives_back"
        "of a performance that is not shown everything goes back, and nothing is sold any more";
    PaymentsKnown "I4" "payments_known" "no payment and no refund is unknown";
    OneReplyEach "I5" "one_reply_each" "every accepted intent has exactly one reply";
    DecidedInOnePartition "I5" "decided_in_one_partition"
        "an intent that is sent on is decided once, where its slot is";
    RepeatsAgree "I5" "repeats_agree" "a repeated key gets the same reply";
    AnswersAsExpected "I5" "answers_as_expected"
        "every answer is one that the buyer could expect";
    MessagesReceivedOnce "I5" "messages_received_once"
        "what one key tells another is received exactly once";
    PostsReceivedOnce "I5" "posts_received_once"
        "what one partition posts to another is received exactly once, in order";
    NothingLost "I6" "nothing_lost"
        "every acknowledged intent is in the log where it was promised";
    CouponsWithinQuantity "I7" "coupons_within_quantity"
        "no more coupons are issued than there are, and all of them when more are asked for";
    CouponsWithinLimit "I7" "coupons_within_limit" "no account has more coupons than its limit";
    CouponInOneOrder "I7" "coupon_in_one_order" "a coupon is in one live order at most";
    AccountWithinLimit "I8" "account_within_limit"
        "no account holds and owns more than its limit";
    ChannelWithinUses "I8" "channel_within_uses"
        "a code has no more holds and orders at a time than it may";
    HoldsEnd "I9" "holds_end" "every hold and every order has ended";
    HoldsKeepTheirTime "I9" "holds_keep_their_time" "no hold ends before its time";
    PointsNeverNegative "I10" "points_never_negative" "no wallet spends what it does not have";
    PointsBalance "I10" "points_balance"
        "every movement of points has an opposite entry; together they are zero";
    ReplayIdentical "I11" "replay_identical"
        "deciding everything again gives the same outcomes";
    LogIsWhole "I12" "log_is_whole" "offsets are dense and every record can be read";
    TimeGoesOn "I12" "time_goes_on" "the time of the log never runs back";
    PostgresIdentical "I13" "postgres_identical"
        "the rows in Postgres are the fold of the outcomes";
    AvailabilityAgrees "I13" "availability_agrees" "the seat map shows what the log says";
    TicketsAgree "I13" "tickets_agree" "buyers see the tickets that the log gave them";
    DoorsAgree "I13" "doors_agree" "the gates count the entries that the log has";
    RowsAddUp "I13" "rows_add_up"
        "Postgres adds up to the same money, places and entries";
    WalletsAgree "I13" "wallets_agree"
        "buyers see the points and coupons that the log gave them";
    PaymentsBookedOnce "I14" "payments_booked_once"
        "the provider books a payment once, and only those that the log knows";
    HoldsNeedAdmission "I15" "holds_need_admission" "nobody holds who is not inside";
    AdmittedInOrder "I15" "admitted_in_order" "admission goes by the line, and passes nobody";
    AdmittedOnce "I15" "admitted_once" "nobody is admitted twice, nor without waiting";
    AdmittedWithinRate "I15" "admitted_within_rate"
        "admissions stay within rate x time + burst";
    ActiveWithinCap "I15" "active_within_cap" "no more are inside than may be";
    PlaceKeptByBeats "I15" "place_kept_by_beats"
        "nobody misses a turn who was heard of within the grace time";
    LotteryAsSealed "I15" "lottery_as_sealed"
        "the draw follows from the sealed seed and from everybody who joined";
}

/// How a promise was kept.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// Facts that were checked.
    pub(super) checked: u64,
    /// How often it was broken.
    pub(super) count: u64,
    /// The first few cases.
    pub(super) details: Vec<String>,
}

/// Everything that the audit found.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<Invariant, Finding>);

impl Findings {
    /// Notes a fact that breaks a promise.
    pub(super) fn note(&mut self, invariant: Invariant, detail: impl FnOnce() -> String) {
        let finding = self.0.entry(invariant).or_default();
        finding.checked += 1;
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
        if holds {
            self.held(invariant, 1);
        } else {
            self.note(invariant, detail);
        }
    }

    /// Counts facts that hold.
    pub(super) fn held(&mut self, invariant: Invariant, facts: u64) {
        self.0.entry(invariant).or_default().checked += facts;
    }

    /// Takes over what another check found.
    pub(super) fn absorb(&mut self, other: Self) {
        for (invariant, theirs) in other.0 {
            let ours = self.0.entry(invariant).or_default();
            ours.checked += theirs.checked;
            ours.count += theirs.count;
            let room = DETAILS_MAX.saturating_sub(ours.details.len());
            ours.details.extend(theirs.details.into_iter().take(room));
        }
    }

    /// How a promise was broken; `None` when it was kept.
    pub(super) fn of(&self, invariant: Invariant) -> Option<&Finding> {
        self.0.get(&invariant).filter(|finding| finding.count > 0)
    }

    /// Facts that were checked for a promise.
    pub(super) fn checked(&self, invariant: Invariant) -> u64 {
        self.0.get(&invariant).map_or(0, |finding| finding.checked)
    }

    /// Whether every promise was kept.
    pub(super) fn is_clean(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Every broken promise.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Invariant, &Finding)> {
        let broken = self.0.iter().filter(|(_, finding)| finding.count > 0);
        broken.map(|(invariant, finding)| (*invariant, finding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_counted_whether_they_hold_or_not() {
        let mut findings = Findings::default();
        findings.check(true, Invariant::NothingLost, String::new);
        assert!(findings.is_clean());
        assert_eq!(findings.checked(Invariant::NothingLost), 1);
        findings.check(false, Invariant::NothingLost, || "lost".to_owned());
        let mut sum = Findings::default();
        sum.held(Invariant::NothingLost, 3);
        sum.absorb(findings);
        let finding = sum.of(Invariant::NothingLost).expect("a finding");
        assert_eq!((finding.checked, finding.count), (5, 1));
        assert!(!sum.is_clean());
    }
}
