//! Every route, in one place; and the front that all requests pass.
//!
//! The order of the front: panics are caught around everything; then whoever asks is found out, and
//! an address that shows too many bad tokens costs no more signature checks; then the request is
//! counted against the limit of its account or address; then it is routed.

use std::net::{IpAddr, Ipv4Addr};
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
use boxoffice_log::AnyLog;
use boxoffice_processors::SharedDatabase;
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tower::Service as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Authenticator, Names, Role};
use super::problem::Problem;
use super::rate_limit::{Counted, RateLimits};
use super::{docs, metric_definitions, openapi, rate_limit, routes, server};
use crate::config::Limits;
use crate::health::Health;
use crate::roles::Roles;
use crate::scaling::Scaling;
use crate::tickets::TicketKeys;
use crate::views::{Views, Waiter};

/// What routes work with.
#[derive(Debug)]
pub struct Services {
    /// What this process does.
    pub roles: Roles,
    /// Who asks.
    pub authenticator: Authenticator,
    /// How many requests each of them may send.
    pub rate_limits: RateLimits,
    /// Keyed names.
    pub names: Arc<Names>,
    /// What codes of tickets are signed with.
    pub ticket_keys: TicketKeys,
    /// What can be looked at.
    pub views: Arc<Views>,
    /// The way into the log.
    pub ingest: Ingest<Arc<Waiter>>,
    /// The log, for those who read it.
    pub log: AnyLog,
    /// Moves slots from partition to partition.
    pub scaling: Scaling,
    /// What one client can cost.
    pub limits: Limits,
    /// How the parts of the node are.
    pub health: Health,
    /// Where it is said who owns what; none where one process does everything.
    pub owners: Option<SharedDatabase>,
    /// Becomes true when streams shall end.
    pub stop: watch::Receiver<bool>,
}

/// Shared by every route.
pub type App = Arc<Services>;

/// What clients, promoters and operators ask.
fn business() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(routes::intents::submit::submit))
        .routes(routes!(routes::intents::batch::batch))
        .routes(routes!(routes::intents::show::show))
        .routes(routes!(routes::intents::explanation::explanation))
        .routes(routes!(routes::performances::list::list))
        .routes(routes!(routes::performances::show::show))
        .routes(routes!(routes::performances::availability::availability))
        .routes(routes!(routes::performances::waiting_room::waiting_room))
        .routes(routes!(routes::performances::channels::channels))
        .routes(routes!(routes::settlements::show::show))
        .routes(routes!(routes::campaigns::show::show))
        .routes(routes!(routes::holds::show::show))
        .routes(routes!(routes::orders::show::show))
        .routes(routes!(routes::orders::refund_quote::refund_quote))
        .routes(routes!(routes::me::orders::orders))
        .routes(routes!(routes::me::tickets::tickets))
        .routes(routes!(routes::tickets::show::show))
        .routes(routes!(routes::tickets::keys::keys))
        .routes(routes!(routes::performances::check_ins::check_ins))
        .routes(routes!(routes::me::coupons::coupons))
        .routes(routes!(routes::me::points::points))
        .routes(routes!(routes::events::stream::stream))
        .routes(routes!(routes::topics::records::records))
        .routes(routes!(routes::topics::stream::stream))
        .routes(routes!(routes::partitions::list::list))
        .routes(routes!(routes::partitions::scale::scale))
}

/// What the payment provider tells.
fn webhooks() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(routes::webhooks::toss::toss))
}

/// What those ask who watch the process.
fn system() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(routes::system::health::healthz))
        .routes(routes!(routes::system::ready::readyz))
        .routes(routes!(routes::system::metrics::metrics))
}

/// The routes of a process with these roles, and their documentation.
fn documented(roles: Roles) -> OpenApiRouter<App> {
    let mut routes = OpenApiRouter::with_openapi(openapi::base());
    if roles.api {
        routes = routes.merge(business());
    }
    if roles.sinks {
        routes = routes.merge(webhooks());
    }
    let mut routes = routes.merge(system());
    openapi::limit(routes.get_openapi_mut());
    openapi::describe(routes.get_openapi_mut());
    routes
}

/// The OpenAPI document of every route.
#[must_use]
pub fn document() -> OpenApi {
    documented(Roles::ALL).into_openapi()
}

