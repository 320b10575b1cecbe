//! What comes of a server without end, and how it is asked for.

use keyway::lifecycle::ManagerEvent;

/// What a server tells of what happens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Told {
    /// Something happened.
    Event(ManagerEvent),
    /// We were too slow, or away for too long: so many events are gone; `None` if nobody knows how many.
    Lost(Option<u64>),
}

/// Which log of a package, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogsRequest {
    /// The package's full name.
    pub name: String,
    /// As many of the last lines: 100 by default, 10,000 at most.
    pub lines: usize,
    /// A process of the package, whose output it is; else it is what is logged of the package.
    pub process: Option<String>,
}

impl LogsRequest {
    /// The last 100 lines that are logged of a package.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            lines: 100,
            process: None,
        }
    }

    #[cfg(unix)]
    pub(crate) fn path(&self, follow: bool) -> Result<String, crate::ClientError> {
        let mut path = format!(
            "{}/logs?lines={}",
            crate::request::package(&self.name),
            self.lines
        );
        if let Some(process) = &self.process {
            if !process
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it))
            {
                let why = "the process's name is none".to_owned();
                return Err(crate::ClientError::Unspeakable(why));
            }
            path.push_str(&format!("&process={process}"));
        }
        if follow {
            path.push_str("&follow=true");
        }
        Ok(path)
    }
}
