//! What tunes the process: addresses, places, limits. Nothing here changes a decision; whatever
//! does is data in the log.
//!
//! Layers, the later one wins: defaults, TOML file, environment and flags (resolved by clap).

mod database;

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::log_store::{LogStore, LogTls};
use crate::roles::Roles;

pub use self::database::{Database, DatabaseUnknown};

/// The configuration of one node.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What this process does. Less than everything needs a log in a cluster, and a Postgres server
    /// where it is said who owns what. Default everything.
    pub roles: Roles,
    /// What others call this process. Default its host and process id.
    pub node_name: Option<String>,
    /// Where HTTP is served. Port 0 takes a free one. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Where everything durable is kept. Default `./data`.
    pub data_dir: PathBuf,
    /// Where the secret of names and the keys of tickets are. Every process of one log needs the same
    /// ones. Default the data directory.
    pub secrets_dir: Option<PathBuf>,
    /// Partitions of each topic. Fixed when the data directory is made. Default 4.
    pub partitions: NonZeroU16,
    /// Where the log is kept: `embedded` or `fluvio://host:port/prefix`.
    pub log: LogStore,
    /// Certificates for a cluster that speaks TLS.
    pub log_tls: Option<LogTls>,
    /// Where outcomes are written as rows: `embedded`, `none` or `postgres://...`.
    pub database: Database,
    /// Whether outcomes are written to topics for consumers.
    pub results: Results,
    /// Who takes the money.
    pub payments: Payments,
    /// Who may ask.
    pub auth: Auth,
    /// What one client can cost.
    pub limits: Limits,
    /// How long the process may take to end: half for requests in flight, half for what is queued
    /// and for the rows.
    pub drain_timeout_ms: NonZeroU32,
}

/// Topics for consumers that do not speak the codec of the log.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Results {
    /// Write them beside the log, in its cluster. How far they are is kept in a `postgres://...`
    /// database. Default `false`.
    pub enabled: bool,
}

/// Who takes the money.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Payments {
    /// The provider. Default `sandbox`.
    pub provider: Provider,
    /// Where the sandbox provider listens, when this process runs it. Default `127.0.0.1:0`.
    pub sandbox_listen: SocketAddr,
    /// Base URL of the provider, when this process does not run the sandbox.
    pub base_url: Option<String>,
    /// File with the provider's secret key.
    pub secret_key_file: Option<PathBuf>,
}

/// A payment provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The built-in provider that speaks the Toss protocol and moves no money.
    Sandbox,
    /// Toss Payments.
    Toss,
}

/// Who may ask. Tokens are signed (HS256) with the secret of the data directory, unless there is a
/// public key, a set of them or another secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// PEM file of the public key that tokens are verified with.
    pub public_key_file: Option<PathBuf>,
    /// The one algorithm that this public key is good for.
    pub algorithm: Option<PublicKeyAlgorithm>,
    /// File with the shared secret of HS256, instead of the data directory's own.
    pub secret_file: Option<PathBuf>,
    /// File or URL of the JSON Web Key Set that tokens are verified with.
    pub jwks: Option<KeySetSource>,
    /// How long the key set is used before it is read again. Default 300.
    pub jwks_refresh_seconds: NonZeroU32,
    /// How long the key set is believed when it cannot be read again. Default 86,400: a day.
    pub jwks_max_age_seconds: NonZeroU32,
    /// Tokens must carry this audience.
    pub audience: Option<String>,
    /// Tokens must carry this issuer.
    pub issuer: Option<String>,
}

/// Where a JSON Web Key Set is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum KeySetSource {
    /// `https://...`, or `http://...` on a network where nobody else answers.
    Url(String),
    /// A file.
    File(PathBuf),
}

impl From<String> for KeySetSource {
    fn from(text: String) -> Self {
        if text.starts_with("https://") || text.starts_with("http://") {
            return Self::Url(text);
        }
        Self::File(text.into())
    }
}

/// What a public key can sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum PublicKeyAlgorithm {
    /// RSA with SHA-256.
    RS256,
    /// ECDSA over P-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

