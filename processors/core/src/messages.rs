//! Messages between keys: what has come from other partitions, and how far.
//!
//! The runtime brings every message at least once, and those of one partition to another in
//! order. So one mark for each partition that sends is enough to know what has come before. The
//! marks, and the names of what was sent to each slot, are all that the runtime needs to find out
//! where to go on after a restart.

use std::collections::BTreeMap;

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{Message, Outcome, PartitionId, Refusal, RefusalCode, Slot};
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
    /// The latest message from each partition.
    received: BTreeMap<PartitionId, EffectName>,
    /// By number of the slot.
    sent: BTreeMap<u16, SentTo>,
}

impl Messages {
    fn has_received(&self, from: EffectName) -> bool {
        self.received.get(&from.partition()).is_some_and(|latest| from <= *latest)
    }

    pub(crate) fn receive(&mut self, from: EffectName) {
        assert!(!self.has_received(from), "INV-6: message {from} is received twice");
        self.received.insert(from.partition(), from);
    }

    pub(crate) fn send(&mut self, name: EffectName, to: Slot) {
        let first = SentTo { slot: to, first: name, latest: name };
        self.sent.entry(to.number()).or_insert(first).latest = name;
    }

    pub(crate) fn received(&self) -> impl ExactSizeIterator<Item = EffectName> {
        self.received.values().copied()
    }

    pub(crate) fn sent(&self) -> impl ExactSizeIterator<Item = SentTo> {
        self.sent.values().copied()
    }

    pub(crate) fn restore(received: Vec<EffectName>, sent: Vec<SentTo>) -> Self {
        Self {
            received: received.into_iter().map(|from| (from.partition(), from)).collect(),
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
    if asked.state.messages.has_received(from) {
        return Err(RefusalCode::MessageAlreadyReceived.into());
    }
    outcomes.push(Outcome::MessageReceived { from });
    match message {
        Message::CampaignAnnounced { .. }
        | Message::CouponGranted { .. }
        | Message::CouponSpent { .. } => coupon::learn(asked, message, outcomes),
        Message::ReserveCoupon { .. }
        | Message::CommitCoupon { .. }
        | Message::ReleaseCoupon { .. }
        | Message::ReturnCoupon { .. } => coupon::serve(asked, message, outcomes),
        Message::ReservePoints { .. }
        | Message::CommitPoints { .. }
        | Message::ReleasePoints { .. }
        | Message::EarnPoints { .. }
        | Message::RestorePoints { .. }
        | Message::TakeBackPoints { .. } => points::serve(asked, message, outcomes),
        Message::PointsReserved { order, account } => {
            reserving::points_reserved(asked, *order, *account, outcomes);
        }
        Message::PointsRefused { order, code } => {
            reserving::points_refused(asked, *order, *code, outcomes);
        }
        Message::CouponReserved { order, coupon } => {
            reserving::coupon_reserved(asked, *order, *coupon, outcomes);
        }
        Message::CouponRefused { order, coupon, code } => {
            reserving::coupon_refused(asked, *order, *coupon, *code, outcomes);
        }
    }
    Ok(())
}

impl State {
    /// The latest message from each partition that has sent any: what comes again up to there is
    /// dropped.
    pub fn received_messages(&self) -> impl ExactSizeIterator<Item = EffectName> {
        self.messages.received()
    }

    /// The messages that this partition has sent, by slot.
    pub fn sent_messages(&self) -> impl ExactSizeIterator<Item = SentTo> {
        self.messages.sent()
    }
}
