//! What in a netlist may not mean what its writer meant, and what was left out.

use std::fmt;

use super::error::Place;

/// Something in a netlist that is read, and that may mean something else than its writer meant.
///
/// Displayed as `file:line:column: message`.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// Where it is.
    pub place: Place,
    /// What to be careful about.
    pub caution: Caution,
}

/// What to be careful about at a place of a netlist.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Caution {
    /// A title that could be an element or a statement.
    #[error(
        "the first line of a netlist is its title, and `{title}` is not read: put a title above it, or say that there is none (--no-title)"
    )]
    TitleIsStatement {
        /// The line.
        title: String,
    },
    /// A source of no value.
    #[error("`{name}` has no value: 0 is taken, as in ngspice")]
    NoValue {
        /// The source.
        name: String,
    },
    /// A resistor of no resistance.
    #[error("`{name}` has no resistance: 1 milliohm is taken, as in ngspice")]
    NoResistance {
        /// The resistor.
        name: String,
    },
    /// Arithmetic with spaces, of which only the first word counts.
    #[error(
        "only `{used}` of `{written}` is read, as in ngspice: write arithmetic with spaces in braces"
    )]
    CutArithmetic {
        /// What counts.
        used: String,
        /// What is written.
        written: String,
    },
    /// An end that names another subcircuit.
    #[error("`{found}` ends here, but the open subcircuit is `{open}`, which is ended")]
    OtherSubcircuit {
        /// What the line says.
        found: String,
        /// What is open.
        open: String,
    },
    /// A second model or subcircuit of a name.
    #[error("{what} `{name}` is there already, on line {line} of {file}: the first is used")]
    Twice {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
        /// The file of the first.
        file: String,
        /// The line of the first.
        line: usize,
    },
    /// A parameter that is defined again.
    #[error("the parameter `{name}` is there already, on line {line} of {file}: the last is used")]
    Redefined {
        /// The parameter.
        name: String,
        /// The file of the first.
        file: String,
        /// The line of the first.
        line: usize,
    },
    /// A node of a subcircuit that is ground, connected to another node.
    #[error(
        "the node `{port}` of `{subcircuit}` is ground everywhere: `{node}` is not connected to it"
    )]
    GroundPort {
        /// The subcircuit.
        subcircuit: String,
        /// The subcircuit's node.
        port: String,
        /// The node of the call.
        node: String,
    },
    /// A library that cannot be read, and of which nothing is needed.
    #[error("{path} cannot be read; nothing that is used is missing")]
    NoLibrary {
        /// The file.
        path: String,
    },
    /// A recombination current without its emission coefficient.
    #[error("ISR without NR: NR = 1 is taken, as in ngspice (2 in LTspice and PSpice)")]
    RecombinationCoefficient,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Place {
            file, line, column, ..
        } = &self.place;
        write!(f, "{file}:{line}:{column}: {}", self.caution)
    }
}

/// A kind of statement that was left out, since no operating point depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// How the statements start, such as `.tran`; `K` for couplings of inductors.
    pub statement: String,
    /// How many there are.
    pub count: usize,
}
