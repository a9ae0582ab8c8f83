//! Messages between the keys of two partitions, brought by their messengers, over crashes.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use boxoffice_core::State;
use boxoffice_log::memory::MemoryLog;
use boxoffice_log::{Durability, Log, TopicPartition};
use boxoffice_topics::coupon::{
    CampaignDefinition, CampaignScope, CouponIntent, CouponReduction, CouponTerms, Issuer,
};
use boxoffice_topics::envelope::step_from_record;
use boxoffice_topics::{
    CampaignId, CouponOutcome, Currency, Genesis, Intent, IntentId, LogId, Offset, Outcome,
    PartitionId, PartitionMap, RefusalCode, Routes, ScalingIntent, Slot, Step, Timestamp,
};
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::world::{ManualClock, PERFORMANCE, START_MS, create, open, quiet, record};
use crate::messenger::{Messenger, messages_begin};
use crate::{Checkpoints, Partition, Release, recover};

/// Coupons that are claimed: the campaign tells the performance of each.
const CLAIMS: u64 = 20;

struct Nobody;

impl Release for Nobody {
    fn release(&mut self, _: Vec<std::sync::Arc<Step>>) {}
}

fn map() -> PartitionMap {
    PartitionMap::dealt(NonZeroU16::new(2).unwrap()).unwrap()
}

/// A slot of the other partition than that of the performance.
fn campaign_slot() -> Slot {
    let home = map().partition_of(Slot::of(PERFORMANCE));
    (0..2).filter_map(Slot::new).find(|slot| map().partition_of(*slot) != home).unwrap()
}

fn campaign_partition() -> PartitionId {
    map().partition_of(campaign_slot())
}

fn performance_partition() -> PartitionId {
    map().partition_of(Slot::of(PERFORMANCE))
}

fn create_campaign() -> Intent<'static> {
    let scope =
        CampaignScope::Performances { slot: campaign_slot(), performances: vec![PERFORMANCE] };
    Intent::Coupon(CouponIntent::CreateCampaign {
        definition: Box::new(CampaignDefinition {
            name: "Autumn".to_owned(),
            scope,
            code: None,
            opens_at: Timestamp::from_millis(START_MS),
            closes_at: Timestamp::from_millis(START_MS + 1_000_000),
            quantity: 1_000,
            account_limit: 1,
            terms: CouponTerms {
                reduction: CouponReduction::Fixed { amount_minor: 1_000 },
                currency: Currency::KRW,
                minimum_spend_minor: 0,
                price_levels: Vec::new(),
                issuer: Issuer::Platform,
                uses: 1,
                expires_at: Timestamp::from_millis(START_MS + 1_000_000),
                returned_on_refund: true,
            },
        }),
    })
}

fn claim(account: u64) -> Bytes {
    let campaign = CampaignId(IntentId::new(campaign_slot(), campaign_partition(), Offset::new(1)));
    let intent = Intent::Coupon(CouponIntent::ClaimCoupon { campaign, code: None });
    record(1_000 + account, 10, &intent)
}

async fn log_with_claims() -> MemoryLog {
    let log_id = LogId::from_u128(0xb0);
    let genesis = Genesis { log_id, created_at: Timestamp::from_millis(START_MS) };
    let log = MemoryLog::new(NonZeroU16::new(2).unwrap(), genesis);
    let at_performance = vec![record(1, 0, &create()), record(2, 1, &open())];
    let mut at_campaign = vec![record(3, 2, &create_campaign())];
    at_campaign.extend((0..CLAIMS).map(claim));
    for (partition, records) in
        [(performance_partition(), at_performance), (campaign_partition(), at_campaign)]
    {
        let topic = TopicPartition::intents(partition);
        log.append(topic, records, Durability::Synced).await.unwrap();
    }
    log
}

fn steps(log: &MemoryLog, partition: PartitionId) -> Vec<Step> {
    let records = log.records(TopicPartition::outcomes(partition)).split_off(1);
    records.iter().map(|record| step_from_record(record).unwrap().1).collect()
}

/// The numbers of coupons that the performance was told of.
fn granted(log: &MemoryLog) -> Vec<IntentId> {
    granted_in(log, performance_partition())
}

fn granted_in(log: &MemoryLog, partition: PartitionId) -> Vec<IntentId> {
    let steps = steps(log, partition);
    let outcomes = steps.into_iter().flat_map(|step| step.outcomes);
    let coupons = outcomes.filter_map(|outcome| match outcome {
        Outcome::Coupon(CouponOutcome::Granted { coupon, .. }) => Some(coupon.0),
        _ => None,
    });
    coupons.collect()
}

fn dropped(log: &MemoryLog) -> usize {
    let steps = steps(log, performance_partition());
    let replies = steps.iter().filter_map(Step::reply);
    let is_dropped = |reply: &&Outcome| {
        matches!(reply, Outcome::Refused { refusal }
            if refusal.code == RefusalCode::MessageAlreadyReceived)
    };
    replies.filter(is_dropped).count()
}

