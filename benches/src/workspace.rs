//! The temporary directory of a run.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// Selects the disk of a run.
#[derive(clap::Args)]
pub(crate) struct Workspace {
    /// The directory in which to create a temporary directory for all files [default: the current directory]
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Workspace {
    /// Creates a temporary directory. It is not in the system's directory for temporary files, which may be in memory.
    pub(crate) fn create(&self) -> Result<TempDir> {
        let parent = match &self.dir {
            Some(dir) => dir.clone(),
            None => std::env::current_dir()?,
        };
        // PostgreSQL, which may run as another user, must be able to reach its directory below this one
        tempfile::Builder::new()
            .prefix(".tmp-memimage-benches-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir_in(&parent)
            .with_context(|| format!("no temporary directory can be created in {}", parent.display()))
    }
}
