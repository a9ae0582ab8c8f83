//! Every route, in one place; and the front that all requests pass.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use boxoffice_ingest::Ingest;
use boxoffice_log::journal::Journal;
use boxoffice_topics::PartitionMap;
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tower::Service as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Authenticator, Names};
use super::problem::Problem;
use super::{docs, metric_definitions, openapi, routes, server};
use crate::config::Limits;
use crate::health::Health;
use crate::views::{Views, Waiter};

/// What routes work with.
#[derive(Debug)]
pub struct Services {
    /// Who asks.
    pub authenticator: Authenticator,
    /// Keyed names.
    pub names: Arc<Names>,
    /// What can be looked at.
    pub views: Arc<Views>,
    /// The way into the log.
    pub ingest: Ingest<Arc<Waiter>>,
    /// The log, for those who read it.
    pub log: Journal,
    /// Where keys live.
    pub map: PartitionMap,
    /// What one client can cost.
    pub limits: Limits,
    /// How the parts of the node are.
    pub health: Health,
    /// Becomes true when streams shall end.
    pub stop: watch::Receiver<bool>,
}

/// Shared by every route.
pub type App = Arc<Services>;

/// The routes that are documented.
fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(routes::intents::submit::submit))
        .routes(routes!(routes::intents::batch::batch))
        .routes(routes!(routes::intents::show::show))
        .routes(routes!(routes::performances::list::list))
        .routes(routes!(routes::performances::show::show))
        .routes(routes!(routes::performances::availability::availability))
        .routes(routes!(routes::holds::show::show))
        .routes(routes!(routes::orders::show::show))
        .routes(routes!(routes::me::orders::orders))
        .routes(routes!(routes::me::tickets::tickets))
        .routes(routes!(routes::events::stream::stream))
        .routes(routes!(routes::topics::records::records))
        .routes(routes!(routes::topics::stream::stream))
        .routes(routes!(routes::webhooks::toss::toss))
        .routes(routes!(routes::system::health::healthz))
        .routes(routes!(routes::system::ready::readyz))
        .routes(routes!(routes::system::metrics::metrics))
}

/// The OpenAPI document of every route.
#[must_use]
pub fn document() -> OpenApi {
    documented().into_openapi()
}

/// The router over these services.
pub fn router(app: App) -> Router {
    let (router, document) = documented().split_for_parts();
    router
        .route("/openapi.json", get(openapi::serve(&document)))
        .merge(docs::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

async fn unknown() -> Problem {
    Problem::not_found("route_unknown").detail("see /docs for what there is")
}

async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
}

/// What every request passes: panics become problems, answers are counted.
#[derive(Clone, Debug)]
pub struct Front {
    router: Router,
}

impl Front {
    /// The front of these services.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { router: router(app) }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let answering = AssertUnwindSafe(self.router.clone().call(request)).catch_unwind();
        let mut response = match answering.await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                metric_definitions::panicked();
                tracing::error!("a handler panicked");
                Problem::internal().into_response()
            }
        };
        const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
        metric_definitions::answered(response.status());
        response
    }
}

impl server::Service for Front {
    async fn call(&self, request: Request<Incoming>) -> Response<Body> {
        self.answer(request.map(Body::new)).await
    }
}

/// The one parameter of a path.
#[derive(Debug)]
pub struct Segment(pub String);

impl FromRequestParts<App> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Segments::<String>::from_request_parts(parts, app).await.map(|it| Self(it.0))
    }
}

/// The parameters of a path.
#[derive(Debug)]
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let refuse = |_: PathRejection| Problem::not_found("route_unknown");
        Path::from_request_parts(parts, app).await.map(|Path(it)| Self(it)).map_err(refuse)
    }
}

/// The parameters of a query.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let refuse =
            |error: QueryRejection| Problem::malformed("query_malformed", error.body_text());
        Query::from_request_parts(parts, app).await.map(|Query(it)| Self(it)).map_err(refuse)
    }
}

impl Services {
    /// The longest that a client may wait.
    #[must_use]
    pub fn wait_max(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.limits.wait_seconds_max.get().into())
    }
}
