//! `boxoffice token`.

use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::process::ExitCode;

use super::{CliError, DataDir, Signing};
use crate::http::auth::{Names, Role, Signer};

/// The token is signed with the secret of the data directory, which is made when there is none.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  boxoffice token --role buyer --subject alice
  curl -H \"Authorization: Bearer $(boxoffice token --role promoter --subject house)\" ...")]
pub(super) struct Args {
    /// What the bearer may do.
    #[arg(long, value_enum)]
    role: Role,
    /// Who the bearer is.
    #[arg(long)]
    subject: String,
    /// How long the token is good for.
    #[arg(long, default_value = "86400")]
    ttl_seconds: NonZeroU32,
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    signing: Signing,
}

pub(super) fn run(args: Args) -> Result<ExitCode, CliError> {
    let names = Names::open(&args.data_dir.data_dir)?;
    let signer = Signer::new(&args.signing.auth(), &names)?;
    let expires_at = jiff::Timestamp::now().as_second() + i64::from(args.ttl_seconds.get());
    let token = signer.sign(&args.subject, args.role, expires_at)?;
    writeln!(io::stdout(), "{token}")?;
    Ok(ExitCode::SUCCESS)
}
