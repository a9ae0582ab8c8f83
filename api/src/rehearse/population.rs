//! Who comes and what they do: a pure function of the seed and the buyer's number.

use std::time::Duration;

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::habits::{Extras, Habits, habits};
use super::venue::{ACCOUNT_SEATS_MAX, Venue};

/// When buyers arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arrivals {
    /// Most within the first moments, the others more and more slowly.
    Surge,
    /// One after another, evenly.
    Even,
}

/// What shapes a population.
#[derive(Clone, Copy, Debug)]
pub(super) struct Population {
    pub(super) seed: u64,
    pub(super) arrivals: Arrivals,
    pub(super) surge: Duration,
    pub(super) performances: usize,
    pub(super) extras: Extras,
}

/// What a buyer would like to hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    /// These seats, all or nothing.
    Seats(Vec<String>),
    /// The best that are left.
    BestAvailable { quantity: u16, price_level: Option<&'static str>, accessible: bool },
    /// To stand.
    Standing { quantity: u16 },
}

/// What becomes of a buyer who holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    Pays,
    AbandonsHold,
    ReleasesHold,
    RenewsAndPays,
    OrdersLate,
    AbandonsOrder,
    PaysLate,
    CancelsOrder,
    WantsTooMany,
    PaysTwice,
    RepeatsEverything,
    ReusesKey,
    PaysWrongAmount,
    DeclinedAndPaysAgain,
    DeclinedAndLeaves,
    ProviderIsSlow,
    ProviderFailsAfterBooking,
    ProviderAnswersTwice,
    LateMoneyIsAwaited,
    LateMoneyAfterCancel,
    LateMoneyAfterSecondPayment,
    LateMoneyAfterExpiry,
    CancelsAfterConfirmation,
}

/// Shares of the endings, in parts of their sum. Most people just pay.
const ENDINGS: [(Ending, u32); 23] = [
    (Ending::Pays, 500),
    (Ending::AbandonsHold, 60),
    (Ending::ReleasesHold, 40),
    (Ending::RenewsAndPays, 30),
    (Ending::OrdersLate, 15),
    (Ending::AbandonsOrder, 40),
    (Ending::PaysLate, 15),
    (Ending::CancelsOrder, 20),
    (Ending::WantsTooMany, 20),
    (Ending::PaysTwice, 40),
    (Ending::RepeatsEverything, 40),
    (Ending::ReusesKey, 20),
    (Ending::PaysWrongAmount, 20),
    (Ending::DeclinedAndPaysAgain, 30),
    (Ending::DeclinedAndLeaves, 10),
    (Ending::ProviderIsSlow, 15),
    (Ending::ProviderFailsAfterBooking, 15),
    (Ending::ProviderAnswersTwice, 15),
    (Ending::LateMoneyIsAwaited, 10),
    (Ending::LateMoneyAfterCancel, 8),
    (Ending::LateMoneyAfterSecondPayment, 8),
    (Ending::LateMoneyAfterExpiry, 4),
    (Ending::CancelsAfterConfirmation, 40),
];

/// Tries of a buyer before giving up: after two lost fights, whatever is left will do.
pub(super) const WISHES_MAX: usize = 4;

/// One buyer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Buyer {
    pub(super) number: u32,
    /// Which of the performances.
    pub(super) performance: usize,
    pub(super) arrives_after: Duration,
    /// First choice first.
    pub(super) wishes: Vec<Wish>,
    pub(super) ending: Ending,
    pub(super) habits: Habits,
    /// Seeds the jitter of this buyer's retries.
    pub(super) seed: u64,
}

impl Population {
    /// The buyer with this number; the same for the same seed, whatever the others do.
    pub(super) fn buyer(&self, number: u32, venue: &Venue) -> Buyer {
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(number);
        let mut rng = StdRng::seed_from_u64(seed);
        Buyer {
            number,
            performance: rng.random_range(0..self.performances),
            arrives_after: self.arrival(&mut rng),
            wishes: wishes(&mut rng, venue),
            ending: ending(&mut rng),
            habits: habits(seed, self.extras),
            seed,
        }
    }

    fn arrival(&self, rng: &mut StdRng) -> Duration {
        let part: f64 = rng.random();
        match self.arrivals {
            Arrivals::Even => self.surge.mul_f64(part),
            // Cubed: half of all arrive in the first eighth of the time.
            Arrivals::Surge => self.surge.mul_f64(part * part * part),
        }
    }
}

fn ending(rng: &mut StdRng) -> Ending {
    let sum = ENDINGS.iter().map(|(_, share)| share).sum();
    let mut left = rng.random_range(0..sum);
    for (ending, share) in ENDINGS {
        if left < share {
            return ending;
        }
        left -= share;
    }
    Ending::Pays
}

fn wishes(rng: &mut StdRng, venue: &Venue) -> Vec<Wish> {
    let quantity = rng.random_range(1..=ACCOUNT_SEATS_MAX);
    let stands = rng.random_bool(0.12);
    let wish = |index: usize, rng: &mut StdRng| match index {
        0 if stands => Wish::Standing { quantity },
        0 if rng.random_bool(0.45) => best_available(rng, quantity),
        // Somebody who lost a fight looks a little further back.
        0 | 1 => {
            let popularity = rng.random::<f64>().max(0.15 * index as f64);
            Wish::Seats(venue.seats_at_popularity(popularity, quantity))
        }
        2 => Wish::BestAvailable { quantity, price_level: None, accessible: false },
        _ if rng.random_bool(0.5) => Wish::Standing { quantity },
        _ => Wish::BestAvailable { quantity: 1, price_level: None, accessible: false },
    };
    (0..WISHES_MAX).map(|index| wish(index, rng)).collect()
}

fn best_available(rng: &mut StdRng, quantity: u16) -> Wish {
    if rng.random_bool(0.02) {
        return Wish::BestAvailable {
            quantity: quantity.min(2),
            price_level: None,
            accessible: true,
        };
    }
    let levels = Venue::price_level_codes();
    let chosen = rng.random_range(0..=levels.len());
    Wish::BestAvailable { quantity, price_level: levels.into_iter().nth(chosen), accessible: false }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::venue::Shape;
    use super::*;

    fn population(seed: u64) -> Population {
        let surge = Duration::from_secs(8);
        let extras = Extras::default();
        Population { seed, arrivals: Arrivals::Surge, surge, performances: 2, extras }
    }

    #[test]
    fn a_population_is_the_same_for_the_same_seed() {
        let venue = Venue::of(Shape::Hall);
        let of = |seed| (0..500).map(|n| population(seed).buyer(n, &venue)).collect::<Vec<_>>();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn every_ending_happens_among_two_thousand_buyers() {
        let venue = Venue::of(Shape::Hall);
        let buyers = (0..2_000).map(|number| population(1).buyer(number, &venue));
        let endings: BTreeSet<Ending> = buyers.map(|buyer| buyer.ending).collect();
        assert_eq!(endings.len(), ENDINGS.len());
    }

    #[test]
    fn half_of_a_surge_arrives_in_its_first_eighth() {
        let venue = Venue::of(Shape::Hall);
        let buyers = (0..2_000).map(|number| population(1).buyer(number, &venue));
        let early = buyers.filter(|buyer| buyer.arrives_after <= Duration::from_secs(1)).count();
        assert!((900..1_100).contains(&early), "{early}");
    }
}
