//! `boxoffice explain` as an operator runs it, on the log of a node that has stopped.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use boxoffice_tests::house::House;
use boxoffice_tests::server::{Options, Server};
use serde_json::{Value, json};

/// What the command says; its errors are none.
fn explain(server: &Server, arguments: &[&str]) -> String {
    let output = server.run(&[&["explain"], arguments].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_explains_what_the_log_has() {
    let mut house = House::open(Options::default(), 1, 4, 2).await;
    let (alice, bob) = (house.buyer("alice"), house.buyer("bob"));
    house.hold(&bob, &["A-1-1"]).await;
    let taken = house.hold(&alice, &["A-1-1"]).await;
    let held = house.hold(&alice, &["A-1-2", "A-1-3"]).await;
    let above = house.hold(&alice, &["A-1-4"]).await;
    let id = |answer: &Value| answer["id"].as_str().unwrap().to_owned();
    let (taken, held, above) = (id(&taken.body), id(&held.body), id(&above.body));
    // The log has one reader while the node runs.
    assert!(!house.server.run(&["explain", &taken]).status.success());
    assert!(house.server.stop().success());

    let text = explain(&house.server, &[&taken]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("hold_seats at ") && lines[0].ends_with(": refused"), "{text}");
    assert_eq!(lines[1], "rule     seat_already_held");
    assert!(lines[2].starts_with("earlier  partition "), "{text}");
    assert!(lines[2].ends_with(": seat A-1-1 held"), "{text}");
    assert!(lines[3].ends_with("earlier by another account."), "{text}");
    assert_eq!(lines.len(), 4, "{text}");

    let above: Value = serde_json::from_str(&explain(&house.server, &[&above, "--json"])).unwrap();
    assert_eq!(above["rule"], "account_limit_exceeded");
    assert_eq!(above["figures"], json!({ "limit": 2, "had": 2, "asked": 1 }));
    let of_hold = held.rsplit('-').next().unwrap();
    assert_eq!(above["counted"][0]["offset"].to_string(), of_hold);

    let unknown = house.server.run(&["explain", "0-0-999999"]);
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no decided intent 0-0-999999"));
}
