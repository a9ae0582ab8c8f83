//! Slots in the naive model: each is in one partition at a time, and decided about nowhere else.
//!
//! Where a slot was dealt to is not believed but learned: from the first thing that is decided
//! about it, or from its first departure. Steps come in an order in which a post is received after
//! it was posted.

use std::collections::HashMap;

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::ledger::Place;

/// Where a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whereabouts {
    In(u16),
    OnItsWay { from: u16, to: u16 },
}

/// Every slot that something was decided about.
#[derive(Debug, Default)]
pub(super) struct Slots(HashMap<u64, Whereabouts>);

impl Slots {
    /// Takes one step over. `name` is that of its intent, if it has one, and `kind` its type.
    pub(super) fn fold(
        &mut self,
        place: Place,
        (name, kind): (Option<&str>, &str),
        outcomes: &[Value],
        findings: &mut Findings,
    ) {
        let decided = name.filter(|_| decides_about_its_slot(kind, outcomes));
        let ended = outcomes.iter().filter_map(|outcome| match outcome["type"].as_str()? {
            "hold_expired" => outcome["hold"].as_str(),
            "order_cancelled" => outcome["order"].as_str(),
            _ => None,
        });
        for slot in decided.into_iter().chain(ended).filter_map(slot_of) {
            self.move_on(place, slot, Whereabouts::In(place.partition), None, findings);
        }
        for outcome in outcomes {
            self.fold_move(place, outcome, findings);
        }
    }

    fn fold_move(&mut self, place: Place, outcome: &Value, findings: &mut Findings) {
        let here = place.partition;
        let number = |field: &str| outcome[field].as_u64().and_then(|it| u16::try_from(it).ok());
        let (before, after) = match (outcome["type"].as_str(), number("from"), number("to")) {
            (Some("slots_left"), _, Some(to)) => {
                (Whereabouts::In(here), Whereabouts::OnItsWay { from: here, to })
            }
            (Some("slots_arrived"), Some(from), _) => {
                (Whereabouts::OnItsWay { from, to: here }, Whereabouts::In(here))
            }
            _ => return,
        };
        for slot in outcome["slots"].as_array().into_iter().flatten().filter_map(Value::as_u64) {
            self.move_on(place, slot, before, Some(after), findings);
        }
    }

    /// A slot was here, and goes there.
    fn move_on(
        &mut self,
        place: Place,
        slot: u64,
        before: Whereabouts,
        after: Option<Whereabouts>,
        findings: &mut Findings,
    ) {
        let is = self.0.entry(slot).or_insert(before);
        findings.check(*is == before, Invariant::SlotInOnePartition, || {
            format!("{place:?}: slot {slot} should be {before:?} and is {is:?}")
        });
        *is = after.unwrap_or(*is);
    }
}

/// Whether a step decides about the slot that its intent is named after. Moves are decided where
/// slots are not; so is it decided that an intent goes on, or cannot wait.
fn decides_about_its_slot(kind: &str, outcomes: &[Value]) -> bool {
    let (Some(first), Some(last)) = (outcomes.first(), outcomes.last()) else { return false };
    let is_move = matches!(kind, "move_slots" | "bring_slots");
    let came_again = kind == "forwarded" && last["type"] != "post_received";
    let goes_on = first["type"] == "forwarded" || first["code"] == "slots_moving";
    !(is_move || came_again || goes_on)
}

/// The slot in a name, `slot-partition-offset`.
fn slot_of(name: &str) -> Option<u64> {
    name.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Default)]
    struct Scene {
        slots: Slots,
        findings: Findings,
    }

    impl Scene {
        fn say(&mut self, partition: u16, name: Option<&str>, kind: &str, outcomes: &Value) {
            let outcomes = outcomes.as_array().expect("a list");
            let place = Place { partition, offset: 1 };
            self.slots.fold(place, (name, kind), outcomes, &mut self.findings);
        }

        fn hold(&mut self, partition: u16) {
            self.say(partition, Some("7-0-1"), "hold_seats", &json!([{"type": "held"}]));
        }

        fn leave(&mut self, from: u16, to: u16) {
            let left = json!([{"type": "slots_left", "to": to, "slots": [7]}]);
            self.say(from, Some("7-0-1"), "move_slots", &left);
        }

        fn arrive(&mut self, from: u16, to: u16) {
            let arrived = json!([{"type": "slots_arrived", "from": from, "slots": [7]},
                {"type": "post_received", "from": "0-1-0"}]);
            self.say(to, Some("7-0-1"), "bring_slots", &arrived);
        }

        #[track_caller]
        fn check(&self, is_clean: bool) {
            assert_eq!(self.findings.is_clean(), is_clean, "{:?}", self.findings);
        }
    }

    #[test]
    fn a_slot_that_moves_is_decided_about_where_it_is() {
        let mut scene = Scene::default();
        scene.hold(0);
        scene.leave(0, 3);
        let on = json!([{"type": "forwarded", "to": 3}]);
        scene.say(0, Some("7-0-1"), "hold_seats", &on);
        let full = json!([{"type": "refused", "code": "slots_moving"}]);
        scene.say(0, Some("7-0-1"), "hold_seats", &full);
        scene.arrive(0, 3);
        scene.hold(3);
        let again = json!([{"type": "refused", "code": "message_already_received"}]);
        scene.leave(3, 0);
        scene.say(3, Some("7-3-1"), "forwarded", &again);
        scene.arrive(3, 0);
        let expired = json!([{"type": "hold_expired", "hold": "7-3-1"}]);
        scene.say(0, None, "tick", &expired);
        scene.check(true);
    }

    #[test]
    fn a_decision_about_a_slot_that_is_elsewhere_is_found() {
        let expired = json!([{"type": "hold_expired", "hold": "7-0-1"}]);
        let refused = json!([{"type": "refused", "code": "seat_taken"}]);
        let forwarded = json!([{"type": "held"}, {"type": "post_received", "origin": "7-2-1"}]);
        let late: [&dyn Fn(&mut Scene); 4] = [
            &|scene| scene.hold(0),
            &|scene| scene.say(0, None, "tick", &expired),
            &|scene| scene.say(0, Some("7-0-1"), "hold_seats", &refused),
            &|scene| scene.say(0, Some("7-0-1"), "forwarded", &forwarded),
        ];
        for late in late {
            let mut scene = Scene::default();
            scene.leave(0, 3);
            late(&mut scene);
            scene.check(false);
            let mut scene = Scene::default();
            scene.leave(0, 3);
            scene.arrive(0, 3);
            late(&mut scene);
            scene.check(false);
        }
    }

    #[test]
    fn a_slot_that_leaves_or_arrives_twice_is_found() {
        let moves: [&dyn Fn(&mut Scene); 3] =
            [&|scene| scene.leave(0, 2), &|scene| scene.arrive(1, 3), &|scene| scene.arrive(0, 2)];
        for wrong in moves {
            let mut scene = Scene::default();
            scene.leave(0, 3);
            wrong(&mut scene);
            scene.check(false);
        }
        let mut twice = Scene::default();
        twice.leave(0, 3);
        twice.arrive(0, 3);
        twice.check(true);
        twice.arrive(0, 3);
        twice.check(false);
    }
}
