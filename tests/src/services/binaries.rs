//! PostgreSQL from the server binaries that are installed on this machine.
//!
//! The server refuses to run as root, so root runs it as another user.

use std::fs::File;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::{PASSWORD, ServiceError, USER, free_port, guard};
use crate::guard::Guard;

/// Users that may run the server for root, the best first.
const USERS: [&str; 2] = ["postgres", "nobody"];

#[derive(Debug)]
pub(super) struct Binaries {
    programs: PathBuf,
    run_as: Option<User>,
    port: u16,
    child: Option<Child>,
    guard: Guard,
}

#[derive(Debug)]
struct User {
    id: u32,
    group: u32,
}

impl Binaries {
    pub(super) fn start() -> Result<Self, ServiceError> {
        let programs = find_programs().ok_or(ServiceError::Nowhere)?;
        let run_as = if rustix::process::geteuid().is_root() { Some(find_user()?) } else { None };
        let mut server = Self { programs, run_as, port: free_port(), child: None, guard: guard()? };
        server.initialize()?;
        server.spawn()?;
        Ok(server)
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn data_directory(&self) -> PathBuf {
        self.guard.directory().join("postgres")
    }

    fn log(&self) -> PathBuf {
        self.guard.directory().join("postgres.log")
    }

    fn initialize(&self) -> Result<(), ServiceError> {
        let data = self.data_directory();
        std::fs::create_dir(&data).map_err(ServiceError::io("make the data directory"))?;
        let password = self.guard.directory().join("password");
        std::fs::write(&password, PASSWORD).map_err(ServiceError::io("write the password"))?;
        if let Some(user) = &self.run_as {
            chown(&data, Some(user.id), Some(user.group))
                .map_err(ServiceError::io("give away the data directory"))?;
        }
        let output = self
            .command("initdb")
            .arg("--pgdata")
            .arg(&data)
            .arg("--pwfile")
            .arg(&password)
            .args(["--username", USER, "--auth=scram-sha-256"])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
            .output()
            .map_err(ServiceError::io("run initdb"))?;
        if output.status.success() {
            return Ok(());
        }
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ServiceError::Failed { program: "initdb".into(), output })
    }

    /// Starts the server process; it is not ready yet.
    pub(super) fn spawn(&mut self) -> Result<(), ServiceError> {
        let log = File::create(self.log()).map_err(ServiceError::io("make the log file"))?;
        let stdout = log.try_clone().map_err(ServiceError::io("share the log file"))?;
        let port = self.port.to_string();
        let child = self
            .command("postgres")
            .arg("-D")
            .arg(self.data_directory())
            .args(["-p", &port, "-h", "127.0.0.1", "-k", ""])
            // The machine does not lose power during a test, and killed processes lose nothing.
            .args(["-c", "fsync=off", "-c", "max_connections=200"])
            .stdout(stdout)
            .stderr(log)
            .spawn()
            .map_err(ServiceError::io("start postgres"))?;
        self.child = Some(child);
        Ok(())
    }

    /// A killed server leaves children that hold its memory for a moment: until they are gone a
    /// new one ends at once.
    pub(super) fn respawn_if_ended(&mut self, deadline: Instant) -> Result<(), ServiceError> {
        let Some(child) = &mut self.child else { return Ok(()) };
        let ended = child.try_wait().map_err(ServiceError::io("look at postgres"))?;
        if ended.is_none() {
            return Ok(());
        }
        let output = std::fs::read_to_string(self.log()).unwrap_or_default();
        if Instant::now() < deadline && output.contains("in use") {
            return self.spawn();
        }
        Err(ServiceError::Failed { program: "postgres".into(), output })
    }

    pub(super) fn stop(&mut self) -> Result<(), ServiceError> {
        self.end(Signal::INT)
    }

    pub(super) fn kill(&mut self) -> Result<(), ServiceError> {
        self.end(Signal::KILL)
    }

    fn end(&mut self, signal: Signal) -> Result<(), ServiceError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        kill_process(Pid::from_child(&child), signal)
            .map_err(|error| ServiceError::io("signal postgres")(error.into()))?;
        child.wait().map_err(ServiceError::io("wait for postgres"))?;
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = match &self.run_as {
            None => Command::new(path),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={}", user.id))
                    .arg(format!("--regid={}", user.group))
                    .args(["--clear-groups", "--"])
                    .arg(path);
                command
            }
        };
        command.current_dir(self.data_directory()).stdin(Stdio::null());
        command
    }
}

impl Drop for Binaries {
    fn drop(&mut self) {
        // A failure leaves the process to the guard.
        drop(self.stop());
    }
}

/// The directory of the server programs: that of `initdb` in the path, or else the newest where
/// Debian and its children put them.
fn find_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).find(|folder| is_complete(folder));
    in_path.or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        let mut versions: Vec<u32> =
            versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        versions.sort_unstable();
        let folders = versions.into_iter().rev();
        folders
            .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")))
            .find(|folder| is_complete(folder))
    })
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| folder.join(program).exists())
}

fn find_user() -> Result<User, ServiceError> {
    let users = std::fs::read_to_string("/etc/passwd").map_err(ServiceError::io("read users"))?;
    let parse = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(User { id: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    };
    let missing = || ServiceError::Failed {
        program: "initdb".into(),
        output: format!("it refuses root, and there is none of these users: {USERS:?}"),
    };
    USERS.into_iter().find_map(parse).ok_or_else(missing)
}
