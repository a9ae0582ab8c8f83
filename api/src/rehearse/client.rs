//! HTTP as a stubborn buyer's browser speaks it: the same key again until there is an answer.
//!
//! A lost connection, a timeout and a 503 mean "unknown", so the same intent is sent again under
//! the same `Idempotency-Key`; this is what carries a rehearsal over a crash of the server. A 429
//! is sent again as well, and no sooner than the server says. Every acknowledgement goes into the
//! ledger. Knows nothing of why a buyer asks.

use std::time::{Duration, Instant};

use rand::Rng;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::ledger::{Ledger, Place, Reply, Sent};
use super::tokens::Mint;
use crate::causes::with_causes;
use crate::http::auth::{AuthError, Role};
use crate::http::rate_limit;

/// One attempt: longer than the server waits for an outcome.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// First and longest pause between attempts.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(1_000);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum GaveUp {
    /// Nobody answered for longer than the buyer's patience.
    #[error("{what}: no answer within {patience:?}: {last}")]
    Silence {
        /// What was asked.
        what: String,
        /// How long was tried.
        patience: Duration,
        /// The last error.
        last: String,
    },
    /// An answer that is no answer to this question.
    #[error("{what}: {status}: {body}")]
    Unexpected {
        /// What was asked.
        what: String,
        /// The status.
        status: StatusCode,
        /// The body.
        body: String,
    },
}

/// Where to ask.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    /// The server, without a slash at the end.
    pub(super) server: String,
    /// The sandbox provider, without a slash at the end.
    pub(super) sandbox: String,
}

/// Speaks to the server for every buyer.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    addresses: Addresses,
    connections: Semaphore,
    patience: Duration,
    mint: Mint,
    pub(super) ledger: Ledger,
}

/// One attempt's end.
enum Attempt {
    Answered(Answer),
    /// Accepted, not decided: ask again.
    Pending(Place),
    /// Unknown: ask again.
    Again(Later),
    Unexpected(StatusCode, String),
}

/// Why there is no answer yet, and how long not to ask again.
struct Later {
    why: String,
    pause: Duration,
}

/// What the server said.
struct Exchanged {
    status: StatusCode,
    body: Vec<u8>,
    /// How long it wants to be left alone.
    pause: Duration,
}

/// A decided intent.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) reply: Reply,
    pub(super) place: Option<Place>,
}

impl Answer {
    /// The outcome of this type, when there is one.
    pub(super) fn outcome(&self, name: &str) -> Option<&Value> {
        self.outcomes().iter().find(|outcome| outcome["type"] == name)
    }

    /// Every outcome.
    pub(super) fn outcomes(&self) -> &[Value] {
        match &self.reply {
            Reply::Decided(outcomes) => outcomes,
            Reply::Refused(_) => &[],
        }
    }

    /// The code of the refusal.
    pub(super) fn refused(&self) -> Option<&str> {
        match &self.reply {
            Reply::Refused(code) => Some(code),
            Reply::Decided(_) => None,
        }
    }
}

