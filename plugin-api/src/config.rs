//! What a package was given, typed.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use keyway_abi::{ConfigDocument, ConfigRef};

use crate::ServiceFailure;

/// What a package was given: values by key, typed, with defaults, and with errors that name the key.
/// Cheap to clone; may be kept and used from any thread.
///
/// [`Context::config`](crate::Context::config) looks in the arguments that the package is installed
/// with, over the defaults of `[install_kwargs]` in its `package.toml`;
/// [`package_toml`](Self::package_toml) in that file as a whole. Both are as they were when the
/// lifecycle was made.
///
/// A key is a member's name, or several with `.` between them for a member of a member, as `web.port`,
/// and the number of an element, from 0, for a list. A name with a dot in it stands in double quotes, as
/// in `dependencies."acme.db"`. What is null is not there.
///
/// ```
/// use keyway_plugin::{Context, Error, Hook, Lifecycle};
///
/// struct Web {
///     port: u16,
///     hosts: Vec<String>,
///     title: Option<String>,
/// }
///
/// impl Lifecycle for Web {
///     fn new(context: Context) -> Result<Self, Error> {
///         let config = context.config()?;
///         Ok(Web {
///             port: config.get("web.port")?,
///             hosts: config.get_or("web.hosts", vec!["localhost".to_owned()])?,
///             title: config.find("title")?,
///         })
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Config {
    config: Arc<ConfigRef>,
    document: ConfigDocument,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("document", &self.document)
            .finish_non_exhaustive()
    }
}

/// Why a value cannot be had: it is missing, or not what it should be. The text names the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    key: String,
    message: String,
}

impl ConfigError {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    pub(crate) fn new(config: ConfigRef) -> Self {
        Self {
            config: Arc::new(config),
            document: ConfigDocument::InstallKwargs,
        }
    }

    /// What the package's `package.toml` says as a whole.
    #[must_use]
    pub fn package_toml(&self) -> Self {
        Self {
            document: ConfigDocument::PackageToml,
            ..self.clone()
        }
    }

    /// The value at `key`.
    ///
    /// # Errors
    ///
    /// It is missing, or of another type, or out of range.
    pub fn get<T: FromConfig>(&self, key: &str) -> Result<T, ConfigError> {
        let found = self.find(key)?;
        found.ok_or_else(|| {
            let message = format!(
                "`{key}` is missing in {}, expected {}",
                self.document,
                T::EXPECTED
            );
            self.error(key, message)
        })
    }

    /// The value at `key`, or `default` if it is missing.
    ///
    /// # Errors
    ///
    /// It is there, and of another type, or out of range.
    pub fn get_or<T: FromConfig>(&self, key: &str, default: T) -> Result<T, ConfigError> {
        Ok(self.find(key)?.unwrap_or(default))
    }

    /// The value at `key`, if it is there.
    ///
    /// # Errors
    ///
    /// It is there, and of another type, or out of range.
    pub fn find<T: FromConfig>(&self, key: &str) -> Result<Option<T>, ConfigError> {
        T::from_config(self, key)
    }

    /// The names of the members of the object at `key`, in its order; those of the whole document for
    /// an empty key. None if it is missing.
    ///
    /// # Errors
    ///
    /// It is there, and no object.
    pub fn keys(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        let found = self.said(key, self.config.keys(self.document, key))?;
        Ok(found.unwrap_or_default())
    }

    /// The value at `key` as JSON, whatever its type; the whole document for an empty key.
    ///
    /// # Errors
    ///
    /// `key` is none.
    pub fn json(&self, key: &str) -> Result<Option<String>, ConfigError> {
        self.said(key, self.config.json(self.document, key))
    }

    fn said<T>(&self, key: &str, said: Result<T, ServiceFailure>) -> Result<T, ConfigError> {
        said.map_err(|failure| self.error(key, failure.to_string()))
    }

    fn error(&self, key: &str, message: String) -> ConfigError {
        ConfigError {
            key: key.to_owned(),
            message,
        }
    }
}

/// What can be read from a [`Config`]. To be implemented for types of one's own, over those that are
/// known.
///
/// ```
/// # use keyway_plugin::{Config, ConfigError, FromConfig};
/// struct Seconds(std::time::Duration);
///
/// impl FromConfig for Seconds {
///     const EXPECTED: &'static str = "a number of seconds";
///
///     fn from_config(config: &Config, key: &str) -> Result<Option<Self>, ConfigError> {
///         let seconds = config.find::<u32>(key)?;
///         Ok(seconds.map(|it| Seconds(std::time::Duration::from_secs(it.into()))))
///     }
/// }
/// ```
pub trait FromConfig: Sized {
    /// What is expected, as it is told where it is missing: `a text`.
    const EXPECTED: &'static str;

    /// The value at `key`; `None` if it is missing.
    ///
    /// # Errors
    ///
    /// It is something else.
    fn from_config(config: &Config, key: &str) -> Result<Option<Self>, ConfigError>;
}

impl FromConfig for String {
    const EXPECTED: &'static str = "a text";

    fn from_config(config: &Config, key: &str) -> Result<Option<Self>, ConfigError> {
        config.said(key, config.config.text(config.document, key))
    }
}

impl FromConfig for PathBuf {
    const EXPECTED: &'static str = "a path, as a text";

    fn from_config(config: &Config, key: &str) -> Result<Option<Self>, ConfigError> {
        Ok(config.find::<String>(key)?.map(Self::from))
    }
}

impl FromConfig for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_config(config: &Config, key: &str) -> Result<Option<Self>, ConfigError> {
        config.said(key, config.config.boolean(config.document, key))
    }
}

impl FromConfig for f64 {
    const EXPECTED: &'static str = "a number";

    fn from_config(config: &Config, key: &str) -> Result<Option<Self>, ConfigError> {
        config.said(key, config.config.number(config.document, key))
    }
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl FromConfig for $type {
            const EXPECTED: &'static str = "an integer";

            fn from_config(config: &Config, key: &str) -> Result<Option<Self>, ConfigError> {
                let found = config.said(key, config.config.integer(config.document, key))?;
                let Some(found) = found else {
                    return Ok(None);
                };
                let fits = Self::try_from(found);
                fits.map(Some).map_err(|_| {
                    // No document has larger ones.
                    let largest = i64::try_from(Self::MAX).unwrap_or(i64::MAX);
                    let (smallest, document) = (Self::MIN, config.document);
                    config.error(key, format!(
                        "`{key}` in {document} is {found}, expected an integer from {smallest} to {largest}"
                    ))
                })
            }
        }
    )*};
}

integers! { i8 i16 i32 i64 u8 u16 u32 u64 usize }

impl<T: FromConfig> FromConfig for Vec<T> {
    const EXPECTED: &'static str = "a list";

    fn from_config(config: &Config, key: &str) -> Result<Option<Self>, ConfigError> {
        let length = config.said(key, config.config.length(config.document, key))?;
        let elements = length.map(|length| {
            (0..length)
                .map(|index| config.get(&format!("{key}.{index}")))
                .collect()
        });
        elements.transpose()
    }
}
