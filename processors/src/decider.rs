//! One record becomes one step: the fold that the loop, recovery and replay share, so that there
//! is only one way to decide.

use std::sync::Arc;

use boxoffice_core::{Record, State, apply, decide};
use boxoffice_log::TopicPartition;
use boxoffice_topics::envelope::{
    ChainHash, Envelope, EnvelopeError, StepHeader, intent_from_record, step_to_record,
};
use boxoffice_topics::{AccountId, IntentKey, LogId, Offset, Outcome, Step};
use bytes::Bytes;

use crate::error::Error;
use crate::records::expect_offset;

/// Fencing number of the writer. The embedded log has one writer, whose directory is locked.
const EPOCH: u64 = 0;

/// The state of a partition with the chained hash of the steps that led to it.
pub(crate) struct Decider {
    log_id: LogId,
    state: State,
    chain: ChainHash,
    /// The chained hash before the last step.
    before: ChainHash,
    /// The last step; its buffer serves the next one.
    step: Step,
    /// The last step, encoded.
    payload: Vec<u8>,
    quarantined: u64,
}

impl Decider {
    pub(crate) fn new(log_id: LogId, state: State, chain: ChainHash) -> Self {
        let (step, payload) = (Step::default(), Vec::new());
        Self { log_id, state, chain, before: chain, step, payload, quarantined: 0 }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn chain(&self) -> ChainHash {
        self.chain
    }

    pub(crate) fn next_offset(&self) -> Offset {
        self.state.next_offset()
    }

    /// Records so far that could not be read.
    pub(crate) fn quarantined(&self) -> u64 {
        self.quarantined
    }

    pub(crate) fn into_parts(self) -> (State, ChainHash) {
        (self.state, self.chain)
    }

    /// Decides and applies the next record, and returns its step as a record of the outcomes
    /// topic.
    pub(crate) fn advance(&mut self, offset: Offset, record: &[u8]) -> Result<Bytes, Error> {
        let topic = TopicPartition::intents(self.state.partition());
        expect_offset(topic, self.state.next_offset(), offset)?;
        match intent_from_record(record) {
            Ok((header, intent)) => {
                let record = Record { offset, header: &header, intent: &intent };
                decide(&self.state, &record, &mut self.step);
            }
            Err(error) => self.quarantine(topic, &error),
        }
        apply(&mut self.state, &self.step);
        let (record, chain) =
            step_to_record(self.log_id, EPOCH, self.chain, &self.step, &mut self.payload);
        self.before = std::mem::replace(&mut self.chain, chain);
        Ok(record.into())
    }

    /// A record that cannot be read becomes a step without outcomes: nothing in it can be
    /// trusted to say who asked or for what, so there is nobody to answer and no key to
    /// remember, while its offset stays accounted for. A program that can read the record
    /// decides otherwise and stops at the difference, instead of rewriting what was published.
    fn quarantine(&mut self, topic: TopicPartition, error: &EnvelopeError) {
        let offset = self.state.next_offset();
        tracing::error!(%topic, %offset, %error, "record quarantined");
        self.quarantined += 1;
        self.step.offset = offset;
        self.step.now = self.state.now();
        self.step.account = AccountId::default();
        self.step.key = IntentKey::default();
        self.step.fingerprint = 0;
        self.step.intent = None;
        self.step.outcomes.clear();
    }

    /// The last step, as it is now.
    pub(crate) fn step(&self) -> &Step {
        &self.step
    }

    /// The last step, moved out at its exact size. The buffer stays here.
    pub(crate) fn take_step(&mut self) -> Arc<Step> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(self.step.outcomes.len());
        outcomes.append(&mut self.step.outcomes);
        let &mut Step { offset, now, account, key, fingerprint, intent, .. } = &mut self.step;
        Arc::new(Step { offset, now, account, key, fingerprint, intent, outcomes })
    }

    /// Compares what is published at the place of the last step with that step. The epoch may
    /// differ: another owner may have published it.
    pub(crate) fn compare(&self, published: &[u8]) -> Result<(), Error> {
        let (partition, offset) = (self.state.partition(), self.step.offset);
        let topic = TopicPartition::outcomes(partition);
        let unreadable = |error| Error::Unreadable { topic, offset, error };
        let envelope = Envelope::open(published).map_err(unreadable)?;
        let StepHeader { log_id, input, chain, .. } = envelope.step_header().map_err(unreadable)?;
        if log_id != self.log_id {
            return Err(Error::OtherLog { topic, offset, expected: self.log_id, found: log_id });
        }
        expect_offset(topic, offset, input)?;
        let payload = envelope.payload;
        let same_payload = payload == self.payload;
        if same_payload && chain == self.chain {
            return Ok(());
        }
        // The hash in the header could hide the difference: it is shown only when the payload
        // has none.
        let published = if same_payload { chain } else { self.before.extended_by(payload) };
        Err(Error::Diverged { partition, offset, published, decided: self.chain })
    }
}
