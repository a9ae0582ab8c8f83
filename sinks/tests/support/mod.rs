//! Outcomes written by hand into a log in memory.

pub(crate) mod between_keys;
pub(crate) mod follow;
pub(crate) mod inventory;
pub(crate) mod story;
pub(crate) mod ticket;

use std::num::NonZeroU16;

use boxoffice_log::memory::MemoryLog;
use boxoffice_log::{Durability, Log, TopicPartition};
use boxoffice_topics::envelope::{ChainHash, step_to_record};
use boxoffice_topics::intent::Intent;
use boxoffice_topics::{
    AccountId, Currency, Genesis, IntentId, IntentKey, LogId, Money, Offset, Outcome, PartitionId,
    PerformanceDefinition, PerformanceId, PriceLevel, Row, SaleRules, Section, SectionKind, Slot,
    Step, Timestamp,
};
use bytes::Bytes;

/// When the first step of a script is decided.
pub(crate) const BEGIN_MS: i64 = 1_780_000_000_123;

/// A log with a few partitions and a name.
pub(crate) fn log(partitions: u16, log_id: u128) -> MemoryLog {
    let genesis =
        Genesis { log_id: LogId::from_u128(log_id), created_at: Timestamp::from_millis(BEGIN_MS) };
    MemoryLog::new(NonZeroU16::new(partitions).unwrap(), genesis)
}

/// The account with a number.
pub(crate) fn account(number: u128) -> AccountId {
    AccountId::from_u128(number)
}

/// Won.
pub(crate) fn won(minor: i64) -> Money {
    Money::new(minor, Currency::KRW)
}

/// Writes one partition of both topics, a step for each intent.
pub(crate) struct Scribe {
    log: MemoryLog,
    partition: PartitionId,
    slot: Slot,
    next: Offset,
    chain: ChainHash,
    now_ms: i64,
    records: Vec<Bytes>,
    scratch: Vec<u8>,
}

impl Scribe {
    /// A scribe at the beginning of a partition.
    pub(crate) fn new(log: &MemoryLog, partition: u16, slot: Slot) -> Self {
        Self {
            log: log.clone(),
            partition: PartitionId::new(partition).unwrap(),
            slot,
            next: Offset::new(1),
            chain: ChainHash::of_log(log.log_id()),
            now_ms: BEGIN_MS,
            records: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The name of the intent whose step is written next.
    pub(crate) fn next_id(&self) -> IntentId {
        IntentId::new(self.slot, self.partition, self.next)
    }

    /// The offset of the step that is written next.
    pub(crate) fn next_offset(&self) -> Offset {
        self.next
    }

    /// Time passes.
    pub(crate) fn pass_ms(&mut self, millis: i64) {
        self.now_ms += millis;
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }

    /// Decides a step. It is written with [`Scribe::write`].
    pub(crate) fn decide(&mut self, outcomes: Vec<Outcome>) {
        self.now_ms += 1;
        let step = Step {
            offset: self.next,
            now: self.now(),
            account: AccountId::default(),
            key: IntentKey::default(),
            fingerprint: 0,
            intent: Some(self.next_id()),
            outcomes,
        };
        let log_id = self.log.log_id();
        let (record, chain) = step_to_record(log_id, 1, self.chain, &step, &mut self.scratch);
        self.records.push(Bytes::from(record));
        self.chain = chain;
        self.next = self.next.next();
    }

    /// Writes what was decided, and as many intents.
    pub(crate) async fn write(&mut self) {
        let records = std::mem::take(&mut self.records);
        if records.is_empty() {
            return;
        }
        let header = boxoffice_topics::Header {
            recorded_at: self.now(),
            account: AccountId::default(),
            key: IntentKey::default(),
            fingerprint: 0,
            traceparent: None,
        };
        let tick = boxoffice_topics::envelope::intent_to_record(&header, &Intent::Tick);
        let intents = vec![Bytes::from(tick); records.len()];
        for (topic, records) in [
            (TopicPartition::intents(self.partition), intents),
            (TopicPartition::outcomes(self.partition), records),
        ] {
            self.log.append(topic, records, Durability::Written).await.unwrap();
        }
    }
}

/// A house of two rows, a price for each, and standing room.
pub(crate) fn small_house(performance: u128) -> PerformanceDefinition {
    house(performance, &[("1", 10, 0, vec![1, 2]), ("2", 10, 1, vec![])], 50)
}

/// A house of rows (label, seats, price level, accessible seats) and standing room.
pub(crate) fn house(
    performance: u128,
    rows: &[(&str, u16, u16, Vec<u16>)],
    standing: u32,
) -> PerformanceDefinition {
    let rows = rows.iter().map(|(label, seats, price_level, accessible)| Row {
        label: (*label).into(),
        first_seat: 1,
        seats: *seats,
        price_level: *price_level,
        accessible: accessible.clone(),
        sold: None,
    });
    let level = |code: &str, price_minor| PriceLevel { code: code.into(), price_minor };
    let definition = PerformanceDefinition {
        performance: PerformanceId::from_u128(performance),
        name: "The Night of the Whale".into(),
        venue: "Harbour Hall".into(),
        starts_at: Timestamp::from_millis(BEGIN_MS + 86_400_000),
        currency: Currency::KRW,
        price_levels: vec![level("R", 165_000), level("S", 110_000), level("STANDING", 99_000)],
        sections: vec![
            Section {
                code: "FLOOR".into(),
                kind: SectionKind::GeneralAdmission { capacity: standing, price_level: 2 },
            },
            Section { code: "A".into(), kind: SectionKind::Reserved { rows: rows.collect() } },
        ],
        sale: SaleRules {
            opens_at: None,
            closes_at: Some(Timestamp::MAX),
            hold_ttl_ms: 300_000,
            hold_renewals_max: 1,
            payment_window_ms: 600_000,
            account_seats_max: 4,
        },
        shapes: None,
        refund_terms: None,
        settlement_terms: None,
    };
    definition.validate().unwrap();
    definition
}