/// What one client can cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections; further ones wait in the listen queue. Default 20,000.
    pub connections_max: NonZeroUsize,
    /// Open connections of one address (of IPv6, a /64 network); one more is closed at once; 0 sets
    /// no limit. Default 10,000: half of all, so that no address takes the last place.
    pub address_connections_max: usize,
    /// How long a connection may take to send the headers of its next request. Default 30,000.
    pub header_timeout_ms: NonZeroU32,
    /// How long an answer waits for a client that reads nothing of it, before the connection is
    /// cut. Default 30,000.
    pub write_timeout_ms: NonZeroU32,
    /// How long a request may take to send its body, or a batch its next piece. Default 10,000.
    pub body_timeout_ms: NonZeroU32,
    /// Bytes of one request body. Default 64 KiB.
    pub body_bytes_max: NonZeroUsize,
    /// The same for promoters, who define whole houses. Default 1 MiB: 4,000 rows with the
    /// numbers of their accessible seats.
    pub promoter_body_bytes_max: NonZeroUsize,
    /// Bytes of one batch body. Default 8 MiB.
    pub batch_bytes_max: NonZeroUsize,
    /// Intents of one batch that are in flight together. Default 256.
    pub batch_in_flight_max: NonZeroUsize,
    /// Requests on `/v1` that an account gains in each second; 0 sets no limit. Default 50.
    pub account_requests_per_second: u32,
    /// Requests that an account which was quiet may send at once. Default 200.
    pub account_requests_burst: NonZeroU32,
    /// The same for an address (of IPv6, a /64 network) that sends no valid token. Default 0:
    /// behind a proxy all clients have one address.
    pub address_requests_per_second: u32,
    /// Requests that an address which was quiet may send at once. Default 200.
    pub address_requests_burst: NonZeroU32,
    /// Bad tokens of an address whose signatures are checked in each second; 0 sets no limit.
    /// Default 1,000: a fraction of one processor.
    pub address_bad_tokens_per_second: u32,
    /// Bad tokens that an address which was quiet may show at once. Default 2,000.
    pub address_bad_tokens_burst: NonZeroU32,
    /// Longest `Prefer: wait`. Default 30 seconds.
    pub wait_seconds_max: NonZeroU32,
    /// Steps that each partition keeps in memory for replies and resumed readers. Default 16,384.
    pub recent_steps: NonZeroUsize,
    /// Events that wait for one slow reader before it is dropped. Default 256.
    pub subscriber_events_max: NonZeroUsize,
    /// Readers of event streams. Default 10,000.
    pub subscribers_max: NonZeroUsize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            roles: Roles::ALL,
            node_name: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("./data"),
            secrets_dir: None,
            partitions: const { NonZeroU16::new(4).expect("not zero") },
            log: LogStore::default(),
            log_tls: None,
            database: if cfg!(feature = "embedded-postgres") {
                Database::Embedded
            } else {
                Database::None
            },
            results: Results::default(),
            payments: Payments::default(),
            auth: Auth::default(),
            limits: Limits::default(),
            drain_timeout_ms: positive(10_000),
        }
    }
}

impl Default for Payments {
    fn default() -> Self {
        Self {
            provider: Provider::Sandbox,
            sandbox_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            base_url: None,
            secret_key_file: None,
        }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            public_key_file: None,
            algorithm: None,
            secret_file: None,
            jwks: None,
            jwks_refresh_seconds: positive(300),
            jwks_max_age_seconds: positive(86_400),
            audience: None,
            issuer: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: count(20_000),
            address_connections_max: 10_000,
            header_timeout_ms: positive(30_000),
            write_timeout_ms: positive(30_000),
            body_timeout_ms: positive(10_000),
            body_bytes_max: count(64 * 1024),
            promoter_body_bytes_max: count(1024 * 1024),
            batch_bytes_max: count(8 * 1024 * 1024),
            batch_in_flight_max: count(256),
            account_requests_per_second: 50,
            account_requests_burst: positive(200),
            address_requests_per_second: 0,
            address_requests_burst: positive(200),
            address_bad_tokens_per_second: 1_000,
            address_bad_tokens_burst: positive(2_000),
            wait_seconds_max: positive(30),
            recent_steps: count(16_384),
            subscriber_events_max: count(256),
            subscribers_max: count(10_000),
        }
    }
}

const fn count(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("a default is not zero")
}

const fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a default is not zero")
}

/// A number of milliseconds as a duration.
#[must_use]
pub fn duration(milliseconds: NonZeroU32) -> Duration {
    Duration::from_millis(milliseconds.get().into())
}

