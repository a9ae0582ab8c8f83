//! Runs a command with the servers that the tests need: `services <program> <argument>...`.
//!
//! One server for a whole run, however many processes the runner makes of it. It ends with this
//! process.

use std::io::Write;
use std::process::{Command, ExitCode};

use boxoffice_tests::services::{Postgres, URL_VARIABLE};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            // Without a place to write, the exit code still says it.
            drop(writeln!(std::io::stderr(), "services: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().ok_or("expected a program to run")?;
    let postgres = Postgres::start().await?;
    let status =
        Command::new(program).args(arguments).env(URL_VARIABLE, postgres.url()).status()?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
