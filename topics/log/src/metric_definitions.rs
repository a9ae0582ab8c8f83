//! Every metric of this crate. Handles are made once, when a log is opened, and kept: nothing is
//! looked up per record.

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

/// What one journal measures.
pub(crate) struct Metrics {
    /// From the first byte of a block to its last acknowledgement.
    pub(crate) commit_seconds: Histogram,
    /// Records in one block.
    pub(crate) batch_records: Histogram,
    /// One sync of the segment.
    pub(crate) sync_seconds: Histogram,
    /// Making the next segment.
    pub(crate) prepare_seconds: Histogram,
    /// Bytes of blocks, padding included.
    pub(crate) written_bytes: Counter,
    /// Appends that were refused because the disk is full.
    pub(crate) refused_full: Counter,
}

impl Metrics {
    /// Registers the metrics with the recorder that is installed now.
    pub(crate) fn register() -> Self {
        describe_histogram!(
            "boxoffice_log_commit_seconds",
            Unit::Seconds,
            "from the first byte of a block to its last acknowledgement"
        );
        describe_histogram!("boxoffice_log_batch_records", Unit::Count, "records in one block");
        describe_histogram!("boxoffice_log_sync_seconds", Unit::Seconds, "one sync of the segment");
        describe_histogram!(
            "boxoffice_log_prepare_seconds",
            Unit::Seconds,
            "making the next segment"
        );
        describe_counter!("boxoffice_log_written_bytes_total", Unit::Bytes, "bytes of blocks");
        describe_counter!(
            "boxoffice_log_refused_full_total",
            Unit::Count,
            "appends refused because the disk is full"
        );
        Self {
            commit_seconds: histogram!("boxoffice_log_commit_seconds"),
            batch_records: histogram!("boxoffice_log_batch_records"),
            sync_seconds: histogram!("boxoffice_log_sync_seconds"),
            prepare_seconds: histogram!("boxoffice_log_prepare_seconds"),
            written_bytes: counter!("boxoffice_log_written_bytes_total"),
            refused_full: counter!("boxoffice_log_refused_full_total"),
        }
    }
}

/// What the writer of one partition of a log in a cluster measures.
#[cfg(feature = "fluvio")]
pub(crate) struct WriterMetrics {
    /// Records in one block.
    pub(crate) batch_records: Histogram,
    /// From encoding a block to its acknowledgement.
    pub(crate) commit_seconds: Histogram,
    /// Bytes of blocks.
    pub(crate) written_bytes: Counter,
    /// Writes that failed and were tried again.
    pub(crate) reconnects: Counter,
    /// Records that boxoffice did not write, passed over.
    pub(crate) quarantined: Counter,
}

#[cfg(feature = "fluvio")]
impl WriterMetrics {
    /// Registers the metrics with the recorder that is installed now.
    pub(crate) fn register() -> Self {
        Self {
            batch_records: histogram!("boxoffice_log_batch_records"),
            commit_seconds: histogram!("boxoffice_log_commit_seconds"),
            written_bytes: counter!("boxoffice_log_written_bytes_total"),
            reconnects: counter!("boxoffice_log_reconnects_total"),
            quarantined: counter!("boxoffice_log_quarantined_records_total"),
        }
    }
}

/// A reader found that its client had left records out, and reads them again.
#[cfg(feature = "fluvio")]
pub(crate) fn stream_gap() {
    counter!("boxoffice_log_stream_gaps_total").increment(1);
}
