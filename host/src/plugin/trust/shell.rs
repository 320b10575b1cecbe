//! Names in commands that a person may copy into a shell.

use std::fmt::Write as _;
use std::path::Path;

/// The path as one word of a shell command.
///
/// What is no plain text is written in the form `$'...'`, which bash, zsh, ksh and POSIX of 2024
/// know; so nothing in it acts on a terminal.
pub(super) fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:=@%".contains(c);
    match path.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Some(text) if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let mut word = String::from("$'");
            for &byte in bytes {
                match byte {
                    b'\'' | b'\\' => {
                        word.push('\\');
                        word.push(char::from(byte));
                    }
                    b' '..=b'~' => word.push(char::from(byte)),
                    // Three octal digits always: the next character cannot join them.
                    _ => {
                        let _ = write!(word, "\\{byte:03o}");
                    }
                }
            }
            word.push('\'');
            word
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn a_path_is_one_word() {
        let cases: [(&[u8], &str); 6] = [
            (b"/usr/lib/a-b_c.so", "/usr/lib/a-b_c.so"),
            (b"/my plugins/x.so", "'/my plugins/x.so'"),
            (b"/it's; rm -r $HOME", r"'/it'\''s; rm -r $HOME'"),
            ("/gr\u{fc}n".as_bytes(), "'/gr\u{fc}n'"),
            (b"/a\n\x1b[2Jb'\\", r"$'/a\012\033[2Jb\'\\'"),
            (b"/\xff1", r"$'/\3771'"),
        ];
        for (path, word) in cases {
            assert_eq!(quoted(Path::new(std::ffi::OsStr::from_bytes(path))), word);
        }
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/a\n'b\\ $x\xff.so"));
        let script = format!("printf %s {}", quoted(path));
        let Ok(output) = std::process::Command::new("bash")
            .args(["-c", &script])
            .output()
        else {
            super::super::tests::skipped("quoting for a shell", "there is no bash");
            return;
        };
        assert_eq!(output.stdout, path.as_os_str().as_bytes());
    }
}
