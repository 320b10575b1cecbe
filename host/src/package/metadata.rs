//! A package's metadata file, found and read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_metadata::{
    Document, DocumentError, Format, Lenient, PluginMetadata, PropertyTypes, threebot,
};

use super::error::is_absence;
use super::open::open_unlinked;
use super::search::DataDirs;
use super::shown::Shown;

/// The metadata file that nearly all packages have.
pub(crate) const JSON: &str = "metadata.json";

/// The metadata files that KPackage knows, the better one first.
pub(crate) const OF_KPACKAGE: [&str; 2] = [JSON, "metadata.desktop"];

/// Which files of a package may be its metadata. That is a matter of its type, so that a file that
/// one type goes by is nothing special to all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MetadataFiles {
    /// Those of KPackage.
    #[default]
    KPackage,
    /// `package.toml`, for types that define the key `metadata` as that.
    PackageToml,
    /// Any of these: the type is not known yet.
    #[cfg(feature = "install")]
    Any,
}

impl MetadataFiles {
    /// Their names, the better one first.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::KPackage => &OF_KPACKAGE,
            Self::PackageToml => &[threebot::FILE_NAME],
            #[cfg(feature = "install")]
            Self::Any => &[OF_KPACKAGE[0], OF_KPACKAGE[1], threebot::FILE_NAME],
        }
    }
}

/// As many bytes as a metadata file may have. Real ones have a few thousand.
pub(crate) const MAX_BYTES: u64 = 4 << 20;

/// The metadata of a package.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageMetadata {
    document: Document,
    file: Option<PathBuf>,
    problems: Vec<DocumentError>,
}

impl PackageMetadata {
    /// The package's id: `KPlugin.Id`, else the base name of the file, which is `metadata` unless a
    /// `.desktop` file names another in `X-KDE-Library`, as in KPackage 5.103. `None` where there is
    /// no file either.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        let base_name = || {
            let library = self.document.library().map(Path::new);
            let file = library.or(self.file.as_deref())?.file_name()?;
            file.to_str()?.split('.').next()
        };
        self.document.metadata().id().or_else(base_name)
    }

    /// What it says, behind the names that KDE gives the parts.
    #[must_use]
    pub fn view(&self) -> PluginMetadata<'_> {
        self.document.metadata()
    }

    /// What it says, whole.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The file that it was read from; `None` if it was set.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What was passed over while reading it.
    #[must_use]
    pub fn problems(&self) -> &[DocumentError] {
        &self.problems
    }

    /// The types that the metadata say the package is of, with the rules by which KPackage 5.103
    /// lists packages: `KPackageStructure` as one text, else `KPlugin.ServiceTypes`, else none.
    #[must_use]
    pub fn declared_types(&self) -> Vec<String> {
        declared_types(self.view())
    }
}

/// As [`PackageMetadata::declared_types`].
pub(super) fn declared_types(view: PluginMetadata<'_>) -> Vec<String> {
    if let Some(name) = view
        .value("KPackageStructure")
        .filter(|name| !name.is_empty())
    {
        return vec![name.into_owned()];
    }
    let service_types = view.service_types();
    // A structure's own description, which is of the type that it defines.
    if service_types == ["KPackage/PackageStructure"] {
        return view.id().map(str::to_owned).into_iter().collect();
    }
    service_types
}

/// Metadata that somebody hands over, instead of a file.
impl From<Document> for PackageMetadata {
    fn from(document: Document) -> Self {
        Self {
            document,
            file: None,
            problems: Vec::new(),
        }
    }
}

