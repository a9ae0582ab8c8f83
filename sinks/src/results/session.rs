//! The connections to the result topics, from their opening to the first error.

use std::collections::BTreeMap;

use boxoffice_log::LogError;
use boxoffice_log::fluvio::FluvioConfig;
use boxoffice_log::fluvio::results::{self, PartitionRecords, ResultTopic, ResultWriter};
use boxoffice_topics::{LogId, PartitionId};
use futures_util::future::try_join_all;

use super::compose::{Place, Round};
use super::{Error, Present};

/// Where a record of each partition of each topic is known to be.
pub(super) type Known = BTreeMap<Place, u64>;

/// A writer for each topic, after it has found its topic to be what it was.
#[derive(Debug)]
pub(super) struct Session {
    writers: BTreeMap<ResultTopic, ResultWriter>,
    pub(super) known: Known,
}

impl Session {
    /// Connects to every topic, and writes the beginning of each partition. Where that comes to be
    /// says for certain whether the topic still has what it had; readers drop it as a repeat.
    ///
    /// # Errors
    /// [`Error::Shorter`] when it has not, and [`Error::Cluster`].
    pub(super) async fn open(
        config: &FluvioConfig,
        log_id: LogId,
        partitions: u16,
        present: &impl Present,
        known: &Known,
    ) -> Result<Self, Error> {
        results::prepare(config, partitions).await?;
        let opening = ResultTopic::ALL.map(|topic| async move {
            Ok::<_, LogError>((topic, ResultWriter::open(config, topic).await?))
        });
        let writers = try_join_all(opening).await?.into_iter().collect();
        let mut session = Self { writers, known: Known::new() };
        let mut round = Round::default();
        for topic in ResultTopic::ALL {
            for partition in (0..partitions).filter_map(PartitionId::new) {
                let beginning = present.beginning(log_id, partition);
                round.records.insert((topic, partition), vec![beginning]);
            }
        }
        session.write(round).await?;
        for (place, offset) in &session.known {
            if known.get(place).is_some_and(|known| offset <= known) {
                return Err(Error::Shorter { topic: place.0, partition: place.1 });
            }
        }
        Ok(session)
    }

    /// Writes a round and waits until all of it is acknowledged.
    ///
    /// # Errors
    /// [`Error::Cluster`]: from then on nothing more may be written, for it would follow what may
    /// not be there.
    pub(super) async fn write(&mut self, round: Round) -> Result<(), Error> {
        let topics = round.by_topic().into_iter();
        let writing = topics.map(|(topic, records)| self.write_to(topic, records));
        let lasts = try_join_all(writing).await?;
        self.known.extend(lasts.into_iter().flatten());
        Ok(())
    }

    async fn write_to(
        &self,
        topic: ResultTopic,
        records: Vec<PartitionRecords>,
    ) -> Result<Vec<(Place, u64)>, Error> {
        let writer = self.writers.get(&topic).ok_or(Error::NotOpen)?;
        let places: Vec<_> = records.iter().map(|(partition, _)| (topic, *partition)).collect();
        let lasts = writer.write(records).await?;
        Ok(places.into_iter().zip(lasts).collect())
    }
}
