//! `boxoffice token`.

use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::process::ExitCode;

use super::{CliError, DataDir, Signing};
use crate::http::auth::{Names, Role, SUBJECT_BYTES_MAX, Signer};

/// The token is signed with the secret of the data directory, which the node makes when it first
/// starts.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  boxoffice token --role buyer --subject alice
  curl -H \"Authorization: Bearer $(boxoffice token --role promoter --subject house)\" ...")]
pub(super) struct Args {
    /// What the bearer may do.
    #[arg(long, value_enum)]
    role: Role,
    /// Who the bearer is: 1 to 256 bytes.
    #[arg(long, value_parser = subject)]
    subject: String,
    /// How long the token is good for.
    #[arg(long, default_value = "86400")]
    ttl_seconds: NonZeroU32,
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    signing: Signing,
}

/// What no node would believe is not signed.
fn subject(text: &str) -> Result<String, String> {
    if (1..=SUBJECT_BYTES_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(format!("must be 1 to {SUBJECT_BYTES_MAX} bytes"))
}

pub(super) fn run(args: Args) -> Result<ExitCode, CliError> {
    let names = Names::open(&args.data_dir.data_dir)?;
    let signer = Signer::new(&args.signing.auth(), &names)?;
    let expires_at = jiff::Timestamp::now().as_second() + i64::from(args.ttl_seconds.get());
    let token = signer.sign(&args.subject, args.role, expires_at)?;
    writeln!(io::stdout(), "{token}")?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn line(subject: &str, data_dir: &str) -> Result<Args, clap::Error> {
        let line = ["token", "--role", "buyer", "--data-dir", data_dir, "--subject", subject];
        Line::try_parse_from(line).map(|line| line.args)
    }

    #[test]
    fn a_subject_that_no_node_believes_is_refused() {
        for (subject, good) in [("", false), ("a", true)] {
            assert_eq!(line(subject, ".").is_ok(), good, "{subject:?}");
        }
        assert!(line(&"a".repeat(SUBJECT_BYTES_MAX), ".").is_ok());
        let error = line(&"a".repeat(SUBJECT_BYTES_MAX + 1), ".").unwrap_err().to_string();
        assert!(error.contains("must be 1 to 256 bytes"), "{error}");
    }

    #[test]
    fn a_directory_without_a_node_is_said_to_be_one() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().to_str().unwrap();
        let error = run(line("alice", data_dir).unwrap()).unwrap_err().to_string();
        let expected = format!("no node has been started on {data_dir} yet: ");
        assert!(error.starts_with(&expected), "{error}");
        // Where there is a log, a missing secret is another matter.
        std::fs::create_dir(dir.path().join(crate::node::LOG_DIR)).unwrap();
        let error = run(line("alice", data_dir).unwrap()).unwrap_err().to_string();
        assert!(error.contains("restore it"), "{error}");
    }
}
