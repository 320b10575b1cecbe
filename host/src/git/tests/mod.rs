//! What needs no repository. The rest is in `tests/tests/git`, with a git program and servers.

#![allow(clippy::unwrap_used)]

mod choosing;
mod locations;
