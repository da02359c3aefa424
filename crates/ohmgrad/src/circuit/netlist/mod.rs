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
//!
//! # What is read
//!
//! | | |
//! |---|---|
//! | R | value, `r=`, `m=`, `scale=`, `tc=`, `tc1=`, `tc2=`, `tce=`, `temp=`, `dtemp=`; models R and RES: `r`, temperature coefficients, sheets |
//! | C, L | open and short, but for `Rpar=` and `Rser=`; couplings K are left out |
//! | V, I | `DC`, functions of time at t = 0, `Rser=` (V), `Rpar=`, `load`, `tbl=` (I), `m=` (I) |
//! | D | models D with the laws of ngspice: temperature, breakdown, high injection, recombination; LTspice's idealised diodes |
//! | A | models sidiode |
//! | E, F, G, H | gains; `POLY` and `VALUE=` if they are linear, which may make several sources of one |
//! | B, G | currents of the element's own voltage that do not fall: see [`Formula`](crate::device::Formula); tables |
//! | B | voltages and currents that are linear in other voltages and currents |
//! | X | subcircuits, `m=` |
//!
//! Parameters that cannot change an operating point are skipped; any other that is not known is an error. Analyses, outputs and
//! commands are left out and counted ([`Netlist::ignored`]); commands that change the circuit are errors.
//!
//! # Where programs differ
//!
//! What is read follows ngspice, and LTspice where ngspice has no meaning of its own. What may surprise is a [`Warning`].
//!
//! - `1k5` is 1.5 k, as in LTspice (ngspice: 1 k), and so with R, k, g, t, meg, u, n, p, f; `4m7` is refused, as `m` may be
//!   milli or mega. `M` is milli, `MEG` mega.
//! - Of arithmetic with spaces outside braces, only the first word counts if another parameter follows it on the line.
//! - An odd power of a negative number is refused: ngspice takes the size of the number. In currents, `V(a)**3` is odd.
//! - The recombination current of a diode goes on in reverse, as in PSpice: in ngspice it ends in a step, at which the current
//!   would fall as the voltage rises. NR is 1, as in ngspice, not 2.
//! - An idealised diode bends beyond its thresholds, as in LTspice.
//! - Multiples of subcircuits in multiples multiply; in ngspice 39 the outer number takes the place of the inner one.
//! - A source that a current controls in a subcircuit with `m=` is that of each of the subcircuits side by side; in ngspice 39 F, H
//!   and formulas of currents take the sum of their currents.
//! - Random functions (`agauss`, `limit`, `mc`, ..) are refused.
//!
//! # Notes
//!
//! Comments that start with `*!ohmgrad` say what SPICE cannot: the order and names of nodes, names of elements, and numbers of
//! models to the last digit. [`write()`] writes them.

mod analyses;
mod call;
mod elements;
mod error;
mod expansion;
mod expression;
mod fault;
mod functions;
mod lines;
mod models;
mod multiples;
mod notes;
mod number;
mod other_tools;
mod parameters;
mod program;
mod settings;
mod source;
mod spelling;
mod statements;
mod token;
mod value;
mod warning;
mod writer;

use std::path::Path;

pub use analyses::{Sweep, TransferRequest};
pub use error::{NetlistError, NetlistErrors, Place};
pub use fault::Fault;
pub use warning::{Caution, Ignored, Warning};
pub use writer::write;

use super::Circuit;
use error::Report;
use source::Sources;

type Map<K, V> = foldhash::HashMap<K, V>;
type Set<K> = foldhash::HashSet<K>;

/// A circuit that was read from a netlist.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Netlist {
    /// The first line of the netlist, or what `.title` says.
    pub title: String,
    /// The circuit.
    pub circuit: Circuit,
    /// What may mean something else than its writer meant, at most 20, in the order of their places.
    pub warnings: Vec<Warning>,
    /// What was left out, since no operating point depends on it.
    pub ignored: Vec<Ignored>,
    /// What the last `.dc` statement asks for, if it is one of a source with its first and last value and a step.
    pub sweep: Option<Sweep>,
    /// What the last `.tf` statement asks for.
    pub transfer: Option<TransferRequest>,
}