/// What flags and environment say; the rest comes from the file or the defaults.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// See [`Config::roles`].
    pub roles: Option<Roles>,
    /// See [`Config::node_name`].
    pub node_name: Option<String>,
    /// See [`Config::listen`].
    pub listen: Option<SocketAddr>,
    /// See [`Config::data_dir`].
    pub data_dir: Option<PathBuf>,
    /// See [`Config::secrets_dir`].
    pub secrets_dir: Option<PathBuf>,
    /// See [`Config::partitions`].
    pub partitions: Option<NonZeroU16>,
    /// See [`Config::log`].
    pub log: Option<LogStore>,
    /// See [`Config::log_tls`].
    pub log_tls: Option<LogTls>,
    /// See [`Config::database`].
    pub database: Option<Database>,
    /// See [`Results::enabled`].
    pub result_topics: Option<bool>,
    /// See [`Payments::provider`].
    pub provider: Option<Provider>,
    /// See [`Payments::sandbox_listen`].
    pub sandbox_listen: Option<SocketAddr>,
    /// See [`Payments::base_url`].
    pub provider_url: Option<String>,
    /// See [`Auth::jwks`].
    pub jwks: Option<KeySetSource>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read, or it says something that is not understood.
    #[error("config {}: {reason}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Two settings contradict each other.
    #[error("config: {0}")]
    Contradiction(&'static str),
}

impl Config {
    /// Defaults, then the file, then the overrides.
    ///
    /// # Errors
    /// Names the file and the field.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, ConfigError> {
        let mut config = match file {
            Some(file) => Self::from_file(file)?,
            None => Self::default(),
        };
        let Overrides {
            roles,
            node_name,
            listen,
            data_dir,
            secrets_dir,
            partitions,
            log,
            log_tls,
            database,
            result_topics,
            provider,
            sandbox_listen,
            provider_url,
            jwks,
        } = overrides;
        replace(&mut config.roles, roles);
        config.node_name = node_name.or(config.node_name);
        replace(&mut config.listen, listen);
        replace(&mut config.data_dir, data_dir);
        config.secrets_dir = secrets_dir.or(config.secrets_dir);
        replace(&mut config.partitions, partitions);
        replace(&mut config.log, log);
        config.log_tls = log_tls.or(config.log_tls);
        replace(&mut config.database, database);
        replace(&mut config.results.enabled, result_topics);
        replace(&mut config.payments.provider, provider);
        replace(&mut config.payments.sandbox_listen, sandbox_listen);
        if provider_url.is_some() {
            config.payments.base_url = provider_url;
        }
        if jwks.is_some() {
            config.auth.jwks = jwks;
        }
        config.check()?;
        Ok(config)
    }

    fn from_file(file: &Path) -> Result<Self, ConfigError> {
        let refuse = |error: config::ConfigError| ConfigError::File {
            file: file.to_owned(),
            reason: error.to_string().replace('\n', " "),
        };
        config::Config::builder()
            .add_source(config::File::from(file).format(config::FileFormat::Toml))
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(refuse)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let contradiction = |reason| Err(ConfigError::Contradiction(reason));
        if self.auth.public_key_file.is_some() != self.auth.algorithm.is_some() {
            return contradiction("auth.public_key_file and auth.algorithm go together");
        }
        let auth = &self.auth;
        let keys =
            [auth.public_key_file.is_some(), auth.secret_file.is_some(), auth.jwks.is_some()];
        if keys.into_iter().filter(|given| *given).count() > 1 {
            return contradiction(
                "auth.public_key_file, auth.secret_file and auth.jwks exclude each other",
            );
        }
        if auth.jwks_max_age_seconds <= auth.jwks_refresh_seconds {
            return contradiction("auth.jwks_max_age_seconds must be above jwks_refresh_seconds");
        }
        if self.payments.provider == Provider::Toss && self.payments.secret_key_file.is_none() {
            return contradiction("payments.secret_key_file is needed with provider `toss`");
        }
        if self.results.enabled && self.log == LogStore::Embedded {
            return contradiction("result topics need a log in a cluster: log = 'fluvio://...'");
        }
        if self.results.enabled && !matches!(self.database, Database::Url(_)) {
            return contradiction("result topics need a database that is a server: postgres://...");
        }
        if self.database == Database::Embedded && !cfg!(feature = "embedded-postgres") {
            return contradiction("this program was built without the embedded database");
        }
        self.check_roles()
    }

    fn check_roles(&self) -> Result<(), ConfigError> {
        let contradiction = |reason| Err(ConfigError::Contradiction(reason));
        if self.roles.are_all() {
            return Ok(());
        }
        if self.log == LogStore::Embedded {
            return contradiction(
                "less than all roles need a log in a cluster: log = \"fluvio://...\"",
            );
        }
        if !self.is_shared() {
            return contradiction(
                "less than all roles need a server that all processes share: database = \"postgres://...\"",
            );
        }
        Ok(())
    }

    /// Whether other processes may work on the same log: then it is said in Postgres who owns what.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.log != LogStore::Embedded && matches!(self.database, Database::Url(_))
    }

    /// Whether this process runs the sandbox provider.
    #[must_use]
    pub fn runs_sandbox(&self) -> bool {
        let is_own = self.payments.base_url.is_none();
        self.payments.provider == Provider::Sandbox && is_own && self.roles.sinks
    }

    /// Where the secret of names and the keys of tickets are.
    #[must_use]
    pub fn secrets_dir(&self) -> &Path {
        self.secrets_dir.as_deref().unwrap_or(&self.data_dir)
    }
}

