//! The language that the user reads.

use std::env;
use std::sync::OnceLock;

/// The locale for messages, as the environment names it: the first of `LC_ALL`, `LC_MESSAGES` and
/// `LANG` that is not empty, else `C`. It is for people; programs get the C locale.
pub(crate) fn messages() -> &'static str {
    static LOCALE: OnceLock<String> = OnceLock::new();
    LOCALE.get_or_init(|| first(["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| env::var(name).ok())))
}

fn first(values: [Option<String>; 3]) -> String {
    let mut values = values.into_iter().flatten();
    let value = values.find(|value| !value.is_empty());
    value.unwrap_or_else(|| "C".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_not_empty_counts() {
        let of =
            |values: [&str; 3]| first(values.map(|value| (value != "-").then(|| value.to_owned())));
        assert_eq!(of(["-", "-", "-"]), "C");
        assert_eq!(of(["", "", ""]), "C");
        assert_eq!(of(["", "-", "de_DE.UTF-8"]), "de_DE.UTF-8");
        assert_eq!(of(["-", "fr_FR", "de_DE"]), "fr_FR");
        assert_eq!(of(["C.UTF-8", "fr_FR", "de_DE"]), "C.UTF-8");
    }
}
