//! Type names: `Vendor/Name`.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::foreign::Quoted;

/// The name of a package structure or of a lifecycle, such as `MyApp/MyStructure`.
///
/// It has exactly one slash; the part before it is the [vendor](TypeName::vendor), the part
/// behind it the [name](TypeName::name). Each starts with an ASCII letter or digit and goes on
/// with ASCII letters, digits, `_`, `.` and `-`. Names are compared byte by byte: case matters,
/// as it does in KPackage's metadata.
///
/// KPackage itself takes any text for a type. The narrow form is Keyway's: a type name can stand
/// in a file name, in a list that is separated by commas and on a command line without quoting.
///
/// # Examples
///
/// ```
/// use keyway_metadata::TypeName;
///
/// let name: TypeName = "Plasma/Applet".parse()?;
/// assert_eq!((name.vendor(), name.name()), ("Plasma", "Applet"));
/// assert_eq!(
///     "Plasma".parse::<TypeName>().unwrap_err().to_string(),
///     "`Plasma` is not a type name: it has no `/`, expected `Vendor/Name`"
/// );
/// # Ok::<(), keyway_metadata::TypeNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TypeName(String);

impl TypeName {
    /// The whole name, as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the slash: `Plasma` of `Plasma/Applet`.
    #[must_use]
    pub fn vendor(&self) -> &str {
        self.parts().0
    }

    /// The part behind the slash: `Applet` of `Plasma/Applet`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        // A checked name has its slash; without one, all of it would be the vendor.
        self.0.split_once('/').unwrap_or((&self.0, ""))
    }
}

/// Why a text is not a [`TypeName`].
///
/// Positions count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeNameError {
    /// There is no text at all.
    #[error("an empty text is not a type name, expected `Vendor/Name`")]
    Empty,
    /// Vendor and name are not separated.
    #[error("{} is not a type name: it has no `/`, expected `Vendor/Name`", Quoted(.found))]
    NoSlash {
        /// The whole text.
        found: String,
    },
    /// There is a second slash.
    #[error("{} is not a type name: character {at} is a second `/`, expected exactly one", Quoted(.found))]
    SecondSlash {
        /// The whole text.
        found: String,
        /// Where the second slash stands.
        at: usize,
    },
    /// Nothing stands before or behind the slash.
    #[error("{} is not a type name: nothing stands {side} the `/`, expected `Vendor/Name`", Quoted(.found))]
    EmptyPart {
        /// The whole text.
        found: String,
        /// `before` or `behind`.
        side: &'static str,
        /// Where the missing part was expected.
        at: usize,
    },
    /// The vendor or the name starts with something else than a letter or digit.
    #[error(
        "{} is not a type name: character {at} is {}, expected an ASCII letter or digit",
        Quoted(.found), Quoted(.character.encode_utf8(&mut [0; 4]))
    )]
    Start {
        /// The whole text.
        found: String,
        /// What stands there.
        character: char,
        /// Where it stands.
        at: usize,
    },
    /// A character that no type name has.
    #[error(
        "{} is not a type name: character {at} is {}, expected an ASCII letter, a digit, `_`, `.` or `-`",
        Quoted(.found), Quoted(.character.encode_utf8(&mut [0; 4]))
    )]
    Character {
        /// The whole text.
        found: String,
        /// What stands there.
        character: char,
        /// Where it stands.
        at: usize,
    },
}

/// Looks at a text from left to right and gives the first thing that no type name has.
fn check(text: &str) -> Result<(), TypeNameError> {
    if text.is_empty() {
        return Err(TypeNameError::Empty);
    }
    let found = || text.to_owned();
    let mut slashes = 0;
    let mut part_is_empty = true;
    let mut end = 1;
    for (at, character) in (1..).zip(text.chars()) {
        end = at + 1;
        if character == '/' {
            slashes += 1;
            if slashes == 2 {
                return Err(TypeNameError::SecondSlash { found: found(), at });
            }
            if part_is_empty {
                return Err(TypeNameError::EmptyPart {
                    found: found(),
                    side: "before",
                    at,
                });
            }
            part_is_empty = true;
            continue;
        }
        if part_is_empty && !character.is_ascii_alphanumeric() {
            return Err(TypeNameError::Start {
                found: found(),
                character,
                at,
            });
        }
        if !character.is_ascii_alphanumeric() && !matches!(character, '_' | '.' | '-') {
            return Err(TypeNameError::Character {
                found: found(),
                character,
                at,
            });
        }
        part_is_empty = false;
    }
    if slashes == 0 {
        return Err(TypeNameError::NoSlash { found: found() });
    }
    if part_is_empty {
        return Err(TypeNameError::EmptyPart {
            found: found(),
            side: "behind",
            at: end,
        });
    }
    Ok(())
}

