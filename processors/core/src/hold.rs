//! Holds: places that a buyer has for a while.

use boxoffice_topics::intent::SectionQuantities;
use boxoffice_topics::outcome::{PlaceQuantity, Seating};
use boxoffice_topics::{
    AccountId, CodeHash, HoldId, Money, Offset, OrderId, Outcome, PerformanceId, Places, Refusal,
    RefusalCode, Timestamp, definition,
};
use minicbor::{Decode, Encode};

use crate::channels::{Channel, take_places, take_seat};
use crate::decide::Asked;
use crate::performance::{Owner, Performance, SaleState, SeatState, Wish};
use crate::refund::{self, Remnant};
use crate::reserving::{ANSWER_WITHIN_MS, TRIES_MAX};
use crate::state::State;
use crate::timers::Due;
use crate::window::Keyed;

/// A hold that lives.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Hold {
    /// Its id.
    #[n(0)]
    pub id: HoldId,
    /// Of which performance.
    #[n(1)]
    pub performance: PerformanceId,
    /// Whose.
    #[n(2)]
    pub account: AccountId,
    /// What is held.
    #[n(3)]
    pub places: Places,
    /// What ordering it would cost.
    #[n(4)]
    pub total: Money,
    /// When it ends by itself.
    #[n(5)]
    pub expires_at: Timestamp,
    /// How often it can still be renewed.
    #[n(6)]
    pub renewals_left: u8,
    /// The order that waits for something before it takes the places over.
    #[n(7)]
    pub order: Option<OrderId>,
    /// For how long its time stood still for orders that were not placed in the end. Absent in
    /// snapshots of version 1.
    #[n(8)]
    #[cbor(default)]
    pub(crate) stood_still_ms: u32,
}

/// For how long a hold's time stands still in all, in milliseconds: for every answer that one
/// order may wait for. Without a limit, orders that are given up would keep places for ever.
pub(crate) const STANDS_STILL_MS_MAX: u32 = (TRIES_MAX + 1) * ANSWER_WITHIN_MS;

impl Hold {
    pub(crate) fn new(
        id: HoldId,
        performance: PerformanceId,
        account: AccountId,
        places: Places,
        total: Money,
        expires_at: Timestamp,
    ) -> Self {
        let (renewals_left, order, stood_still_ms) = (0, None, 0);
        Self {
            id,
            performance,
            account,
            places,
            total,
            expires_at,
            renewals_left,
            order,
            stood_still_ms,
        }
    }

    /// Whether it ends when its time runs out.
    pub(crate) fn expires(&self) -> bool {
        self.order.is_none()
    }

    /// When it ends by itself if an order that waited since some moment is not placed now.
    pub(crate) fn expires_after_waiting(&self, since: Timestamp, now: Timestamp) -> Timestamp {
        let waited_ms = now.as_millis().saturating_sub(since.as_millis());
        let left_ms = STANDS_STILL_MS_MAX.saturating_sub(self.stood_still_ms);
        self.expires_at.plus_millis(u32::try_from(waited_ms).unwrap_or(u32::MAX).min(left_ms))
    }
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum HoldEnd {
    /// It became an order.
    #[n(0)]
    Ordered(#[n(0)] OrderId),
    /// The buyer gave it back.
    #[n(1)]
    Released,
    /// Its time ran out.
    #[n(2)]
    Expired,
}

/// What is remembered of a hold that ended.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub struct EndedHold {
    /// Its id.
    #[n(0)]
    pub hold: HoldId,
    /// Whose it was.
    #[n(1)]
    pub account: AccountId,
    /// How it ended.
    #[n(2)]
    pub end: HoldEnd,
}

impl Keyed for EndedHold {
    type Key = HoldId;

