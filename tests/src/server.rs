//! The real binary as a process: started, asked, stopped, killed and started again.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::Client;
use crate::guard::Guard;
use crate::services::free_port;

/// The binary under test, when it is built already.
pub const BINARY_VARIABLE: &str = "BOXOFFICE_TEST_BINARY";

/// A debug build that recovers a log on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// No test asks this often, and every request is counted all the same.
const BUSY_ACCOUNTS: &str = "[limits]\naccount_requests_per_second = 1000000\n\
                             account_requests_burst = 1000000";

/// How a server is configured.
#[derive(Clone, Debug)]
pub struct Options {
    /// `none` or the URL of a database.
    pub database: String,
    /// Partitions of each topic.
    pub partitions: u16,
    /// Another server's sandbox, instead of its own.
    pub provider_url: Option<String>,
    /// Where the data is, instead of the server's own directory.
    pub data_dir: Option<PathBuf>,
    /// More of the configuration file; by default, that accounts may ask as fast as they can.
    pub extra_config: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            database: "none".to_owned(),
            partitions: 2,
            provider_url: None,
            data_dir: None,
            extra_config: BUSY_ACCOUNTS.to_owned(),
        }
    }
}

/// A running (or stopped) server with its data.
#[derive(Debug)]
pub struct Server {
    child: Option<Child>,
    port: u16,
    sandbox_port: u16,
    data_dir: PathBuf,
    guard: Guard,
}

impl Server {
    /// Starts a server and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start(options: Options) -> Self {
        let mut server = Self::configured(&options);
        server.start_again().await;
        server
    }

    /// A server that is not started yet.
    ///
    /// # Panics
    /// When its directory cannot be made.
    #[must_use]
    pub fn configured(options: &Options) -> Self {
        let guard = Guard::new().expect("a guarded directory");
        let data_dir = options.data_dir.clone().unwrap_or_else(|| guard.directory().join("data"));
        let (port, sandbox_port) = (free_port(), free_port());
        let server = Self { child: None, port, sandbox_port, data_dir, guard };
        let provider = options.provider_url.as_ref().map(|url| format!("base_url = {url:?}"));
        let Options { database, partitions, extra_config, .. } = options;
        let config = format!(
            "listen = \"127.0.0.1:{port}\"\ndata_dir = {:?}\ndatabase = {database:?}\n\
             partitions = {partitions}\n{extra_config}\n\
             [payments]\nsandbox_listen = \"127.0.0.1:{sandbox_port}\"\n{}\n",
            server.data_dir,
            provider.unwrap_or_default(),
        );
        std::fs::write(server.config_file(), config).expect("the configuration file");
        server
    }

    /// Starts the process, without waiting for anything.
    ///
    /// # Panics
    /// When it cannot be started, or runs already.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "the server runs already");
        let log = File::options().append(true).create(true).open(self.log_file()).unwrap();
        let child = self
            .command()
            .arg("serve")
            .arg("--config")
            .arg(self.config_file())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("the server process"));
    }

    /// Starts the server (again), and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start_again(&mut self) {
        self.spawn();
        self.wait_until_ready().await;
    }

    /// Waits until the server is ready.
    ///
    /// # Panics
    /// When it ends, or takes too long.
    pub async fn wait_until_ready(&mut self) {
        let client = self.anonymous();
        let deadline = Instant::now() + START_TIMEOUT;
        while !matches!(client.try_get("/readyz").await, Ok(answer) if answer.status == 200) {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", self.log());
            assert!(Instant::now() < deadline, "the server is not ready\n{}", self.log());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Ends the process at once, whatever it is doing.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Sends a signal to the process, which goes on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("a running server");
        kill_process(Pid::from_child(child), signal).expect("a process to signal");
    }

    /// Asks the process to end, and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.end(Signal::TERM)
    }

    /// Waits for a process that ends by itself.
    ///
    /// # Panics
    /// When it does not run, or takes too long.
    pub async fn wait_for_end(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("a running server");
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end\n{}", self.log());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        let mut child = self.child.take().expect("a running server");
        kill_process(Pid::from_child(&child), signal).expect("a process to signal");
        child.wait().expect("the end of the process")
    }

    /// Runs another command of the binary, on the server's data.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        let data_dir = ["--data-dir".as_ref(), self.data_dir.as_os_str()];
        self.command().args(arguments).args(data_dir).output().expect("the binary")
    }

    /// A token of the server.
    ///
    /// # Panics
    /// When the binary makes none.
    #[must_use]
    pub fn token(&self, role: &str, subject: &str) -> String {
        let output = self.run(&["token", "--role", role, "--subject", subject]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A client with a token.
    #[must_use]
    pub fn client(&self, role: &str, subject: &str) -> Client {
        self.anonymous().with_token(self.token(role, subject))
    }

    /// A client without a token.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        Client::new(format!("http://127.0.0.1:{}", self.port))
    }

    /// A client of the server's own payment provider.
    #[must_use]
    pub fn sandbox(&self) -> Client {
        Client::new(self.sandbox_url())
    }

    /// Where the server's own payment provider listens.
    #[must_use]
    pub fn sandbox_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.sandbox_port)
    }

    /// Where the server listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where its data is.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The directory that is removed at the end.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.guard.directory()
    }

    /// Everything that the process has written.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn config_file(&self) -> PathBuf {
        self.guard.directory().join("boxoffice.toml")
    }

    fn log_file(&self) -> PathBuf {
        self.guard.directory().join("server.log")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.guard.directory()).stdin(Stdio::null());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // It may have ended by itself; either way it is reaped.
        drop(child.kill());
        drop(child.wait());
        if std::thread::panicking() {
            // The log says why; without a place to write it is lost.
            drop(writeln!(std::io::stderr(), "--- log of the server\n{}", self.log()));
        }
    }
}

/// The binary, built when it has to be.
///
/// Cargo tells the path of a binary only to the tests of its own package, and builds it only for
/// them. So it is asked to build it, as part of the workspace (which gives the dependencies the
/// same features as the tests have) and with the profile of the running test. When nothing has
/// changed that takes a fraction of a second.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os(BINARY_VARIABLE) {
        Some(path) => path.into(),
        None => build_binary(),
    })
}

fn build_binary() -> PathBuf {
    // <target>/<profile>/deps/<test>, or <target>/<profile>/<tool>
    let running = std::env::current_exe().expect("the path of this program");
    let folder = running.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let folder = folder.expect("the folder of the profile");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--quiet", "--workspace", "--bin", "boxoffice"])
        .args(["--profile", profile, "--target-dir"])
        .arg(folder.parent().expect("the target directory"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join("boxoffice")
}
