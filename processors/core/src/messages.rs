//! Messages between keys: what has come from other partitions, and how far.
//!
//! The runtime brings every message at least once, and those of one partition to another in
//! order. So one mark for each slot and each partition that sends is enough to know what has come
//! before; it goes with the slot when that moves. The marks, and the names of what was sent to each
//! slot, are all that the runtime needs to find out where to go on after a restart.

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::points::PointsSource;
use boxoffice_topics::{CouponOutcome, Message, Outcome, PartitionId, Refusal, RefusalCode, Slot};
use minicbor::{Decode, Encode};

use crate::coupon;
use crate::decide::Asked;
use crate::points;
use crate::reserving;
use crate::state::State;

/// The messages to one slot so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SentTo {
    /// The slot.
    #[n(0)]
    pub slot: Slot,
    /// The first message.
    #[n(1)]
    pub first: EffectName,
    /// The latest message.
    #[n(2)]
    pub latest: EffectName,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    /// The latest message from each partition to any slot that was dealt to this one, as
    /// snapshots before version 4 have it. What came later is in `received`.
    before: BTreeMap<PartitionId, EffectName>,
    /// The latest message to each slot from each partition.
    received: BTreeMap<(Slot, PartitionId), EffectName>,
    /// By number of the slot.
    sent: BTreeMap<u16, SentTo>,
}

impl Messages {
    fn last_received(&self, from: PartitionId, to: Slot) -> Option<EffectName> {
        let mark = self.received.get(&(to, from)).copied();
        mark.max(self.before.get(&from).copied())
    }

    fn has_received(&self, from: EffectName, to: Slot) -> bool {
        self.last_received(from.partition(), to).is_some_and(|latest| from <= latest)
    }

    pub(crate) fn receive(&mut self, from: EffectName, to: Slot) {
        assert!(!self.has_received(from, to), "INV-6: message {from} is received twice");
        self.received.insert((to, from.partition()), from);
    }

    /// Slots of elsewhere will come, and marks of before say nothing of them.
    pub(crate) fn tell_slots_apart(&mut self, dealt: &BTreeSet<Slot>) {
        let before = std::mem::take(&mut self.before);
        self.add_marks(&before, dealt);
    }

    /// The marks of some slots. They stay here, too: the runtime looks for the latest one.
    pub(crate) fn marks_of(&self, slots: &BTreeSet<Slot>) -> Self {
        let mut marks = Self::default();
        let known = self.received.iter().filter(|((slot, _), _)| slots.contains(slot));
        marks.received.extend(known.map(|(of, mark)| (*of, *mark)));
        marks.add_marks(&self.before, slots);
        marks
    }

    fn add_marks(&mut self, marks: &BTreeMap<PartitionId, EffectName>, slots: &BTreeSet<Slot>) {
        for (from, mark) in marks {
            for slot in slots {
                let known = self.received.entry((*slot, *from)).or_insert(*mark);
                *known = (*mark).max(*known);
            }
        }
    }

    /// Takes in the marks of slots that arrive.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.received.extend(other.received);
    }

    pub(crate) fn send(&mut self, name: EffectName, to: Slot) {
        let first = SentTo { slot: to, first: name, latest: name };
        self.sent.entry(to.number()).or_insert(first).latest = name;
    }

    pub(crate) fn before(&self) -> impl ExactSizeIterator<Item = EffectName> {
        self.before.values().copied()
    }

    pub(crate) fn received(&self) -> impl ExactSizeIterator<Item = (Slot, EffectName)> {
        self.received.iter().map(|((slot, _), mark)| (*slot, *mark))
    }

    pub(crate) fn sent(&self) -> impl ExactSizeIterator<Item = SentTo> {
        self.sent.values().copied()
    }

    pub(crate) fn restore(
        before: Vec<EffectName>,
        received: Vec<(Slot, EffectName)>,
        sent: Vec<SentTo>,
    ) -> Self {
        let by_slot = |(slot, from): (Slot, EffectName)| ((slot, from.partition()), from);
        Self {
            before: before.into_iter().map(|from| (from.partition(), from)).collect(),
            received: received.into_iter().map(by_slot).collect(),
            sent: sent.into_iter().map(|sent| (sent.slot.number(), sent)).collect(),
        }
    }
}

