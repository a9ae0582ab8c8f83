//! The sandbox over HTTP: who may ask, what is asked, and when the answer may leave.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post, put};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::answer::Answer;
use super::journal::Written;
use super::provider::{Movement, Provider};

type Shared = State<Arc<Provider>>;

pub(super) fn router(provider: Arc<Provider>) -> Router {
    let protocol = Router::new()
        .route("/v1/payments/confirm", post(confirm))
        .route("/v1/payments/{payment_key}", get(find))
        .route("/v1/payments/orders/{order_id}", get(find_by_order))
        .route("/v1/payments/{payment_key}/cancel", post(cancel))
        .layer(middleware::from_fn_with_state(Arc::clone(&provider), authenticate));
    Router::new()
        .merge(protocol)
        .route("/sandbox/payments", post(open_payment))
        .route("/healthz", get(async || "ok\n"))
        .route("/sandbox/books", get(books))
        .route("/sandbox/behaviour", put(set_behaviour))
        .with_state(provider)
}

/// Checks the secret key, then answers with the error that a test asks for.
async fn authenticate(State(provider): Shared, request: Request, next: Next) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let given = authorization
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| String::from_utf8(STANDARD.decode(encoded).ok()?).ok());
    let Some(secret) = given.as_deref().and_then(|given| given.strip_suffix(':')) else {
        return Answer::error("INCORRECT_BASIC_AUTH_FORMAT").into_response();
    };
    if secret != provider.config.secret_key.expose() {
        return Answer::error("UNAUTHORIZED_KEY").into_response();
    }
    let test_code = request.headers().get("tosspayments-test-code");
    if let Some(code) = test_code.and_then(|code| code.to_str().ok()) {
        return Answer::error(code).into_response();
    }
    next.run(request).await
}

/// Lets an answer leave when the books that it speaks of are in the file.
async fn release<T: IntoResponse>((answer, written): (T, Written)) -> Response {
    if written.wait().await {
        answer.into_response()
    } else {
        Answer::error("FAILED_INTERNAL_SYSTEM_PROCESSING").into_response()
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

async fn confirm(State(provider): Shared, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let movement = parse(&body).map_or(Movement::Malformed, Movement::Confirm);
    answer(provider, movement, uri, headers).await
}

async fn cancel(
    State(provider): Shared,
    Path(payment_key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let movement = parse(&body)
        .map_or(Movement::Malformed, |request| Movement::Cancel { payment_key, request });
    answer(provider, movement, uri, headers).await
}

/// The work goes on when the caller has gone, as it does at a bank.
async fn answer(
    provider: Arc<Provider>,
    movement: Movement,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let key = headers.get("idempotency-key");
    let key = key.map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    let work = tokio::spawn(async move {
        let answered = provider.answer(movement, key, uri.path()).await;
        release(answered).await
    });
    work.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn find(State(provider): Shared, Path(payment_key): Path<String>) -> Response {
    release(provider.find(&payment_key)).await
}

async fn find_by_order(State(provider): Shared, Path(order_id): Path<String>) -> Response {
    release(provider.find_by_order(&order_id)).await
}

async fn open_payment(State(provider): Shared, body: Bytes) -> Response {
    let opened = parse(&body).and_then(|request| provider.open_payment(request));
    match opened {
        Some((payment_key, written)) => {
            release((Json(json!({ "paymentKey": payment_key })), written)).await
        }
        None => Answer::error("INVALID_REQUEST").into_response(),
    }
}

async fn books(State(provider): Shared) -> Response {
    let (audit, written) = provider.audit();
    release((Json(audit), written)).await
}

async fn set_behaviour(State(provider): Shared, body: Bytes) -> Response {
    match parse(&body) {
        Some(behaviour) => {
            release((StatusCode::NO_CONTENT, provider.set_default_behaviour(behaviour))).await
        }
        None => Answer::error("INVALID_REQUEST").into_response(),
    }
}
