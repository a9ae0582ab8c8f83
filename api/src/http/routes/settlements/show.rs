//! `GET /v1/settlements`: what the money of a performance was for, to the minor unit.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use boxoffice_core::{Ledger, Performance};
use boxoffice_topics::{PerformanceId, RefusalCode, Slot};
use serde::Deserialize;
use utoipa::IntoParams;

use super::csv;
use super::period::{LineName, Period, invalid, lines_after};
use crate::http::auth::{Caller, Role};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Params};
use crate::http::routes::json;
use crate::json::{SettlementJson, SettlementLineJson, SettlementTotals, moment};
use crate::views::Look;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which part of which ledger.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The performance.
    #[param(value_type = uuid::Uuid)]
    performance: String,
    /// The period begins at this moment of log time, RFC 3339; with the first line when absent.
    #[param(example = "2026-12-01T00:00:00Z")]
    from: Option<String>,
    /// The period ends before this moment; with the last line when absent.
    #[param(example = "2027-01-01T00:00:00Z")]
    to: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many lines in a JSON page, up to 1,000; 100 when absent.
    limit: Option<usize>,
    /// `json` or `csv`. When absent, `Accept: text/csv` asks for CSV.
    format: Option<String>,
}

/// The settlement of a performance
///
/// For promoters and operators: every movement of money in double entry. Totals are over all lines of
/// the period; each line cites the outcome that caused it, which is number `index` of the step that
/// operators read at `/v1/topics/outcomes/partitions/{partition}/records?from={offset}&limit=1`, and
/// the lines of one outcome sum to zero. CSV has all lines of the period, with a header row. A performance from before
/// there was settlement has none: 409.
#[utoipa::path(
    get, path = "/v1/settlements", tag = "performances", operation_id = "show_settlement",
    security(("bearer" = [])),
    params(Wanted),
    responses(
        (status = 200, description = "The settlement", content(
            (SettlementJson = "application/json"),
            (String = "text/csv"),
        )),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Params(wanted): Params<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require_one_of(&[Role::Promoter, Role::Operator])?;
    let unknown = || Problem::not_found("performance_unknown");
    let performance: PerformanceId = wanted.performance.parse().map_err(|_| unknown())?;
    let period = Period::parse(wanted.from.as_deref(), wanted.to.as_deref())?;
    let after = wanted.after.as_deref().map(str::parse).transpose()?;
    let is_csv = wants_csv(wanted.format.as_deref(), &headers)?;
    let limit = wanted.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let document = {
        let look = app.views.look(Slot::of(performance));
        let show = look.state().performance(performance).ok_or_else(unknown)?;
        let not_kept = || Problem::would_be_refused(RefusalCode::SettlementNotKept.into());
        let ledger = show.ledger().ok_or_else(not_kept)?;
        if is_csv { None } else { Some(page(&look, show, ledger, period, after, limit)?) }
    };
    Ok(match document {
        Some(document) => json(&document),
        None => csv::respond(Arc::clone(&app), performance, period, after),
    })
}

fn wants_csv(format: Option<&str>, headers: &HeaderMap) -> Result<bool, Problem> {
    match format {
        Some("csv") => Ok(true),
        Some("json") => Ok(false),
        Some(_) => Err(invalid("format", "must be `json` or `csv`")),
        None => {
            let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
            let first = accepted.and_then(|types| types.split([',', ';']).next());
            Ok(first.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/csv")))
        }
    }
}

fn page(
    look: &Look<'_>,
    performance: &Performance,
    ledger: &Ledger,
    period: Period,
    after: Option<LineName>,
    limit: usize,
) -> Result<SettlementJson, Problem> {
    let (before, within) = period.of(ledger);
    let totals = SettlementTotals::of(before, within);
    let too_much = || {
        tracing::error!(performance = %performance.id(), "the sums of a settlement are too large");
        Problem::internal()
    };
    let mut lines = lines_after(within, after);
    let page: Vec<_> = lines
        .by_ref()
        .take(limit)
        .map(|(entry, number, line)| SettlementLineJson::of(entry, number, line))
        .collect();
    let is_last = lines.next().is_none();
    let next = page.last().filter(|_| !is_last).map(|line| line.id.clone());
    let shown = |at: Option<_>| at.map(|at| moment(at).0.to_string());
    Ok(SettlementJson {
        performance: performance.id().to_string(),
        from: shown(period.from),
        to: shown(period.to),
        partition: look.state().partition().number(),
        end: look.state().next_offset().number(),
        terms_version: ledger.version(),
        terms: ledger.terms().into(),
        parties: totals.parties().ok_or_else(too_much)?,
        totals: totals.accounts().ok_or_else(too_much)?,
        lines: page,
        next,
    })
}
