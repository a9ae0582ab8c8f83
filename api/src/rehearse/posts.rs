//! Posts between partitions in the naive model: what is posted is received exactly once, in order.
//!
//! Where messages go from key to key, posts go from partition to partition: they carry the state of
//! slots that move, and the intents that come too late for them. Steps come in an order in which a
//! post is received after it was posted.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::ledger::Place;
use super::post::place_of;

/// The place of a step and the index of the outcome in it.
type Name = (Place, u64);

/// A post that was not received yet.
#[derive(Debug)]
struct Sent {
    to: Option<u64>,
    /// An intent that is sent on may wait before it is posted, under another name; that it is
    /// answered is judged as its reply.
    is_intent: bool,
}

/// Every post whose other end was not read yet, and the latest that each partition has from each.
#[derive(Debug, Default)]
pub(super) struct Posts {
    sent: HashMap<Name, Sent>,
    latest: HashMap<(u16, u16), Name>,
}

impl Posts {
    /// Takes one step over. Everything was read from these offsets on.
    pub(super) fn fold(
        &mut self,
        place: Place,
        outcomes: &[Value],
        begins: &BTreeMap<u16, u64>,
        findings: &mut Findings,
    ) {
        for (index, outcome) in (0..).zip(outcomes) {
            let kind = outcome["type"].as_str().unwrap_or_default();
            match kind {
                "forwarded" | "slots_posted" => {
                    let to = outcome["to"].as_u64();
                    let sent = Sent { to, is_intent: kind == "forwarded" };
                    self.sent.insert((place, index), sent);
                }
                "post_received" => self.received(place, outcome, begins, findings),
                _ => (),
            }
        }
    }

    fn received(
        &mut self,
        place: Place,
        outcome: &Value,
        begins: &BTreeMap<u16, u64>,
        findings: &mut Findings,
    ) {
        let Some(name) = name_of(outcome) else {
            return findings.note(Invariant::PostsReceivedOnce, || {
                format!("{place:?}: a post without a name: {outcome}")
            });
        };
        let (from, _) = name;
        let before = self.latest.insert((from.partition, place.partition), name);
        let is_known = begins.get(&from.partition).is_none_or(|begin| from.offset >= *begin);
        let sent = self.sent.remove(&name);
        let is_here = sent.is_some_and(|sent| sent.to == Some(place.partition.into()));
        let right = (is_here || !is_known) && before.is_none_or(|before| before < name);
        findings.check(right, Invariant::PostsReceivedOnce, || {
            format!("{place:?}: post {name:?} came twice, late, or to the wrong partition")
        });
    }

    /// Judges what never came. Nothing more will be read.
    pub(super) fn settle(&self, findings: &mut Findings) {
        for (name, _) in self.sent.iter().filter(|(_, sent)| !sent.is_intent) {
            findings.note(Invariant::PostsReceivedOnce, || format!("post {name:?} never came"));
        }
    }
}

fn name_of(outcome: &Value) -> Option<Name> {
    let name = outcome["from"].as_str()?;
    Some((place_of(name)?, name.split('-').nth(2)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BEGINS: u64 = 5;

    /// Partition 0 posts twice to partition 1; these come there.
    fn findings(received: &[&str]) -> Findings {
        let (mut posts, mut findings) = (Posts::default(), Findings::default());
        let begins = BTreeMap::from([(0, BEGINS)]);
        let posted = [
            json!({"type": "slots_posted", "to": 1}),
            json!({"type": "slots_posted", "to": 1}),
            json!({"type": "forwarded", "to": 1}),
        ];
        posts.fold(Place { partition: 0, offset: 7 }, &posted, &begins, &mut findings);
        for (offset, from) in (20..).zip(received) {
            let received = [json!({"type": "post_received", "from": from})];
            posts.fold(Place { partition: 1, offset }, &received, &begins, &mut findings);
        }
        posts.settle(&mut findings);
        findings
    }

    #[test]
    fn what_is_posted_is_received_once_and_in_order() {
        let right = findings(&["0-4-0", "0-7-0", "0-7-1", "0-7-2"]);
        assert!(right.is_clean(), "{right:?}");
        assert_eq!(right.checked(Invariant::PostsReceivedOnce), 4);
        // One that waited is posted under another name.
        assert!(findings(&["0-7-0", "0-7-1"]).is_clean());
    }

    #[test]
    fn a_post_that_is_lost_repeated_passed_or_invented_is_found() {
        let wrong = [
            &["0-7-0"][..],
            &["0-7-0", "0-7-1", "0-7-1"],
            &["0-7-1", "0-7-0"],
            &["0-7-0", "0-7-1", "0-8-0"],
            &["0-7-0", "0-7-1", "somewhere"],
        ];
        for received in wrong {
            let found = findings(received);
            assert!(found.of(Invariant::PostsReceivedOnce).is_some(), "{received:?}");
        }
    }
}
