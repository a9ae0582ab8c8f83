//! The OpenAPI document: generated from the routes, so it cannot say anything else than they do.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::header::Header;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Object, OpenApi, Ref, Response, Type};
use utoipa::{Modify, OpenApi as _, ToSchema as _};

use super::problem::ProblemJson;
use super::rate_limit;

/// What the document says about the whole.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "boxoffice",
        description = "Sells seats when everybody wants them at the same second. Intents go in, \
            each gets exactly one answer, and everything that was decided can be followed."
    ),
    modifiers(&Bearer),
    tags(
        (name = "intents", description = "Asking for something"),
        (name = "performances", description = "What is on sale"),
        (name = "buyer", description = "What is mine"),
        (name = "topics", description = "Everything that happened, for consumers"),
        (name = "system", description = "For those who run the house"),
    )
)]
struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document before its routes.
pub(super) fn base() -> OpenApi {
    Base::openapi()
}

/// Documents the answer to a request too many, at every route that is counted.
pub(super) fn limit(document: &mut OpenApi) {
    const NAME: &str = "TooManyRequests";
    let header = |kind: Type, description: &str| {
        Header::builder()
            .schema(Some(Object::with_type(kind)))
            .description(Some(description))
            .build()
    };
    let text = |description| header(Type::String, description);
    let problem = Ref::from_schema_name(ProblemJson::name());
    let refused = Response::builder()
        .description("Too many requests; RateLimit and RateLimit-Policy are on every answer")
        .header("Retry-After", header(Type::Integer, "Seconds to wait"))
        .header("RateLimit-Policy", text("`\"account\";q=200;w=4`: 200 requests in 4 seconds"))
        .header("RateLimit", text("`\"account\";r=0;t=1`: none is left, and more in 1 second"))
        .content("application/problem+json", Content::new(Some(problem)))
        .build();
    document.components.get_or_insert_default().responses.insert(NAME.to_owned(), refused.into());
    for (_, item) in document.paths.paths.iter_mut().filter(|(path, _)| rate_limit::counts(path)) {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            let refused = Ref::from_response_name(NAME).into();
            operation.responses.responses.insert("429".to_owned(), refused);
        }
    }
}

/// Serves the document, which is rendered once.
pub(super) fn serve(
    document: &OpenApi,
) -> impl Fn() -> std::future::Ready<axum::response::Response> + Clone + Send + Sync + 'static + use<>
{
    let json = match document.to_pretty_json() {
        Ok(json) => bytes::Bytes::from(json),
        Err(error) => unreachable!("the document is made of texts and numbers: {error}"),
    };
    move || {
        let headers = [(header::CONTENT_TYPE, "application/json")];
        std::future::ready((headers, json.clone()).into_response())
    }
}
