//! Moments that the log cannot know are refused, not replaced.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use axum::http::StatusCode;
use boxoffice_api::http::auth::Role;
use serde_json::json;
use support::in_house;

#[test]
fn a_moment_before_1970_is_refused() {
    in_house(async |house| {
        let promoter = house.token("house", Role::Promoter);
        for (pointer, path) in [
            ("/starts_at", "starts_at"),
            ("/sale/opens_at", "sale.opens_at"),
            ("/sale/closes_at", "sale.closes_at"),
        ] {
            for moment in ["0000-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z"] {
                let mut definition = support::performance();
                definition["sale"]["opens_at"] = json!("2099-01-01T00:00:00Z");
                definition["sale"]["closes_at"] = json!("2099-02-01T00:00:00Z");
                *definition.pointer_mut(pointer).unwrap() = json!(moment);
                let reply = house.post(&promoter, definition).await;
                assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", reply.body);
                assert_eq!(reply.json()["path"], path, "{moment}");
                assert_eq!(reply.json()["detail"], "must not be before 1970-01-01T00:00:00Z");
            }
        }
        let mut first = support::performance();
        first["starts_at"] = json!("1970-01-01T00:00:00Z");
        assert_eq!(house.post(&promoter, first).await.status, StatusCode::OK);
    });
}
