//! The `frameseal` command.
fn main() {}
