//! Which versions of another package will do.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::foreign::Quoted;

/// Which versions of another package will do: `>=1.0`, or several with commas between, as in
/// `>=1.0, <2`. The signs are `>=`, `>`, `<=`, `<` and `=`; `*` and the empty text are any version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    text: String,
    bounds: Vec<Bound>,
}

/// One of the conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    sign: Sign,
    version: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    AtLeast,
    Above,
    AtMost,
    Below,
    Exactly,
}

/// The longer ones first, since they begin with the shorter ones.
const SIGNS: [(&str, Sign); 5] = [
    (">=", Sign::AtLeast),
    ("<=", Sign::AtMost),
    (">", Sign::Above),
    ("<", Sign::Below),
    ("=", Sign::Exactly),
];

impl Sign {
    fn admits(self, order: Ordering) -> bool {
        match self {
            Sign::AtLeast => order.is_ge(),
            Sign::Above => order.is_gt(),
            Sign::AtMost => order.is_le(),
            Sign::Below => order.is_lt(),
            Sign::Exactly => order.is_eq(),
        }
    }
}

impl Requirement {
    /// Whether a version will do. `compare` says how it stands to the version that it is given,
    /// which is the host's to know: this crate has no opinion on versions.
    #[must_use]
    pub fn admits(&self, compare: impl Fn(&str) -> Ordering) -> bool {
        let mut bounds = self.bounds.iter();
        bounds.all(|bound| bound.sign.admits(compare(&bound.version)))
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// A text that does not say which versions will do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} says no versions, expected such as `>=1.0`", Quoted(.found))]
pub struct RequirementError {
    found: String,
}

impl RequirementError {
    /// The text.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Requirement, RequirementError> {
        let bounds = match text.trim() {
            "" | "*" => Some(Vec::new()),
            bounds => bounds.split(',').map(bound).collect(),
        };
        let bounds = bounds.ok_or_else(|| RequirementError {
            found: text.to_owned(),
        })?;
        Ok(Requirement {
            text: text.to_owned(),
            bounds,
        })
    }
}

fn bound(text: &str) -> Option<Bound> {
    let text = text.trim();
    let (version, sign) = SIGNS.iter().find_map(|(sign, meaning)| {
        let version = text.strip_prefix(sign)?;
        Some((version.trim(), *meaning))
    })?;
    let is_version = !version.is_empty()
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-+~:".contains(&byte));
    is_version.then(|| Bound {
        sign,
        version: version.to_owned(),
    })
}
