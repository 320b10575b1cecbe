//! Licenses as AppStream wants them.

/// The SPDX id of a license in metadata.
///
/// The keywords that KDE's `KAboutLicense` knew in Frameworks 5.103 stand for what they stand for
/// there, whatever their case, spaces, dots and hyphens; one with `+` also for later versions. All
/// else is taken as SPDX has it already.
pub(super) fn spdx(license: &str) -> String {
    let license = license.trim();
    let keyword: String = license
        .chars()
        .filter(|character| !matches!(character, ' ' | '.' | '-'))
        .flat_map(char::to_lowercase)
        .collect();
    let (keyword, later) = match keyword.strip_suffix('+') {
        Some(keyword) => (keyword, "+"),
        None => (keyword.as_str(), ""),
    };
    let id = match (keyword, later) {
        ("gpl", "") | ("gplv2" | "gpl20", _) => "GPL-2.0",
        ("gplv3" | "gpl30", _) => "GPL-3.0",
        ("lgpl", "") | ("lgplv2" | "lgpl20", _) => "LGPL-2.0",
        ("lgplv21" | "lgpl21", _) => "LGPL-2.1",
        ("lgplv3" | "lgpl30", _) => "LGPL-3.0",
        ("bsd" | "bsd2clause", "") => "BSD-2-Clause",
        ("artistic" | "artistic10", "") => "Artistic-1.0",
        ("qpl" | "qplv1" | "qplv10" | "qpl10", "") => "QPL-1.0",
        _ => return license.to_owned(),
    };
    format!("{id}{later}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_become_ids_and_ids_stay() {
        for (license, expected) in [
            ("", ""),
            ("Custom", "Custom"),
            ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
            ("GPL-2.0-or-later", "GPL-2.0-or-later"),
            ("BSD-3-Clause", "BSD-3-Clause"),
            ("GPL+", "GPL+"),
            ("GPL", "GPL-2.0"),
            (" gpl V3+ ", "GPL-3.0+"),
            ("LGPL-2.1+", "LGPL-2.1+"),
            ("LGPLv2.1", "LGPL-2.1"),
            ("BSD", "BSD-2-Clause"),
            ("QPLv1.0", "QPL-1.0"),
        ] {
            assert_eq!(spdx(license), expected, "{license}");
        }
    }
}
