//! Types of columns that SQL and the log spell differently.

use boxoffice_topics::coupon::Issuer;
use boxoffice_topics::outcome::{CancelReason, RefundReason, Seating};
use boxoffice_topics::points::PointsSource;
use boxoffice_topics::waiting_room::SessionEnd;
use boxoffice_topics::{Currency, Timestamp};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// Postgres counts from 2000-01-01 where log time counts from 1970-01-01.
const EPOCH_DISTANCE_MS: i64 = 946_684_800_000;
/// Numbers of the types in every Postgres.
const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);

/// Log time as `timestamptz`, exact to the millisecond and without a float in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl PgHasArrayType for Moment {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = (self.0.as_millis() - EPOCH_DISTANCE_MS) * 1_000;
        Encode::<Postgres>::encode_by_ref(&micros, buffer)
    }
}

impl Decode<'_, Postgres> for Moment {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        if value.format() == PgValueFormat::Text {
            return Err("a moment is read in binary form only".into());
        }
        let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        let millis = micros.div_euclid(1_000) + EPOCH_DISTANCE_MS;
        let moment = Timestamp::from_millis(millis);
        let exact = micros.rem_euclid(1_000) == 0 && moment.as_millis() == millis;
        if exact { Ok(Self(moment)) } else { Err("a moment that no log has".into()) }
    }
}

/// The three letters of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CurrencyCode(pub(super) Currency);

impl CurrencyCode {
    /// The letters.
    pub(super) fn as_str(&self) -> &str {
        self.0.code()
    }
}

impl Type<Postgres> for CurrencyCode {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }

    fn compatible(of: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(of)
    }
}

impl<'r> Decode<'r, Postgres> for CurrencyCode {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(<&str as Decode<Postgres>>::decode(value)?.parse()?))
    }
}

/// A type with a few values, each a word in a column of text.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// The word.
                    pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word,)* }
            }
        }

        impl Type<Postgres> for $name {
            fn type_info() -> PgTypeInfo {
                <str as Type<Postgres>>::type_info()
            }

            fn compatible(of: &PgTypeInfo) -> bool {
                <str as Type<Postgres>>::compatible(of)
            }
        }

        impl<'r> Decode<'r, Postgres> for $name {
            fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
                match <&str as Decode<Postgres>>::decode(value)? {
                    $($word => Ok(Self::$value),)*
                    other => Err(format!("`{other}` is not a {}", stringify!($name)).into()),
                }
            }
        }
    )*};
}