/// Both partitions with their messengers, from a restart until nothing happens any more.
/// `begin` may move where messengers begin.
async fn run(log: &MemoryLog, begin: impl Fn(Offset) -> Offset) {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    let mut recovered = Vec::new();
    for partition in map().partitions() {
        recovered.push(recover(log, partition, &checkpoints, |_| ()).await.unwrap());
    }
    let states: Vec<State> = recovered.iter().map(|it| it.state.clone()).collect();
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let known: Vec<_> = states.iter().collect();
    let routes = Routes::new(&map());
    for state in &states {
        state.moved_here().for_each(|moved| routes.switch(moved, state.partition()));
    }
    let owners = routes.map(&map());
    for state in &states {
        let begin = begin(messages_begin(state, &known));
        let clock = ManualClock::new();
        let messenger =
            Messenger::new(log.clone(), clock, owners.clone(), state.partition(), begin);
        let mut stopped = stopped.clone();
        tasks.spawn(async move {
            let stopped = async move { drop(stopped.wait_for(|stop| *stop).await) };
            messenger.run(stopped).await.map(drop)
        });
    }
    for recovered in recovered {
        let (clock, mut stopped) = (ManualClock::new(), stopped.clone());
        let (checkpoints, log) = (checkpoints.clone(), log.clone());
        let partition = Partition::new(log, recovered, checkpoints, quiet(), Nobody, clock);
        tasks.spawn(async move {
            let stopped = async move { drop(stopped.wait_for(|stop| *stop).await) };
            partition.run(stopped).await.map(drop)
        });
    }
    super::world::settle().await;
    stop.send_replace(true);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap().unwrap();
    }
}

fn distinct(coupons: &[IntentId]) -> usize {
    coupons.iter().collect::<BTreeSet<_>>().len()
}

#[tokio::test(start_paused = true)]
async fn every_message_is_brought_once_in_order() {
    let log = log_with_claims().await;
    run(&log, |begin| begin).await;
    let coupons = granted(&log);
    assert_eq!((coupons.len(), distinct(&coupons)), (CLAIMS as usize, CLAIMS as usize));
    assert!(coupons.is_sorted(), "the order of the claims");
    assert_eq!(dropped(&log), 0);
    run(&log, |begin| begin).await;
    assert_eq!(granted(&log).len(), CLAIMS as usize, "nothing is brought again after a restart");
    assert_eq!(dropped(&log), 0);
}

#[tokio::test(start_paused = true)]
async fn a_messenger_that_begins_too_early_changes_nothing() {
    let log = log_with_claims().await;
    run(&log, |begin| begin).await;
    run(&log, |_| Offset::ZERO).await;
    assert_eq!(granted(&log).len(), CLAIMS as usize);
    // The announcement of the campaign came again as well.
    assert_eq!(dropped(&log), CLAIMS as usize + 1);
}

/// The receiver has had some messages when the machine stops: its log is cut after each of them.
#[tokio::test(start_paused = true)]
async fn whatever_was_not_brought_before_a_crash_is_brought_after_it() {
    let whole = log_with_claims().await;
    run(&whole, |begin| begin).await;
    let topic = TopicPartition::intents(performance_partition());
    let records = whole.records(topic).split_off(1);
    for had in 2..=records.len() {
        let log = log_with_claims().await;
        let delivered = records[2..had].to_vec();
        if !delivered.is_empty() {
            log.append(topic, delivered, Durability::Synced).await.unwrap();
        }
        run(&log, |begin| begin).await;
        let coupons = granted(&log);
        assert_eq!((coupons.len(), distinct(&coupons)), (CLAIMS as usize, CLAIMS as usize));
        let is_in_between = 2 < had && had < records.len();
        assert_eq!(dropped(&log), usize::from(is_in_between), "only the last one had comes again");
    }
}

/// A receiver whose state is not there may have had nothing: what is brought again is dropped, what
/// is passed over is lost.
#[tokio::test(start_paused = true)]
async fn messages_to_a_partition_whose_state_is_missing_are_not_passed_over() {
    let log = log_with_claims().await;
    run(&log, |begin| begin).await;
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    let recovered = recover(&log, campaign_partition(), &checkpoints, |_| ()).await.unwrap();
    let begin = messages_begin(&recovered.state, &[&recovered.state]);
    assert_eq!(begin, Offset::new(1), "the announcement of the campaign");
}

/// The performance moves after some of the messages, to the partition that sends them and back
/// again: the messengers know of it only when they begin again, so messages are forwarded.
#[tokio::test(start_paused = true)]
async fn messages_find_a_performance_whenever_it_moves() {
    let whole = log_with_claims().await;
    run(&whole, |begin| begin).await;
    let topic = TopicPartition::intents(performance_partition());
    let records = whole.records(topic).split_off(1);
    let move_from = |from: PartitionId, to: PartitionId| {
        let (slots, dealt) = (vec![Slot::of(PERFORMANCE)], map().dealt_over());
        let moved = Intent::Scaling(ScalingIntent::MoveSlots { slots, to, dealt });
        (TopicPartition::intents(from), vec![record(9_000, 20, &moved)])
    };
    for had in 2..=records.len() {
        let log = log_with_claims().await;
        let delivered = records[2..had].to_vec();
        if !delivered.is_empty() {
            log.append(topic, delivered, Durability::Synced).await.unwrap();
        }
        for (from, to) in [
            (performance_partition(), campaign_partition()),
            (campaign_partition(), performance_partition()),
            (performance_partition(), campaign_partition()),
        ] {
            let (topic, moved) = move_from(from, to);
            log.append(topic, moved, Durability::Synced).await.unwrap();
            run(&log, |begin| begin).await;
        }
        let mut coupons = granted(&log);
        coupons.extend(granted_in(&log, campaign_partition()));
        assert_eq!((coupons.len(), distinct(&coupons)), (CLAIMS as usize, CLAIMS as usize));
    }
}