impl FromStr for TypeName {
    type Err = TypeNameError;

    fn from_str(text: &str) -> Result<TypeName, TypeNameError> {
        check(text)?;
        Ok(TypeName(text.to_owned()))
    }
}

impl TryFrom<String> for TypeName {
    type Error = TypeNameError;

    fn try_from(text: String) -> Result<TypeName, TypeNameError> {
        check(&text)?;
        Ok(TypeName(text))
    }
}

impl TryFrom<&str> for TypeName {
    type Error = TypeNameError;

    fn try_from(text: &str) -> Result<TypeName, TypeNameError> {
        text.parse()
    }
}

impl From<TypeName> for String {
    fn from(name: TypeName) -> String {
        name.0
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for TypeName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for TypeName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for TypeName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for TypeName {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn refusal(text: &str) -> String {
        TypeName::try_from(text).unwrap_err().to_string()
    }

    #[test]
    fn refusals_name_the_text_the_place_and_what_was_expected() {
        for (text, expected) in [
            (
                "",
                "an empty text is not a type name, expected `Vendor/Name`",
            ),
            (
                "Basic",
                "`Basic` is not a type name: it has no `/`, expected `Vendor/Name`",
            ),
            (
                "A/B/C",
                "`A/B/C` is not a type name: character 4 is a second `/`, expected exactly one",
            ),
            (
                "A//B",
                "`A//B` is not a type name: character 3 is a second `/`, expected exactly one",
            ),
            (
                "/B",
                "`/B` is not a type name: nothing stands before the `/`, expected `Vendor/Name`",
            ),
            (
                "A/",
                "`A/` is not a type name: nothing stands behind the `/`, expected `Vendor/Name`",
            ),
            (
                "-A/B",
                "`-A/B` is not a type name: character 1 is `-`, expected an ASCII letter or digit",
            ),
            (
                "A/.B",
                "`A/.B` is not a type name: character 3 is `.`, expected an ASCII letter or digit",
            ),
            (
                "../B",
                "`../B` is not a type name: character 1 is `.`, expected an ASCII letter or digit",
            ),
            (
                "Ä/B",
                "`Ä/B` is not a type name: character 1 is `Ä`, expected an ASCII letter or digit",
            ),
            (
                "My App/B",
                "`My App/B` is not a type name: character 3 is ` `, expected an ASCII letter, a digit, `_`, `.` or `-`",
            ),
            (
                "Aé/B\n",
                "`Aé/B\\u{a}` is not a type name: character 2 is `é`, expected an ASCII letter, a digit, `_`, `.` or `-`",
            ),
            (
                "A/B\n",
                "`A/B\\u{a}` is not a type name: character 4 is `\\u{a}`, expected an ASCII letter, a digit, `_`, `.` or `-`",
            ),
        ] {
            assert_eq!(refusal(text), expected);
        }
    }

    #[test]
    fn the_position_counts_characters() {
        assert_eq!(
            TypeName::try_from("A/"),
            Err(TypeNameError::EmptyPart {
                found: "A/".into(),
                side: "behind",
                at: 3
            })
        );
    }

    #[test]
    fn serde_checks_too() {
        let error = serde_json::from_str::<TypeName>(r#""Basic""#).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`Basic` is not a type name: it has no `/`")
        );
        let name: TypeName = serde_json::from_str(r#""Test/Basic""#).unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), r#""Test/Basic""#);
    }

    #[test]
    fn parts_order_and_look_up() {
        let name: TypeName = "KPackage/Generic-2.0_x".parse().unwrap();
        assert_eq!((name.vendor(), name.name()), ("KPackage", "Generic-2.0_x"));
        assert_eq!(name, "KPackage/Generic-2.0_x");
        assert_eq!(format!("{name:>24}"), "  KPackage/Generic-2.0_x");
        let by_name = BTreeMap::from([(name, 1)]);
        assert_eq!(by_name.get("KPackage/Generic-2.0_x"), Some(&1));
        assert_eq!(by_name.get("kpackage/Generic-2.0_x"), None);
    }
}
