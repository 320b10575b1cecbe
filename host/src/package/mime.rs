//! Types of files by their names, as the system's shared MIME database has them, which is also what
//! KDE asks.
//!
//! Of the database (<https://specifications.freedesktop.org/shared-mime-info-spec/>) only what tells
//! by a name's end, or by a whole name, is read: `globs2`, `aliases` and `subclasses`.

use std::collections::HashMap;
use std::fs;

use super::search::DataDirs;

/// The types that names stand for, and how they are related.
#[derive(Debug, Default)]
pub(super) struct MimeTypes {
    /// By whole name.
    names: HashMap<String, String>,
    /// By what follows a dot, in lower case.
    endings: HashMap<String, String>,
    aliases: HashMap<String, String>,
    parents: HashMap<String, Vec<String>>,
}

impl MimeTypes {
    /// The database of the data folders; empty where there is none.
    pub(super) fn read(dirs: &DataDirs) -> Self {
        let mut types = Self::default();
        for dir in dirs.iter() {
            let lines = |name| fs::read_to_string(dir.join("mime").join(name)).unwrap_or_default();
            types.add(&lines("globs2"), &lines("aliases"), &lines("subclasses"));
        }
        types
    }

    /// Adds what is less important than what is there already.
    fn add(&mut self, globs: &str, aliases: &str, subclasses: &str) {
        // Those with the greatest weight come first.
        for line in globs.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split(':').skip(1);
            let (Some(name), Some(glob)) = (fields.next(), fields.next()) else {
                continue;
            };
            let (types, glob) = match glob.strip_prefix("*.") {
                Some(ending) => (&mut self.endings, ending),
                None => (&mut self.names, glob),
            };
            if !glob.contains(['*', '?', '[']) {
                types
                    .entry(glob.to_lowercase())
                    .or_insert_with(|| name.to_owned());
            }
        }
        for (alias, name) in aliases.lines().filter_map(|line| line.split_once(' ')) {
            self.aliases
                .entry(alias.to_owned())
                .or_insert_with(|| name.to_owned());
        }
        for (name, parent) in subclasses.lines().filter_map(|line| line.split_once(' ')) {
            let parents = self.parents.entry(name.to_owned()).or_default();
            parents.push(parent.to_owned());
        }
    }

    /// The type of a file with that name, if the name tells.
    pub(super) fn of_name(&self, name: &str) -> Option<&str> {
        let name = name.to_lowercase();
        if let Some(found) = self.names.get(&name) {
            return Some(found);
        }
        // The longest ending counts: `tar.gz` before `gz`.
        let mut rest = &*name;
        while let Some((_, ending)) = rest.split_once('.') {
            if let Some(found) = self.endings.get(ending) {
                return Some(found);
            }
            rest = ending;
        }
        None
    }

    /// Whether what is of the type `found` is also of the type `wanted`, which may be `text/*`.
    pub(super) fn is_a(&self, found: &str, wanted: &str) -> bool {
        let wanted = self.named(wanted);
        let mut open = vec![self.named(found)];
        let mut seen: Vec<&str> = Vec::new();
        while let Some(name) = open.pop() {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            let is_text = name.starts_with("text/");
            let matches = match wanted.strip_suffix("/*") {
                Some(kind) => name.split('/').next() == Some(kind),
                // All text is plain text, says the specification.
                None => name == wanted || (is_text && wanted == "text/plain"),
            };
            if matches || wanted == "application/octet-stream" {
                return true;
            }
            let parents = self.parents.get(name).into_iter().flatten();
            open.extend(parents.map(|parent| self.named(parent)));
        }
        false
    }

    /// The name that an alias stands for.
    fn named<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> MimeTypes {
        let mut types = MimeTypes::default();
        types.add(
            "# a comment\n80:application/x-compressed-tar:*.tar.gz\n50:application/gzip:*.gz\n\
             50:image/png:*.png\n50:text/x-makefile:Makefile\n50:text/x-qml:*.qml\n\
             50:application/javascript:*.js\n50:text/xml:*.xml\n50:odd:*.[a-c]\nbroken\n",
            "text/javascript application/javascript\napplication/xml text/xml\n",
            "application/javascript text/plain\na b\nb a\n",
        );
        types.add("50:text/other:*.PNG\n50:text/more:*.more\n", "", "");
        types
    }

    #[test]
    fn names_that_say_nothing_have_no_type() {
        for name in ["", "a", "png", "a.", "a.b", ".", "a.png.x"] {
            assert_eq!(types().of_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_has_the_type_of_its_longest_ending_in_the_first_folder() {
        for (name, found) in [
            ("a.png", "image/png"),
            ("A.PNG", "image/png"),
            (".png", "image/png"),
            ("a.b.tar.gz", "application/x-compressed-tar"),
            ("a.gz", "application/gzip"),
            ("Makefile", "text/x-makefile"),
            ("x.more", "text/more"),
        ] {
            assert_eq!(types().of_name(name), Some(found), "{name}");
        }
    }

    #[test]
    fn types_are_what_their_parents_are() {
        for (found, wanted, is) in [
            ("image/png", "image/jpeg", false),
            ("image/png", "text/plain", false),
            ("image/png", "text/*", false),
            ("a", "c", false),
            ("image/png", "image/png", true),
            ("image/png", "image/*", true),
            ("text/x-qml", "text/plain", true),
            ("application/javascript", "text/plain", true),
            ("application/javascript", "text/javascript", true),
            ("text/xml", "application/xml", true),
        ] {
            assert_eq!(types().is_a(found, wanted), is, "{found} {wanted}");
        }
    }
}
