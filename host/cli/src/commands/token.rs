//! `keyway token`

use keyway_server::{audit_rotation, read_token, rotate_token, token_path};
use serde_json::json;

use crate::args::{Token, TokenAction};
use crate::failure::Failure;
use crate::table::printable;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(args: &Token, json: bool) -> Result<Outcome, Failure> {
    let folder = host::package_state(&args.state)?;
    let path = token_path(&folder);
    let shown = path.to_string_lossy();
    let (line, value) = match args.action {
        TokenAction::Path => (shown.to_string(), json!({"path": shown})),
        TokenAction::Show => {
            let token = read_token(&path)?;
            let value = json!({"path": shown, "token": token});
            (token, value)
        }
        TokenAction::Rotate => {
            make_private(&folder)?;
            rotate_token(&folder)?;
            audit_rotation(&folder);
            let line = format!("the new token is in {shown}");
            (line, json!({"path": shown, "rotated": true}))
        }
    };
    match json {
        true => output::print(&value)?,
        false => table::line(&printable(&line))?,
    }
    Ok(Outcome::Done)
}

/// The first server may not have been there yet.
fn make_private(folder: &std::path::Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(folder)?)
}
