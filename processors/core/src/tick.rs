//! What happens because time has passed.

use boxoffice_topics::Outcome;
use boxoffice_topics::outcome::CancelReason;

use crate::channels;
use crate::decide::Asked;
use crate::order::die;
use crate::points;
use crate::refund;
use crate::reserving;
use crate::scaling;
use crate::ticket;
use crate::timers::Due;
use crate::waiting_room;

/// Facts of one tick, so that a step stays a small record. What is left is due at the next tick.
pub(crate) const FACTS_PER_TICK_MAX: usize = 500;

pub(crate) fn tick(asked: &Asked<'_>, outcomes: &mut Vec<Outcome>) {
    let state = asked.state;
    let meant =
        state.timers.due(asked.now).filter(|&(deadline, due)| state.is_meant(deadline, due));
    for (deadline, due) in meant {
        if outcomes.len() >= FACTS_PER_TICK_MAX {
            break;
        }
        if refund::ends_otherwise(state, due) {
            continue;
        }
        match due {
            Due::Hold(id) => {
                if let Some(hold) = state.hold(id) {
                    outcomes.push(Outcome::HoldExpired { hold: id, account: hold.account });
                }
            }
            Due::Order(id) => {
                if let Some(order) = state.order(id) {
                    die(asked, order, CancelReason::Expired, outcomes);
                }
            }
            // What comes back in this very step would not be released. It is due at the next tick.
            Due::Channel(..) if !outcomes.is_empty() => break,
            Due::Channel(performance, channel) => {
                outcomes.extend(channels::release_at_last(asked, performance, channel));
                // All that a channel has fills much of a step.
                break;
            }
            Due::Companions(performance) => {
                outcomes.push(channels::release_companions_at_last(performance));
            }
            Due::Points(account) => points::expire(asked, account, deadline, outcomes),
            Due::Reserving(id) => reserving::time_out(asked, id, outcomes),
            Due::TicketOffer(id) => ticket::lapse(asked, id, outcomes),
        }
    }
    refund::end_what_is_left(asked, outcomes);
    waiting_room::admit(asked, outcomes);
    scaling::post(asked, outcomes);
}

#[cfg(test)]
mod tests {
    use crate::tables::check;

    #[test]
    fn holds_expire_at_a_tick_and_never_early() {
        check(
            "alice seats A-1-1    => held h1 A-1-1 100 asasked
             after 2000           => nothing
             bob   seats A-1-2    => held h2 A-1-2 100 asasked
             after 2999           => nothing
             after 1              => expired h1
             carol seats A-1-1    => held h3 A-1-1 100 asasked
             after 9000           => expired h2, expired h3
             after 9000           => nothing",
        );
    }

    #[test]
    fn orders_expire_unless_their_payment_is_unknown() {
        check(
            "alice seats A-1-1    => held h1 A-1-1 100 asasked
             alice order h1       => placed o1 100
             bob   seats A-1-2    => held h2 A-1-2 100 asasked
             bob   order h2       => placed o2 100
             bob   pay o2 100     => requested p1 100
             after 59999          => nothing
             after 1              => cancelled o1 expired
             alice pay o1 100     => refused order_expired
             after 99999999       => nothing
             system declined p1   => declined p1 REJECT
             after 29999          => nothing
             bob pay o2 100 key2  => requested p2 100
             system declined p2   => declined p2 REJECT
             after 30000          => cancelled o2 expired",
        );
    }

    #[test]
    fn what_is_armed_again_for_the_same_moment_ends_once() {
        check(
            "alice seats A-1-1    => held h1 A-1-1 100 asasked
             alice renew h1       => renewed h1 until 5000 left 0
             after 5000           => expired h1
             alice seats A-1-1    => held h2 A-1-1 100 asasked
             alice order h2       => placed o1 100
             alice pay o1 100     => requested p1 100
             system declined p1   => declined p1 REJECT
             after 60000          => cancelled o1 expired",
        );
    }
}
