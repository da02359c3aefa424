//! Any bytes as a netlist, for libFuzzer:
//!
//! ```sh
//! cargo install cargo-fuzz
//! cargo fuzz run --sanitizer none netlist fuzz/corpus crates/ohmgrad/tests/golden
//! ```
//!
//! The golden netlists are its seeds. `crates/ohmgrad/tests/fuzz` runs the same function on a fixed number of inputs.

#![no_main]

#[path = "../../crates/ohmgrad/tests/fuzz/target.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::read_write_solve(bytes));
