//! How a table tells what was decided.

use boxoffice_topics::coupon::Discount;
use boxoffice_topics::points::LotPart;
use boxoffice_topics::reductions::{Awaited, ReservingOrder};
use boxoffice_topics::{
    CampaignId, CouponId, CouponOutcome, HoldId, LotId, Message, OrderId, Outcome, PerformanceId,
    Places, PointsOutcome, Reductions,
};

use super::inventory::tell_inventory;
use super::{Name, Table};

impl Table {
    fn name(&mut self, prefix: char, thing: Name) -> String {
        let known = self.names.iter().find(|(_, known)| **known == thing);
        if let Some((name, _)) = known {
            return name.clone();
        }
        let count = self.names.keys().filter(|name| name.starts_with(prefix)).count();
        let name = format!("{prefix}{}", count + 1);
        self.names.insert(name.clone(), thing);
        name
    }

    fn hold_name(&mut self, hold: HoldId) -> String {
        self.name('h', Name::Hold(hold))
    }

    pub(super) fn order_name(&mut self, order: OrderId) -> String {
        self.name('o', Name::Order(order))
    }

    fn campaign_name(&mut self, campaign: CampaignId) -> String {
        self.name('k', Name::Campaign(campaign))
    }

    fn coupon_name(&mut self, coupon: CouponId) -> String {
        self.name('c', Name::Coupon(coupon))
    }

    fn places(&self, performance: PerformanceId, places: &Places) -> String {
        let show = self.states.iter().find_map(|state| state.performance(performance)).unwrap();
        let seats = places.seats.iter().map(|seat| show.seat_label(*seat));
        let counts = places.quantities.iter();
        let counts = counts.map(|p| format!("{}:{}", show.section_code(p.section), p.quantity));
        seats.chain(counts).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn tell(&mut self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Refused { refusal } => {
                let item = refusal.item.map_or(String::new(), |item| format!("@{item}"));
                format!("refused {}{item}", refusal.code.as_str())
            }
            Outcome::Repeated { original } => format!("repeated {}", original.offset()),
            Outcome::PerformanceCreated { .. } => "created".into(),
            Outcome::SaleOpened { .. } => "opened".into(),
            Outcome::SaleClosed { .. } => "closed".into(),
            Outcome::Inventory(outcome) => tell_inventory(outcome),
            Outcome::WaitingRoom(outcome) => self.tell_waiting_room(outcome),
            Outcome::Ticket(outcome) => self.tell_ticket(outcome),
            Outcome::Refund(outcome) => self.tell_refund(outcome),
            Outcome::Settlement(outcome) => self.tell_settlement(outcome),
            Outcome::Held { hold, performance, places, total, seating, .. } => {
                let hold = self.name('h', Name::Hold(*hold));
                let seating = format!("{seating:?}").to_lowercase();
                format!(
                    "held {hold} {} {} {seating}",
                    self.places(*performance, places),
                    total.minor
                )
            }
            Outcome::HoldRenewed { hold, expires_at, renewals_left } => {
                let hold = self.name('h', Name::Hold(*hold));
                format!("renewed {hold} until {} left {renewals_left}", expires_at.as_millis())
            }
            Outcome::HoldReleased { hold } => {
                format!("released {}", self.name('h', Name::Hold(*hold)))
            }
            Outcome::HoldExpired { hold, .. } => {
                format!("expired {}", self.name('h', Name::Hold(*hold)))
            }
            Outcome::OrderPlaced { order, total, reductions, .. } => {
                let order = self.order_name(*order);
                let off = reductions.as_ref().map_or(String::new(), |off| self.reduced(off));
                format!("placed {order} {}{off}", total.minor)
            }
            Outcome::OrderReserving(waits) => self.tell_reserving(waits),
            Outcome::OrderNotPlaced { order, hold, reason, hold_expires_at, .. } => {
                let (order, hold) = (self.order_name(*order), self.hold_name(*hold));
                let until = hold_expires_at.as_millis();
                format!("unplaced {order} {}, {hold} until {until}", reason.as_str())
            }
            Outcome::Coupon(outcome) => self.tell_coupon(outcome),
            Outcome::Points(outcome) => self.tell_points(outcome),
            Outcome::MessageSent { message } => {
                let name = self.sent.last().expect("it was just sent").0;
                let name = self.name('m', Name::Message(name));
                format!("{name} {}", self.tell_message(message))
            }
            Outcome::MessageReceived { from } => {
                format!("got {}", self.name('m', Name::Message(*from)))
            }
            Outcome::OrderConfirmed { order, performance, places, reseated, .. } => {
                let order = self.name('o', Name::Order(*order));
                let again = if *reseated { " again" } else { "" };
                format!("confirmed {order} {}{again}", self.places(*performance, places))
            }
            Outcome::OrderCancelled { order, reason, .. } => {
                let order = self.name('o', Name::Order(*order));
                format!("cancelled {order} {}", format!("{reason:?}").to_lowercase())
            }
            other => self.tell_payment(other),
        }
    }

