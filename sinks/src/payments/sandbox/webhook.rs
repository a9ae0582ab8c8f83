//! Webhooks: `PAYMENT_STATUS_CHANGED`, sent until somebody answers 200 or patience runs out.
//!
//! As with the real provider they carry no signature, may come late, twice, or before the answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::SandboxError;

/// How often a webhook is sent again.
const RETRIES_MAX: u32 = 7;
/// How long a receiver may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Webhooks that are sent at the same time.
const AT_ONCE_MAX: usize = 64;
/// Webhooks that wait to be sent or sent again. Above that they are lost: they are hints.
const WAITING_MAX: usize = 100_000;

/// Sends webhooks to one receiver.
#[derive(Clone)]
pub(super) struct Webhooks {
    client: reqwest::Client,
    url: Option<Arc<str>>,
    first_retry: Duration,
    waiting: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
}

impl Webhooks {
    pub(super) fn new(url: Option<String>, first_retry: Duration) -> Result<Self, SandboxError> {
        let builder = reqwest::Client::builder()
            .timeout(ANSWER_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy();
        Ok(Self {
            client: builder.build().map_err(SandboxError::Client)?,
            url: url.map(Arc::from),
            first_retry,
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            at_once: Arc::new(Semaphore::new(AT_ONCE_MAX)),
        })
    }

    /// Sends one webhook about a payment. Returns whether it arrived.
    pub(super) fn deliver(&self, payment: Value) -> impl Future<Output = bool> + Send + use<> {
        let this = self.clone();
        async move {
            let Some(url) = &this.url else { return false };
            let Ok(_place) = this.waiting.try_acquire() else {
                tracing::warn!("too many webhooks wait; one is lost");
                return false;
            };
            let body = json!({
                "eventType": "PAYMENT_STATUS_CHANGED",
                "createdAt": jiff::Timestamp::now().to_string(),
                "data": payment,
            });
            let transmission = Uuid::new_v4().to_string();
            let mut wait = this.first_retry;
            for retried in 0..=RETRIES_MAX {
                if this.send(url, &transmission, retried, &body).await {
                    return true;
                }
                tokio::time::sleep(wait).await;
                wait = wait.saturating_mul(4);
            }
            tracing::warn!(retries = RETRIES_MAX, "a webhook was never answered");
            false
        }
    }

    async fn send(&self, url: &str, transmission: &str, retried: u32, body: &Value) -> bool {
        let Ok(_turn) = self.at_once.acquire().await else {
            return false;
        };
        let request = self
            .client
            .post(url)
            .header("tosspayments-webhook-transmission-id", transmission)
            .header("tosspayments-webhook-transmission-time", jiff::Timestamp::now().to_string())
            .header("tosspayments-webhook-transmission-retried-count", retried)
            .json(body);
        request.send().await.is_ok_and(|response| response.status().as_u16() == 200)
    }
}
