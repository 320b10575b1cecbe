//! Hostile plugins, one defect each: every one is refused by name, and the good plugin beside it
//! answers as if it were not there.
//!
//! | module | what is wrong | who finds it |
//! |---|---|---|
//! | [`header`] | the file's header and program headers | looking |
//! | [`manifest`] | the notes and the manifest in them | looking |
//! | [`entry`] | the entry, its rows and tables | the gates after loading |
//! | [`calls`] | what functions return and push | the call |
//! | [`ending`] | the process is ended | nobody; who asks for another type is not hit |

#![allow(clippy::unwrap_used)]
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

mod beside;
mod calls;
mod ending;
mod entry;
mod header;
mod manifest;
mod measure;
mod segments;
