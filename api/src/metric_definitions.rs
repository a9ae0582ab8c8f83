//! What every metric means that its own crate does not say: the HELP lines of `/metrics`, in one
//! room. A test asks a running node whether one was forgotten.

use metrics::{describe_counter, describe_gauge, describe_histogram};

const COUNTERS: [(&str, &str); 21] = [
    (
        "boxoffice_api_connections_refused_total",
        "connections closed at once: too many of one address",
    ),
    ("boxoffice_api_key_set_refreshes_total", "readings of the key set, by outcome"),
    ("boxoffice_api_panics_total", "handlers that broke an invariant"),
    (
        "boxoffice_api_rate_limited_total",
        "requests and lines of batches that were too many, and tokens that were not checked, by policy",
    ),
    ("boxoffice_api_requests_total", "requests answered, by class of status"),
    ("boxoffice_api_slots_moved_total", "slots that went to another partition"),
    ("boxoffice_api_write_timeouts_total", "connections cut: the client did not read its answer"),
    ("boxoffice_ingest_accepted_intents_total", "intents written to the log"),
    ("boxoffice_ingest_refused_intents_total", "intents not written to the log, by reason"),
    (
        "boxoffice_log_quarantined_records_total",
        "records of a cluster's topics that boxoffice did not write, passed over",
    ),
    ("boxoffice_log_reconnects_total", "writes to a cluster that failed and were tried again"),
    ("boxoffice_log_refused_full_total", "appends refused because the disk is full"),
    (
        "boxoffice_log_stream_gaps_total",
        "gaps in what the client of a cluster read, which were read again",
    ),
    ("boxoffice_log_written_bytes_total", "bytes of blocks, padding included"),
    ("boxoffice_processors_checkpoints_failed_total", "snapshots that could not be written"),
    (
        "boxoffice_processors_lease_changes_total",
        "leases gained and lost by this process, by kind and change",
    ),
    (
        "boxoffice_processors_lease_failures_total",
        "renewals of leases that failed and were tried again, by kind",
    ),
    (
        "boxoffice_processors_messages_brought_total",
        "messages brought from one key to another, by the partition that sent them",
    ),
    ("boxoffice_processors_quarantined_records_total", "records that could not be read as intents"),
    ("boxoffice_processors_replies_total", "intents decided, by outcome"),
    ("boxoffice_processors_ticks_total", "ticks decided: time had passed and something was due"),
];

const GAUGES: [(&str, &str); 8] = [
    ("boxoffice_api_connections_count", "open connections"),
    ("boxoffice_api_key_set_age_seconds", "time since the key set was last read"),
    ("boxoffice_ingest_queue_records", "intents that wait for the log"),
    (
        "boxoffice_processors_checkpoint_age_records",
        "records that a restart would decide again, at the last look",
    ),
    (
        "boxoffice_processors_effects_pending_count",
        "effects without a result, at the last snapshot",
    ),
    ("boxoffice_processors_leases_held_count", "leases that this process has, by kind"),
    ("boxoffice_processors_live_holds_count", "holds that live, at the last snapshot"),
    ("boxoffice_processors_waiting_steps", "steps decided whose intents are not durable yet"),
];

const HISTOGRAMS: [(&str, &str); 8] = [
    ("boxoffice_api_intent_seconds", "time from an intent's request to its answer"),
    (
        "boxoffice_api_move_pause_seconds",
        "time for which intents of a performance waited while it moved",
    ),
    ("boxoffice_ingest_batch_records", "intents in one append"),
    ("boxoffice_log_batch_records", "records in one block"),
    (
        "boxoffice_log_commit_seconds",
        "time from the first byte of a block to its last acknowledgement",
    ),
    ("boxoffice_log_prepare_seconds", "time that making the next segment took"),
    ("boxoffice_log_sync_seconds", "time that one sync of the segment took"),
    ("boxoffice_processors_apply_seconds", "time that deciding one batch took"),
];

/// Tells the recorder that is installed what its metrics mean.
pub(crate) fn describe() {
    for (name, help) in COUNTERS {
        describe_counter!(name, help);
    }
    for (name, help) in GAUGES {
        describe_gauge!(name, help);
    }
    for (name, help) in HISTOGRAMS {
        describe_histogram!(name, help);
    }
}
