//! Sends the requests and reads the answers.
//!
//! Whatever is not an answer of the protocol to this very request is a fault.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use boxoffice_topics::Money;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error_code::{self, Meaning};
use super::wire::{CancelBody, ConfirmBody, ErrorBody, PaymentBody};
use crate::payments::provider::{
    CaptureAnswer, CaptureRequest, Fault, FaultKind, PaymentProvider, ProviderPayment,
    ProviderState, RefundAnswer, RefundRequest, provider_code,
};

/// Largest answer that is read. A payment with a hundred partial refunds is a tenth of it.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Longest payment key of the provider.
const PAYMENT_KEY_BYTES_MAX: usize = 200;

/// What a payment key that no provider can have given out is declined with.
const CODE_PAYMENT_KEY_MALFORMED: &str = "PAYMENT_KEY_MALFORMED";
/// What an amount that the provider cannot take is declined with.
const CODE_CURRENCY_UNSUPPORTED: &str = "CURRENCY_UNSUPPORTED";

/// The shop's secret at the provider. Never shown.
#[derive(Clone)]
pub struct SecretKey(Box<str>);

impl SecretKey {
    /// A secret.
    #[must_use]
    pub fn new(secret: impl Into<Box<str>>) -> Self {
        Self(secret.into())
    }

