//! `boxoffice topics`: the topics of a log in a Fluvio cluster.

use std::io::{self, Write as _};
use std::num::NonZeroU16;
use std::process::ExitCode;

use boxoffice_log::Log as _;
use boxoffice_log::fluvio::data_servers::{self, DataServer, HostPort};
use boxoffice_log::fluvio::topics::{self, TopicDescription};
use boxoffice_log::fluvio::{FluvioConfig, FluvioLog, FluvioUrl, results};

use super::CliError;
use crate::log_store::{LogTls, fluvio_config};

#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Make the topics of a log with the settings that lose nothing, begin every partition, and make
    /// the topics for consumers beside them. What is there already stays as it is.
    Create {
        #[command(flatten)]
        cluster: Cluster,
        /// Partitions of each topic that slots are dealt to. More can be added to the log later.
        #[arg(long, default_value = "4", env = "BOXOFFICE_PARTITIONS")]
        partitions: NonZeroU16,
    },
    /// Print the prefixes of all logs in the cluster.
    List(Cluster),
    /// Print the settings of a log's topics. Ends with 1 when they would lose records.
    Describe {
        #[command(flatten)]
        cluster: Cluster,
        /// Partitions that each topic shall have at least.
        #[arg(long, default_value = "4", env = "BOXOFFICE_PARTITIONS")]
        partitions: NonZeroU16,
    },
    /// Make a data server (SPU) known to the cluster, before it first starts. One that is known at
    /// these addresses stays as it is; a number that is known at others is refused.
    RegisterSpu(RegisterArgs),
}

/// Which data server.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Example:
  boxoffice topics register-spu --log fluvio://sc:9003 --id 5001 --public spu:9010 --private spu:9011
  fluvio-run spu -i 5001 -p spu:9010 -v spu:9011 --sc-addr sc:9004 --log-base-dir /fluvio/data")]
pub(super) struct RegisterArgs {
    #[command(flatten)]
    cluster: Cluster,
    /// The number that it is started with.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    id: i32,
    /// Where clients reach it: `host:port`.
    #[arg(long)]
    public: HostPort,
    /// Where other data servers reach it: `host:port`.
    #[arg(long)]
    private: HostPort,
}

/// The cluster.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Cluster {
    /// The log: `fluvio://host:port/prefix`.
    #[arg(long, env = "BOXOFFICE_LOG_URL")]
    log: FluvioUrl,
    #[command(flatten)]
    tls: Option<LogTls>,
}

impl Cluster {
    fn config(&self, partitions: NonZeroU16) -> FluvioConfig {
        fluvio_config(&self.log, partitions, self.tls.as_ref())
    }
}

pub(super) async fn run(action: Action) -> Result<ExitCode, CliError> {
    match action {
        Action::Create { cluster, partitions } => create(&cluster.config(partitions)).await,
        Action::List(cluster) => list(&cluster.config(NonZeroU16::MIN)).await,
        Action::Describe { cluster, partitions } => describe(&cluster.config(partitions)).await,
        Action::RegisterSpu(args) => register(args).await,
    }
}

async fn register(args: RegisterArgs) -> Result<ExitCode, CliError> {
    let RegisterArgs { cluster, id, public, private } = args;
    let server = DataServer { id, public, private };
    let is_new = data_servers::register(&cluster.config(NonZeroU16::MIN), &server).await?;
    let done = if is_new { "registered" } else { "known already" };
    writeln!(io::stdout(), "data server {id}: {done}")?;
    Ok(ExitCode::SUCCESS)
}

async fn create(config: &FluvioConfig) -> Result<ExitCode, CliError> {
    let log = FluvioLog::create(config).await?;
    let (log_id, partitions) = (log.log_id(), log.partitions());
    log.close()?;
    results::create(config, partitions).await?;
    writeln!(io::stdout(), "log {log_id}: {partitions} partitions in {}", config.prefix)?;
    Ok(ExitCode::SUCCESS)
}

async fn list(config: &FluvioConfig) -> Result<ExitCode, CliError> {
    let mut output = io::stdout().lock();
    for prefix in topics::list(config).await? {
        writeln!(output, "{prefix}")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn describe(config: &FluvioConfig) -> Result<ExitCode, CliError> {
    let mut found = topics::describe(config).await?;
    found.extend(results::describe(config).await?);
    if found.is_empty() {
        return Err(CliError::Other(format!("there are no topics of {}", config.prefix)));
    }
    let mut output = io::stdout().lock();
    for topic in &found {
        show(topic, &mut output)?;
    }
    let sound = found.iter().all(|topic| topic.faults.is_empty());
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(topic: &TopicDescription, output: &mut impl io::Write) -> io::Result<()> {
    writeln!(output, "{}: {} partitions", topic.name, topic.partitions)?;
    let or_default = |number: Option<u64>| number.map_or("default".to_owned(), |it| it.to_string());
    writeln!(output, "  replicas: {}", or_default(topic.replicas.map(u64::from)))?;
    writeln!(output, "  segment bytes: {}", or_default(topic.segment_bytes.map(u64::from)))?;
    writeln!(output, "  partition bytes at most: {}", or_default(topic.partition_bytes_max))?;
    writeln!(output, "  kept for seconds: {}", topic.retention_seconds)?;
    topic.faults.iter().try_for_each(|fault| writeln!(output, "  WRONG: {fault}"))
}
