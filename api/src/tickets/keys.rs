//! The keys that sign: a file in the data directory, made at the first start, which only its owner
//! can read. A running node sees when a command has changed it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use super::code::{self, CodeError, KeyId, TicketCode};
use super::published::{PublicKeys, TicketKeySetJson, key_id, published};

/// Name of the file in the data directory.
const FILE: &str = "ticket-keys.json";
/// Keys that are kept: with one a month, codes of half a year ago are still good.
const KEYS_MAX: usize = 8;
/// How often a running node looks whether the file was changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Keys that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error("{}: {error}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The file does not hold keys that boxoffice made.
    #[error("{} does not hold the keys of tickets: {reason}", .file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What becomes of the keys before, when there is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Codes that they signed stay good.
    Kept,
    /// Somebody else may have them: what they signed is good no more.
    Revoked,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedKeys {
    keys: Vec<SavedKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedKey {
    /// The secret, in base64url.
    seed: String,
    created_at: String,
}

/// The keys of one moment.
struct Ring {
    signer: Ed25519KeyPair,
    signer_id: KeyId,
    known: PublicKeys,
    published: TicketKeySetJson,
}

struct Loaded {
    ring: Arc<Ring>,
    modified: Option<SystemTime>,
    looked_at: Instant,
}

/// The keys of a data directory.
pub struct TicketKeys {
    file: PathBuf,
    loaded: Mutex<Loaded>,
}

impl std::fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketKeys").field("file", &self.file).finish_non_exhaustive()
    }
}

impl TicketKeys {
    /// The keys of a data directory. The first one is made when there is none: codes are made
    /// again whenever somebody looks at them, so nothing depends on a key that was lost but the
    /// copies that people took along.
    ///
    /// # Errors
    /// When the file cannot be read or made.
    pub fn open_or_create(data_dir: &Path) -> Result<Self, KeysError> {
        let file = data_dir.join(FILE);
        if !file.exists() {
            write(&file, &SavedKeys { keys: vec![new_key(&file)?] })?;
        }
        let loaded = Loaded {
            modified: modified(&file),
            ring: Arc::new(read_ring(&file)?),
            looked_at: Instant::now(),
        };
        Ok(Self { file, loaded: Mutex::new(loaded) })
    }

    /// Makes a new key, with which codes are signed from now on, and returns its name.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn rotate(data_dir: &Path, before: Before) -> Result<String, KeysError> {
        let file = data_dir.join(FILE);
        let mut saved = match before {
            Before::Kept if file.exists() => read(&file)?,
            Before::Kept | Before::Revoked => SavedKeys { keys: Vec::new() },
        };
        saved.keys.push(new_key(&file)?);
        let surplus = saved.keys.len().saturating_sub(KEYS_MAX);
        saved.keys.drain(..surplus);
        write(&file, &saved)?;
        let published = read_ring(&file)?.published;
        Ok(published.keys.last().map(|key| key.kid.clone()).unwrap_or_default())
    }

    /// The code of a ticket.
    #[must_use]
    pub fn sign(&self, code: &TicketCode) -> String {
        let ring = self.ring();
        code::write(code, ring.signer_id, |bytes| ring.signer.sign(bytes).as_ref().to_vec())
    }

    /// What a code says, when it is good.
    ///
    /// # Errors
    /// When it is malformed, or no key of ours has signed it.
    pub fn verify(&self, text: &str) -> Result<TicketCode, CodeError> {
        self.ring().known.verify(text)
    }

    /// The keys as they are published.
    #[must_use]
    pub fn published(&self) -> TicketKeySetJson {
        self.ring().published.clone()
    }

    /// The keys of now. When the file was changed and cannot be read, those of before stay.
    fn ring(&self) -> Arc<Ring> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked_at.elapsed() >= LOOK_INTERVAL {
            loaded.looked_at = Instant::now();
            let modified = modified(&self.file);
            if modified != loaded.modified {
                loaded.modified = modified;
                match read_ring(&self.file) {
                    Ok(ring) => loaded.ring = Arc::new(ring),
                    Err(error) => tracing::error!(error = %error, "read the keys of tickets again"),
                }
            }
        }
        Arc::clone(&loaded.ring)
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

fn new_key(file: &Path) -> Result<SavedKey, KeysError> {
    let mut seed = [0; 32];
    OsRng.try_fill_bytes(&mut seed).map_err(|error| KeysError::File {
        file: file.to_owned(),
        error: std::io::Error::other(error),
    })?;
    let created_at = jiff::Timestamp::now().to_string();
    Ok(SavedKey { seed: URL_SAFE_NO_PAD.encode(seed), created_at })
}

fn read(file: &Path) -> Result<SavedKeys, KeysError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| KeysError::File { file: file.to_owned(), error })?;
    // What is wrong is told without its text, which is secret.
    let malformed = |error: serde_json::Error| KeysError::Malformed {
        file: file.to_owned(),
        reason: format!("line {} column {}", error.line(), error.column()),
    };
    serde_json::from_str(&text).map_err(malformed)
}

