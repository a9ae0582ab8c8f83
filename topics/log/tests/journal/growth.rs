//! Partitions that come later.

use std::sync::Arc;

use boxoffice_log::journal::Journal;
use boxoffice_log::journal::disk::simulated::SimulatedDisk;
use boxoffice_log::{Durability, Log, LogError};
use boxoffice_topics::Offset;

use crate::support::{GENESIS, PARTITIONS, assert_in_order, config, intents, outcomes, record};

async fn append(log: &impl Log, partition: u16) -> Result<Offset, LogError> {
    let of = intents(partition);
    let next = log.end(of).await?;
    log.append(of, vec![record(of, next.number())], Durability::Synced).await
}

#[tokio::test]
async fn partitions_come_while_the_log_is_written_and_are_there_after_a_crash() {
    let disk = SimulatedDisk::new();
    let log = Journal::open_on(Arc::new(disk.clone()), &config()).unwrap();
    assert!(append(&log, 3).await.is_err());
    log.grow(5).await.unwrap();
    log.grow(4).await.unwrap();
    assert_eq!((log.partitions(), log.dealt()), (5, PARTITIONS.get()));
    for partition in 0..5 {
        assert_eq!(append(&log, partition).await.unwrap(), Offset::new(1));
    }
    for seed in 0..20 {
        let log = Journal::open_on(Arc::new(disk.crash(seed)), &config()).unwrap();
        assert_eq!((log.partitions(), log.dealt()), (5, PARTITIONS.get()));
        for partition in 0..5 {
            assert_eq!(assert_in_order(&log, intents(partition)).await, 2);
            assert_eq!(assert_in_order(&log, outcomes(partition)).await, 1);
        }
        log.grow(6).await.unwrap();
        assert_eq!(append(&log, 5).await.unwrap(), Offset::new(1));
    }
}

#[tokio::test]
async fn partitions_that_a_crash_has_torn_are_not_there_at_all() {
    for seed in 0..40 {
        let disk = SimulatedDisk::new();
        let log = Journal::open_on(Arc::new(disk.clone()), &config()).unwrap();
        let growing = log.grow(7);
        tokio::pin!(growing);
        // Under way, and perhaps not durable.
        tokio::select! {
            biased;
            grown = &mut growing => grown.unwrap(),
            () = tokio::task::yield_now() => (),
        }
        let torn = Journal::open_on(Arc::new(disk.crash(seed)), &config()).unwrap();
        let partitions = torn.partitions();
        assert!([PARTITIONS.get(), 7].contains(&partitions), "{partitions} partitions");
        torn.grow(7).await.unwrap();
        for partition in 0..7 {
            assert_eq!(append(&torn, partition).await.unwrap(), Offset::new(1));
        }
        assert_eq!(torn.log_id(), GENESIS.log_id);
    }
}
