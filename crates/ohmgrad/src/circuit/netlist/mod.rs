//! SPICE netlists, in and out.
//!
//! [`read`] and [`parse`] read the part of SPICE that resistive networks need, as ngspice understands it for
//! an operating point (`.op`).
//!
//! ```
//! use ohmgrad::circuit::netlist;
//! let netlist = netlist::parse(
//!     "A diode behind a divider
//!      V1 in 0 3
//!      R1 in out 10k
//!      D1 out 0 dmod
//!      .model dmod D(IS=1e-12 N=1.5)
//!      .end",
//!     "example.cir",
//! )?;
//! assert_eq!(netlist.title, "A diode behind a divider");
//! assert_eq!(netlist.circuit.node_names(), ["0", "in", "out"]);
//! # Ok::<(), netlist::NetlistErrors>(())
//! ```

mod elements;
mod error;
mod expansion;
mod expression;
mod fault;
mod lines;
mod models;
mod notes;
mod number;
mod parameters;
mod program;
mod settings;
mod source;
mod spelling;
mod statements;
mod stimulus;
mod token;
mod value;
mod writer;

use std::path::Path;

pub use error::{NetlistError, NetlistErrors, Place};
pub use fault::Fault;
pub use writer::write;

use super::Circuit;
use error::Report;
use source::Sources;

type Map<K, V> = foldhash::HashMap<K, V>;
type Set<K> = foldhash::HashSet<K>;

/// How many elements and instances of subcircuits a circuit may have.
const MAX_ELEMENTS: usize = 20_000_000;

/// A circuit that was read from a netlist.
#[derive(Clone, Debug, PartialEq)]
pub struct Netlist {
    /// The first line of the netlist, or what `.title` says.
    pub title: String,
    /// The circuit.
    pub circuit: Circuit,
}

/// Reads the netlist in a file.
///
/// A file that is not UTF-8 is read as Latin-1.
///
/// # Errors
/// If the file cannot be read, or something in it is wrong or not supported: all that is wrong, with places.
pub fn read(path: impl AsRef<Path>) -> Result<Netlist, NetlistErrors> {
    let path = path.as_ref();
    let name = path.display().to_string();
    match source::read_text(path) {
        Ok(text) => parse_text(text, &name, MAX_ELEMENTS),
        Err(cause) => Err(Fault::Unreadable { path: name, cause }.into()),
    }
}

/// Reads a netlist. `name` stands in messages; files that the netlist includes are looked for beside the file
/// of this name.
///
/// # Errors
/// If something in it is wrong or not supported: all that is wrong, with places.
pub fn parse(text: &str, name: &str) -> Result<Netlist, NetlistErrors> {
    parse_text(text.to_owned(), name, MAX_ELEMENTS)
}

/// As [`parse`], for a netlist of at most `max_elements` elements and instances of subcircuits: a few lines of nested
/// subcircuits can stand for millions of them. [`parse`] allows 20 million.
///
/// # Errors
/// If there are more of them, or something in the netlist is wrong or not supported: all that is wrong, with places.
pub fn parse_limited(
    text: &str,
    name: &str,
    max_elements: usize,
) -> Result<Netlist, NetlistErrors> {
    parse_text(text.to_owned(), name, max_elements)
}

fn parse_text(text: String, name: &str, limit: usize) -> Result<Netlist, NetlistErrors> {
    let mut report = Report::default();
    let sources = Sources::load(name, text, &mut report)?;
    let program = program::read(&sources, &mut report);
    let title = program.title.unwrap_or(sources.title()).to_owned();
    match expansion::expand(&sources, &program, limit, &mut report) {
        Some(circuit) => Ok(Netlist { title, circuit }),
        None => Err(report.errors(&sources)),
    }
}

#[cfg(test)]
mod tests;
