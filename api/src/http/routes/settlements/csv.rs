//! The lines of a period as comma-separated values (RFC 4180), a piece at a time.

use std::convert::Infallible;
use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use boxoffice_core::{Ledger, LedgerEntry};
use boxoffice_topics::{LedgerLine, PerformanceId, Slot};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};

use super::period::{LineName, Period, lines_after};
use crate::http::router::App;
use crate::json::SettlementLineJson;

/// Lines of one piece: the state is looked at for no longer than they take.
const LINES_PER_PIECE: usize = 1_000;
const HEADER: &str = "id,partition,offset,index,line,at,kind,performance,order,account,currency,\
                      amount_minor\r\n";

/// Where the next piece begins.
struct Pieces {
    app: App,
    performance: PerformanceId,
    period: Period,
    after: Option<LineName>,
}

/// Every line of the period after a line. What is posted meanwhile is a part of it.
pub(super) fn respond(
    app: App,
    performance: PerformanceId,
    period: Period,
    after: Option<LineName>,
) -> Response {
    let pieces = Pieces { app, performance, period, after };
    let pieces = stream::unfold(pieces, |mut pieces| async move { Some((pieces.next()?, pieces)) });
    let header = stream::iter([Bytes::from_static(HEADER.as_bytes())]);
    let body = Body::from_stream(header.chain(pieces).map(Ok::<_, Infallible>));
    let name = format!("attachment; filename=\"settlement-{performance}.csv\"");
    let name = HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, name),
    ];
    (headers, body).into_response()
}

impl Pieces {
    fn next(&mut self) -> Option<Bytes> {
        let app = std::sync::Arc::clone(&self.app);
        let look = app.views.look(Slot::of(self.performance));
        let ledger: &Ledger = look.state().performance(self.performance)?.ledger()?;
        let (_, entries) = self.period.of(ledger);
        let mut text = String::new();
        for (entry, number, line) in lines_after(entries, self.after).take(LINES_PER_PIECE) {
            self.after = Some(LineName::new(entry.name, number));
            write_line(&mut text, self.performance, entry, number, line);
        }
        (!text.is_empty()).then(|| text.into())
    }
}

/// No field has a comma or a quotation mark: ids, words, numbers and moments.
fn write_line(
    text: &mut String,
    performance: PerformanceId,
    entry: &LedgerEntry,
    number: u16,
    line: LedgerLine,
) {
    let SettlementLineJson {
        id,
        partition,
        offset,
        index,
        line,
        at,
        kind,
        order,
        account,
        currency,
        amount_minor,
    } = SettlementLineJson::of(entry, number, line);
    let written = write!(
        text,
        "{id},{partition},{offset},{index},{line},{at},{kind},{performance},{order},{account},\
         {currency},{amount_minor}\r\n"
    );
    debug_assert!(written.is_ok(), "a string takes every character");
}
