//! A small dress rehearsal with everything that there is, held by the real binary on a real
//! database: every promise is checked, and kept.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use boxoffice_tests::server::{Options, Server};
use boxoffice_tests::services::Database;
use serde_json::{Value, json};

/// Fewer than there are buyers, so that all of them go out.
const COUPONS: u64 = 60;

/// A small house, more performances than there are partitions, so that some have to move, and every
/// flag that brings something with it.
const EVERYTHING: [&str; 25] = [
    "rehearse",
    "--json",
    "--buyers",
    "240",
    "--performances",
    "6",
    "--shape",
    "hall",
    "--surge-seconds",
    "2",
    "--connections",
    "32",
    "--partitions",
    "4",
    "--scale-to",
    "8,4",
    "--waiting-room",
    "--admissions-per-second",
    "40",
    "--active-max=60",
    "--points",
    "--refunds",
    "--call-off",
    "--tickets",
    "--shapes",
];

/// What a small rehearsal may have no occasion to check: nobody misses a turn in a short line, and
/// while a small performance moves perhaps nothing is asked of it.
const BY_CHANCE: [&str; 2] = ["place_kept_by_beats", "decided_in_one_partition"];

/// There and back: performances moved, and what was asked of them waited for a while.
fn assert_scaled(scaling: &Value) {
    let steps = scaling.as_array().unwrap();
    let to: Vec<_> = steps.iter().map(|step| &step["to"]).collect();
    assert_eq!(to, [8, 4], "{scaling}");
    for step in steps {
        let moved = |field: &str| step[field].as_f64().unwrap() > 0.0;
        assert!(moved("moves") && moved("slots") && moved("with_performances"), "{scaling}");
        assert!(moved("pause_median_ms") && moved("pause_max_ms"), "{scaling}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_with_everything_that_there_is_is_clean() {
    let database = Database::fresh().await;
    let server = Server::configured(&Options::default());
    let coupons = COUPONS.to_string();
    let args = [&EVERYTHING[..], &["--coupons", &coupons, "--database", database.url()]].concat();
    let output = server.run(&args);
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(report["violations"], json!([]), "{report:#}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(report["coupons"]["issued"], COUPONS);
    let more_than_zero = [
        "/money/discounts",
        "/money/points",
        "/money/kept",
        "/points/earned",
        "/sold_seats",
        "/tickets/returned",
        "/tickets/transferred",
        "/tickets/admitted",
    ];
    for pointer in more_than_zero {
        assert!(report.pointer(pointer).unwrap().as_i64() > Some(0), "{pointer}: {report:#}");
    }
    let refused = &report["refused"];
    let expected = [
        "admission_required",
        "coupons_exhausted",
        "performance_cancelled",
        "sale_not_open",
        "seat_not_for_sale",
        "seed_mismatch",
        "table_sold_whole",
        "ticket_already_used",
        "ticket_replaced",
        "ticket_void",
    ];
    for code in expected {
        assert!(refused[code].as_u64() > Some(0), "{code}: {refused}");
    }
    assert_scaled(&report["scaling"]);
    for invariant in report["invariants"].as_array().unwrap() {
        let code = invariant["code"].as_str().unwrap();
        assert_eq!(invariant["violations"], 0, "{invariant}");
        let checked = invariant["checked"].as_u64().unwrap();
        assert!(checked > 0 || BY_CHANCE.contains(&code), "{invariant}");
    }
}