fn read_ring(file: &Path) -> Result<Ring, KeysError> {
    let malformed =
        |reason: &str| KeysError::Malformed { file: file.to_owned(), reason: reason.to_owned() };
    let mut known = PublicKeys::default();
    let mut keys = Vec::new();
    let mut signer = None;
    for saved in read(file)?.keys {
        let seed = URL_SAFE_NO_PAD.decode(&saved.seed).map_err(|_| malformed("a seed"))?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| malformed("a seed"))?;
        let public = pair.public_key().as_ref();
        known.add(public.try_into().map_err(|_| malformed("a key"))?);
        keys.push(published(public));
        signer = Some((key_id(public), pair));
    }
    let (signer_id, signer) = signer.ok_or_else(|| malformed("it is empty"))?;
    Ok(Ring { signer, signer_id, known, published: TicketKeySetJson { keys } })
}

/// Writes beside, syncs, renames: a crash leaves the old keys or the new ones.
fn write(file: &Path, keys: &SavedKeys) -> Result<(), KeysError> {
    let text = match serde_json::to_string_pretty(keys) {
        Ok(text) => text,
        Err(error) => unreachable!("keys are made of texts: {error}"),
    };
    let written = || -> std::io::Result<()> {
        let directory = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory)?;
        // Its name is random: processes in containers that share the directory all have number 1.
        let mut beside = tempfile::NamedTempFile::new_in(directory)?;
        beside.write_all(text.as_bytes())?;
        beside.as_file().sync_all()?;
        beside.persist(file)?;
        std::fs::File::open(directory)?.sync_all()
    };
    written().map_err(|error| KeysError::File { file: file.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use boxoffice_topics::{PerformanceId, Timestamp};

    use super::*;

    fn code() -> TicketCode {
        TicketCode {
            performance: PerformanceId::from_u128(7),
            ticket: "1018-2-80.1".parse().unwrap(),
            generation: 3,
            expires_at: Timestamp::from_millis(1_790_000_000_000),
        }
    }

    #[test]
    fn a_code_is_verified_with_the_published_keys_alone() {
        let dir = tempfile::tempdir().unwrap();
        let keys = TicketKeys::open_or_create(dir.path()).unwrap();
        let text = keys.sign(&code());
        assert!(text.len() <= 156 && text.starts_with("BX1:"), "{text}");
        let published = serde_json::to_string(&keys.published()).unwrap();
        let offline = PublicKeys::parse(&published).unwrap();
        assert_eq!(offline.verify(&text), Ok(code()));
        assert_eq!(offline.verify("BX1:"), Err(CodeError::Malformed));
        assert_eq!(offline.verify("hello"), Err(CodeError::Malformed));
        assert_eq!(PublicKeys::default().verify(&text), Err(CodeError::KeyUnknown));
    }

    #[test]
    fn no_letter_of_a_code_can_be_changed() {
        let dir = tempfile::tempdir().unwrap();
        let keys = TicketKeys::open_or_create(dir.path()).unwrap();
        let text = keys.sign(&code());
        for place in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(keys.verify(&forged).is_err(), "{place}");
        }
    }

    #[test]
    fn a_new_key_signs_and_the_old_one_is_kept_or_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let first = TicketKeys::open_or_create(dir.path()).unwrap();
        let old = first.sign(&code());
        TicketKeys::rotate(dir.path(), Before::Kept).unwrap();
        let second = TicketKeys::open_or_create(dir.path()).unwrap();
        assert_ne!(second.sign(&code()), old);
        assert_eq!(second.verify(&old), Ok(code()));
        assert_eq!(second.published().keys.len(), 2);
        let kid = TicketKeys::rotate(dir.path(), Before::Revoked).unwrap();
        let third = TicketKeys::open_or_create(dir.path()).unwrap();
        assert_eq!(third.verify(&old), Err(CodeError::KeyUnknown));
        assert_eq!(third.published().keys[0].kid, kid);
        (0..20).for_each(|_| drop(TicketKeys::rotate(dir.path(), Before::Kept).unwrap()));
        let many = TicketKeys::open_or_create(dir.path()).unwrap();
        assert_eq!(many.published().keys.len(), KEYS_MAX);
    }

    #[test]
    fn processes_that_share_a_directory_may_start_at_once() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            std::thread::scope(|scope| {
                let open = || TicketKeys::open_or_create(dir.path()).map(drop);
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
                threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
            });
            let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().collect();
            assert_eq!(left.len(), 1, "{left:?}");
        }
    }

    #[test]
    fn only_the_owner_reads_the_file_and_a_damaged_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        TicketKeys::open_or_create(dir.path()).unwrap();
        let file = dir.path().join(FILE);
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for damaged in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"seed":"x","created_at":""}]}"#] {
            std::fs::write(&file, damaged).unwrap();
            let error = TicketKeys::open_or_create(dir.path()).unwrap_err();
            assert!(matches!(error, KeysError::Malformed { .. }), "{damaged}: {error}");
        }
    }
}