    fn tell_payment(&mut self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::PaymentRequested { payment, amount, .. } => {
                format!("requested {} {}", self.name('p', Name::Payment(*payment)), amount.minor)
            }
            Outcome::PaymentCaptured { payment, amount, .. } => {
                format!("captured {} {}", self.name('p', Name::Payment(*payment)), amount.minor)
            }
            Outcome::PaymentDeclined { payment, code, .. } => {
                format!("declined {} {code}", self.name('p', Name::Payment(*payment)))
            }
            Outcome::RefundRequested { refund, payment, amount, reason, .. } => {
                let refund = self.name('r', Name::Refund(*refund, *payment));
                format!("refund {refund} {} {}", amount.minor, format!("{reason:?}").to_lowercase())
            }
            Outcome::PaymentRefunded { refund, payment, amount, .. } => {
                let refund = self.name('r', Name::Refund(*refund, *payment));
                format!("refunded {refund} {}", amount.minor)
            }
            Outcome::RefundFailed { refund, payment, code, .. } => {
                format!("unrefunded {} {code}", self.name('r', Name::Refund(*refund, *payment)))
            }
            other => panic!("not told here: {other:?}"),
        }
    }

    fn reduced(&mut self, reductions: &Reductions) -> String {
        let discount = reductions.discount;
        let discount = discount.map_or(String::new(), |discount| self.discounted(&discount));
        let points = reductions.points;
        let points = points.map_or(String::new(), |points| format!(" -{} points", points.minor));
        format!("{discount}{points}")
    }

    fn discounted(&mut self, discount: &Discount) -> String {
        format!(" -{} {}", discount.amount.minor, self.coupon_name(discount.coupon))
    }

    fn tell_reserving(&mut self, waits: &ReservingOrder) -> String {
        let discount = waits.discount.map_or(String::new(), |discount| self.discounted(&discount));
        let what = match waits.awaits {
            Awaited::Coupon => "coupon".to_owned(),
            Awaited::Points => format!("points {}", waits.points.map_or(0, |points| points.minor)),
        };
        format!("reserving {} {what}{discount}", self.order_name(waits.order))
    }

    fn tell_coupon(&mut self, outcome: &CouponOutcome) -> String {
        match outcome {
            CouponOutcome::CampaignCreated { campaign, .. } => {
                format!("campaign {}", self.campaign_name(*campaign))
            }
            CouponOutcome::CampaignChanged { campaign, version, .. } => {
                format!("changed {} v{version}", self.campaign_name(*campaign))
            }
            CouponOutcome::CampaignPaused { campaign } => {
                format!("paused {}", self.campaign_name(*campaign))
            }
            CouponOutcome::CampaignResumed { campaign } => {
                format!("resumed {}", self.campaign_name(*campaign))
            }
            CouponOutcome::Issued { coupon, campaign, version, number, .. } => {
                let campaign = self.campaign_name(*campaign);
                format!("issued {} {campaign} v{version} #{number}", self.coupon_name(*coupon))
            }
            CouponOutcome::Reserved { coupon, order } => self.tell_use("reserved", *coupon, *order),
            CouponOutcome::Used { coupon, order } => self.tell_use("used", *coupon, *order),
            CouponOutcome::Released { coupon, order } => self.tell_use("freed", *coupon, *order),
            CouponOutcome::Returned { coupon, order } => self.tell_use("returned", *coupon, *order),
            CouponOutcome::Announced { performance, campaign, version, .. } => {
                let campaign = self.campaign_name(*campaign);
                format!("announced {campaign} v{version} at {}", performance.as_u128())
            }
            CouponOutcome::Granted { performance, coupon, .. } => {
                format!("granted {} at {}", self.coupon_name(*coupon), performance.as_u128())
            }
            CouponOutcome::Spent { performance, coupon } => {
                format!("spent {} at {}", self.coupon_name(*coupon), performance.as_u128())
            }
        }
    }

    fn tell_use(&mut self, what: &str, coupon: CouponId, order: OrderId) -> String {
        format!("{what} {} {}", self.coupon_name(coupon), self.order_name(order))
    }

    fn tell_points(&mut self, outcome: &PointsOutcome) -> String {
        let told_parts = |table: &mut Self, parts: &[LotPart]| {
            let parts = parts.iter().map(|part| format!(" {}:{}", table.lot(part.lot), part.minor));
            parts.collect::<String>()
        };
        match outcome {
            PointsOutcome::RuleSet { .. } => "ruled".into(),
            PointsOutcome::Credited { lot, amount, debt_paid_minor, expires_at, .. } => {
                let (lot, until) = (self.lot(*lot), expires_at.as_millis());
                let paid = match debt_paid_minor {
                    0 => String::new(),
                    paid => format!(" paying {paid}"),
                };
                format!("credited {lot} {}{paid} until {until}", amount.minor)
            }
            PointsOutcome::Reserved { order, parts, .. } => {
                let parts = told_parts(self, parts);
                format!("kept for {}{parts}", self.order_name(*order))
            }
            PointsOutcome::Committed { order, amount, .. } => {
                format!("spent {} {}", amount.minor, self.order_name(*order))
            }
            PointsOutcome::Released { order, amount, debt_paid_minor, .. } => {
                let paid = match debt_paid_minor {
                    0 => String::new(),
                    paid => format!(" paying {paid}"),
                };
                format!("back {}{paid} {}", amount.minor, self.order_name(*order))
            }
            PointsOutcome::TakenBack { order, parts, debt_minor, .. } => {
                let parts = told_parts(self, parts);
                format!("taken back {}{parts} owing {debt_minor}", self.order_name(*order))
            }
            PointsOutcome::Expired { lot, amount, .. } => {
                format!("expired {} {}", self.lot(*lot), amount.minor)
            }
        }
    }

    fn lot(&mut self, lot: LotId) -> String {
        self.name('l', Name::Lot(lot))
    }

    fn tell_message(&mut self, message: &Message) -> String {
        let about = match message {
            Message::CampaignAnnounced { performance, campaign, version, .. } => {
                let campaign = self.campaign_name(*campaign);
                format!("{campaign} v{version} at {}", performance.as_u128())
            }
            Message::CouponGranted { performance, coupon, .. }
            | Message::CouponSpent { performance, coupon } => {
                format!("{} at {}", self.coupon_name(*coupon), performance.as_u128())
            }
            Message::CouponRefused { order, coupon, code } => {
                let coupon = self.coupon_name(*coupon);
                format!("{coupon} {} {}", self.order_name(*order), code.as_str())
            }
            Message::ReservePoints { order, amount, .. }
            | Message::EarnPoints { order, amount, .. }
            | Message::RestorePoints { order, amount, .. }
            | Message::TakeBackPoints { order, amount, .. } => {
                format!("{} {}", amount.minor, self.order_name(*order))
            }
            Message::PointsRefused { order, code } => {
                format!("{} {}", self.order_name(*order), code.as_str())
            }
            Message::PointsReserved { order, .. }
            | Message::CommitPoints { order, .. }
            | Message::ReleasePoints { order, .. } => self.order_name(*order),
            Message::ReserveCoupon { coupon, order, .. }
            | Message::CouponReserved { order, coupon }
            | Message::CommitCoupon { coupon, order }
            | Message::ReleaseCoupon { coupon, order }
            | Message::ReturnCoupon { coupon, order } => {
                format!("{} {}", self.coupon_name(*coupon), self.order_name(*order))
            }
        };
        format!("{} {about}", message.name())
    }
}
