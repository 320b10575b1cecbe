//! Metadata files that are made up, also such as nobody should write.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Keys of `KPlugin`, and values in JSON.
const KPLUGIN: [(&str, &str); 22] = [
    ("Id", r#""one""#),
    ("Id", r#""two""#),
    ("Id", r#""a.b-c_d""#),
    ("Name", r#""Name""#),
    ("Name[de]", r#""Deutsch""#),
    ("Name[C]", r#""Sea""#),
    ("Description", r#""words""#),
    ("Version", r#""1.10""#),
    (
        "Authors",
        r#"[{"Name":"A","Email":"a@b"},{"Email":"only"},{"Name":""},"text",3]"#,
    ),
    ("Authors", r#"{"Name":"Alone"}"#),
    ("Translators", r#"[{"Name":"T","Name[C]":"S"}]"#),
    ("Category", r#""Cat""#),
    ("License", r#""GPL""#),
    ("Website", r#""https://x""#),
    ("Icon", r#""icon""#),
    ("BugReportUrl", r#""mailto:x""#),
    ("EnabledByDefault", "true"),
    ("Hidden", "true"),
    ("FormFactors", r#"["desktop","phone"]"#),
    ("MimeTypes", r#"["a/b"]"#),
    ("ServiceTypes", r#"["Plasma/Applet","$TYPE"]"#),
    ("InitialPreference", "7"),
];

/// Keys of the root, and values.
const OTHERS: [(&str, &str); 16] = [
    ("X-Odd", r#""half \ud800""#),
    ("X-Odd", r#""\udc00""#),
    ("KPackageStructure", r#""$TYPE""#),
    ("KPackageStructure", r#""$TYPE""#),
    ("KPackageStructure", r#"["$TYPE"]"#),
    ("KPackageStructure", r#"["$TYPE","Other/Type"]"#),
    ("KPackageStructure", r#""Other/Type""#),
    ("isHidden", "true"),
    ("isHidden", r#""true""#),
    ("isHidden", r#"["true"]"#),
    ("X-Plasma-MainScript", r#""ui/main.qml""#),
    ("X-Plasma-MainScript", r#""../x""#),
    ("X-Plasma-RootPath", r#""app""#),
    ("X-Plasma-FallbackPackage", r#""two""#),
    ("X-Odd", r#"["a",true,null,1.5,{"b":[]}]"#),
    ("Keywords", r#"["k"]"#),
];

/// Values that no key wants.
const ODD_VALUES: [&str; 22] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e400",
    "2147483648",
    "\"\"",
    "\"true\"",
    "\"1\"",
    "[]",
    "{}",
    "[null]",
    "[1,\"a\",true]",
    "[[\"a\"]]",
    "[\"a,b\",\"\"]",
    r#""é\u00e9\ud83d\ude00""#,
    r#""\u0000""#,
    r#""a\/b\\n""#,
    r#""line\nline""#,
    "\"\t\"",
];

const ODD_KEYS: [&str; 8] = [
    "",
    "Name[",
    "Name[x]",
    "KPlugin",
    "id",
    "X-KDE-Library",
    "é",
    "isHidden",
];

fn entry(
    known: &'static [(&'static str, &'static str)],
) -> impl Strategy<Value = (String, String)> {
    let odd_key = select(ODD_KEYS.to_vec());
    let odd_value = || select(ODD_VALUES.to_vec());
    prop_oneof![
        12 => select(known).prop_map(|(key, value)| (key.to_owned(), value.to_owned())),
        2 => (select(known), odd_value()).prop_map(|((key, _), value)| (key.to_owned(), value.to_owned())),
        1 => (odd_key, odd_value()).prop_map(|(key, value)| (key.to_owned(), value.to_owned())),
    ]
}

fn object(entries: Vec<(String, String)>) -> String {
    let entries: Vec<String> = entries
        .into_iter()
        .map(|(key, value)| format!("\"{key}\": {value}"))
        .collect();
    format!("{{{}}}", entries.join(", "))
}

/// The bytes of a `metadata.json`. `$TYPE` stands for the case's type.
pub(crate) fn json_text() -> impl Strategy<Value = Vec<u8>> {
    let kplugin = vec(entry(&KPLUGIN), 0..6).prop_map(object);
    (
        proptest::option::weighted(0.95, kplugin),
        vec(entry(&OTHERS), 0..4),
        damage(),
    )
        .prop_map(|(kplugin, mut entries, damage)| {
            if let Some(kplugin) = kplugin {
                entries.push(("KPlugin".to_owned(), kplugin));
            }
            damage.of(object(entries))
        })
}

/// What is done to a text.
#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    Before(&'static str),
    Behind(&'static [u8]),
    /// As many bytes are left.
    Cut(usize),
    Instead(&'static [u8]),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        30 => Just(Damage::None),
        1 => select(vec!["\u{feff}", " \n\t\r\n", "// no\n", "\u{feff}\u{feff}", "\u{a0}"]).prop_map(Damage::Before),
        1 => select(vec![&b"x"[..], b"\n\n", b"\0", b"{}", b"\xff", b"\x1a"]).prop_map(Damage::Behind),
        1 => (0..60_usize).prop_map(Damage::Cut),
        1 => select(vec![
            &b""[..], b"{}", b"[]", b"null", b"\"text\"", b"[{}]", b"{\"a\":1,}", b"{'a':1}", b"{\"KPlugin\":{\"Id\":\"\xff\"}}",
            b"{\"KPlugin\":{\"Id\":\"\xc0\x80\"}}", b"{\"a\":01}", b"{\"a\":+1}", b"{\"a\":.5}", b"{\"a\":1.}", b"{\"a\":\"\\x\"}",
            b"{\"a\":\"\n\"}", b"{\"a\":tru}", b"{a:1}", b"{\"a\" 1}", b"\xff\xfe{\0}\0", b"{\"KPlugin\":null}", b"{\"KPlugin\":[]}",
            b"{\"a\":-}", b"{\"a\":1e}", b"{\"a\":123456789012345678901234567890}",
        ]).prop_map(Damage::Instead),
    ]
}

impl Damage {
    fn of(self, text: String) -> Vec<u8> {
        match self {
            Self::None => text.into_bytes(),
            Self::Before(before) => format!("{before}{text}").into_bytes(),
            Self::Behind(behind) => [text.as_bytes(), behind].concat(),
            Self::Cut(length) => text.bytes().take(length).collect(),
            Self::Instead(other) => other.to_vec(),
        }
    }
}

/// Lines of a `metadata.desktop`.
const LINES: [&str; 52] = [
    "Name=Name",
    "Name[de]=Deutsch",
    "Name[C]=Sea",
    "Comment=words",
    "Comment[de]=Worte",
    "Icon=icon",
    "Type=Service",
    "Type=Application",
    "X-KDE-PluginInfo-Name=one",
    "X-KDE-PluginInfo-Name=two",
    "X-KDE-PluginInfo-Version=1.10",
    "X-KDE-PluginInfo-Author=A",
    "X-KDE-PluginInfo-Email=a@b",
    "X-KDE-PluginInfo-Authors=A,B",
    "X-KDE-PluginInfo-Emails=a@b",
    "X-KDE-PluginInfo-License=GPL",
    "X-KDE-PluginInfo-Website=https://x",
    "X-KDE-PluginInfo-Category=Cat",
    "X-KDE-PluginInfo-EnabledByDefault=true",
    "X-KDE-PluginInfo-EnabledByDefault=1",
    "X-KDE-PluginInfo-Depends=a,b",
    "X-KDE-ServiceTypes=$TYPE",
    "X-KDE-ServiceTypes=Plasma/Applet,$TYPE",
    "ServiceTypes=$TYPE",
    "X-KDE-FormFactors=desktop,phone",
    "MimeType=a/b;c/d;",
    "Hidden=true",
    "isHidden=true",
    "NoDisplay=true",
    "X-Plasma-MainScript=ui/main.qml",
    "X-Plasma-RootPath=app",
    "X-KDE-Library=libx",
    "Keywords=a,b;c",
    "X-KDE-ParentApp=",
    "Encoding=UTF-8",
    "",
    "# comment",
    "[Other]",
    "[Desktop Entry]",
    " Name = spaced ",
    "\tComment=tab\\tbed\\sand\\nmore\\\\",
    "novalue",
    "=nokey",
    "Name=Again",
    "Name[=x",
    "X-Odd=a\\,b,c",
    "X-Odd= ",
    "X-List=a,b\\,c,,d",
    "X-Flag=true",
    "InitialPreference=7",
    "X-KDE-InitialPreference=7",
    "X-KPackage-Dependencies=a,b",
];

/// The bytes of a `metadata.desktop`.
pub(crate) fn desktop() -> impl Strategy<Value = Vec<u8>> {
    let header = select(vec![
        "[Desktop Entry]\n",
        "[Desktop Entry]\n",
        "[Desktop Entry]\n",
        "[Desktop Entry]\n",
        "[Desktop Entry]\r\n",
        "[Other]\nName=x\n",
        "",
        " [Desktop Entry]\n",
        "[Desktop Entry] \n",
        "[desktop entry]\n",
        "\u{feff}[Desktop Entry]\n",
    ]);
    let end = select(vec!["\n", "\n", "\n", "\n", "\r\n", "\n\n"]);
    let behind = select(vec![
        &b""[..],
        b"",
        b"",
        b"",
        b"",
        b"\xff",
        b"Name=\xff\n",
        b"\0",
        b"Name=a\0b\n",
    ]);
    (header, vec(select(LINES.to_vec()), 0..8), end, behind).prop_map(
        |(header, lines, end, behind)| {
            let mut text = header.to_owned();
            for line in lines {
                text.push_str(line);
                text.push_str(end);
            }
            [text.as_bytes(), behind].concat()
        },
    )
}