    fn key(&self) -> HoldId {
        self.hold
    }
}

pub(crate) fn hold_seats(
    asked: &Asked<'_>,
    performance: PerformanceId,
    labels: &[&str],
    code: Option<CodeHash>,
) -> Result<Outcome, Refusal> {
    let performance = on_sale(asked, performance)?;
    let channel = performance.channels.opened_by(code)?;
    if labels.is_empty() {
        return Err(RefusalCode::QuantityOutOfRange.into());
    }
    let mut places = Places::default();
    for (item, label) in labels.iter().enumerate() {
        let seat = performance.seat_number(label).ok_or(RefusalCode::SeatUnknown.at_item(item))?;
        if places.seats.contains(&seat) {
            return Err(RefusalCode::SeatRepeated.at_item(item));
        }
        match performance.seat_state(seat) {
            Some(SeatState::Free) => (),
            Some(SeatState::SetAside) if take_seat(&mut places, channel, seat) => (),
            Some(SeatState::SetAside) => return Err(RefusalCode::SeatNotForSale.at_item(item)),
            Some(SeatState::Sold) => return Err(RefusalCode::SeatAlreadySold.at_item(item)),
            Some(SeatState::Held) | None => return Err(RefusalCode::SeatAlreadyHeld.at_item(item)),
        }
        places.seats.push(seat);
    }
    performance.check_parties(&places)?;
    held(asked, performance, places, Seating::AsAsked)
}

/// What a buyer says of the seats that are to be found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BestAvailable<'a> {
    pub(crate) quantity: u16,
    pub(crate) section: Option<&'a str>,
    pub(crate) price_level: Option<&'a str>,
    pub(crate) accessible: bool,
    pub(crate) code: Option<CodeHash>,
}

pub(crate) fn hold_best_available(
    asked: &Asked<'_>,
    performance: PerformanceId,
    best: BestAvailable<'_>,
) -> Result<Outcome, Refusal> {
    let performance = on_sale(asked, performance)?;
    let channel = performance.channels.opened_by(best.code)?;
    check_quantity(best.quantity)?;
    let section = best
        .section
        .map(|code| performance.layout.section(code).ok_or(RefusalCode::SectionUnknown))
        .transpose()?;
    if section.is_some_and(|section| performance.layout.general_admission(section).is_some()) {
        return Err(RefusalCode::SectionNotReserved.into());
    }
    let price_level = best
        .price_level
        .map(|code| performance.layout.price_level(code).ok_or(RefusalCode::PriceLevelUnknown))
        .transpose()?;
    // Before the search: it is the cheaper question, and the answer a greedy account gets.
    check_limit(asked, performance, best.quantity.into())?;
    let BestAvailable { quantity, accessible, .. } = best;
    let (places, seating) = performance
        .best_available(Wish { quantity, section, price_level, accessible, channel })
        .ok_or(RefusalCode::NoSeatsAvailable)?;
    held(asked, performance, places, seating)
}

pub(crate) fn hold_general_admission(
    asked: &Asked<'_>,
    performance: PerformanceId,
    sections: &SectionQuantities<'_>,
    code: Option<CodeHash>,
) -> Result<Outcome, Refusal> {
    let performance = on_sale(asked, performance)?;
    let channel = performance.channels.opened_by(code)?;
    let mut places = Places::default();
    for (item, wish) in sections.iter().enumerate() {
        let section = performance.layout.section(wish.section);
        let section = section.ok_or(RefusalCode::SectionUnknown.at_item(item))?;
        if performance.layout.general_admission(section).is_none() {
            return Err(RefusalCode::SectionNotGeneralAdmission.at_item(item));
        }
        if places.quantities.iter().any(|place| place.section == section) {
            return Err(RefusalCode::SeatRepeated.at_item(item));
        }
        if wish.quantity == 0 {
            return Err(RefusalCode::QuantityOutOfRange.at_item(item));
        }
        let wish = PlaceQuantity { section, quantity: wish.quantity };
        if !add_places(performance, &mut places, channel, wish) {
            return Err(RefusalCode::CapacityExhausted.at_item(item));
        }
    }
    check_quantity(u16::try_from(places.count()).unwrap_or(u16::MAX))?;
    held(asked, performance, places, Seating::AsAsked)
}

/// Adds places of one section: the channel's when it has enough, otherwise everybody's. Returns
/// false when there are not enough of either.
pub(crate) fn add_places(
    performance: &Performance,
    places: &mut Places,
    channel: Option<&Channel>,
    wish: PlaceQuantity,
) -> bool {
    let remaining = performance.inventory.remaining_places(wish.section);
    let can_be_had = take_places(places, channel, wish) || remaining >= u32::from(wish.quantity);
    if can_be_had {
        places.quantities.push(wish);
    }
    can_be_had
}

