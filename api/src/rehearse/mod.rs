//! The dress rehearsal: synthetic buyers against a real server over real HTTP, and an audit.
//!
//! What is rehearsed is everything a buyer can touch; what is audited is read the way any
//! consumer reads it. Nothing here uses the code that decides, so that a mistake there cannot
//! hide itself here.

mod afterwards;
mod audit;
mod books;
mod buyer;
mod claims;
mod client;
mod coupons;
mod doors;
mod findings;
mod habits;
mod house;
mod ledger;
mod line;
mod lottery;
mod model;
mod opening;
mod ordering;
mod orders;
mod population;
mod post;
mod posts;
mod progress;
mod quiet;
mod reading;
mod refunds;
mod report;
mod sale;
mod scaling;
mod settlements;
mod shapes;
mod shop;
mod slots;
mod stage;
mod terms;
mod tickets;
mod tokens;
mod trace;
mod venue;
mod verdict;
mod visit;
mod waiting;
mod wallets;

use std::io::Write;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Database;
use crate::http::auth::{AuthError, Role};
use afterwards::Guests;
use client::{Client, GaveUp};
use findings::Invariant;
use habits::Extras;
use ledger::Ledger;
use model::Model;
use opening::RoomRules;
use population::{Arrivals, Population};
use progress::Progress;
use reading::Reading;
use report::Report;
use sale::Sale;
use shop::{LateMoney, Shop, Tally};
use stage::{PrivateNode, Stage, StageError};
use tokens::Mint;
use trace::Trace;
use venue::{SaleTimes, Shape, Venue};

/// How long an admitted buyer may stay: longer than the longest pause between two looks at the
/// line, which the server makes a minute.
const SESSION_SECONDS_LONG: u32 = 90;
/// The same in a short line, where the pauses are a tenth of a few sessions.
const SESSION_SECONDS_SHORT: u32 = 30;
/// A line is short that goes through the room in fewer rounds.
const SHORT_LINE_ROUNDS: u32 = 7;
/// Looks at the line while it is called, and the longest pause between two of them in seconds, as
/// the server makes them.
const LOOKS_OF_A_LINE: u32 = 10;
const LOOK_SECONDS_MAX: u32 = 60;
/// The shortest and the longest grace time of a waiting room.
const GRACE_SECONDS: (u32, u32) = (10, 600);
/// Signs of life while the whole line is called: half a grace time apart.
const GRACES_OF_A_LINE: u32 = 2;
/// The most that a waiting room admits in a minute.
const ADMISSIONS_PER_MINUTE_MAX: u32 = 600_000;

/// The part of the surge after which slots begin to move: most have come by then, and all are busy.
const SCALING_BEGINS_AFTER: u32 = 3;

/// People inside for each connection: who waits for a provider needs none.
const PEOPLE_PER_CONNECTION: usize = 4;

/// A dress rehearsal: synthetic buyers over real HTTP, then an audit. Ends with 1 when the audit
/// finds a violation.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many buyers come.
    #[arg(long, default_value = "2000")]
    buyers: NonZeroU32,
    /// Performances on sale at once; each has the whole house.
    #[arg(long, default_value = "1")]
    performances: NonZeroU16,
    /// The house.
    #[arg(long, value_enum, default_value = "arena")]
    shape: Shape,
    /// When buyers arrive.
    #[arg(long, value_enum, default_value = "surge")]
    arrivals: Arrivals,
    /// Time in which everybody arrives; half of a surge comes in the first eighth.
    #[arg(long, default_value = "10")]
    surge_seconds: u32,
    /// HTTP connections at once.
    #[arg(long, alias = "concurrency", default_value = "128")]
    connections: NonZeroU16,
    /// The same seed brings the same people with the same intentions.
    #[arg(long, default_value = "1")]
    seed: u64,
    /// How long a hold lasts. Short, so that some run out.
    #[arg(long, default_value = "6")]
    hold_ttl_seconds: NonZeroU32,
    /// How long an order waits for its payment.
    #[arg(long, default_value = "8")]
    payment_window_seconds: NonZeroU32,
    /// A waiting room before each performance, with a lottery among those who come early.
    #[arg(long)]
    waiting_room: bool,
    /// How many the waiting rooms admit in a second, together (default: one for each connection).
    #[arg(long, requires = "waiting_room")]
    admissions_per_second: Option<NonZeroU32>,
    /// How many may be inside at once, all together (default: four for each connection, and as
    /// many as are admitted before they look again).
    #[arg(long, requires = "waiting_room")]
    active_max: Option<NonZeroU32>,
    /// Coupons of one campaign for all performances; most buyers claim one.
    #[arg(long)]
    coupons: Option<NonZeroU32>,
    /// Orders earn points, and some buyers are given points and spend them.
    #[arg(long)]
    points: bool,
    /// Tickets go back by a ladder, one by one and in whole orders.
    #[arg(long)]
    refunds: bool,
    /// At the end the last performance is called off, and everything of it goes back.
    #[arg(long, requires = "refunds")]
    call_off: bool,
    /// Tickets change hands within limits, and are shown at the doors, some of them twice.
    #[arg(long)]
    tickets: bool,
    /// Beside the ordinary rows there are tables, companion seats, and rows for those with a code.
    #[arg(long)]
    shapes: bool,
    /// Spread the slots over so many partitions, one number after another, while they sell; begins
    /// when a third of the surge is over. For instance `8,4`.
    #[arg(long, value_delimiter = ',', value_name = "PARTITIONS")]
    scale_to: Vec<NonZeroU16>,
    /// How long a buyer asks again when nobody answers, for instance while the server restarts.
    #[arg(long, default_value = "60")]
    patience_seconds: u32,
    /// How long to wait at the end until every hold, order and payment has ended.
    #[arg(long, default_value = "120")]
    settle_seconds: u32,
    /// Partitions of the private node.
    #[arg(long)]
    partitions: Option<NonZeroU16>,
    /// Database of the private node: `embedded`, `none` or `postgres://...`.
    #[arg(long)]
    database: Option<Database>,
    /// Data directory of the private node (default: a temporary one), or that of the server
    /// behind `--url` on this machine, to sign tokens with its secret.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Keep the temporary data directory and print where it is.
    #[arg(long)]
    keep: bool,
    /// A running server instead of a private node, for instance `http://127.0.0.1:8080`.
    #[arg(long, requires = "sandbox_url")]
    url: Option<String>,
    /// The sandbox provider of the server behind `--url`.
    #[arg(long, requires = "url")]
    sandbox_url: Option<String>,
    /// File with the shared secret of the tokens of the server behind `--url`.
    #[arg(long, requires = "url")]
    token_secret: Option<PathBuf>,
    /// Print one JSON object and no progress.
    #[arg(long)]
    json: bool,
}