/// Pushes that the message has come, and what follows from it. A message that is about something
/// that has ended meanwhile changes nothing, or is answered so that the other key lets go.
pub(crate) fn deliver(
    asked: &Asked<'_>,
    from: EffectName,
    message: &Message,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    if asked.state.messages.has_received(from, message.slot()) {
        return Err(RefusalCode::MessageAlreadyReceived.into());
    }
    outcomes.push(Outcome::MessageReceived { from });
    act(asked, message, outcomes);
    Ok(())
}

fn act(asked: &Asked<'_>, message: &Message, outcomes: &mut Vec<Outcome>) {
    match *message {
        Message::CampaignAnnounced { performance, campaign, version, ref terms } => {
            coupon::learn_campaign(asked, performance, campaign, version, terms, outcomes);
        }
        Message::CouponGranted { performance, campaign, version, coupon, account } => {
            let granted =
                CouponOutcome::Granted { performance, campaign, version, coupon, account };
            coupon::learn_granted(asked, (performance, campaign), granted, outcomes);
        }
        Message::CouponSpent { performance, coupon } => {
            coupon::learn_spent(asked, performance, coupon, outcomes);
        }
        Message::ReserveCoupon { coupon, order, account } => {
            coupon::reserve(asked, coupon, order, account, outcomes);
        }
        Message::CommitCoupon { coupon, order } => coupon::commit(asked, coupon, order, outcomes),
        Message::ReleaseCoupon { coupon, order } => coupon::release(asked, coupon, order, outcomes),
        Message::ReturnCoupon { coupon, order } => {
            coupon::give_back(asked, coupon, order, outcomes);
        }
        Message::ReservePoints { account, order, amount } => {
            points::reserve(asked, account, order, amount, outcomes);
        }
        Message::CommitPoints { account, order } => {
            points::commit(asked, account, order, outcomes);
        }
        Message::ReleasePoints { account, order } => {
            points::release(asked, account, order, outcomes);
        }
        Message::EarnPoints { account, order, amount, expires_at } => {
            let source = PointsSource::Earned(order);
            outcomes.push(points::credited(asked, account, amount, expires_at, source));
        }
        Message::RestorePoints { account, order, amount, expires_at } => {
            let source = PointsSource::Restored(order);
            outcomes.push(points::credited(asked, account, amount, expires_at, source));
        }
        Message::TakeBackPoints { account, order, amount } => {
            outcomes.push(points::taken_back(asked, account, order, amount));
        }
        Message::PointsReserved { order, account } => {
            reserving::points_reserved(asked, order, account, outcomes);
        }
        Message::PointsRefused { order, code } => {
            reserving::points_refused(asked, order, code, outcomes);
        }
        Message::CouponReserved { order, coupon } => {
            reserving::coupon_reserved(asked, order, coupon, outcomes);
        }
        Message::CouponRefused { order, coupon, code } => {
            reserving::coupon_refused(asked, order, coupon, code, outcomes);
        }
    }
}

impl State {
    /// The latest message from a partition to a slot: what comes again up to there is dropped. A
    /// slot that has left keeps its marks of then.
    #[must_use]
    pub fn last_message(&self, from: PartitionId, to: Slot) -> Option<EffectName> {
        self.messages.last_received(from, to)
    }