/// How a netlist is read.
///
/// ```
/// use ohmgrad::circuit::netlist::{self, ReadOptions};
/// let text = "V1 in 0 3\nR1 in 0 50";
/// let options = ReadOptions::default().with_title(false);
/// assert_eq!(netlist::parse_with(text, "lamp.cir", &options)?.circuit.elements().len(), 2);
/// # Ok::<(), netlist::NetlistErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReadOptions {
    has_title: bool,
    max_elements: usize,
}

impl Default for ReadOptions {
    fn default() -> ReadOptions {
        ReadOptions {
            has_title: true,
            max_elements: 20_000_000,
        }
    }
}

impl ReadOptions {
    /// Whether the first line is the title, as in SPICE (the default), and not a statement.
    #[must_use]
    pub fn with_title(mut self, has_title: bool) -> ReadOptions {
        self.has_title = has_title;
        self
    }

    /// How many elements and instances of subcircuits there may be, 20 million by default: a few lines of nested
    /// subcircuits can stand for millions of them.
    #[must_use]
    pub fn with_max_elements(mut self, max_elements: usize) -> ReadOptions {
        self.max_elements = max_elements;
        self
    }
}

/// Reads the netlist in a file.
///
/// The file is in UTF-8 or UTF-16; one that is neither is read as Latin-1.
///
/// # Errors
/// If the file cannot be read, or something in it is wrong or not supported: all that is wrong, with places.
pub fn read(path: impl AsRef<Path>) -> Result<Netlist, NetlistErrors> {
    read_with(path, &ReadOptions::default())
}

/// As [`read`], with options.
///
/// # Errors
/// As [`read`], and if there are more elements than the options allow.
pub fn read_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Netlist, NetlistErrors> {
    let path = path.as_ref();
    let name = path.display().to_string();
    match source::read_text(path) {
        Ok(text) => parse_text(text, &name, options),
        Err(cause) => Err(Fault::Unreadable { path: name, cause }.into()),
    }
}

/// Reads a netlist. `name` stands in messages; files that the netlist includes are looked for beside the file
/// of this name.
///
/// # Errors
/// If something in it is wrong or not supported: all that is wrong, with places.
pub fn parse(text: &str, name: &str) -> Result<Netlist, NetlistErrors> {
    parse_with(text, name, &ReadOptions::default())
}

/// As [`parse`], with options.
///
/// # Errors
/// As [`parse`], and if there are more elements than the options allow.
pub fn parse_with(text: &str, name: &str, options: &ReadOptions) -> Result<Netlist, NetlistErrors> {
    parse_text(text.to_owned(), name, options)
}

/// The number that a word stands for in a netlist, such as `-1m`, `4.7k` or `1e-3`; `None` if it is none.
///
/// ```
/// use ohmgrad::circuit::netlist::parse_number;
/// assert_eq!(parse_number("-1m"), Some(-1e-3));
/// assert_eq!(parse_number("2 volt"), None);
/// ```
pub fn parse_number(text: &str) -> Option<f64> {
    let text = text.to_ascii_lowercase();
    number::parse(source::piece_of(&text)).ok()
}

fn parse_text(text: String, name: &str, options: &ReadOptions) -> Result<Netlist, NetlistErrors> {
    let mut report = Report::default();
    let sources = Sources::load(name, text, options.has_title, &mut report)?;
    let mut program = program::read(&sources, &mut report);
    let title = program.title.unwrap_or(sources.title()).to_owned();
    let ignored = std::mem::take(&mut program.ignored);
    let transfer = program.transfer.take();
    match expansion::expand(&sources, &program, options.max_elements, &mut report) {
        Some((circuit, sweep)) => Ok(Netlist {
            title,
            circuit,
            sweep,
            transfer,
            warnings: report.warnings(&sources),
            ignored,
        }),
        None => Err(report.errors(&sources)),
    }
}

#[cfg(test)]
mod tests;
