//! A directory for processes that must not outlive the test, and a watchdog that sees to it.
//!
//! The watchdog is a shell that waits for the end of a pipe. The pipe ends with the test process,
//! whether it returns, panics or is killed; then every process whose working directory lies in
//! the directory is ended, what is mounted below it is unmounted, and it is removed. A
//! parent-death signal would not do: it fires when the starting *thread* ends.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

const SCRIPT: &str = include_str!("guard.sh");

/// Owns a temporary directory and everything that runs in it.
#[derive(Debug)]
pub struct Guard {
    directory: PathBuf,
    watchdog: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Makes a directory that every user may enter, and starts its watchdog.
    ///
    /// # Errors
    /// When the directory or the shell cannot be made.
    pub fn new() -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("boxoffice-test-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()?
            .keep()
            .canonicalize()?;
        let mut watchdog = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(&directory)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A runner that ends a whole group of processes must not end the watchdog with it.
            .process_group(0)
            .spawn()?;
        let pipe = watchdog.stdin.take();
        Ok(Self { directory, watchdog, pipe })
    }

    /// The directory. Processes that are started in it end with the test.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Has a container removed at the end, too.
    ///
    /// # Errors
    /// When the watchdog is gone.
    pub fn adopt_container(&mut self, id: &str) -> io::Result<()> {
        let pipe = self.pipe.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(pipe, "{id}")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // Whatever the shell could not clean, it could not clean: there is nobody to tell.
        drop(self.watchdog.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_in_the_directory_ends_with_the_guard() {
        let guard = Guard::new().unwrap();
        let directory = guard.directory().to_owned();
        let mut sleeper = Command::new("sleep").arg("600").current_dir(&directory).spawn().unwrap();
        // Reaps the sleeper while the guard waits for it to disappear.
        let ended = std::thread::spawn(move || sleeper.wait().unwrap());
        drop(guard);
        assert!(!ended.join().unwrap().success());
        assert!(!directory.exists());
    }
}
