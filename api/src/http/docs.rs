//! The page of the API, from files inside the program: it works without a network, and its
//! content security policy forbids everything that does not come from here.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::Config;

use super::problem::Problem;
use super::router::{App, Segment};

/// The page styles itself from its own script, and draws its icons from data URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(Config::new(["/openapi.json"]).try_it_out_enabled(true).persist_authorization(false))
});

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async || file("index.html")))
        .route("/docs/{*file}", get(async |Segment(name): Segment| file(&name)))
}

fn file(name: &str) -> Response {
    match utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => {
            let policy = HeaderValue::from_static(POLICY);
            let headers = [
                (header::CONTENT_TYPE, file.content_type),
                (header::REFERRER_POLICY, "no-referrer".to_owned()),
            ];
            let mut response = (headers, file.bytes.into_owned()).into_response();
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            response
        }
        Ok(None) => Problem::not_found("route_unknown").into_response(),
        Err(error) => {
            tracing::error!(error = %error, "the page of the API cannot be served");
            Problem::internal().into_response()
        }
    }
}