/// Why a package's metadata file does not count. The package may be valid all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// It is a link to somewhere else.
    #[error("the metadata file {} lies outside the package, at {}", Shown::new(.path), Shown::new(.found))]
    Outside {
        /// The file in the package.
        path: PathBuf,
        /// Where it leads.
        found: PathBuf,
    },
    /// It is a folder, a pipe, a device or the like.
    #[error("the metadata file {} is no regular file", Shown::new(.path))]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than any metadata file has reason to be.
    #[error("the metadata file {} has more than {limit} bytes", Shown::new(.path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// As many bytes as are read at most.
        limit: u64,
    },
    /// It cannot be read, or one may not even look whether it is there.
    #[error("the metadata file {} cannot be read: {source}", Shown::new(.path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not written as its format wants it.
    #[error("the metadata file {}: {source}", Shown::new(.path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: DocumentError,
    },
    /// There is nothing in it.
    #[error("the metadata file {} is an empty object", Shown::new(.path))]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl MetadataError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Outside { .. } => "metadata-outside",
            Self::NotAFile { .. } => "metadata-not-a-file",
            Self::TooLarge { .. } => "metadata-too-large",
            Self::Unreadable { .. } => "metadata-unreadable",
            Self::Malformed { .. } => "metadata-malformed",
            Self::Empty { .. } => "metadata-empty",
        }
    }

    /// The file that it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Outside { path, .. }
            | Self::NotAFile { path }
            | Self::TooLarge { path, .. }
            | Self::Unreadable { path, .. }
            | Self::Malformed { path, .. }
            | Self::Empty { path } => path,
        }
    }
}

/// What was found where the metadata belong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) metadata: Option<Arc<PackageMetadata>>,
    pub(crate) trouble: Option<Arc<MetadataError>>,
}

/// Finds and reads the metadata of the package in `root`: of the files the best one that is
/// there. A link that leaves the package does not count, unless `external`.
pub(crate) fn find(root: &Path, files: MetadataFiles, external: bool, dirs: &DataDirs) -> Found {
    let mut found = Found::default();
    for name in files.names() {
        let path = root.join(name);
        // The usual case: no link anywhere, so nothing leads outside.
        match open_plainly(&path) {
            Plainly::Open(file, len) => {
                match read_open(&path, &file, len).and_then(|bytes| parse(&path, &bytes, dirs)) {
                    Ok(metadata) => found.metadata = Some(Arc::new(metadata)),
                    Err(error) => found.trouble = Some(Arc::new(error)),
                }
                break;
            }
            Plainly::Missing => continue,
            Plainly::Unsure => {}
        }
        let real = match fs::canonicalize(&path) {
            Ok(real) => real,
            Err(error) => {
                if !is_absence(&error) && found.trouble.is_none() {
                    let source = error;
                    found.trouble = Some(Arc::new(MetadataError::Unreadable { path, source }));
                }
                continue;
            }
        };
        if !external && !real.starts_with(root) {
            found.trouble = Some(Arc::new(MetadataError::Outside { path, found: real }));
            continue;
        }
        match read(&path, dirs) {
            Ok(metadata) => found.metadata = Some(Arc::new(metadata)),
            Err(error) => found.trouble = Some(Arc::new(error)),
        }
        break;
    }
    found
}

/// Reads one metadata file, forgivingly: what KPackage takes is taken.
pub(super) fn read(path: &Path, dirs: &DataDirs) -> Result<PackageMetadata, MetadataError> {
    parse(path, &read_bounded(path)?, dirs)
}

/// Reads the bytes of a metadata file, forgivingly.
pub(crate) fn parse(
    path: &Path,
    bytes: &[u8],
    dirs: &DataDirs,
) -> Result<PackageMetadata, MetadataError> {
    let format = match path.file_name() {
        Some(name) if name == threebot::FILE_NAME => Format::PackageToml,
        _ => Format::from_path(path).unwrap_or(Format::Json),
    };
    let malformed = |source| MetadataError::Malformed {
        path: path.to_path_buf(),
        source,
    };
    let mut read = Document::parse_lenient(format, bytes).map_err(malformed)?;
    if format == Format::Desktop {
        let types = property_types(&read.document, dirs);
        read = Document::parse_lenient_typed(format, bytes, &types).map_err(malformed)?;
    }
    let Lenient {
        document, problems, ..
    } = read;
    if document.is_empty() {
        return Err(MetadataError::Empty {
            path: path.to_path_buf(),
        });
    }
    Ok(PackageMetadata {
        document,
        file: Some(path.to_path_buf()),
        problems,
    })
}