/// The router over these services.
pub fn router(app: App) -> Router {
    let (router, document) = documented(app.roles).split_for_parts();
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

/// What every request passes: too many are refused, panics become problems, answers are counted.
#[derive(Clone, Debug)]
pub struct Front {
    router: Router,
    /// Bare routes have none.
    gate: Option<Arc<dyn Gate>>,
}

/// Who knows the clients, and counts their requests.
trait Gate: std::fmt::Debug + Send + Sync {
    /// Finds out who sent a request, tells its route, and counts it.
    fn count(&self, request: &mut Request<Body>, from: IpAddr) -> Option<Counted<'_>>;
}

impl Gate for Services {
    fn count(&self, request: &mut Request<Body>, from: IpAddr) -> Option<Counted<'_>> {
        if !rate_limit::counts(request.uri().path()) {
            return None;
        }
        let caller = self.authenticator.authenticate(request.headers(), from);
        request.extensions_mut().insert(caller);
        self.rate_limits.count(caller.ok().map(|caller| caller.account), from)
    }
}

impl Front {
    /// The front of these services.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { router: router(Arc::clone(&app)), gate: Some(app) }
    }

    /// Answers one request of this machine.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        self.answer_from(Ipv4Addr::LOCALHOST.into(), request).await
    }

    /// Answers one request that came from this address. Whatever panics, there is an answer.
    pub async fn answer_from(&self, from: IpAddr, request: Request<Body>) -> Response<Body> {
        let answering = AssertUnwindSafe(self.answer_counted(from, request)).catch_unwind();
        let mut response = answering.await.unwrap_or_else(|_| {
            metric_definitions::panicked();
            tracing::error!("a handler panicked");
            Problem::internal().into_response()
        });
        const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
        metric_definitions::answered(response.status());
        response
    }

    async fn answer_counted(&self, from: IpAddr, mut request: Request<Body>) -> Response<Body> {
        let counted = self.gate.as_ref().and_then(|gate| gate.count(&mut request, from));
        let mut response = match counted.as_ref().and_then(Counted::problem) {
            Some(problem) => problem.into_response(),
            None => match self.router.clone().call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        };
        if let Some(counted) = counted {
            counted.write_to(response.headers_mut());
        }
        response
    }
}

impl server::Service for Front {
    async fn call(&self, request: Request<Incoming>, from: IpAddr) -> Response<Body> {
        self.answer_from(from, request.map(Body::new)).await
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
    /// Bytes of one intent of a caller with this role.
    #[must_use]
    pub fn intent_bytes_max(&self, role: Role) -> usize {
        match role {
            Role::Promoter => self.limits.promoter_body_bytes_max.get(),
            Role::Buyer | Role::Operator | Role::Gate => self.limits.body_bytes_max.get(),
        }
    }

    /// The longest that a client may wait.
    #[must_use]
    pub fn wait_max(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.limits.wait_seconds_max.get().into())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    async fn broken() -> &'static str {
        panic!("an invariant that clients know nothing of")
    }

    #[derive(Debug)]
    struct BrokenGate;

    impl Gate for BrokenGate {
        fn count(&self, _: &mut Request<Body>, _: IpAddr) -> Option<Counted<'_>> {
            panic!("before any route is asked")
        }
    }

    #[tokio::test]
    async fn a_panic_before_the_routes_is_answered_too() {
        let front = Front { router: Router::new(), gate: Some(Arc::new(BrokenGate)) };
        let response = front.answer(Request::new(Body::empty())).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }

    #[tokio::test]
    async fn a_handler_that_panics_answers_500_and_its_connection_goes_on() {
        let routes =
            Router::new().route("/broken", get(broken)).route("/whole", get(|| async { "whole" }));
        let listener = server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let patience = Duration::from_secs(60);
        let limits = server::Limits {
            connections_max: 1,
            address_connections_max: 1,
            header_timeout: patience,
            write_timeout: patience,
            drain_timeout: patience,
        };
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(server::serve(
            listener,
            Front { router: routes, gate: None },
            limits,
            stopped,
        ));

        let ask = |path| format!("GET {path} HTTP/1.1\r\nhost: x\r\n");
        let requests = format!("{}\r\n{}connection: close\r\n\r\n", ask("/broken"), ask("/whole"));
        client.write_all(requests.as_bytes()).await.unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.unwrap();
        let (first, second) = answers.split_once("HTTP/1.1 200 OK\r\n").expect("a second answer");
        assert!(first.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{first}");
        assert!(first.contains("content-type: application/problem+json\r\n"), "{first}");
        let problem = r#"{"type":"/problems/internal_error","title":"Internal error","status":500,"code":"internal_error"}"#;
        assert_eq!(first.lines().last(), Some(problem));
        assert_eq!(second.lines().last(), Some("whole"));
        stop.send_replace(true);
        serving.await.unwrap();
    }
}
