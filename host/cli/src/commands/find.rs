//! `keyway find`

use keyway::package::{PackageMetadata, PluginMetadata};
use serde_json::Value;

use super::list;
use crate::Outcome;
use crate::args::Find;
use crate::failure::Failure;

/// Exit 1 if there is none, as grep does.
pub(crate) fn run(args: &Find, json: bool) -> Result<Outcome, Failure> {
    let words: Vec<String> = args.words.iter().map(|word| word.to_lowercase()).collect();
    let found = list::print(&args.packages, json, |listing| {
        listing.find(|metadata| has_all(metadata, &words))
    })?;
    Ok(if found > 0 {
        Outcome::Done
    } else {
        Outcome::No
    })
}

/// Whether each word, in lower case, is part of something that the metadata say of the package to
/// people, in any language.
fn has_all(metadata: &PackageMetadata, words: &[String]) -> bool {
    let mut texts: Vec<String> = metadata.id().map(str::to_lowercase).into_iter().collect();
    add_texts(metadata.view(), &mut texts);
    words
        .iter()
        .all(|word| texts.iter().any(|text| text.contains(word)))
}

fn add_texts(view: PluginMetadata<'_>, texts: &mut Vec<String>) {
    // `KPlugin` has the texts, and keywords stand beside it as well.
    let kplugin = view.raw().get("KPlugin").and_then(Value::as_object);
    let entries = kplugin.into_iter().flatten().chain(view.raw());
    for (key, value) in entries {
        let key = key.split('[').next().unwrap_or(key);
        if matches!(
            key,
            "Name" | "Description" | "Category" | "Keywords" | "X-KDE-Keywords"
        ) {
            match value {
                Value::String(text) => texts.push(text.to_lowercase()),
                Value::Array(items) => {
                    texts.extend(
                        items
                            .iter()
                            .filter_map(Value::as_str)
                            .map(str::to_lowercase),
                    );
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use keyway::package::{Document, Format};

    use super::*;

    fn has(words: &[&str]) -> bool {
        let text = r#"{"KPlugin": {"Id": "org.example.Clock", "Name": "Analog Clock",
            "Name[de]": "Analoge UHR", "Description": "A dial", "Category": "Date and Time",
            "Icon": "invisible", "Keywords": ["hands", 5], "Authors": [{"Name": "Nobody"}]},
            "X-KDE-Keywords": "wall,tower", "X-KDE-Keywords[fr]": "mur", "X-Other": "other"}"#;
        let document = Document::parse(Format::Json, text.as_bytes());
        let metadata = PackageMetadata::from(document.unwrap_or_default());
        let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        has_all(&metadata, &words)
    }

    #[test]
    fn all_words_have_to_be_there() {
        for words in [
            &["dial", "nosuch"][..],
            &["invisible"],
            &["nobody"],
            &["other"],
            &["kplugin"],
            &["analog clocks"],
        ] {
            assert!(!has(words), "{words:?}");
        }
    }

    #[test]
    fn words_are_parts_in_any_case_and_language() {
        for words in [
            &["EXAMPLE.clock"][..],
            &["analog"],
            &["uhr", "A DIAL"],
            &["time", "tower", "mur", "hands"],
            &["analog clock"],
            &[],
        ] {
            assert!(has(words), "{words:?}");
        }
    }
}
