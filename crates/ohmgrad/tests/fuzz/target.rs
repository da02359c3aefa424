//! What is fuzzed.

use ohmgrad::circuit::netlist::{self, ReadOptions};
use ohmgrad::solve::{SolveOptions, Solver};

/// Takes any bytes for a netlist. What can be read is written, read back and solved; what cannot has an error with
/// words. Nothing may panic.
pub(crate) fn read_write_solve(bytes: &[u8]) {
    const MAX_ELEMENTS: usize = 300;
    let text = String::from_utf8_lossy(bytes);
    if names_a_file(&text) {
        return;
    }
    let options = ReadOptions::default().with_max_elements(MAX_ELEMENTS);
    let read = match netlist::parse_with(&text, "fuzz.cir", &options) {
        Ok(read) => read,
        Err(errors) => return assert!(!errors.to_string().is_empty()),
    };
    let written = netlist::write(&read.circuit, &read.title);
    match netlist::parse(&written, "written.cir") {
        Ok(again) => assert_eq!(again.circuit, read.circuit),
        Err(errors) => panic!("{errors}\nin\n{written}"),
    }
    if let Ok(mut solver) = Solver::new(&read.circuit, SolveOptions::default()) {
        _ = solver.solve(&read.circuit);
    }
}

/// Whether a netlist includes files: those are not part of the input.
fn names_a_file(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains(".inc") || text.contains(".lib")
}