pub(crate) fn renew_hold(asked: &Asked<'_>, hold: HoldId) -> Result<Outcome, Refusal> {
    let hold = live_hold(asked, hold)?;
    let renewals_left =
        hold.renewals_left.checked_sub(1).ok_or(RefusalCode::HoldRenewalsExhausted)?;
    refund::check_not_cancelled(asked, hold.performance)?;
    let performance = asked.performance(hold.performance)?;
    let expires_at = asked.now.plus_millis(performance.definition().sale.hold_ttl_ms);
    Ok(Outcome::HoldRenewed { hold: hold.id, expires_at, renewals_left })
}

pub(crate) fn release_hold(asked: &Asked<'_>, hold: HoldId) -> Result<Outcome, Refusal> {
    Ok(Outcome::HoldReleased { hold: live_hold(asked, hold)?.id })
}

/// The asker's own hold, when it lives.
pub(crate) fn live_hold<'s>(asked: &Asked<'s>, id: HoldId) -> Result<&'s Hold, Refusal> {
    let Some(hold) = asked.state.hold(id) else {
        let ended = asked.state.ended_hold(id).ok_or(RefusalCode::HoldUnknown)?;
        return Err(Refusal::from(match ended.end {
            _ if ended.account != asked.account => RefusalCode::HoldOwnedByAnother,
            HoldEnd::Ordered(_) => RefusalCode::HoldAlreadyOrdered,
            HoldEnd::Released => RefusalCode::HoldAlreadyReleased,
            HoldEnd::Expired => RefusalCode::HoldExpired,
        }));
    };
    if hold.account != asked.account {
        return Err(RefusalCode::HoldOwnedByAnother.into());
    }
    if hold.order.is_some() {
        return Err(RefusalCode::HoldBeingOrdered.into());
    }
    if hold.expires_at <= asked.now {
        return Err(RefusalCode::HoldExpired.into());
    }
    Ok(hold)
}

pub(crate) fn on_sale<'s>(
    asked: &Asked<'s>,
    id: PerformanceId,
) -> Result<&'s Performance, Refusal> {
    let performance = asked.performance(id)?;
    refund::check_not_cancelled(asked, id)?;
    match performance.sale_state(asked.now) {
        SaleState::Open if performance.lets_in(asked.account, asked.now) => Ok(performance),
        SaleState::Open => Err(RefusalCode::AdmissionRequired.into()),
        SaleState::Scheduled => Err(RefusalCode::SaleNotOpen.into()),
        SaleState::Closed => Err(RefusalCode::SaleClosed.into()),
    }
}

pub(crate) fn check_quantity(quantity: u16) -> Result<(), Refusal> {
    if (1..=definition::HOLD_SEATS_MAX).contains(&quantity) {
        Ok(())
    } else {
        Err(RefusalCode::QuantityOutOfRange.into())
    }
}

fn check_limit(asked: &Asked<'_>, performance: &Performance, seats: u32) -> Result<(), Refusal> {
    if performance.within_limit(asked.account, seats) {
        Ok(())
    } else {
        Err(RefusalCode::AccountLimitExceeded.into())
    }
}

pub(crate) fn held(
    asked: &Asked<'_>,
    performance: &Performance,
    places: Places,
    seating: Seating,
) -> Result<Outcome, Refusal> {
    check_limit(asked, performance, places.count())?;
    performance.channels.check_uses(&places)?;
    Ok(Outcome::Held {
        hold: HoldId(asked.intent()),
        performance: performance.id(),
        account: asked.account,
        total: performance.total(&places).ok_or(RefusalCode::AmountOverflow)?,
        places,
        expires_at: asked.now.plus_millis(performance.definition().sale.hold_ttl_ms),
        seating,
    })
}

impl State {
    /// Adds a hold with as many renewals as the performance allows.
    pub(crate) fn begin_hold(&mut self, hold: Hold, at: Offset) {
        let sale = self.performance_mut(hold.performance).definition().sale;
        self.add_hold(Hold { renewals_left: sale.hold_renewals_max, ..hold }, at);
    }

    pub(crate) fn add_hold(&mut self, hold: Hold, at: Offset) {
        let performance = self.performance_mut(hold.performance);
        performance.occupy(hold.account, &hold.places, Owner::Hold(hold.id), at);
        let ttl_ms = performance.definition().sale.hold_ttl_ms;
        if hold.expires() {
            self.timers.arm(ttl_ms, hold.expires_at, Due::Hold(hold.id));
        }
        self.holds.insert(hold.id, hold);
    }

