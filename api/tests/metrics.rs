//! What an operator sees: every part of the node is measured.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use boxoffice_api::http::auth::Role;
use serde_json::json;

use support::{PERFORMANCE, in_house};

#[test]
fn every_part_of_the_node_is_measured() {
    let metrics = in_house(async |house| {
        house.put_on_sale().await;
        let hold = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": ["A-1-1"]});
        house.post(&house.token("alice", Role::Buyer), hold).await;
        house.get("/metrics", None).await.body
    });
    for family in [
        "boxoffice_api_intent_seconds_count",
        "boxoffice_ingest_accepted_intents_total",
        "boxoffice_log_sync_seconds_count",
        "boxoffice_log_written_bytes_total",
        "boxoffice_processors_replies_total",
        "boxoffice_sinks_payment_effects_pending",
    ] {
        let counted = metrics.lines().any(|line| line.starts_with(family) && !line.ends_with(" 0"));
        let is_gauge_at_rest = family.ends_with("_pending") && metrics.contains(family);
        assert!(counted || is_gauge_at_rest, "{family} is missing or zero in\n{metrics}");
    }
}

#[test]
fn every_metric_says_what_it_means() {
    let metrics = in_house(async |house| {
        house.put_on_sale().await;
        let hold = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": ["A-1-1"]});
        house.post(&house.token("alice", Role::Buyer), hold).await;
        reqwest::get(format!("{}/healthz", house.node.url())).await.unwrap();
        house.get("/metrics", None).await.body
    });
    let named = |kind: &str| -> std::collections::BTreeSet<String> {
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(kind));
        lines.map(|rest| rest.split(' ').next().unwrap().to_owned()).collect()
    };
    let (types, helps) = (named("# TYPE "), named("# HELP "));
    let silent: Vec<_> = types.difference(&helps).collect();
    assert!(types.len() > 20 && silent.is_empty(), "{silent:?} say nothing in\n{metrics}");
}
