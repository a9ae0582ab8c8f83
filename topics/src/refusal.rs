//! Why an intent was refused. Codes are numbered, append-only, and never reused.

use minicbor::{Decode, Encode};

macro_rules! refusal_codes {
    ($($(#[doc = $doc:literal])* $number:literal $name:ident $code:literal;)*) => {
        /// The reason of a refusal: a number on the wire and a stable snake-case code at the edges.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(index_only)]
        pub enum RefusalCode {
            $($(#[doc = $doc])* #[n($number)] $name,)*
        }

        impl RefusalCode {
            /// Every code, in order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The rule in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }
        }
    };
}

refusal_codes! {
    /// No performance has this id.
    1 PerformanceUnknown "performance_unknown";
    /// A performance with this id exists already.
    2 PerformanceAlreadyExists "performance_already_exists";
    /// The definition breaks a rule that ingest should have caught.
    3 DefinitionInvalid "definition_invalid";
    /// The partition carries as many performances as it may.
    4 PerformanceLimitReached "performance_limit_reached";
    /// The sale is open already.
    5 SaleAlreadyOpen "sale_already_open";
    /// The sale is closed already.
    6 SaleAlreadyClosed "sale_already_closed";
    /// The sale has not opened yet.
    7 SaleNotOpen "sale_not_open";
    /// The sale has closed.
    8 SaleClosed "sale_closed";
    /// No seat has this label.
    9 SeatUnknown "seat_unknown";
    /// The same seat, or the same section, is asked for twice in one intent.
    10 SeatRepeated "seat_repeated";
    /// Another hold has the seat.
    11 SeatAlreadyHeld "seat_already_held";
    /// The seat is sold.
    12 SeatAlreadySold "seat_already_sold";
    /// No section has this code.
    13 SectionUnknown "section_unknown";
    /// The section has numbered seats.
    14 SectionNotGeneralAdmission "section_not_general_admission";
    /// The section has no numbered seats.
    15 SectionNotReserved "section_not_reserved";
    /// No price level has this code.
    16 PriceLevelUnknown "price_level_unknown";
    /// The quantity is zero or above what one hold can have.
    17 QuantityOutOfRange "quantity_out_of_range";
    /// Not enough places are left in the section.
    18 CapacityExhausted "capacity_exhausted";
    /// No seats that fit are left.
    19 NoSeatsAvailable "no_seats_available";
    /// The account would hold and own more seats than the performance allows.
    20 AccountLimitExceeded "account_limit_exceeded";
    /// No hold has this id.
    21 HoldUnknown "hold_unknown";
    /// The hold belongs to another account.
    22 HoldOwnedByAnother "hold_owned_by_another";
    /// The hold has expired.
    23 HoldExpired "hold_expired";
    /// The hold was released.
    24 HoldAlreadyReleased "hold_already_released";
    /// The hold has become an order.
    25 HoldAlreadyOrdered "hold_already_ordered";
    /// The hold was renewed as often as it may be.
    26 HoldRenewalsExhausted "hold_renewals_exhausted";
    /// No order has this id.
    27 OrderUnknown "order_unknown";
    /// The order belongs to another account.
    28 OrderOwnedByAnother "order_owned_by_another";
    /// The order was not paid in time.
    29 OrderExpired "order_expired";
    /// The order was cancelled.
    30 OrderAlreadyCancelled "order_already_cancelled";
    /// The order is paid.
    31 OrderAlreadyConfirmed "order_already_confirmed";
    /// The order was refunded.
    32 OrderAlreadyRefunded "order_already_refunded";
    /// The amount is not the order's total.
    33 AmountMismatch "amount_mismatch";
    /// An attempt to pay this order has no result yet.
    34 PaymentInProgress "payment_in_progress";
    /// No payment has this id.
    35 PaymentUnknown "payment_unknown";
    /// The payment has this result already.
    36 PaymentAlreadySettled "payment_already_settled";
    /// No refund of this payment is waiting for a result.
    37 RefundNotPending "refund_not_pending";
    /// The idempotency key was used before with another body.
    38 IdempotencyKeyReused "idempotency_key_reused";
    /// The total of the order cannot be computed exactly.
    39 AmountOverflow "amount_overflow";
    /// The performance has begun: a paid order can no longer be given up.
    40 PerformanceStarted "performance_started";
    /// An earlier attempt to pay this order had the same payment key.
    41 PaymentKeyReused "payment_key_reused";
    /// The performance has a waiting room, and the account was not admitted or is out again.
    60 AdmissionRequired "admission_required";
    /// There is no waiting room: everybody goes through.
    61 WaitingRoomOff "waiting_room_off";
    /// The rules of the waiting room break a limit that ingest should have caught.
    62 WaitingRoomRulesInvalid "waiting_room_rules_invalid";
    /// The waiting room has as many places as it may.
    63 WaitingRoomFull "waiting_room_full";
    /// The account neither waits nor is inside.
    64 NotWaiting "not_waiting";
    /// The lottery can no longer be changed: somebody has joined, or the sale has begun.
    65 LotteryFixed "lottery_fixed";
    /// The waiting room has no lottery.
    66 NoLottery "no_lottery";
    /// The lottery still takes entries: nobody may know the seed yet.
    67 LotteryStillOpen "lottery_still_open";
    /// The lottery was drawn.
    68 LotteryAlreadyDrawn "lottery_already_drawn";
    /// The seed is not the one that was committed to.
    69 SeedMismatch "seed_mismatch";
    /// The lottery would take no entries: they would have ended already.
    70 LotteryTooLate "lottery_too_late";
    /// The message was received before.
    80 MessageAlreadyReceived "message_already_received";
    /// No campaign has this id.
    81 CampaignUnknown "campaign_unknown";
    /// The definition of the campaign breaks a rule that ingest should have caught, or does not
    /// fit its performance.
    82 CampaignInvalid "campaign_invalid";
    /// The partition or the performance carries as many campaigns as it may.
    83 CampaignLimitReached "campaign_limit_reached";
    /// A campaign keeps its performances and its currency.
    84 CampaignScopeFixed "campaign_scope_fixed";
    /// The terms of the campaign were changed as often as they may be.
    85 CampaignChangesExhausted "campaign_changes_exhausted";
    /// More coupons are out than the campaign would have.
    86 QuantityBelowIssued "quantity_below_issued";
    /// The campaign has not opened yet.
    87 CampaignNotOpen "campaign_not_open";
    /// The campaign has ended.
    88 CampaignEnded "campaign_ended";
    /// The campaign is paused.
    89 CampaignPaused "campaign_paused";
    /// The campaign is not paused.
    90 CampaignNotPaused "campaign_not_paused";
    /// The campaign asks for another code.
    91 CouponCodeWrong "coupon_code_wrong";
    /// Every coupon of the campaign is out.
    92 CouponsExhausted "coupons_exhausted";
    /// The account has as many coupons of the campaign as one may have.
    93 CouponLimitReached "coupon_limit_reached";
    /// The performance knows no such coupon.
    94 CouponUnknown "coupon_unknown";
    /// The coupon belongs to another account.
    95 CouponOwnedByAnother "coupon_owned_by_another";
    /// The coupon has expired.
    96 CouponExpired "coupon_expired";
    /// The coupon is used up, or other orders have what is left of it.
    97 CouponUsedUp "coupon_used_up";
    /// The order costs less than the coupon asks for.
    98 CouponMinimumNotReached "coupon_minimum_not_reached";
    /// The coupon takes nothing off these places.
    99 CouponNotApplicable "coupon_not_applicable";
    /// An order of this hold waits for a coupon or for points.
    100 HoldBeingOrdered "hold_being_ordered";
    /// The order waits for a coupon or for points.
    101 OrderReserving "order_reserving";
    /// The campaign or the wallet did not answer in time.
    102 ReservationTimedOut "reservation_timed_out";
    /// The buyer gave the order up before it was placed.
    103 OrderGivenUp "order_given_up";
    /// The points, their expiry or the rule of points is not one that can be meant.
    104 PointsInvalid "points_invalid";
    /// The wallet has not as many points.
    105 PointsInsufficient "points_insufficient";
    /// The wallet has as many lots as it may.
    106 WalletLimitReached "wallet_limit_reached";
    /// The points lie in more lots than one order can take from.
    107 PointsInTooManyLots "points_in_too_many_lots";
    /// By the refund terms of the order nothing comes back any more.
    110 RefundClosed "refund_closed";
    /// Another amount would come back than the one that was named.
    111 RefundAmountChanged "refund_amount_changed";
    /// No ticket has this name.
    112 TicketUnknown "ticket_unknown";
    /// The ticket was given back before.
    113 TicketAlreadyRefunded "ticket_already_refunded";
    /// The order is not paid: it has no tickets yet.
    114 OrderNotConfirmed "order_not_confirmed";
    /// The refund terms break a rule that ingest should have caught.
    115 RefundTermsInvalid "refund_terms_invalid";
    /// The refund terms were changed as often as they may be.
    116 RefundTermsChangesExhausted "refund_terms_changes_exhausted";
    /// The performance will not be shown.
    117 PerformanceCancelled "performance_cancelled";
    /// The ticket is named twice.
    118 TicketRepeated "ticket_repeated";
    /// The seat is set aside for others.
    130 SeatNotForSale "seat_not_for_sale";
    /// The seat is one of a table, which is sold whole.
    131 TableSoldWhole "table_sold_whole";
    /// The companion seat goes with an accessible seat beside it.
    132 CompanionNeedsAccessibleSeat "companion_needs_accessible_seat";
    /// Companion seats are seats like any other already, or there are none.
    133 CompanionsAlreadyReleased "companions_already_released";
    /// No channel of the performance has this name.
    134 ChannelUnknown "channel_unknown";
    /// No channel of the performance has this code.
    135 ChannelCodeWrong "channel_code_wrong";
    /// Another channel of the performance has this code.
    136 ChannelCodeTaken "channel_code_taken";
    /// The code has as many holds and orders as it may.
    137 ChannelUsesExhausted "channel_uses_exhausted";
    /// The performance has as many channels, or the channel as many pieces, as it may.
    138 ChannelLimitReached "channel_limit_reached";
    /// The moment has passed at which the channel gives its places back.
    139 ChannelReleased "channel_released";
    /// What is to be set aside is not free.
    140 PlacesNotFree "places_not_free";
    /// What is to be released is not set aside for the channel, or not free.
    141 NotSetAside "not_set_aside";
    /// No type of room has this code.
    142 RoomTypeUnknown "room_type_unknown";
    /// The rooms are not let for that night.
    143 NightUnknown "night_unknown";
    /// There are not as many rooms left in that night.
    144 NightFull "night_full";
    /// That night can be bought no more.
    145 NightPassed "night_passed";
    /// No row has this label.
    146 RowUnknown "row_unknown";
    /// The ticket belongs to another account.
    151 TicketOwnedByAnother "ticket_owned_by_another";
    /// The order of the ticket was cancelled or refunded.
    152 TicketVoid "ticket_void";
    /// The code is that of an earlier holder.
    153 TicketReplaced "ticket_replaced";
    /// The ticket is for another performance than the gate's.
    154 TicketWrongPerformance "ticket_wrong_performance";
    /// Somebody has come in with the ticket.
    155 TicketAlreadyUsed "ticket_already_used";
    /// Nobody is inside with the ticket.
    156 TicketNotInside "ticket_not_inside";
    /// Whoever goes out cannot come in again.
    157 ReentryNotAllowed "reentry_not_allowed";
    /// The performance began so long ago that nobody is admitted any more.
    158 AdmissionOver "admission_over";
    /// The rules of the tickets break a limit that ingest should have caught.
    159 TicketRulesInvalid "ticket_rules_invalid";
    /// The ticket has changed hands as often as it may.
    160 TransferLimitReached "transfer_limit_reached";
    /// So shortly before the beginning no ticket changes hands.
    161 TransferClosed "transfer_closed";
    /// The ticket is offered to somebody.
    162 TransferPending "transfer_pending";
    /// The ticket is not offered to the account, or no longer.
    163 TransferNotOffered "transfer_not_offered";
    /// The ticket would be offered to who has it.
    164 TransferToSelf "transfer_to_self";
    /// The performance has as many gates as it may.
    165 GateLimitReached "gate_limit_reached";
    /// A ticket of the order has gone to another account.
    166 TicketGivenAway "ticket_given_away";
    /// The settlement terms break a rule that ingest should have caught.
    170 SettlementTermsInvalid "settlement_terms_invalid";
    /// The settlement terms were changed as often as they may be.
    171 SettlementTermsChangesExhausted "settlement_terms_changes_exhausted";
    /// The performance is older than settlement: its money is not accounted for.
    172 SettlementNotKept "settlement_not_kept";
    /// The performance is on its way to another partition, and too much waits for it there.
    190 SlotsMoving "slots_moving";
    /// A slot of the move is not with this partition.
    191 SlotElsewhere "slot_elsewhere";
    /// The move names no slot, one of them twice, no other partition, or another dealing of slots.
    192 MoveInvalid "move_invalid";
    /// Slots are leaving this partition already.
    193 MoveInProgress "move_in_progress";
    /// What the other partition posted is not what it announced.
    194 PostInvalid "post_invalid";
}

/// A refusal: the code, and which item of the intent it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refusal {
    /// Why.
    #[n(0)]
    pub code: RefusalCode,
    /// The item, from zero, in the list of seats or sections that the intent named.
    #[n(1)]
    pub item: Option<u16>,
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Self {
        Self { code, item: None }
    }
}

impl RefusalCode {
    /// Its place in [`RefusalCode::ALL`]: groups of codes leave gaps between their numbers.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// This refusal, about one item of the intent's list.
    #[must_use]
    pub fn at_item(self, item: usize) -> Refusal {
        Refusal { code: self, item: u16::try_from(item).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_from_one_and_have_names_of_their_own() {
        let numbers = RefusalCode::ALL.iter().map(|code| code.number());
        assert!(numbers.clone().next() == Some(1) && numbers.is_sorted_by(|one, next| one < next));
        let mut names: Vec<_> = RefusalCode::ALL.iter().map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RefusalCode::ALL.len());
        assert!(RefusalCode::ALL.iter().enumerate().all(|(index, code)| code.index() == index));
    }
}
