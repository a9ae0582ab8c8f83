//! The event stream of a buyer, read as a browser reads it.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures_util::StreamExt as _;
use serde_json::Value;

use super::{House, request};

/// The events of an account, as they come.
pub(crate) struct Events {
    body: axum::body::BodyDataStream,
    buffer: String,
}

impl Events {
    pub(crate) async fn open(house: &House, token: &str, last_event_id: Option<&str>) -> Self {
        let mut request = request(Method::GET, "/v1/events", Some(token));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = house.node.front().answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        Self { body: response.into_body().into_data_stream(), buffer: String::new() }
    }

    /// The next event that has data: its id and what it says.
    ///
    /// # Panics
    /// When the stream ends first.
    pub(crate) async fn next(&mut self) -> (String, Value) {
        self.next_or_end().await.expect("an event before the end of the stream")
    }

    /// The next event that has data; `None` when the stream has ended.
    pub(crate) async fn next_or_end(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let found = field("id: ").zip(field("data: "));
                let found =
                    found.map(|(id, data)| (id.to_owned(), serde_json::from_str(data).unwrap()));
                self.buffer = rest.to_owned();
                if let Some(event) = found {
                    return Some(event);
                }
            }
            let piece = self.body.next().await?.unwrap();
            self.buffer.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// Reads on until an outcome of this type comes.
    pub(crate) async fn until(&mut self, kind: &str) -> (String, Value) {
        loop {
            let (id, event) = self.next().await;
            let outcomes = event["outcomes"].as_array().unwrap();
            if let Some(outcome) = outcomes.iter().find(|outcome| outcome["type"] == kind) {
                return (id, outcome.clone());
            }
        }
    }
}