    pub(in super::super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// How to reach the provider.
#[derive(Clone, Debug)]
pub struct TossConfig {
    /// Where it is, without a path. Default: `https://api.tosspayments.com`.
    pub base_url: Box<str>,
    /// The shop's secret key.
    pub secret_key: SecretKey,
    /// Longest time to connect. Default: 3 s.
    pub connect_timeout: Duration,
    /// Longest time from the request to the end of its answer. Default: 30 s, which is what
    /// card companies take at worst.
    pub read_timeout: Duration,
    /// Sent as `TossPayments-Test-Code`: with a test key, the provider answers every request
    /// with this error. Default: none.
    pub test_code: Option<Box<str>>,
}

impl TossConfig {
    /// The defaults, with this secret.
    #[must_use]
    pub fn new(secret_key: SecretKey) -> Self {
        Self {
            base_url: "https://api.tosspayments.com".into(),
            secret_key,
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(30),
            test_code: None,
        }
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TossConfigError {
    /// The base URL is not one.
    #[error("the provider's base url is not an http or https url without a path")]
    BaseUrl,
    /// The test code is not fit for a header.
    #[error("the provider's test code is not fit for a header")]
    TestCode,
    /// The HTTP client could not be made.
    #[error("make the http client: {0}")]
    Client(#[source] reqwest::Error),
}

/// A connection pool to the provider.
#[derive(Clone, Debug)]
pub struct TossClient {
    http: reqwest::Client,
    base_url: Url,
    secret_key: SecretKey,
}

impl TossClient {
    /// Opens nothing yet: connections are made when they are needed.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(config: &TossConfig) -> Result<Self, TossConfigError> {
        let base_url = Url::parse(&config.base_url).map_err(|_| TossConfigError::BaseUrl)?;
        if !matches!(base_url.scheme(), "http" | "https") || base_url.path() != "/" {
            return Err(TossConfigError::BaseUrl);
        }
        let mut headers = HeaderMap::new();
        if let Some(code) = &config.test_code {
            let code = HeaderValue::from_str(code).map_err(|_| TossConfigError::TestCode)?;
            headers.insert(HeaderName::from_static("tosspayments-test-code"), code);
        }
        let http = plain_if_local(reqwest::Client::builder(), &base_url)
            .default_headers(headers)
            .connect_timeout(config.connect_timeout)
            .timeout(config.read_timeout)
            // A redirect would carry a payment to a place that nobody configured.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(TossConfigError::Client)?;
        Ok(Self { http, base_url, secret_key: config.secret_key.clone() })
    }

    /// The path segments are escaped one by one: payment keys come from buyers.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(["v1", "payments"]).extend(segments);
        }
        url
    }

    fn request(&self, method: Method, segments: &[&str]) -> reqwest::RequestBuilder {
        let request = self.http.request(method, self.url(segments));
        request.basic_auth(self.secret_key.expose(), Some(""))
    }

    async fn post<B: Serialize>(
        &self,
        segments: &[&str],
        idempotency_key: &str,
        body: &B,
    ) -> Result<ProviderPayment, Refusal> {
        let request = self.request(Method::POST, segments);
        let request = request.header("Idempotency-Key", idempotency_key).json(body);
        read_payment(request.send().await.map_err(|error| sending(&error))?).await
    }

    async fn get(&self, segments: &[&str]) -> Result<Option<ProviderPayment>, Fault> {
        let sent = self.request(Method::GET, segments).send().await;
        match read_payment(sent.map_err(|error| sending(&error))?).await {
            Ok(payment) => Ok(Some(payment)),
            Err(Refusal::Final(code)) if code == error_code::NOT_FOUND_PAYMENT => Ok(None),
            Err(Refusal::Final(code)) => Err(error_code::fault(FaultKind::UnlistedCode, &code)),
            Err(Refusal::Fault(fault)) => Err(fault),
        }
    }
}

/// A provider on this machine is reached without a proxy, and one without TLS needs no roots.
fn plain_if_local(builder: reqwest::ClientBuilder, base_url: &Url) -> reqwest::ClientBuilder {
    let host = base_url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let builder = if is_local { builder.no_proxy() } else { builder };
    if base_url.scheme() == "http" { builder.tls_certs_only([]) } else { builder }
}

/// An answer that is not a payment.
enum Refusal {
    Final(String),
    Fault(Fault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn sending(error: &reqwest::Error) -> Fault {
    if error.is_connect() {
        FaultKind::Unreachable.into()
    } else if error.is_timeout() {
        FaultKind::Timeout.into()
    } else {
        FaultKind::Broken.into()
    }
}

async fn read_payment(response: Response) -> Result<ProviderPayment, Refusal> {
    let status = response.status().as_u16();
    let body = read_body(response).await?;
    if status == 200 {
        let payment = parse::<PaymentBody>(&body).and_then(PaymentBody::into_payment);
        return payment.ok_or_else(|| Fault::from(FaultKind::Malformed).into());
    }
    let code = parse::<ErrorBody>(&body).map(|error| error.code).unwrap_or_default();
    Err(match error_code::meaning(status, &code) {
        Meaning::Final => Refusal::Final(code),
        Meaning::Query(kind) => Refusal::Fault(error_code::fault(kind, &code)),
    })
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| sending(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(FaultKind::Malformed.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// Whether the provider can have given this key out. Keys come from buyers: dots alone would
/// climb the path, and a segment of the protocol would be another request.
fn is_payment_key(text: &str) -> bool {
    text.len() <= PAYMENT_KEY_BYTES_MAX
        && !matches!(text, "confirm" | "orders")
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && text.bytes().any(|byte| byte != b'.')
}

/// Whether the provider's whole numbers are the currency's minor units.
fn is_supported(amount: Money) -> bool {
    amount.currency.exponent() == 0
}

impl PaymentProvider for TossClient {
    async fn confirm(&self, request: CaptureRequest<'_>) -> CaptureAnswer {
        let CaptureRequest { payment_key, order_id, amount, idempotency_key } = request;
        if !is_payment_key(payment_key) {
            return CaptureAnswer::Declined { code: provider_code(CODE_PAYMENT_KEY_MALFORMED) };
        }
        if !is_supported(amount) {
            return CaptureAnswer::Declined { code: provider_code(CODE_CURRENCY_UNSUPPORTED) };
        }
        let body = ConfirmBody { payment_key, order_id, amount: amount.minor };
        match self.post(&["confirm"], idempotency_key, &body).await {
            Ok(payment) if &*payment.payment_key != payment_key => {
                CaptureAnswer::Unknown(FaultKind::Malformed.into())
            }
            Ok(payment) if &*payment.order_id != order_id => {
                CaptureAnswer::Unknown(FaultKind::Malformed.into())
            }
            Ok(payment) if payment.state == ProviderState::Captured => {
                CaptureAnswer::Captured { amount: payment.balance }
            }
            // The stored answer of a request may be older than the payment's state.
            Ok(_) => CaptureAnswer::Unknown(FaultKind::Undecided.into()),
            Err(Refusal::Final(code)) => CaptureAnswer::Declined { code: provider_code(&code) },
            Err(Refusal::Fault(fault)) => CaptureAnswer::Unknown(fault),
        }
    }

    async fn find_by_payment_key(
        &self,
        payment_key: &str,
    ) -> Result<Option<ProviderPayment>, Fault> {
        if !is_payment_key(payment_key) {
            return Ok(None);
        }
        self.get(&[payment_key]).await
    }

    async fn find_by_order_id(&self, order_id: &str) -> Result<Option<ProviderPayment>, Fault> {
        self.get(&["orders", order_id]).await
    }

    async fn cancel(&self, request: RefundRequest<'_>) -> RefundAnswer {
        let RefundRequest { payment_key, amount, reason, idempotency_key } = request;
        let body = CancelBody { cancel_reason: reason, cancel_amount: amount.minor };
        match self.post(&[payment_key, "cancel"], idempotency_key, &body).await {
            Ok(payment) => {
                let ours = payment.refunds.iter().find(|refund| &*refund.reason == reason);
                ours.map_or(RefundAnswer::Unknown(FaultKind::Malformed.into()), |refund| {
                    RefundAnswer::Refunded { amount: refund.amount }
                })
            }
            Err(Refusal::Final(code)) => RefundAnswer::Refused { code: provider_code(&code) },
            Err(Refusal::Fault(fault)) => RefundAnswer::Unknown(fault),
        }
    }
}