words! {
    /// What a promoter last said of the sale.
    SaleSwitch {
        /// Nothing: the sale goes by its schedule.
        BySchedule "by_schedule",
        /// Open.
        Opened "opened",
        /// Closed.
        Closed "closed",
    }
    /// Where a hold stands.
    HoldState {
        /// It has its places.
        Live "live",
        /// It has become an order.
        Ordered "ordered",
        /// It was given back.
        Released "released",
        /// Its time ran out.
        Expired "expired",
    }
    /// How the seats of a hold lie.
    SeatingWord {
        /// As the buyer named them.
        AsAsked "as_asked",
        /// Side by side.
        Adjacent "adjacent",
        /// Side by side, leaving one alone.
        AdjacentLeavingOrphan "adjacent_leaving_orphan",
        /// Apart.
        Split "split",
        /// All of a table.
        Table "table",
    }
    /// Where an order stands.
    OrderState {
        /// It waits for a coupon or for points.
        Reserving "reserving",
        /// It waited, and never came about.
        NotPlaced "not_placed",
        /// It waits for its payment.
        Placed "placed",
        /// Nobody knows yet whether it is paid.
        Paying "paying",
        /// It is paid.
        Confirmed "confirmed",
        /// It is over.
        Cancelled "cancelled",
        /// It is over, and its money went back.
        Refunded "refunded",
    }
    /// Which way places of a channel went.
    AllotmentKind {
        /// To the channel.
        SetAside "set_aside",
        /// Back to everybody.
        Released "released",
    }
    /// Why a seat is not sold alone.
    SeatShape {
        /// It is one of a table.
        Table "table",
        /// It goes with an accessible seat.
        Companion "companion",
    }
    /// Why an order ended.
    CancelReasonWord {
        /// Its buyer gave it up.
        ByBuyer "by_buyer",
        /// It was not paid in time.
        Expired "expired",
        /// The performance was cancelled.
        PerformanceCancelled "performance_cancelled",
    }
    /// Where an attempt to pay stands.
    PaymentState {
        /// Nobody knows yet.
        Requested "requested",
        /// The provider took the money.
        Captured "captured",
        /// The provider did not.
        Declined "declined",
    }
    /// Where a refund stands.
    RefundState {
        /// Nobody knows yet.
        Requested "requested",
        /// The provider gave the money back.
        Refunded "refunded",
        /// The provider refuses.
        Failed "failed",
    }
    /// Why money goes back.
    RefundReasonWord {
        /// The buyer cancelled.
        OrderCancelled "order_cancelled",
        /// It came too late.
        LateCapture "late_capture",
        /// The order was paid already.
        DuplicateCapture "duplicate_capture",
        /// It was another amount.
        AmountMismatch "amount_mismatch",
        /// The performance was cancelled.
        PerformanceCancelled "performance_cancelled",
        /// Some of the tickets went back.
        TicketsRefunded "tickets_refunded",
    }
    /// What came of a turn in a waiting room.
    TurnState {
        /// The buyer is inside.
        Inside "inside",
        /// The buyer was inside and has bought.
        Bought "bought",
        /// The buyer was inside and went out.
        Left "left",
        /// The buyer was inside until time ran out.
        Expired "expired",
        /// The buyer was not there.
        Missed "missed",
    }
    /// How a coupon reduces.
    ReductionWord {
        /// By an amount.
        Fixed "fixed",
        /// By a share.
        Percent "percent",
    }
    /// Who bears a discount.
    IssuerWord {
        /// Who runs the shop.
        Platform "platform",
        /// Who puts the performance on sale.
        Promoter "promoter",
    }
    /// Where a coupon stands.
    CouponState {
        /// It has a use left.
        Free "free",
        /// Orders have the last of its uses.
        Reserved "reserved",
        /// Every use is gone.
        Used "used",
    }
    /// Where one use of a coupon stands.
    CouponUseState {
        /// It is kept for the order.
        Reserved "reserved",
        /// It is gone with the order.
        Used "used",
        /// The order died.
        Released "released",
        /// The order was refunded.
        Returned "returned",
    }
    /// Where points came from.
    PointsSourceWord {
        /// They were given away.
        Granted "granted",
        /// An order earned them.
        Earned "earned",
        /// An order that they had paid was refunded.
        Restored "restored",
    }
    /// Where points stand that an order asked for.
    PointsUseState {
        /// They are kept for the order.
        Reserved "reserved",
        /// They are gone with the order.
        Spent "spent",
        /// The order died.
        Released "released",
    }
    /// What moved points.
    PointsMove {
        /// They were given away.
        Granted "granted",
        /// An order earned them.
        Earned "earned",
        /// They came back with a refund.
        Restored "restored",
        /// They are kept for an order.
        Reserved "reserved",
        /// An order was paid with them.
        Spent "spent",
        /// They are no longer kept.
        Released "released",
        /// An order that had earned them was refunded.
        TakenBack "taken_back",
        /// Their time ran out.
        Expired "expired",
    }
    /// Where an offer of a ticket stands.
    TransferState {
        /// It waits for its answer.
        Offered "offered",
        /// The ticket has changed hands.
        Accepted "accepted",
        /// The holder took it back.
        Withdrawn "withdrawn",
        /// Who was offered the ticket does not want it.
        Declined "declined",
        /// Nobody answered in time.
        Lapsed "lapsed",
    }
    /// What came of a ticket that was shown at a gate.
    ScanKind {
        /// Somebody came in.
        In "in",
        /// Somebody went out.
        Out "out",
        /// Somebody was inside with it already.
        Again "again",
    }
}

impl From<SessionEnd> for TurnState {
    fn from(end: SessionEnd) -> Self {
        match end {
            SessionEnd::Bought => Self::Bought,
            SessionEnd::Left => Self::Left,
            SessionEnd::Expired => Self::Expired,
        }
    }
}

impl From<Issuer> for IssuerWord {
    fn from(issuer: Issuer) -> Self {
        match issuer {
            Issuer::Platform => Self::Platform,
            Issuer::Promoter => Self::Promoter,
        }
    }
}

impl From<PointsSource> for PointsSourceWord {
    fn from(source: PointsSource) -> Self {
        match source {
            PointsSource::Granted => Self::Granted,
            PointsSource::Earned(_) => Self::Earned,
            PointsSource::Restored(_) => Self::Restored,
        }
    }
}

impl From<PointsSourceWord> for PointsMove {
    fn from(source: PointsSourceWord) -> Self {
        match source {
            PointsSourceWord::Granted => Self::Granted,
            PointsSourceWord::Earned => Self::Earned,
            PointsSourceWord::Restored => Self::Restored,
        }
    }
}

impl From<Seating> for SeatingWord {
    fn from(seating: Seating) -> Self {
        match seating {
            Seating::AsAsked => Self::AsAsked,
            Seating::Adjacent => Self::Adjacent,
            Seating::AdjacentLeavingOrphan => Self::AdjacentLeavingOrphan,
            Seating::Split => Self::Split,
            Seating::Table => Self::Table,
        }
    }
}

impl From<CancelReason> for CancelReasonWord {
    fn from(reason: CancelReason) -> Self {
        match reason {
            CancelReason::ByBuyer => Self::ByBuyer,
            CancelReason::Expired => Self::Expired,
            CancelReason::PerformanceCancelled => Self::PerformanceCancelled,
        }
    }
}

impl From<RefundReason> for RefundReasonWord {
    fn from(reason: RefundReason) -> Self {
        match reason {
            RefundReason::OrderCancelled => Self::OrderCancelled,
            RefundReason::LateCapture => Self::LateCapture,
            RefundReason::DuplicateCapture => Self::DuplicateCapture,
            RefundReason::AmountMismatch => Self::AmountMismatch,
            RefundReason::PerformanceCancelled => Self::PerformanceCancelled,
            RefundReason::TicketsRefunded => Self::TicketsRefunded,
        }
    }
}
