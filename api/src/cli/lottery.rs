//! `boxoffice lottery`: what a promoter seals a lottery with, and how anybody computes it again.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use boxoffice_topics::lottery::Published;
use boxoffice_topics::{AccountId, EntrantsDigest, LotteryCommitment, LotterySeed, PerformanceId};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde::Deserialize;
use serde_json::Value;

use super::reading::{Reader, Server};
use super::{CliError, DataDir, Signing};
use crate::json::Parsed;

/// Lotteries of waiting rooms.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Make a random seed, and the commitment that is published before anybody joins.
    Commit,
    /// Compute the order of a lottery again from what was published.
    Verify(Args),
}

/// Reads the waiting room and the outcomes of its partition, from a running server or from files.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  boxoffice lottery commit
  boxoffice lottery verify --performance 018f3a70-0000-7000-8000-000000000001
  boxoffice lottery verify --performance ... --room room.json --outcomes outcomes.ndjson

room.json is the answer of /v1/performances/{id}/waiting-room, outcomes.ndjson what
`boxoffice tail outcomes` prints. Ends with 1 when the order is not what was published.")]
pub(super) struct Args {
    /// Whose lottery.
    #[arg(long)]
    performance: PerformanceId,
    /// Print every entrant in the order of the draw: place, join, account.
    #[arg(long)]
    order: bool,
    /// The waiting room, from a file.
    #[arg(long, requires = "outcomes")]
    room: Option<PathBuf>,
    /// The outcomes of its partition, from a file with one record per line.
    #[arg(long, requires = "room")]
    outcomes: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    signing: Signing,
}

pub(super) async fn run(action: Action) -> Result<ExitCode, CliError> {
    match action {
        Action::Commit => commit(),
        Action::Verify(args) => verify(args).await,
    }
}

fn commit() -> Result<ExitCode, CliError> {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(CliError::other)?;
    let seed = LotterySeed::from_bytes(bytes);
    writeln!(io::stdout(), "seed        {seed}\ncommitment  {}", seed.commitment())?;
    Ok(ExitCode::SUCCESS)
}

/// What the waiting room publishes.
#[derive(Debug, Deserialize)]
struct Room {
    performance: Parsed<PerformanceId>,
    partition: u16,
    lottery: Option<Lottery>,
}

#[derive(Debug, Deserialize)]
struct Lottery {
    state: String,
    commitment: Parsed<LotteryCommitment>,
    digest: Parsed<EntrantsDigest>,
    entrants: Option<u32>,
    seed: Option<Parsed<LotterySeed>>,
}

/// What the outcomes say: who joined, and whose turn came, in that order.
#[derive(Debug, Default)]
struct Story {
    joins: Vec<AccountId>,
    called: Vec<u32>,
}

async fn verify(args: Args) -> Result<ExitCode, CliError> {
    let (room, story) = read(&args).await?;
    if room.performance.0 != args.performance {
        return Err("the waiting room is that of another performance".into());
    }
    let lottery = room.lottery.ok_or("the waiting room has no lottery")?;
    let entrants = lottery.entrants.filter(|_| lottery.state == "drawn");
    let entrants = entrants.ok_or("the lottery is not drawn yet")? as usize;
    let joins = story.joins.get(..entrants).ok_or("not all entrants are in the outcomes")?;
    let seed = lottery.seed.map(|seed| seed.0);
    let published = Published {
        performance: args.performance,
        commitment: lottery.commitment.0,
        digest: lottery.digest.0,
        seed,
    };
    let order = published.verify(joins).map_err(CliError::other)?;
    let drawn =
        boxoffice_topics::lottery::draw(seed.as_ref(), &published.digest, joins.len() as u32);
    let called = check_called(&drawn, &story.called)?;
    let mut output = io::stdout().lock();
    if args.order {
        for (place, (join, account)) in drawn.iter().zip(order).enumerate() {
            writeln!(output, "{place} {join} {account}")?;
        }
    }
    let with =
        if seed.is_some() { "the seed that was sealed" } else { "no seed, which did not come" };
    writeln!(
        output,
        "{entrants} entrants, drawn with {with}; {called} were called, in that order"
    )?;
    Ok(ExitCode::SUCCESS)
}

/// How many entrants were called, each behind those who were drawn before and called as well.
fn check_called(drawn: &[u32], called: &[u32]) -> Result<usize, CliError> {
    let mut places = vec![0; drawn.len()];
    for (place, join) in drawn.iter().enumerate() {
        places[*join as usize] = place;
    }
    let called: Vec<usize> =
        called.iter().filter_map(|join| places.get(*join as usize).copied()).collect();
    match called.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => {
            let (first, then) = (pair[0], pair[1]);
            Err(CliError::Other(format!("place {then} was called after place {first}")))
        }
        None => Ok(called.len()),
    }
}

async fn read(args: &Args) -> Result<(Room, Story), CliError> {
    let mut story = Story::default();
    if let (Some(room), Some(outcomes)) = (&args.room, &args.outcomes) {
        let room: Room = serde_json::from_str(&text_of(room)?).map_err(CliError::other)?;
        for line in text_of(outcomes)?.lines() {
            story.read(&serde_json::from_str(line).map_err(CliError::other)?, args.performance);
        }
        return Ok((room, story));
    }
    let reader = Reader::open(&args.server, &args.data_dir, &args.signing, "boxoffice lottery")?;
    let path = format!("/v1/performances/{}/waiting-room", args.performance);
    let room: Room = serde_json::from_value(reader.get(&path).await?).map_err(CliError::other)?;
    let records = format!("/v1/topics/outcomes/partitions/{}/records", room.partition);
    reader
        .pages(&records, 0, |record| {
            story.read(record, args.performance);
            Ok(())
        })
        .await?;
    Ok((room, story))
}

fn text_of(file: &std::path::Path) -> Result<String, CliError> {
    std::fs::read_to_string(file)
        .map_err(|error| CliError::Other(format!("{}: {error}", file.display())))
}

impl Story {
    fn read(&mut self, record: &Value, performance: PerformanceId) {
        let performance = performance.to_string();
        let outcomes = record["outcomes"].as_array().into_iter().flatten();
        for outcome in outcomes.filter(|it| it["performance"] == *performance) {
            let number = outcome["number"].as_u64().and_then(|it| u32::try_from(it).ok());
            match (outcome["type"].as_str(), number) {
                (Some("waiting_room_joined"), _) => {
                    let account = outcome["account"].as_str().map(str::parse::<AccountId>);
                    self.joins.extend(account.and_then(Result::ok));
                }
                (Some("admitted" | "turn_missed"), Some(number)) => self.called.push(number),
                _ => (),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_called_too_early_is_found() {
        let drawn = [2, 0, 1];
        assert_eq!(check_called(&drawn, &[2, 0, 7, 1]).unwrap(), 3);
        assert_eq!(check_called(&drawn, &[2, 1]).unwrap(), 2);
        let early = check_called(&drawn, &[0, 2, 1]).unwrap_err().to_string();
        assert_eq!(early, "place 0 was called after place 1");
    }
}
