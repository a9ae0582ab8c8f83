//! What each ticket has of what its order cost.
//!
//! Discount and points are split pro rata by price. A split is cumulative: the tickets up to one
//! have together the rounded-down part of the prices up to it. So a share is never more than its
//! price, what rounding leaves goes to later tickets, and the last one completes the sum.

use boxoffice_topics::Places;

use crate::order::Order;
use crate::performance::Performance;

/// What one ticket has of its order, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) price: i64,
    pub(super) discount: i64,
    pub(super) points: i64,
    pub(super) booking_fee: i64,
    pub(super) earned: i64,
}

impl Share {
    /// What was paid for the place, in money and in points.
    pub(super) fn paid(&self) -> i64 {
        self.price.saturating_sub(self.discount)
    }

    /// What was paid for the place in money.
    pub(super) fn paid_in_money(&self) -> i64 {
        self.paid().saturating_sub(self.points)
    }
}

/// What each place costs, in minor units, in the order of the tickets.
pub(super) fn prices(performance: &Performance, places: &Places) -> impl Iterator<Item = i64> {
    let seats = places.seats.iter().map(|seat| performance.price_of_seat(*seat));
    let standing = places.quantities.iter().flat_map(|place| {
        let price = performance.price_of_section(place.section);
        std::iter::repeat_n(price, place.quantity.into())
    });
    seats.chain(standing).map(|price| price.map_or(0, |price| price.minor))
}

/// The shares of every ticket of an order, the first one's first.
pub(super) fn shares(performance: &Performance, order: &Order) -> Vec<Share> {
    let reductions = order.reductions.as_deref();
    let discount = reductions.and_then(|it| it.discount).map_or(0, |it| it.amount.minor);
    let points = reductions.and_then(|it| it.points).map_or(0, |it| it.minor);
    let booking_fee = reductions.and_then(|it| it.booking_fee).map_or(0, |it| it.minor);
    let earned = order.earned.map_or(0, |earned| earned.minor);
    let prices = prices(performance, &order.places);
    let mut shares: Vec<_> = prices.map(|price| Share { price, ..Share::default() }).collect();
    split(&mut shares, discount, |share| share.price, |share, part| share.discount = part);
    split(&mut shares, points, Share::paid, |share, part| share.points = part);
    split(
        &mut shares,
        booking_fee,
        |share| i64::from(share.price > 0),
        |share, part| {
            share.booking_fee = part;
        },
    );
    split(&mut shares, earned, Share::paid_in_money, |share, part| share.earned = part);
    shares
}

/// Splits a whole by weights that are not negative.
fn split(
    shares: &mut [Share],
    whole: i64,
    weight: impl Fn(&Share) -> i64,
    mut set: impl FnMut(&mut Share, i64),
) {
    let all: i128 = shares.iter().map(|share| i128::from(weight(share))).sum();
    let up_to = |weights: i128| {
        let part = i128::from(whole).saturating_mul(weights).checked_div(all).unwrap_or(0);
        i64::try_from(part).unwrap_or(i64::MAX)
    };
    let mut weights = 0_i128;
    for share in shares {
        let before = up_to(weights);
        weights = weights.saturating_add(weight(share).into());
        set(share, up_to(weights).saturating_sub(before));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split_by_price(whole: i64, prices: &[i64]) -> Vec<i64> {
        let mut shares: Vec<_> =
            prices.iter().map(|price| Share { price: *price, ..Share::default() }).collect();
        split(&mut shares, whole, |share| share.price, |share, part| share.discount = part);
        shares.iter().map(|share| share.discount).collect()
    }

    #[test]
    fn rounding_goes_to_later_tickets() {
        assert_eq!(split_by_price(10, &[100, 100, 100]), [3, 3, 4]);
        assert_eq!(split_by_price(6, &[3, 3, 1]), [2, 3, 1]);
        assert_eq!(split_by_price(10, &[100, 0, 100, 0]), [5, 0, 5, 0]);
        assert_eq!(split_by_price(0, &[0, 0]), [0, 0]);
    }

    proptest! {
        #[test]
        fn shares_make_up_the_whole_and_none_is_more_than_its_price(
            prices in prop::collection::vec(0_i64..1_000_000_000_000, 1..16),
            percent in 0_i64..=100,
        ) {
            let whole = prices.iter().sum::<i64>() / 100 * percent;
            let parts = split_by_price(whole, &prices);
            prop_assert_eq!(parts.iter().sum::<i64>(), whole);
            prop_assert!(parts.iter().zip(&prices).all(|(part, price)| (0..=*price).contains(part)));
        }
    }
}