    pub(crate) fn renew(&mut self, id: HoldId, expires_at: Timestamp, renewals_left: u8) {
        self.hold_mut(id).renewals_left = renewals_left;
        self.keep_hold(id, expires_at);
    }

    /// The order of a hold is not placed. What its deadline moves by is what its time stood still.
    pub(crate) fn go_on_with_hold(&mut self, id: HoldId, expires_at: Timestamp) {
        let hold = self.hold_mut(id);
        let moved_ms = expires_at.as_millis().saturating_sub(hold.expires_at.as_millis());
        let moved_ms = u32::try_from(moved_ms).unwrap_or(0);
        hold.stood_still_ms = hold.stood_still_ms.saturating_add(moved_ms);
        assert!(hold.stood_still_ms <= STANDS_STILL_MS_MAX, "INV-4: hold {id} never ends");
        self.keep_hold(id, expires_at);
    }

    /// A hold, which no order waits for, ends by itself at another moment.
    fn keep_hold(&mut self, id: HoldId, expires_at: Timestamp) {
        let hold = self.hold_mut(id);
        hold.expires_at = expires_at;
        hold.order = None;
        let performance = hold.performance;
        let ttl_ms = self.performance_mut(performance).definition().sale.hold_ttl_ms;
        self.timers.arm(ttl_ms, expires_at, Due::Hold(id));
    }

    pub(crate) fn hold_mut(&mut self, id: HoldId) -> &mut Hold {
        self.holds.get_mut(id).unwrap_or_else(|| panic!("INV-4: hold {id} does not live"))
    }

    /// Ends a hold and frees its places.
    pub(crate) fn free_hold(&mut self, id: HoldId, end: HoldEnd, at: Offset) {
        let hold = self.end_hold(id, end);
        let performance = self.performance_mut(hold.performance);
        performance.vacate(hold.account, &hold.places, Owner::Hold(id), at);
    }

