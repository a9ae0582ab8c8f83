//! A client as a stranger would write it: JSON over HTTP, and nothing of our crates.

use std::time::Duration;

use serde_json::{Value, json};

/// Longer than any wait that the tests ask the server for.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Speaks to one server as one subject.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    token: Option<String>,
}

/// What the server said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body; `null` when it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The stable code of a problem; empty when the answer is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The first outcome of a decided intent.
    ///
    /// # Panics
    /// When the answer has none.
    #[must_use]
    pub fn outcome(&self) -> &Value {
        let outcome = &self.body["outcomes"][0];
        assert!(outcome.is_object(), "no outcome in {self:?}");
        outcome
    }

    /// One text of the first outcome.
    ///
    /// # Panics
    /// When the answer has none.
    #[must_use]
    pub fn text(&self, field: &str) -> String {
        let text = self.outcome()[field].as_str();
        text.unwrap_or_else(|| panic!("no text `{field}` in {self:?}")).to_owned()
    }

    /// Status and code, as tests compare them.
    #[must_use]
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.code())
    }
}

impl Client {
    /// A client without a token.
    ///
    /// # Panics
    /// When the machine cannot make one.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
        Self { http: http.expect("an HTTP client"), base_url: base_url.into(), token: None }
    }

    /// The same client with a token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// A request, to be completed by the test.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base_url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        Ok(Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// `GET`.
    ///
    /// # Panics
    /// When the connection fails.
    pub async fn get(&self, path: &str) -> Answer {
        self.try_get(path).await.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// `GET` of a server that may be away.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn try_get(&self, path: &str) -> reqwest::Result<Answer> {
        Self::send(self.request(reqwest::Method::GET, path)).await
    }

    /// Sends one intent and waits for its outcomes.
    ///
    /// # Panics
    /// When the connection fails.
    pub async fn intent(&self, intent: Value) -> Answer {
        self.try_intent(&intent, None).await.unwrap_or_else(|error| panic!("{intent}: {error}"))
    }

    /// Sends one intent to a server that may be away.
    ///
    /// # Errors
    /// When the connection fails: then nobody knows whether it was accepted.
    pub async fn try_intent(&self, intent: &Value, key: Option<&str>) -> reqwest::Result<Answer> {
        let mut request = self.request(reqwest::Method::POST, "/v1/intents").json(intent);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", format!("\"{key}\""));
        }
        Self::send(request).await
    }

    /// Opens a payment at the sandbox provider, as a buyer's browser would, and returns its key.
    ///
    /// # Panics
    /// When the provider does not answer.
    pub async fn open_payment(&self, order: &str, amount: i64, behaviour: Value) -> String {
        let body = json!({ "orderId": order, "amount": amount, "behaviour": behaviour });
        let request = self.request(reqwest::Method::POST, "/sandbox/payments").json(&body);
        let answer = Self::send(request).await.expect("the sandbox provider");
        let key = answer.body["paymentKey"].as_str();
        key.unwrap_or_else(|| panic!("no payment key in {answer:?}")).to_owned()
    }
}

/// A reserved section `A` of rows `1..=rows` with `seats` seats each at 50,000 KRW, and standing
/// places in `FLOOR`, open for sale from its creation.
#[must_use]
pub fn performance(rows: u32, seats: u32, account_seats_max: u32) -> Value {
    let rows: Vec<Value> = (1..=rows)
        .map(|row| json!({ "label": row.to_string(), "seats": seats, "price_level": "R" }))
        .collect();
    json!({
        "type": "create_performance",
        "performance": uuid::Uuid::now_v7(),
        "name": "First night",
        "venue": "The house",
        "starts_at": "2100-01-01T19:00:00Z",
        "currency": "KRW",
        "price_levels": [
            { "code": "R", "price_minor": 50_000 },
            { "code": "S", "price_minor": 30_000 },
        ],
        "sections": [
            { "code": "A", "kind": "reserved", "rows": rows },
            { "code": "FLOOR", "kind": "general_admission", "capacity": 100, "price_level": "S" },
        ],
        "sale": {
            "hold_ttl_seconds": 300,
            "hold_renewals_max": 1,
            "payment_window_seconds": 600,
            "account_seats_max": account_seats_max,
        },
    })
}
