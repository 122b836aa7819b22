//! A folder of our own for a run beside a simulated helpdesk: made, written to, and gone at the end unless it is kept.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A folder that goes when it is dropped, unless it is to be kept.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) kept: bool,
}

impl Folder {
    /// The folder somebody named (made when it is not there), or one of our own: in `inside`, or where temporary
    /// files go. `what` is the command's name; `stay` keeps one of our own too.
    ///
    /// # Errors
    /// When it cannot be made, or when a database of an earlier run is in it.
    pub(super) fn make(what: &str, named: Option<&Path>, inside: Option<&Path>, stay: bool) -> Result<Self> {
        let own = || {
            let inside = inside.map_or_else(std::env::temp_dir, Path::to_owned);
            inside.join(format!("richpanel-mw-{what}-{:08x}", fastrand::u32(..)))
        };
        let path = named.map_or_else(own, Path::to_owned);
        std::fs::DirBuilder::new()
            .recursive(named.is_some())
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        let path =
            path.canonicalize().with_context(|| format!("cannot use the folder {}", path.display()))?;
        anyhow::ensure!(
            !path.join("mw.db").exists(),
            "{} holds a database already; name an empty folder",
            path.display()
        );
        Ok(Self { path, kept: named.is_some() || stay })
    }

    pub(super) fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("mw.db")
    }

    /// Writes a file that only its owner may read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            log::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}
