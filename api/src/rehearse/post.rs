//! Messages between keys in the naive model: what is sent is received exactly once.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::ledger::Place;
use super::model::{Step, text};

/// Messages by their names: only those whose other end was not read yet are kept.
#[derive(Debug, Default)]
pub(super) struct Post {
    sent: HashSet<Box<str>>,
    received: HashSet<Box<str>>,
    matched: u64,
}

impl Post {
    /// A message is sent: it is named by its place in the step.
    pub(super) fn sent(&mut self, step: &Step, index: usize) {
        let name = format!("{}-{}-{index}", step.place.0, step.input).into_boxed_str();
        if self.received.remove(&name) {
            self.matched += 1;
        } else {
            self.sent.insert(name);
        }
    }

    /// A message has come. A second time it is matched by nothing.
    pub(super) fn received(&mut self, outcome: &Value) {
        let name = text(outcome, "from").into_boxed_str();
        if self.sent.remove(&name) {
            self.matched += 1;
        } else {
            self.received.insert(name);
        }
    }

    /// Messages on their way.
    pub(super) fn open_ends(&self) -> impl Iterator<Item = String> {
        self.sent.iter().map(|name| format!("message {name} is on its way"))
    }

    /// Judges what came, but not what was sent before the reading began.
    pub(super) fn settle(&self, begins: &BTreeMap<u16, u64>, findings: &mut Findings) {
        findings.held(Invariant::MessagesReceivedOnce, self.matched);
        let was_read = |name: &str| {
            let place = place_of(name)?;
            Some(begins.get(&place.partition).is_some_and(|begin| place.offset >= *begin))
        };
        for name in self.received.iter().filter(|name| was_read(name) != Some(false)) {
            findings.note(Invariant::MessagesReceivedOnce, || {
                format!("message {name} came twice, or was never sent")
            });
        }
        for name in &self.sent {
            findings.note(Invariant::MessagesReceivedOnce, || format!("message {name} never came"));
        }
    }
}

/// The place in the name of a message or a post, `partition-offset-index`.
pub(super) fn place_of(name: &str) -> Option<Place> {
    let mut parts = name.split('-');
    let partition = parts.next()?.parse().ok()?;
    Some(Place { partition, offset: parts.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn findings(receive: &[&str]) -> Findings {
        let mut post = Post::default();
        post.received(&json!({"from": "0-7-2"}));
        post.sent(&Step { place: (0, 7), input: 7, ..Step::default() }, 2);
        post.sent(&Step { place: (0, 8), input: 8, ..Step::default() }, 0);
        receive.iter().for_each(|from| post.received(&json!({"from": from})));
        let mut findings = Findings::default();
        post.settle(&BTreeMap::from([(0, 5)]), &mut findings);
        findings
    }

    #[test]
    fn what_is_sent_is_received_once() {
        assert!(findings(&["0-8-0"]).is_clean());
        // Sent before the reading began, or where nobody reads.
        assert!(findings(&["0-8-0", "0-4-0", "1-9-0"]).is_clean());
        assert_eq!(findings(&["0-8-0"]).checked(Invariant::MessagesReceivedOnce), 2);
    }

    #[test]
    fn a_message_that_is_lost_or_comes_twice_is_found() {
        for received in [&[][..], &["0-8-0", "0-8-0"], &["0-8-0", "0-7-2"], &["0-8-0", "0-9-0"]] {
            let found = findings(received);
            assert!(found.of(Invariant::MessagesReceivedOnce).is_some(), "{received:?}");
        }
    }
}
