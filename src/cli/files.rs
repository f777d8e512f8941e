//! Contract files and lists of records: which ones are meant, and what is in them.

use crate::error::{Error, ErrorKind, Result};
use crate::record::{ContractFile, ContractOptions, Document, Draft, Format, Kind, RecordList, Warning, stem};
use std::path::{Path, PathBuf};

/// What a file says is to be stored.
pub(super) struct Contents {
    /// The file, as the caller named it.
    pub(super) path: PathBuf,
    pub(super) drafts: Vec<Draft>,
    pub(super) warnings: Vec<Warning>,
}

impl Contents {
    /// Reads and checks a file; `-` is the standard input. With a kind, the file is one part of a contract.
    pub(super) fn read(path: &Path, kind: Option<&Kind>, options: &ContractOptions) -> Result<Self> {
        Self::from_document(path, &Document::read(path)?, kind, options)
    }

    /// Checks a document that was read from a file.
    pub(super) fn from_document(
        path: &Path,
        document: &Document,
        kind: Option<&Kind>,
        options: &ContractOptions,
    ) -> Result<Self> {
        let (path, stem) = (path.to_owned(), stem(path));
        match kind {
            Some(kind) => {
                let (draft, warnings) = ContractFile::part(document, kind, stem.as_deref(), options)?;
                Ok(Self { path, drafts: vec![draft], warnings })
            }
            None => {
                if let Some(list) = RecordList::from_document(document, stem.as_deref())? {
                    return match (&options.name, &options.version) {
                        (None, None) => Ok(Self { path, drafts: list.drafts, warnings: list.warnings }),
                        _ => {
                            Err(Error::new(ErrorKind::Invalid, "a list of records takes neither a name nor a version")
                                .at(path, None))
                        }
                    };
                }
                let file = ContractFile::from_document(document, stem.as_deref(), options)?;
                Ok(Self { path, drafts: file.drafts, warnings: file.warnings })
            }
        }
    }
}

/// The files that paths mean: a folder is all contract files in it and below, by name; any other path is itself.
///
/// # Errors
/// [`ErrorKind::Io`] or [`ErrorKind::NotFound`] if a folder cannot be read; [`ErrorKind::Invalid`] if one has no
/// contract file.
pub(super) fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        walk(path, &is_contract, &mut files)?;
        if files.len() == before {
            return Err(Error::new(ErrorKind::Invalid, "the folder has no contract files (*.yaml, *.yml, *.json)")
                .at(path, None));
        }
    }
    Ok(files)
}

/// Whether a file is one of contracts, by its name.
pub(super) fn is_contract(path: &Path) -> bool {
    Format::of_path(path).is_some()
}

/// Adds the files that are meant in a folder and below, ordered by name. Hidden ones are passed over, and so are links to
/// folders, which may lead in circles.
pub(super) fn walk(folder: &Path, is_meant: &dyn Fn(&Path) -> bool, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |error: std::io::Error| Error::from(error).at(folder, None);
    let mut entries = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !is_hidden(Path::new(&entry.file_name())) {
            entries.push((entry.path(), entry.file_type().map_err(failed)?));
        }
    }
    entries.sort_by(|(left, _), (right, _)| left.cmp(right));
    for (path, file_type) in entries {
        if file_type.is_dir() {
            walk(&path, is_meant, files)?;
        } else if is_meant(&path) {
            // What cannot be read must not be passed over as if it were not there.
            let meant = path.metadata().map_err(|error| Error::from(error).at(&path, None))?;
            if meant.is_file() {
                files.push(path);
            } else if !meant.is_dir() {
                let error = Error::new(ErrorKind::Invalid, "this is no file that can be read");
                return Err(error
                    .at(&path, None)
                    .with_hint("take it out of the folder, or put a regular file in its place"));
            }
        }
    }
    Ok(())
}

/// Whether a part of a path begins with a dot.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
}
