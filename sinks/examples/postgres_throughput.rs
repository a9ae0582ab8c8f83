//! How fast the Postgres sink folds a long on-sale, on a server and in process.
//!
//!     cargo run --release -p boxoffice-sinks --features embedded-postgres \
//!         --example postgres_throughput -- 100000 postgres://user@host/empty_database
//!     ... -- 100000 embedded
//!
//! The first argument is the number of buyers. Half of the intents are refused; of the holds,
//! half are bought, the others released or expired.
#![allow(clippy::unwrap_used, reason = "an example that cannot go on stops where it stands")]

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use boxoffice_log::memory::MemoryLog;
use boxoffice_sinks::postgres::{DatabaseUrl, Replace, compare, rebuild};
use boxoffice_sinks::runner::Config;
use boxoffice_topics::{Outcome, Refusal, RefusalCode, definition};
use sqlx::PgPool;
use support::story::Story;

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod support;

const PARTITIONS: u16 = 4;
/// Buyers whose steps are appended together.
const BUYERS_PER_APPEND: u32 = 100;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let buyers: u32 = arguments.next().as_deref().unwrap_or("100000").parse()?;
    let database = arguments.next().unwrap_or_else(|| "embedded".into());
    let log = on_sale(buyers).await;
    match &*database {
        #[cfg(feature = "embedded-postgres")]
        "embedded" => {
            let directory = tempfile::tempdir()?;
            let started = Instant::now();
            let embedded = boxoffice_sinks::postgres::Embedded::start(directory.path()).await?;
            let seconds = started.elapsed().as_secs_f64();
            writeln!(std::io::stdout(), "started in {seconds:.2} s")?;
            measure(&log, embedded.pool()).await?;
            embedded.stop().await?;
        }
        url => measure(&log, &url.parse::<DatabaseUrl>()?.pool()).await?,
    }
    Ok(())
}

async fn measure(log: &MemoryLog, pool: &PgPool) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    let started = Instant::now();
    let ends = rebuild(log.clone(), pool, Config::default(), Replace::OwnRows).await?;
    let seconds = started.elapsed().as_secs_f64();
    let steps: u64 = ends.iter().map(|end| end.number()).sum();
    let started = Instant::now();
    let comparison = compare(log, pool).await?;
    let comparing = started.elapsed().as_secs_f64();
    let rows = comparison.rows;
    writeln!(out, "{steps} steps, {rows} rows in {seconds:.2} s")?;
    writeln!(out, "{:.0} steps/s, {:.0} rows/s", steps as f64 / seconds, rows as f64 / seconds)?;
    writeln!(out, "identical: {}, compared in {comparing:.2} s", comparison.is_identical())?;
    Ok(())
}

/// Writes the outcomes of an on-sale in every partition.
async fn on_sale(buyers: u32) -> MemoryLog {
    let log = support::log(PARTITIONS, 1);
    for partition in 0..PARTITIONS {
        let mut story = Story::begin(&log, partition, u128::from(partition));
        let seats = buyers / u32::from(PARTITIONS) + 1;
        assert!(seats <= definition::SEATS_MAX, "too many buyers for {PARTITIONS} performances");
        story.create_large(seats);
        for buyer in 0..buyers / u32::from(PARTITIONS) {
            buy(&mut story, buyer);
            if buyer % BUYERS_PER_APPEND == 0 {
                story.scribe.write().await;
            }
        }
        story.scribe.write().await;
    }
    log
}

/// Six intents of a buyer who buys; two of one who does not; as many that are refused.
fn buy(story: &mut Story, buyer: u32) {
    let account = u128::from(buyer);
    let hold = story.hold(account, &[buyer], 0);
    refuse(story);
    match buyer % 4 {
        0 => story.scribe.decide(vec![Outcome::HoldReleased { hold }]),
        1 => {
            let account = support::account(account);
            story.scribe.decide(vec![Outcome::HoldExpired { hold, account }]);
        }
        _ => {
            let order = story.order(account, hold);
            refuse(story);
            let payment = story.pay(order, "tgen_20261120_a_payment_key");
            refuse(story);
            let confirmed = story.confirmed(account, order, Some(payment), &[buyer], false);
            story.capture(order, payment, confirmed);
        }
    }
    refuse(story);
}

fn refuse(story: &mut Story) {
    let refusal = Refusal::from(RefusalCode::SeatAlreadyHeld);
    story.scribe.decide(vec![Outcome::Refused { refusal }]);
}