impl Client {
    pub(super) fn new(
        addresses: Addresses,
        connections: usize,
        patience: Duration,
        mint: Mint,
        ledger: Ledger,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(ATTEMPT_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(connections)
            .tcp_nodelay(true)
            .build()?;
        let connections = Semaphore::new(connections);
        Ok(Self { http, addresses, connections, patience, mint, ledger })
    }

    /// A token for a subject.
    pub(super) fn token(&self, role: Role, subject: &str) -> Result<String, AuthError> {
        self.mint.token(role, subject)
    }

    /// Sends an intent until it is decided.
    pub(super) async fn submit(
        &self,
        (subject, token): (&str, &str),
        key: &str,
        intent: &Value,
    ) -> Result<Answer, GaveUp> {
        let body = intent.to_string();
        let mut sent = Sent {
            subject: subject.into(),
            key: key.into(),
            body: body.as_str().into(),
            acknowledged: Vec::new(),
            reply: None,
        };
        let turn = self.connections.acquire().await;
        let first_sent = Instant::now();
        let mut pause = Pause::new();
        let answer = loop {
            let later = match self.post_intent(token, key, body.clone()).await {
                Attempt::Answered(answer) => {
                    sent.acknowledged.extend(answer.place);
                    sent.reply = Some((&answer.reply).into());
                    break Ok(answer);
                }
                Attempt::Pending(place) => {
                    sent.acknowledged.push(place);
                    Later::soon("accepted and not decided".to_owned())
                }
                Attempt::Again(later) => later,
                Attempt::Unexpected(status, body) => {
                    break Err(GaveUp::Unexpected { what: sent.body.to_string(), status, body });
                }
            };
            if first_sent.elapsed() > self.patience {
                let (what, patience) = (sent.body.to_string(), self.patience);
                break Err(GaveUp::Silence { what, patience, last: later.why });
            }
            pause.rest(later.pause).await;
        };
        drop(turn);
        self.ledger.enter(sent, first_sent.elapsed(), pause.rests);
        answer
    }

    async fn post_intent(&self, token: &str, key: &str, body: String) -> Attempt {
        let request = self
            .http
            .post(format!("{}/v1/intents", self.addresses.server))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .header("prefer", "wait=10")
            .header("idempotency-key", format!("\"{key}\""))
            .body(body);
        let exchanged = match exchange(request).await {
            Ok(exchanged) if exchanged.is_unknown() => return Attempt::Again(exchanged.into()),
            Ok(exchanged) => exchanged,
            Err(error) => return Attempt::Again(Later::soon(with_causes(&error))),
        };
        let Exchanged { status, body, .. } = exchanged;
        let parsed = || serde_json::from_slice::<Value>(&body).ok();
        let unexpected = || Attempt::Unexpected(status, text(&body));
        match status {
            StatusCode::OK => parsed().and_then(decided).map_or_else(unexpected, Attempt::Answered),
            StatusCode::ACCEPTED => {
                parsed().and_then(|body| place(&body)).map_or_else(unexpected, Attempt::Pending)
            }
            _ => match parsed().and_then(|problem| refused(&problem)) {
                Some(answer) => {
                    self.check_status(status, &answer);
                    Attempt::Answered(answer)
                }
                None => unexpected(),
            },
        }
    }

    /// Every refusal has one status.
    fn check_status(&self, status: StatusCode, answer: &Answer) {
        let Some(code) = answer.refused() else { return };
        let expected = match code {
            "idempotency_key_reused"
            | "seat_repeated"
            | "quantity_out_of_range"
            | "seed_mismatch"
            | "points_invalid"
            | "definition_invalid" => 422,
            _ if code.ends_with("_unknown") => 404,
            _ if code.ends_with("_owned_by_another") || code.ends_with("_code_wrong") => 403,
            _ => 409,
        };
        if status.as_u16() != expected {
            self.ledger.surprise(|| format!("refusal {code} came with status {status}"));
        }
    }

    /// Reads a resource until there is an answer.
    pub(super) async fn get(&self, token: &str, path: &str) -> Result<Value, GaveUp> {
        let url = format!("{}{path}", self.addresses.server);
        self.until_answered(path, || {
            self.http.get(&url).header(AUTHORIZATION, format!("Bearer {token}"))
        })
        .await
    }

    /// Asks for something that may be asked for twice, until there is an answer.
    pub(super) async fn post(
        &self,
        token: &str,
        path: &str,
        document: &Value,
    ) -> Result<Value, GaveUp> {
        let url = format!("{}{path}", self.addresses.server);
        self.until_answered(path, || {
            self.http.post(&url).header(AUTHORIZATION, format!("Bearer {token}")).json(document)
        })
        .await
    }

    /// Opens a payment at the provider, as the buyer's browser would, and returns its key.
    pub(super) async fn open_payment(
        &self,
        provider_order_id: &str,
        amount_minor: i64,
        behaviour: &Value,
    ) -> Result<String, GaveUp> {
        let url = format!("{}/sandbox/payments", self.addresses.sandbox);
        let body =
            json!({"orderId": provider_order_id, "amount": amount_minor, "behaviour": behaviour});
        let opened = self.until_answered(&url, || self.http.post(&url).json(&body)).await?;
        let missing = || GaveUp::Unexpected {
            what: url.clone(),
            status: StatusCode::OK,
            body: opened.to_string(),
        };
        opened["paymentKey"].as_str().map(str::to_owned).ok_or_else(missing)
    }

    /// What the provider has booked.
    pub(super) async fn books(&self) -> Result<Value, GaveUp> {
        let url = format!("{}/sandbox/books", self.addresses.sandbox);
        self.until_answered(&url, || self.http.get(&url)).await
    }

    async fn until_answered(
        &self,
        what: &str,
        request: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<Value, GaveUp> {
        let first_sent = Instant::now();
        let mut pause = Pause::new();
        loop {
            let turn = self.connections.acquire().await;
            let later = match exchange(request()).await {
                Err(error) => Later::soon(with_causes(&error)),
                Ok(exchanged) if exchanged.is_unknown() => exchanged.into(),
                Ok(Exchanged { status, body, .. }) => {
                    let parsed = status.is_success().then(|| serde_json::from_slice(&body).ok());
                    return parsed.flatten().ok_or_else(|| GaveUp::Unexpected {
                        what: what.to_owned(),
                        status,
                        body: text(&body),
                    });
                }
            };
            drop(turn);
            if first_sent.elapsed() > self.patience {
                let (what, patience) = (what.to_owned(), self.patience);
                return Err(GaveUp::Silence { what, patience, last: later.why });
            }
            pause.rest(later.pause).await;
        }
    }
}

/// Doubling pauses with jitter, so that buyers do not come back all at once.
struct Pause {
    next: Duration,
    rests: u64,
}

impl Pause {
    fn new() -> Self {
        Self { next: PAUSE_MIN, rests: 0 }
    }

    /// Rests for at least this long.
    async fn rest(&mut self, least: Duration) {
        let part = rand::rng().random_range(0.5..1.0);
        tokio::time::sleep(self.next.mul_f64(part).max(least)).await;
        self.next = (self.next * 2).min(PAUSE_MAX);
        self.rests += 1;
    }
}

impl Later {
    const fn soon(why: String) -> Self {
        Self { why, pause: Duration::ZERO }
    }
}

impl From<Exchanged> for Later {
    fn from(exchanged: Exchanged) -> Self {
        let Exchanged { status, body, pause } = exchanged;
        Self { why: format!("{status}: {}", text(&body)), pause }
    }
}

impl Exchanged {
    /// Whether it says nothing about what became, or will become, of the request.
    fn is_unknown(&self) -> bool {
        let asks_again = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        self.status.is_server_error() || asks_again.contains(&self.status)
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<Exchanged, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status();
    let pause = rate_limit::pause(status, response.headers()).unwrap_or_default();
    Ok(Exchanged { status, body: response.bytes().await?.to_vec(), pause })
}

fn place(body: &Value) -> Option<Place> {
    let partition = u16::try_from(body["partition"].as_u64()?).ok()?;
    Some(Place { partition, offset: body["offset"].as_u64()? })
}

fn decided(body: Value) -> Option<Answer> {
    let place = Some(place(&body)?);
    let outcomes = body["outcomes"].as_array()?.clone();
    Some(Answer { reply: Reply::Decided(outcomes), place })
}

fn refused(problem: &Value) -> Option<Answer> {
    // A problem without a place was refused before it reached the log.
    let place = Some(place(problem)?);
    Some(Answer { reply: Reply::Refused(problem["code"].as_str()?.to_owned()), place })
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(400).collect()
}
