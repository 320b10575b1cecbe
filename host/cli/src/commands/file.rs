//! `keyway file`

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Map;

use crate::args::File;
use crate::failure::Failure;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(args: &File, json: bool) -> Result<Outcome, Failure> {
    let package = host::open(&args.packages, &args.package)?;
    let path = package.find_file(&args.key, &args.file_name)?;
    if json {
        let mut object = Map::new();
        output::put_path(&mut object, "path", Some(&path));
        output::print(&object.into())?;
        return Ok(Outcome::Done);
    }
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        table::line(&table::printable(&path.to_string_lossy()))?;
        return Ok(Outcome::Done);
    }
    // The path's own bytes: a program may open what it reads here.
    out.write_all(path.as_os_str().as_encoded_bytes())?;
    out.write_all(b"\n")?;
    Ok(Outcome::Done)
}