/// A rehearsal that could not be held, or whose audit could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// The server could not be started or reached.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A token could not be signed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The HTTP client could not be made.
    #[error("make the client: {0}")]
    Client(#[from] reqwest::Error),
    /// The latency histogram could not be made.
    #[error("make the histogram: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
    /// No answer, or a wrong one, to a question that must be answered.
    #[error("{0}")]
    NoAnswer(String),
    /// The report could not be written.
    #[error("write the report: {0}")]
    Output(#[from] std::io::Error),
}

impl From<GaveUp> for RehearseError {
    fn from(error: GaveUp) -> Self {
        Self::NoAnswer(error.to_string())
    }
}

/// Holds a rehearsal and prints its report on standard output.
///
/// # Errors
/// When it could not be held or audited to the end. A violation is no error: it is in the report
/// and in the exit code.
pub async fn run(args: Args) -> Result<ExitCode, RehearseError> {
    let (stage, private) = stage::open(&args).await?;
    let report = match private {
        None => rehearse(&args, &stage).await?,
        Some(private) => rehearse_privately(&args, &stage, private).await?,
    };
    let mut output = std::io::stdout().lock();
    if args.json {
        writeln!(output, "{}", report.to_json())?;
    } else {
        report.write(&mut output)?;
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Rehearses on a node that ends with the rehearsal, and verifies what it leaves behind.
async fn rehearse_privately(
    args: &Args,
    stage: &Stage,
    mut private: PrivateNode,
) -> Result<Report, RehearseError> {
    let held = tokio::select! {
        held = rehearse(args, stage) => held,
        error = private.failed() => Err(error.into()),
    };
    let mut report = match held {
        Ok(report) => report,
        // What it has to say is worth less than why the rehearsal failed.
        Err(error) => {
            drop(private.close(&[]).await);
            return Err(error);
        }
    };
    let (verdict, remains) = private.close(&report.performances).await?;
    report.take(verdict);
    if args.keep || !report.is_clean() {
        report.data_dir = remains.keep();
    }
    Ok(report)
}

async fn rehearse(args: &Args, stage: &Stage) -> Result<Report, RehearseError> {
    let shop = shop(args, stage)?;
    let buyers = args.buyers.get();
    let population = Population {
        seed: args.seed,
        arrivals: args.arrivals,
        surge: seconds(args.surge_seconds),
        performances: shop.performances.len(),
        extras: shop.extras,
    };
    let sale = Sale { population, buyers, times: sale_times(args), coupons: args.coupons };
    let mut progress = Progress::start(buyers, args.json);
    progress.say("the first ones gather before the doors");
    let sale = sale.prepare(shop).await?;
    let shop = sale.shop();
    progress.watch(&shop);
    let names = stage.names();
    let token = shop.client.token(Role::Operator, &format!("rehearsal-{}-operator", shop.run))?;
    let trace = Trace::new(token, sale.begins());
    let mut reading = Reading::new(trace, Model::new(&shop.venue, &shop.performances));
    let steps = args.scale_to.iter().map(|to| to.get()).collect();
    let scale_after = population.surge / SCALING_BEGINS_AFTER;
    // Who waits behind all buyers for a connection moves slots when nobody is left to ask for them.
    let operator = scaling::Operator { client: client(args, stage, 1)?, shop: Arc::clone(&shop) };
    let operator = operator.start(steps, scale_after);
    let sale_time = reading.follow(&shop, names, sale.hold(population, buyers)).await?;
    let scaling = reading.follow(&shop, names, operator.done(&shop)).await?;
    progress.say("the doors open");
    reading.follow(&shop, names, evening(&shop, args.call_off)).await??;
    progress.say("waiting until every hold and payment has ended");
    let patience = seconds(args.settle_seconds);
    let books = quiet::until_quiet(&shop, names, &mut reading, patience).await?;
    progress.say("audit");
    let mut audit = audit::audit(&shop, names, reading, &books, buyers).await?;
    let entries = shop.client.ledger.close();
    audit.findings.held(Invariant::AnswersAsExpected, entries.answered);
    audit.findings.absorb(entries.surprises);
    Ok(Report {
        seed: args.seed,
        buyers,
        performances: shop.performances.clone(),
        sale_time,
        scaling,
        answered: entries.answered,
        retries: entries.retries,
        latency_micros: entries.latency_micros,
        audit,
        replay_identical: None,
        postgres_identical: None,
        data_dir: None,
    })
}

/// The doors open, unless the last performance was called off.
async fn evening(shop: &Arc<Shop>, call_off: bool) -> Result<(), RehearseError> {
    let performances = shop.performances.len();
    let shown = if call_off { performances - 1 } else { performances };
    doors::open_doors(shop, shown).await;
    if call_off {
        doors::call_off(shop, shown).await?;
    }
    Ok(())
}

fn client(args: &Args, stage: &Stage, connections: usize) -> Result<Client, RehearseError> {
    let (addresses, patience) = (stage.addresses().clone(), seconds(args.patience_seconds));
    let (mint, ledger) = (Mint::new(stage.signer()?), Ledger::new()?);
    Ok(Client::new(addresses, connections, patience, mint, ledger)?)
}

fn shop(args: &Args, stage: &Stage) -> Result<Shop, RehearseError> {
    let connections = usize::from(args.connections.get());
    let client = client(args, stage, connections)?;
    let performances = (0..args.performances.get()).map(|_| uuid::Uuid::new_v4().to_string());
    let times = sale_times(args);
    let venue = Venue::of(args.shape);
    Ok(Shop {
        client,
        venue: if args.shapes { venue.with_shapes() } else { venue },
        performances: performances.collect(),
        hold_ttl: seconds(times.hold_ttl_seconds),
        payment_window: seconds(times.payment_window_seconds),
        doors: tokio::sync::Semaphore::new(connections * PEOPLE_PER_CONNECTION),
        tally: Tally::default(),
        run: uuid::Uuid::new_v4().simple().to_string(),
        extras: Extras {
            waiting_room: args.waiting_room,
            coupons: args.coupons.is_some(),
            points: args.points,
            refunds: args.refunds,
            tickets: args.tickets,
            shapes: args.shapes,
        },
        room: args.waiting_room.then(|| room_rules(args)),
        campaign: None,
        gathered: Instant::now(),
        opened: Instant::now(),
        late_money: LateMoney::default(),
        guests: Guests::default(),
    })
}

/// The rules of each waiting room, so that all of them together are what was asked for.
fn room_rules(args: &Args) -> RoomRules {
    let connections = u32::from(args.connections.get());
    let people = connections.saturating_mul(PEOPLE_PER_CONNECTION as u32);
    let per_second = args.admissions_per_second.map_or(connections, NonZeroU32::get);
    // Whoever is admitted learns it at the next look only, and is in nobody's way until then.
    let pause = (args.buyers.get() / per_second / LOOKS_OF_A_LINE).clamp(1, LOOK_SECONDS_MAX);
    let default_max = people.saturating_add(per_second.saturating_mul(pause));
    let active_max = args.active_max.map_or(default_max, NonZeroU32::get);
    let rooms = u32::from(args.performances.get());
    let (least, most) = GRACE_SECONDS;
    let is_short = args.buyers.get() / active_max < SHORT_LINE_ROUNDS;
    RoomRules {
        admissions_per_minute: (per_second.saturating_mul(60) / rooms)
            .clamp(1, ADMISSIONS_PER_MINUTE_MAX),
        active_max: (active_max / rooms).max(1),
        session_seconds: if is_short { SESSION_SECONDS_SHORT } else { SESSION_SECONDS_LONG },
        grace_seconds: (args.buyers.get() / per_second / GRACES_OF_A_LINE).clamp(least, most),
    }
}

fn sale_times(args: &Args) -> SaleTimes {
    SaleTimes {
        hold_ttl_seconds: args.hold_ttl_seconds.get(),
        payment_window_seconds: args.payment_window_seconds.get(),
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}