/// What KPackage 5.103 says about the keys of any package's `.desktop` file, before all others.
const OF_ALL_PACKAGES: &str = "[Desktop Entry]\nType=ServiceType\n\
    [PropertyDef::Keywords]\nType=QStringList\n\
    [PropertyDef::NoDisplay]\nType=bool\n\
    [PropertyDef::X-KPackage-Dependencies]\nType=QStringList\n";

/// What KPackage, and KDE's service type files in the data folders, say about the keys of a
/// `.desktop` file.
fn property_types(document: &Document, dirs: &DataDirs) -> PropertyTypes {
    let mut types = PropertyTypes::new();
    let mut add = |bytes: &[u8]| types.add_service_type(bytes);
    let _ = add(OF_ALL_PACKAGES.as_bytes());
    for service_type in document.metadata().service_types() {
        let found = PropertyTypes::file_names(&service_type)
            .iter()
            .filter(|name| !name.contains('\0'))
            .flat_map(|name| dirs.places(&Path::new("kservicetypes5").join(name)))
            .find_map(|path| read_bounded(&path).ok());
        if let Some(bytes) = found {
            // A service type file that is none is the system's trouble, not this package's.
            if let Err(error) = add(&bytes) {
                tracing::debug!(%service_type, %error, "a service type file was passed over");
            }
        }
    }
    types
}

/// What a first try to open a file gave.
enum Plainly {
    /// A regular file with no link on the way to it, and how long it says it is.
    Open(File, u64),
    Missing,
    /// Whatever else it is, it takes a closer look.
    Unsure,
}

fn open_plainly(path: &Path) -> Plainly {
    // Opening a device can do something.
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Err(error) if is_absence(&error) => return Plainly::Missing,
        _ => return Plainly::Unsure,
    }
    let Ok(file) = open_unlinked(path) else {
        return Plainly::Unsure;
    };
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Plainly::Open(file, metadata.len()),
        _ => Plainly::Unsure,
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, MetadataError> {
    let unreadable = |source| MetadataError::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    let not_a_file = || MetadataError::NotAFile {
        path: path.to_path_buf(),
    };
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(not_a_file());
    }
    let file = open_without_waiting(path).map_err(unreadable)?;
    // It may have been exchanged in between.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(not_a_file());
    }
    read_open(path, &file, metadata.len())
}

/// What is in an open file that says it is `len` bytes long.
fn read_open(path: &Path, file: &File, len: u64) -> Result<Vec<u8>, MetadataError> {
    let mut bytes = Vec::with_capacity(usize::try_from(len.min(MAX_BYTES)).unwrap_or(0));
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| MetadataError::Unreadable {
        path: path.to_path_buf(),
        source,
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(MetadataError::TooLarge {
            path: path.to_path_buf(),
            limit: MAX_BYTES,
        });
    }
    Ok(bytes)
}

/// Opens a file for reading; a pipe that nobody writes to does not make it wait.
pub(crate) fn open_without_waiting(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_desktop(text: &str) -> PackageMetadata {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metadata.desktop");
        fs::write(&path, text).unwrap();
        read(&path, &DataDirs::new(None, [])).unwrap()
    }

    #[test]
    fn some_keys_of_any_package_have_a_type() {
        let read =
            read_desktop("[Desktop Entry]\nKeywords=a,b\nKeywords[de]=c,d\nNoDisplay=true\n");
        for (key, value) in [
            ("Keywords", serde_json::json!(["a", "b"])),
            ("Keywords[de]", serde_json::json!(["c", "d"])),
            ("NoDisplay", serde_json::json!(true)),
        ] {
            assert_eq!(read.document().root()[key], value, "{key}");
        }
    }

    #[test]
    fn without_an_id_the_library_names_a_desktop_package() {
        for (text, id) in [
            ("Name=x", "metadata"),
            ("X-KDE-Library=a/libx.y.so", "libx"),
            ("X-KDE-Library=libx\nX-KDE-PluginInfo-Name=y", "y"),
        ] {
            let read = read_desktop(&format!("[Desktop Entry]\n{text}\n"));
            assert_eq!(read.id(), Some(id));
        }
    }
}
