//! What the manager decides and writes down, each by itself.

mod order;
mod records;
mod transition;