fn replace<T>(setting: &mut T, with: Option<T>) {
    if let Some(value) = with {
        *setting = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::load(Some(file.path()), Overrides::default())
    }

    #[test]
    fn the_shipped_example_loads_and_says_the_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("boxoffice.example.toml");
        // The example names the embedded database, which this build may not have.
        let overrides = Overrides { database: Some(Database::None), ..Overrides::default() };
        let config = Config::load(Some(&file), overrides).unwrap();
        let expected = Config { database: Database::None, ..Config::default() };
        assert_eq!(format!("{config:?}"), format!("{expected:?}"));
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_defaults() {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), "partitions = 7\nlisten = '127.0.0.1:1'\ndatabase = 'none'")
            .unwrap();
        let listen = "127.0.0.1:2".parse().ok();
        let config =
            Config::load(Some(file.path()), Overrides { listen, ..Overrides::default() }).unwrap();
        assert_eq!(config.partitions.get(), 7);
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.data_dir, Path::new("./data"));
    }

    #[test]
    fn result_topics_need_a_cluster_and_a_database_server() {
        let refusal = |text: &str| load(text).unwrap_err().to_string();
        let enabled = "[results]\nenabled = true";
        assert!(refusal(enabled).contains("cluster"));
        if cfg!(feature = "fluvio") {
            let log = "log = 'fluvio://127.0.0.1:9003'";
            let without = refusal(&format!("database = 'none'\n{log}\n{enabled}"));
            assert!(without.contains("database"), "{without}");
            let config = load(&format!("database = 'postgres://db/it'\n{log}\n{enabled}"));
            assert!(config.unwrap().results.enabled);
        }
    }

    #[test]
    fn an_unknown_field_is_refused_in_one_readable_line() {
        let error = load("partitoins = 4").unwrap_err().to_string();
        assert!(error.contains("partitoins") && !error.contains('\n'), "{error}");
        let error = load("[limits]\nconnections = 4").unwrap_err().to_string();
        assert!(error.contains("connections") && error.contains("expected"), "{error}");
    }

    #[test]
    fn a_mistyped_database_does_not_repeat_its_password() {
        let error = load("database = 'mysql://root:hunter2@host'").unwrap_err().to_string();
        assert!(error.contains("mysql") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn zero_partitions_and_half_an_auth_are_refused() {
        assert!(load("partitions = 0").is_err());
        assert!(load("database='none'\n[auth]\nalgorithm = 'ES256'").is_err());
        assert!(load("database='none'\n[auth]\nsecret_file = 'a'\njwks = 'b'").is_err());
        assert!(load("database='none'\n[auth]\njwks_max_age_seconds = 300").is_err());
    }

    #[test]
    fn a_share_of_the_work_needs_what_all_processes_share() {
        let refused = |text: &str| load(text).unwrap_err().to_string();
        assert!(refused("roles = ['api']\ndatabase = 'none'").contains("log in a cluster"));
        assert!(refused("roles = ['apis']").contains("`apis` is not a role"));
        assert!(refused("roles = []").contains("needs a role"));
        let cluster = "roles = ['api', 'sinks']\nlog = 'fluvio://127.0.0.1:9003/boxoffice'";
        #[cfg(feature = "fluvio")]
        {
            let embedded = format!("{cluster}\ndatabase = 'none'");
            assert!(refused(&embedded).contains("database = \"postgres://"));
            let config = load(&format!("{cluster}\ndatabase = 'postgres://db/boxoffice'")).unwrap();
            assert!(config.is_shared() && config.runs_sandbox() && !config.roles.processor);
        }
        #[cfg(not(feature = "fluvio"))]
        assert!(refused(cluster).contains("without Fluvio"));
    }

    #[test]
    fn a_key_set_is_at_a_url_or_in_a_file() {
        let source = |text: &str| {
            let config = load(&format!("database = 'none'\n[auth]\njwks = '{text}'"));
            config.unwrap().auth.jwks.unwrap()
        };
        for url in ["https://id.example/keys", "http://127.0.0.1:1/keys"] {
            assert_eq!(source(url), KeySetSource::Url(url.to_owned()));
        }
        for file in ["keys.json", "/etc/keys.json", "https"] {
            assert_eq!(source(file), KeySetSource::File(file.into()));
        }
    }
}
