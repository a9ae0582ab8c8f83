//! How far a sink is behind, measured from the log and not from what the sink does: a sink that
//! hangs, waits for its target or has stopped falls behind all the same.

use std::convert::Infallible;
use std::time::Duration;

use boxoffice_log::{Log, LogError, TopicPartition};
use boxoffice_topics::{Offset, PartitionId};
use tokio::sync::watch;

use crate::metric_definitions;
use crate::runner::Status;

/// Measures one sink.
pub(crate) struct Lag<'a, L> {
    pub(crate) log: &'a L,
    pub(crate) sink: &'static str,
    pub(crate) status: &'a watch::Sender<Status>,
}

impl<L: Log> Lag<'_, L> {
    /// Measures again and again.
    pub(crate) async fn keep_measuring(&self, interval: Duration) -> Infallible {
        loop {
            tokio::time::sleep(interval).await;
            self.measure_if_possible().await;
        }
    }

    /// Measures, or leaves what was measured before when the log does not say where it ends.
    pub(crate) async fn measure_if_possible(&self) {
        if let Err(error) = self.measure(None).await {
            tracing::debug!(sink.name = self.sink, %error, "the lag of a sink is not known");
        }
    }

    /// Measures what is not written, after the sink has moved to other positions.
    pub(crate) async fn measure(&self, moved_to: Option<Vec<Offset>>) -> Result<(), LogError> {
        let mut ends = Vec::new();
        for partition in (0..self.log.partitions()).filter_map(PartitionId::new) {
            ends.push(self.log.end(TopicPartition::outcomes(partition)).await?);
        }
        // The ends are older than the positions, so nothing that is written counts as lag.
        self.status.send_if_modified(|status| {
            let is_moved = moved_to.is_some();
            if let Some(next_offsets) = moved_to {
                status.next_offsets = next_offsets;
            }
            let lag_records = lag(&ends, &status.next_offsets);
            let is_other = std::mem::replace(&mut status.lag_records, lag_records) != lag_records;
            metric_definitions::lag(self.sink, lag_records);
            is_moved || is_other
        });
        Ok(())
    }
}

/// Of a partition without a position, nothing is written.
fn lag(ends: &[Offset], next_offsets: &[Offset]) -> u64 {
    let written = next_offsets.iter().map(|next| next.number()).chain(std::iter::repeat(0));
    ends.iter().zip(written).map(|(end, written)| end.number().saturating_sub(written)).sum()
}
