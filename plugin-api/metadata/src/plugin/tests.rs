use serde_json::json;

use super::*;
use crate::Format;

fn document(value: &Value) -> Document {
    Document::parse(Format::Json, value.to_string().as_bytes()).unwrap()
}

#[test]
fn nothing_there_is_none() {
    for value in [json!({}), json!({"KPlugin": 5}), json!({"KPlugin": []})] {
        let document = document(&value);
        let metadata = document.metadata();
        assert_eq!(metadata.id(), None);
        assert_eq!(metadata.name(), None);
        assert_eq!(metadata.version(), None);
        assert_eq!(metadata.authors(), []);
        assert_eq!(metadata.service_types(), [""; 0]);
        assert_eq!(metadata.value("KPackageStructure"), None);
        assert!(!metadata.is_hidden());
    }
}

#[test]
fn an_id_is_text_and_not_empty() {
    for id in [json!(""), json!(5), json!(null), json!(["a"])] {
        assert_eq!(
            document(&json!({"KPlugin": {"Id": id}})).metadata().id(),
            None
        );
    }
}

#[test]
fn hidden_is_the_root_key_and_case_matters() {
    for (value, hidden) in [
        (json!({"isHidden": "TRUE"}), false),
        (json!({"isHidden": 1}), false),
        (json!({"isHidden": false}), false),
        (
            json!({"KPlugin": {"isHidden": true, "Hidden": true}}),
            false,
        ),
        (json!({"isHidden": true}), true),
        (json!({"isHidden": "true"}), true),
        (json!({"isHidden": ["true"]}), true),
    ] {
        assert_eq!(document(&value).metadata().is_hidden(), hidden, "{value}");
    }
}

#[test]
fn translations_go_from_country_to_language_to_none() {
    let document = document(&json!({"KPlugin": {
        "Name": "Plain", "Name[de]": "Deutsch", "Name[de_AT]": "Ö", "Name[C]": "C?",
        "Name[fr]": 5, "Description[en]": "only en",
    }}));
    let metadata = document.metadata();
    for (locale, name) in [
        ("de_AT", Some("Ö")),
        ("de_AT.UTF-8", Some("Ö")),
        ("de_AT@euro", Some("Ö")),
        ("de_DE", Some("Deutsch")),
        ("de", Some("Deutsch")),
        ("it_IT", Some("Plain")),
        ("fr_FR", None),
        ("C.UTF-8", Some("C?")),
        ("POSIX", Some("C?")),
        ("", Some("C?")),
    ] {
        assert_eq!(metadata.translated("Name", locale), name, "{locale}");
    }
    assert_eq!(metadata.description(), None);
    assert_eq!(metadata.translated("Description", "en_GB"), Some("only en"));
}

#[test]
fn typed_values_are_what_is_there_or_an_error_that_says_what_is() {
    let document = document(&json!({
        "flag": true, "text flag": " false ", "number": 7, "text number": "-7", "text": "yes",
        "list": ["a", "b"], "object": {"a": 1}, "null": null,
    }));
    let metadata = document.metadata();
    for (key, message) in [
        (
            "text",
            "the metadata key `text`: invalid type: string \"yes\", expected a boolean",
        ),
        (
            "number",
            "the metadata key `number`: invalid type: integer `7`, expected a boolean",
        ),
        (
            "list",
            "the metadata key `list`: invalid type: sequence, expected a boolean",
        ),
        (
            "null",
            "the metadata key `null`: invalid type: null, expected a boolean",
        ),
        (
            "text number",
            "the metadata key `text number`: invalid type: string \"-7\", expected a boolean",
        ),
    ] {
        let error = metadata.get::<bool>(key).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.key(), key);
    }
    assert!(metadata.get::<u32>("text number").is_err());
    assert_eq!(metadata.get::<i32>("text number").unwrap(), Some(-7));
    assert_eq!(metadata.get::<u8>("number").unwrap(), Some(7));
    assert_eq!(metadata.get::<bool>("flag").unwrap(), Some(true));
    assert_eq!(metadata.get::<bool>("text flag").unwrap(), Some(false));
    assert_eq!(
        metadata.get::<String>("text").unwrap().as_deref(),
        Some("yes")
    );
    assert_eq!(
        metadata.get::<Vec<String>>("list").unwrap().unwrap(),
        ["a", "b"]
    );
    assert_eq!(metadata.get::<bool>("missing").unwrap(), None);
}

#[test]
fn people_are_given_in_the_language_that_is_asked_for() {
    let document = document(&json!({"KPlugin": {
        "Authors": {"Name": "Ann", "Name[de]": "Anne", "Task[de]": "Code", "Website": "w"},
        "Translators": [{"Name": ""}, 5, {"Email": "x"}, {"Name": "Bo", "UserName": "bo"}],
        "OtherContributors": "Cy",
    }}));
    let metadata = document.metadata();
    let ann = metadata.authors()[0];
    assert_eq!((ann.name, ann.task, ann.website), ("Ann", None, Some("w")));
    let ann = metadata.people("Authors", "de_AT")[0];
    assert_eq!((ann.name, ann.task), ("Anne", Some("Code")));
    let translators = metadata.translators();
    assert_eq!(translators.len(), 1);
    assert_eq!(
        (translators[0].name, translators[0].user_name),
        ("Bo", Some("bo"))
    );
    assert_eq!(metadata.other_contributors(), []);
}

#[test]
fn the_rest_of_kplugin() {
    let document = document(&json!({"KPlugin": {
        "BugReportUrl": "b", "ExtraInformation": "more", "ExtraInformation[de]": "mehr",
        "InitialPreference": 9, "MimeTypes": ["text/plain"], "Name[de]": "N",
    }}));
    let metadata = document.metadata();
    assert_eq!(metadata.bug_report_url(), Some("b"));
    assert_eq!(metadata.extra_information(), Some("more"));
    assert_eq!(metadata.translated("ExtraInformation", "de"), Some("mehr"));
    assert_eq!(metadata.initial_preference(), 9);
    assert!(metadata.supports_mime_type("text/plain"));
    assert!(!metadata.supports_mime_type("text"));
    assert_eq!((metadata.name(), metadata.name_in("de")), (None, Some("N")));
}

#[test]
fn a_view_is_taken_from_anything_that_has_a_root() {
    let document = document(&json!({"KPackageStructure": "A/B"}));
    assert_eq!(
        PluginMetadata::from(&document),
        PluginMetadata::new(document.root())
    );
    assert_eq!(
        document.metadata().to_json(),
        r#"{"KPackageStructure":"A/B"}"#
    );
    assert_eq!(document.metadata().raw(), document.root());
}

#[test]
fn a_name_in_a_language_is_a_translation() {
    for (kplugin, is) in [
        (json!({}), false),
        (
            json!({"Name": "a", "Name[C]": "b", "Description[de]": "c"}),
            false,
        ),
        (json!(["Name[de]"]), false),
        (json!({"Name[de]": "a"}), true),
    ] {
        let document = document(&json!({"KPlugin": kplugin, "Name[fr]": "x"}));
        assert_eq!(document.metadata().is_translated(), is, "{kplugin}");
        let taken_apart = PluginMetadata::new(document.root());
        assert_eq!(taken_apart.is_translated(), is, "{kplugin}");
    }
}
