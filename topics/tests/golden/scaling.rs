//! The records of slots that move.

use std::num::NonZeroU16;

use boxoffice_topics::scaling::{Forward, MovingSlot, Opening, Post, StateDigest};
use boxoffice_topics::{PartitionId, ScalingIntent, ScalingOutcome, Slot};

use super::*;

const GOLDEN: &str = include_str!("../../testdata/v1-scaling.hex");
const DEALT: NonZeroU16 = NonZeroU16::new(4).unwrap();

fn slot() -> Slot {
    Slot::new(1_018).unwrap()
}

fn slots() -> Vec<MovingSlot> {
    vec![MovingSlot { slot: slot(), generation: 1 }]
}

fn to() -> PartitionId {
    PartitionId::new(5).unwrap()
}

fn forward() -> Forward {
    Forward {
        slot: slot(),
        origin: name(78),
        account: AccountId::from_u128(9),
        key: IntentKey::from_u128(10),
        fingerprint: 0x0102_0304,
        intent: vec![0x82, 0x0e, 0x80],
    }
}

fn opening() -> Opening {
    Opening {
        slots: slots(),
        dealt: DEALT,
        left_at: Timestamp::from_millis(1_790_000_000_000),
        length: 3,
        digest: StateDigest::of(&[1, 2, 3]),
        fence: effect(),
    }
}

fn posts() -> Vec<Post> {
    vec![
        Post::Opening(opening()),
        Post::Part { slot: slot(), bytes: vec![1, 2, 3] },
        Post::Taken { slot: slot(), fence: effect() },
        Post::Forward(forward()),
    ]
}

fn intents() -> Vec<Intent<'static>> {
    let moved = ScalingIntent::MoveSlots { slots: vec![slot()], to: to(), dealt: DEALT };
    let brought = posts().into_iter().map(|post| ScalingIntent::Bring { from: effect(), post });
    [moved].into_iter().chain(brought).map(Intent::Scaling).collect()
}

fn step() -> Step {
    let mut outcomes = vec![
        ScalingOutcome::SlotsLeft { slots: slots(), to: to(), dealt: DEALT },
        ScalingOutcome::HeldBack { to: to(), forward: forward() },
        ScalingOutcome::SlotsAnnounced { opening: opening() },
        ScalingOutcome::PartTaken { from: to(), bytes: vec![1, 2, 3] },
        ScalingOutcome::SlotsArrived { fence: effect(), slots: slots() },
        ScalingOutcome::SlotsForgotten { fence: effect() },
        ScalingOutcome::PostReceived { from: effect(), origin: None },
        ScalingOutcome::PostReceived { from: effect(), origin: Some(name(78)) },
    ];
    outcomes.extend(posts().into_iter().map(|post| ScalingOutcome::Posted { to: to(), post }));
    Step { outcomes: outcomes.into_iter().map(Outcome::Scaling).collect(), ..super::step() }
}

#[test]
fn today_writes_the_bytes_of_scaling() {
    let mut records: Vec<_> =
        intents().iter().map(|intent| intent_to_record(&header(), intent)).collect();
    records.push(step_to_record_alone(&step()));
    let written = records.iter().map(|record| hex(record) + "\n").collect::<String>();
    assert!(written == GOLDEN, "the bytes of records changed:\n{written}");
}

#[test]
fn today_reads_the_bytes_of_scaling() {
    let records: Vec<_> = GOLDEN.lines().map(unhex).collect();
    let (last, asked) = records.split_last().unwrap();
    let read: Vec<_> = asked.iter().map(|record| intent_from_record(record).unwrap().1).collect();
    assert_eq!(read, intents());
    assert_eq!(step_from_record(last).unwrap().1, step());
}
