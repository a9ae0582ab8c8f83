//! Partitions that come while the log is written: all of their genesis records go into one block, so
//! that a crash leaves all of them or none.

use boxoffice_topics::PartitionId;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::super::block;
use super::super::inspect::index_of;
use super::{Append, Progress, Writer};
use crate::{Durability, LogError, Topic, TopicPartition};

impl Writer {
    /// Gives partitions that are not there their genesis records, all in one block.
    pub(super) fn begin_partitions(&mut self, partitions: u16) {
        let record = Bytes::from(self.shared.genesis.to_record());
        for partition in (0..partitions).filter_map(PartitionId::new) {
            for topic in Topic::ALL {
                let to = TopicPartition { topic, partition };
                let Some(index) = index_of(to, partitions) else { continue };
                if index == self.progress.len() {
                    self.progress.push(Progress { next: 0, dirty: false });
                }
                let is_begun = self.progress[index].next > 0;
                if is_begun || self.batch.iter().any(|append| append.index == index) {
                    continue;
                }
                let records = vec![record.clone()];
                let bytes = block::frame_bytes(&records);
                let (reply, _) = oneshot::channel();
                let durability = Durability::Synced;
                self.batch.push(Append {
                    to,
                    index,
                    records,
                    bytes,
                    permits: 0,
                    durability,
                    reply,
                });
            }
        }
    }

    /// Partitions are shown when their first records are durable.
    pub(super) fn show_partitions(&mut self) {
        for (partitions, reply) in self.growing.drain(..) {
            self.shared.show_partitions(partitions);
            reply.send(Ok(())).unwrap_or_default();
        }
    }

    /// There was no room for them.
    pub(super) fn refuse_partitions(&mut self) {
        for (_, reply) in self.growing.drain(..) {
            reply.send(Err(LogError::Full)).unwrap_or_default();
        }
    }
}
