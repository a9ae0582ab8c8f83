//! Keyed hashes: accounts from subjects, intent keys from idempotency keys.
//!
//! The key is one secret file in the data directory, made on first start. Whoever loses it can
//! no longer tell which account is whose; whoever steals it can test guesses of subjects.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use boxoffice_topics::{AccountId, CodeHash, IntentKey, PerformanceId};
use rand::TryRngCore as _;
use rand::rngs::OsRng;

use super::AuthError;
use crate::node::LOG_DIR;

/// Name of the secret file in the data directory.
pub(super) const SECRET_FILE: &str = "secret";
const SECRET_BYTES: usize = 32;

/// Gives out keyed names.
pub struct Names {
    account_key: [u8; 32],
    intent_key: [u8; 32],
    token_secret: [u8; 32],
    code_key: [u8; 32],
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Names {
    /// Names by this secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self {
            account_key: blake3::derive_key("boxoffice 2026-11 account of subject", secret),
            intent_key: blake3::derive_key("boxoffice 2026-11 intent of idempotency key", secret),
            token_secret: blake3::derive_key("boxoffice 2026-11 signing of tokens", secret),
            code_key: blake3::derive_key("boxoffice 2026-11 code of channel", secret),
        }
    }

    /// Names by the secret of a data directory.
    ///
    /// # Errors
    /// When the file is missing, cannot be read, or does not hold a secret.
    pub fn open(data_dir: &Path) -> Result<Self, AuthError> {
        let file = data_dir.join(SECRET_FILE);
        let text = std::fs::read_to_string(&file).map_err(|error| {
            if error.kind() != std::io::ErrorKind::NotFound {
                return AuthError::File { file: file.clone(), error };
            }
            match data_dir.join(LOG_DIR).exists() {
                true => AuthError::SecretLost(file.clone()),
                false => AuthError::NotStarted(data_dir.to_owned()),
            }
        })?;
        let secret = text.trim();
        if secret.len() != SECRET_BYTES * 2 || !secret.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(AuthError::SecretMalformed(file));
        }
        Ok(Self::new(secret.as_bytes()))
    }

    /// The file of the secret in a data directory.
    #[must_use]
    pub fn file(data_dir: &Path) -> PathBuf {
        data_dir.join(SECRET_FILE)
    }

    /// Whether a data directory has a secret.
    #[must_use]
    pub fn has_secret(data_dir: &Path) -> bool {
        Self::file(data_dir).exists()
    }

    /// Like [`Names::open`], and makes the secret of a directory that has no log yet.
    ///
    /// # Errors
    /// When the file cannot be read or made, or when there is a log: its accounts have names that
    /// only the lost secret can make.
    pub fn open_or_create(data_dir: &Path) -> Result<Self, AuthError> {
        let file = data_dir.join(SECRET_FILE);
        if !file.exists() {
            if data_dir.join(LOG_DIR).exists() {
                return Err(AuthError::SecretLost(file));
            }
            create_secret(data_dir, &file)
                .map_err(|error| AuthError::File { file: file.clone(), error })?;
        }
        Self::open(data_dir)
    }

    /// The account of a subject.
    #[must_use]
    pub fn account(&self, subject: &str) -> AccountId {
        AccountId::from_bytes(first_16(blake3::keyed_hash(&self.account_key, subject.as_bytes())))
    }

    /// The key of an account's intent.
    #[must_use]
    pub fn intent_key(&self, account: AccountId, idempotency_key: &str) -> IntentKey {
        let mut hasher = blake3::Hasher::new_keyed(&self.intent_key);
        hasher.update(&account.to_bytes()).update(idempotency_key.as_bytes());
        IntentKey::from_bytes(first_16(hasher.finalize()))
    }

    /// The hash of a code that opens a channel of a performance.
    #[must_use]
    pub fn code(&self, performance: PerformanceId, code: &str) -> CodeHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.code_key);
        hasher.update(&performance.to_bytes()).update(code.as_bytes());
        CodeHash::from_bytes(first_16(hasher.finalize()))
    }

    /// The secret that signs tokens when no other key is configured.
    #[must_use]
    pub const fn token_secret(&self) -> &[u8; 32] {
        &self.token_secret
    }
}

fn first_16(hash: blake3::Hash) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes
}

/// Writes beside, syncs, links: a crash leaves a whole secret or none, and of two processes one
/// makes it.
fn create_secret(data_dir: &Path, file: &Path) -> std::io::Result<()> {
    let mut secret = [0; SECRET_BYTES];
    OsRng.try_fill_bytes(&mut secret).map_err(std::io::Error::other)?;
    let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::create_dir_all(data_dir)?;
    let beside = data_dir.join(format!("secret.{}", &text[..16]));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut handle = options.open(&beside)?;
    handle.write_all(text.as_bytes())?;
    handle.write_all(b"\n")?;
    handle.sync_all()?;
    let linked = std::fs::hard_link(&beside, file);
    std::fs::remove_file(&beside)?;
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => (),
        linked => linked?,
    }
    std::fs::File::open(data_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_names_stay() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Names::open(dir.path()).is_err());
        let first = Names::open_or_create(dir.path()).unwrap();
        let again = Names::open_or_create(dir.path()).unwrap();
        assert_eq!(first.account("alice"), again.account("alice"));
        assert_ne!(first.account("alice"), first.account("bob"));
    }

    #[test]
    fn the_same_key_of_two_accounts_is_two_intents() {
        let names = Names::new(b"secret");
        let (alice, bob) = (names.account("alice"), names.account("bob"));
        assert_ne!(names.intent_key(alice, "k"), names.intent_key(bob, "k"));
        assert_eq!(names.intent_key(alice, "k"), names.intent_key(alice, "k"));
    }

    #[test]
    fn of_many_who_make_the_secret_all_have_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let accounts: Vec<_> = std::thread::scope(|scope| {
            let open = || Names::open_or_create(dir.path()).unwrap().account("alice");
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(accounts.iter().all(|account| *account == accounts[0]));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn the_secret_of_a_log_is_never_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(LOG_DIR)).unwrap();
        assert!(matches!(Names::open_or_create(dir.path()), Err(AuthError::SecretLost(_))));
    }

    #[test]
    fn a_damaged_secret_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(SECRET_FILE), "short").unwrap();
        assert!(matches!(Names::open_or_create(dir.path()), Err(AuthError::SecretMalformed(_))));
    }
}