    /// The messages that this partition has sent, by slot.
    pub fn sent_messages(&self) -> impl ExactSizeIterator<Item = SentTo> {
        self.messages.sent()
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::{
        AccountId, CampaignId, CouponId, Currency, Header, Intent, IntentId, IntentKey, Money,
        Offset, OrderId, PerformanceId, Step, Timestamp,
    };

    use super::*;
    use crate::{Record, apply, decide};

    fn from(partition: u16, offset: u64, index: u16) -> EffectName {
        EffectName::new(PartitionId::new(partition).unwrap(), Offset::new(offset), index)
    }

    /// What follows from a message, without the reply.
    fn deliver_to(state: &mut State, from: EffectName, message: Message) -> Vec<Outcome> {
        let header = Header {
            recorded_at: Timestamp::from_millis(1),
            account: AccountId::default(),
            key: IntentKey::default(),
            fingerprint: 0,
            traceparent: None,
        };
        let intent = Intent::Deliver { from, message };
        let mut step = Step::default();
        let offset = state.next_offset();
        decide(state, &Record { offset, header: &header, intent: &intent }, &mut step);
        apply(state, &step);
        assert_eq!(step.outcomes.remove(0), Outcome::MessageReceived { from });
        step.outcomes
    }

    /// What nobody waits for is answered so that the other key lets go, or changes nothing.
    #[test]
    fn messages_about_what_nobody_knows_are_answered_or_harmless() {
        let name: IntentId = "0-0-999999".parse().unwrap();
        let (coupon, order, campaign) = (CouponId(name), OrderId(name), CampaignId(name));
        let (account, performance) = (AccountId::from_u128(1), PerformanceId::from_u128(1));
        let (amount, version) = (Money::new(5, Currency::KRW), 0);
        let (unknown, insufficient) = (RefusalCode::CouponUnknown, RefusalCode::PointsInsufficient);
        let asked = [
            (
                Message::ReserveCoupon { coupon, order, account },
                Some(Message::CouponRefused { order, coupon, code: unknown }),
            ),
            (
                Message::ReservePoints { account, order, amount },
                Some(Message::PointsRefused { order, code: insufficient }),
            ),
            (
                Message::CouponReserved { order, coupon },
                Some(Message::ReleaseCoupon { coupon, order }),
            ),
            (
                Message::PointsReserved { order, account },
                Some(Message::ReleasePoints { account, order }),
            ),
            (Message::CouponGranted { performance, campaign, version, coupon, account }, None),
            (Message::CouponSpent { performance, coupon }, None),
            (Message::CouponRefused { order, coupon, code: unknown }, None),
            (Message::PointsRefused { order, code: insufficient }, None),
            (Message::CommitCoupon { coupon, order }, None),
            (Message::ReleaseCoupon { coupon, order }, None),
            (Message::ReturnCoupon { coupon, order }, None),
            (Message::CommitPoints { account, order }, None),
            (Message::ReleasePoints { account, order }, None),
        ];
        let mut state = State::new(PartitionId::new(0).unwrap());
        for (offset, (message, answer)) in (1..).zip(asked) {
            let follows = deliver_to(&mut state, from(3, offset, 0), message);
            let answers = answer.map(|message| Outcome::MessageSent { message });
            assert_eq!(follows, Vec::from_iter(answers));
        }
    }

    #[test]
    fn each_sender_has_a_mark_of_its_own() {
        let mut state = State::new(PartitionId::new(0).unwrap());
        let order = OrderId("0-0-999999".parse().unwrap());
        let message = || Message::PointsRefused { order, code: RefusalCode::PointsInsufficient };
        deliver_to(&mut state, from(3, 7, 1), message());
        deliver_to(&mut state, from(3, 7, 2), message());
        deliver_to(&mut state, from(1, 2, 0), message());
        deliver_to(&mut state, from(0, 1, 0), message());
        for old in [from(3, 7, 2), from(3, 7, 1), from(3, 6, 9), from(1, 1, 9)] {
            assert!(state.messages.has_received(old, Slot::ZERO));
        }
        for new in [from(3, 7, 3), from(3, 8, 0), from(1, 2, 1), from(2, 1, 0)] {
            assert!(!state.messages.has_received(new, Slot::ZERO));
        }
    }
}