    /// Takes a hold out of the living.
    pub(crate) fn end_hold(&mut self, id: HoldId, end: HoldEnd) -> Hold {
        let Some(hold) = self.holds.remove(id) else {
            panic!("INV-4: hold {id} ends but does not live")
        };
        self.ended_holds.push(EndedHold { hold: id, account: hold.account, end });
        self.has_ended(hold.performance, Remnant::Hold(id));
        hold
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::codec::{decode_whole, encode_into};
    use boxoffice_topics::{AccountId, Currency, Money, PerformanceId, Places, Timestamp};

    use super::{Hold, HoldId};
    use crate::tables::check;

    #[test]
    fn a_hold_of_a_snapshot_of_version_one_has_all_its_time_to_stand_still() {
        let id = HoldId("0-0-1".parse().unwrap());
        let (performance, account) = (PerformanceId::from_u128(1), AccountId::from_u128(2));
        let (total, at) = (Money::new(5, Currency::KRW), Timestamp::from_millis(6));
        let today = Hold::new(id, performance, account, Places::default(), total, at);
        let mut bytes = Vec::new();
        encode_into(&Hold { stood_still_ms: 7, ..today }, &mut bytes);
        // Nine fields, of which the last two are an order, which is none, and the milliseconds.
        assert!(bytes[0] == 0x89 && bytes[bytes.len() - 2..] == [0xf6, 7]);
        bytes.truncate(bytes.len() - 2);
        bytes[0] = 0x87;
        let old: Hold = decode_whole(&bytes).unwrap();
        assert_eq!((old.stood_still_ms, old.order, old.expires_at), (0, None, at));
    }

    #[test]
    fn seats_are_held_all_or_none() {
        check(
            "alice seats A-1-1 A-1-2      => held h1 A-1-1 A-1-2 200 asasked
             bob   seats A-1-3 A-1-2      => refused seat_already_held@1
             bob   seats A-1-3            => held h2 A-1-3 100 asasked
             carol seats A-1-4 A-9-1      => refused seat_unknown@1
             carol seats A-1-4 A-1-7      => refused seat_unknown@1
             carol seats A-1-04           => refused seat_unknown@0
             carol seats Z-1-1            => refused seat_unknown@0
             carol seats nonsense         => refused seat_unknown@0
             carol seats FLOOR-1-1        => refused seat_unknown@0
             carol seats A-1-4 A-1-4      => refused seat_repeated@1
             carol seats                  => refused quantity_out_of_range
             carol seats A-1-4 B-1-4      => held h3 A-1-4 B-1-4 150 asasked",
        );
    }

    #[test]
    fn an_account_has_its_limit_over_holds_and_orders() {
        check(
            "alice seats A-1-1 A-1-2 A-1-3 => held h1 A-1-1 A-1-2 A-1-3 300 asasked
             alice order h1                => placed o1 300
             alice floor FLOOR:2           => refused account_limit_exceeded
             alice best 2                  => refused account_limit_exceeded
             alice seats A-1-4             => held h2 A-1-4 100 asasked
             alice seats A-1-5             => refused account_limit_exceeded
             alice release h2              => released h2
             alice seats A-1-5             => held h3 A-1-5 100 asasked",
        );
    }

    #[test]
    fn the_best_seats_lie_side_by_side_and_leave_nobody_alone() {
        check(
            "alice best 2                   => held h1 A-1-3 A-1-4 200 adjacent
             bob   best 2                   => held h2 A-1-1 A-1-2 200 adjacent
             carol best 1                   => held h3 A-2-3 100 adjacent
             dave  best 2 accessible        => held h4 A-2-1 A-2-2 200 adjacent
             erin  best 2 section=A level=R => held h5 A-1-5 A-1-6 200 adjacent
             frank best 2 section=A         => held h6 A-2-4 A-2-5 200 adjacentleavingorphan
             grace best 3                   => held h7 B-1-1 B-1-2 B-1-3 150 adjacentleavingorphan
             heidi best 2 section=A         => refused no_seats_available
             heidi best 4                   => held h8 A-2-6 B-1-4 FREE-1-1 FREE-1-2 150 split
             ivan  best 1                   => refused no_seats_available
             ivan  best 1 accessible        => refused no_seats_available
             ivan  best 1 section=Q         => refused section_unknown
             ivan  best 1 level=Q           => refused price_level_unknown
             ivan  best 1 section=FLOOR     => refused section_not_reserved
             ivan  best 0                   => refused quantity_out_of_range
             ivan  best 17                  => refused quantity_out_of_range",
        );
    }

    #[test]
    fn general_admission_is_held_all_or_none_up_to_its_capacity() {
        check(
            "alice floor FLOOR:3           => held h1 FLOOR:3 90 asasked
             bob   floor FLOOR:3           => refused capacity_exhausted@0
             bob   floor FLOOR:2           => held h2 FLOOR:2 60 asasked
             carol floor FLOOR:1           => refused capacity_exhausted@0
             bob   release h2              => released h2
             carol floor FLOOR:1           => held h3 FLOOR:1 30 asasked
             carol floor FLOOR:0           => refused quantity_out_of_range@0
             carol floor FLOOR:1 FLOOR:1   => refused seat_repeated@1
             carol floor A:1               => refused section_not_general_admission@0
             carol floor Q:1               => refused section_unknown@0
             carol floor                   => refused quantity_out_of_range",
        );
    }

    #[test]
    fn a_hold_belongs_to_its_buyer_and_ends_once() {
        check(
            "alice seats A-1-1    => held h1 A-1-1 100 asasked
             bob   release h1     => refused hold_owned_by_another
             bob   renew h1       => refused hold_owned_by_another
             bob   order h1       => refused hold_owned_by_another
             alice release h1     => released h1
             alice release h1     => refused hold_already_released
             bob   release h1     => refused hold_owned_by_another
             alice order h1       => refused hold_already_released
             alice release none   => refused hold_unknown
             bob   seats A-1-1    => held h2 A-1-1 100 asasked
             bob   order h2       => placed o1 100
             bob   release h2     => refused hold_already_ordered",
        );
    }

    #[test]
    fn a_hold_is_renewed_as_often_as_it_may_be() {
        check(
            "alice seats A-1-1    => held h1 A-1-1 100 asasked
             after 4000           => nothing
             alice renew h1       => renewed h1 until 9000 left 0
             after 4999           => nothing
             alice renew h1       => refused hold_renewals_exhausted
             after 1              => expired h1
             alice renew h1       => refused hold_expired",
        );
    }
}
