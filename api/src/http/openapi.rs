//! The OpenAPI document: generated from the routes, so it cannot say anything else than they do.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

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
