//! Durable intents over HTTP against a bare JSON echo, on the same machine in the same run.
//!
//! `bench [seconds of a round] [rounds]`, in release. Both servers are processes of their own and
//! take turns, so that whatever else the machine does falls on both. Intents are single ones, each
//! decided and durable before its answer, with the sink of PostgreSQL running behind. There are two
//! loads: `holds`, where every intent holds a place that is never given back, so that each costs
//! memory and a row; and `on-sale`, where three of four ask for a seat that somebody has.

use std::error::Error;
use std::io::Write;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use boxoffice_tests::client::performance;
use boxoffice_tests::load::{self, Measured};
use boxoffice_tests::server::{Options, Server};
use boxoffice_tests::services::{Database, free_port};
use serde_json::{Value, json};

const CONNECTIONS: [usize; 2] = [64, 256];
/// Long enough for caches, connections and the first segment to be there.
const WARM_UP: Duration = Duration::from_secs(1);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("echo") {
        let port = arguments.next().ok_or("expected a port")?.parse()?;
        return tokio::runtime::Runtime::new()?.block_on(echo(port));
    }
    let seconds = first.map_or(Ok(5), |text| text.parse())?;
    let rounds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    // One thread: the servers need the others.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(compare(Duration::from_secs(seconds), rounds))
}

/// The least that an HTTP server can do with a JSON body.
async fn echo(port: u16) -> Outcome<()> {
    let router =
        Router::new().route("/v1/intents", post(async |Json(body): Json<Value>| Json(body)));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, router).await?)
}

/// The echo server in a process of its own.
struct Echo {
    child: Child,
    port: u16,
}

impl Echo {
    async fn start() -> Outcome<Self> {
        let port = free_port();
        let child =
            Command::new(std::env::current_exe()?).args(["echo", &port.to_string()]).spawn()?;
        let echo = Self { child, port };
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(echo)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is reaped.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the connections ask for.
#[derive(Clone, Copy)]
enum Load {
    Holds,
    OnSale,
}

impl Load {
    const ALL: [Self; 2] = [Self::Holds, Self::OnSale];

    const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::OnSale => "on-sale",
        }
    }

    /// Intents of one buyer, in turn.
    fn intents(self, performance: &str) -> Vec<Value> {
        let place = json!({
            "type": "hold_general_admission",
            "performance": performance,
            "sections": [{ "section": "FLOOR", "quantity": 1 }],
        });
        let seat = json!({ "type": "hold_seats", "performance": performance, "seats": ["A-1-1"] });
        match self {
            Self::Holds => vec![place],
            Self::OnSale => vec![place, seat.clone(), seat.clone(), seat],
        }
    }
}

/// The requests of each connection, each of another buyer, to a performance of their own: its
/// places are not sold out by the round before.
async fn requests(server: &Server, load: Load) -> Outcome<Vec<Arc<[Vec<u8>]>>> {
    let promoter = server.client("promoter", "promoter");
    let mut definition = performance(1, 1, 60_000);
    definition["sections"][1]["capacity"] = json!(1_000_000);
    let performance = promoter.intent(definition).await.text("performance");
    let opened = promoter.intent(json!({ "type": "open_sale", "performance": performance })).await;
    if opened.status != 200 {
        return Err(format!("{opened:?}").into());
    }
    let seat = json!({ "type": "hold_seats", "performance": performance, "seats": ["A-1-1"] });
    let held = server.client("buyer", "first").intent(seat).await;
    if held.status != 200 {
        return Err(format!("{held:?}").into());
    }
    let intents = load.intents(&performance);
    let most = CONNECTIONS.into_iter().max().unwrap_or_default();
    let tokens = (0..most).map(|number| server.token("buyer", &format!("buyer-{number}")));
    let of_buyer = |token: String| {
        intents.iter().map(|it| load::post("/v1/intents", &token, &it.to_string())).collect()
    };
    Ok(tokens.map(of_buyer).collect())
}

async fn compare(duration: Duration, rounds: u32) -> Outcome<()> {
    let database = Database::fresh().await;
    let options =
        Options { database: database.url().to_owned(), partitions: 4, ..Options::default() };
    let server = Server::start(options).await;
    let echo = Echo::start().await?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "load     connections  server       requests/s  refused  p50 ms  p99 ms  of echo"
    )?;
    for (load, connections) in Load::ALL.into_iter().flat_map(|load| CONNECTIONS.map(|n| (load, n)))
    {
        let requests = requests(&server, load).await?;
        let requests = &requests[..connections];
        for port in [echo.port, server.port()] {
            load::run(port, requests, WARM_UP).await?;
        }
        let (mut of_echo, mut of_server) = (None, None);
        for _ in 0..rounds {
            add(&mut of_echo, load::run(echo.port, requests, duration).await?);
            add(&mut of_server, load::run(server.port(), requests, duration).await?);
        }
        let (Some(of_echo), Some(of_server)) = (of_echo, of_server) else { break };
        for (name, measured) in [("axum echo", &of_echo), ("boxoffice", &of_server)] {
            let ratio = measured.per_second() / of_echo.per_second();
            let milliseconds =
                |quantile| measured.latencies.value_at_quantile(quantile) as f64 / 1_000.0;
            writeln!(
                out,
                "{:<7}  {connections:>11}  {name:<9} {:>13.0}  {:>6.0}%  {:>6.2}  {:>6.2}  {ratio:>7.2}",
                load.name(),
                measured.per_second(),
                100.0 * measured.refused as f64 / measured.requests as f64,
                milliseconds(0.5),
                milliseconds(0.99),
            )?;
        }
    }
    Ok(())
}

fn add(all: &mut Option<Measured>, round: Measured) {
    match all {
        Some(all) => all.add(&round),
        None => *all = Some(round),
    }
}
