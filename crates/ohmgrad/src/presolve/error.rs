//! Circuits that have no operating point.

use crate::interrupt::Interrupted;

/// Why a circuit has no operating point, or why none is looked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PresolveError {
    /// Voltage sources and shorts in a loop whose voltages do not add up to zero.
    #[error(
        "the voltages of {} add up to {excess} V around their loop, they must add up to 0: change one of them or put a resistor between them",
        elements.join(", ")
    )]
    ContradictoryLoop {
        /// The elements of the loop.
        elements: Vec<String>,
        /// The sum of their voltages, in volt.
        excess: f64,
    },
    /// Ideal diodes in a loop that cannot hold all their voltages at or below their forward voltages.
    #[error(
        "the ideal diodes {} cannot all hold: around their loop the voltages exceed the forward voltages by {excess} V; put a resistor in the loop",
        elements.join(", ")
    )]
    InfeasibleDiodes {
        /// The diodes of the loop, in the order in which it runs.
        elements: Vec<String>,
        /// By how much, in volt.
        excess: f64,
    },
    /// A current that no element can carry on.
    #[error(
        "{excess} A from {} has nowhere to go: no element carries it away from {}; add a path to ground",
        sources.join(", "),
        node_list(nodes)
    )]
    NowhereToGo {
        /// The current sources, and saturated elements, that feed the nodes.
        sources: Vec<String>,
        /// The nodes that the current cannot leave (or reach, if the sources draw it).
        nodes: Vec<String>,
        /// What cannot be carried, in ampere.
        excess: f64,
    },
    /// Laws of a circuit with controlled sources that no state obeys.
    #[error(
        "no potentials and currents obey all laws: those of {} grow without end; what should hold them cancels or contradicts",
        short_list(of)
    )]
    Contradiction {
        /// The nodes whose potentials grow, and the elements whose currents do.
        of: Vec<String>,
    },
    /// A source that a current controls of which nothing says how large it is.
    #[error(
        "{controlled} follows the current of {source_name}, which lies in a loop of voltage sources and shorts: no law says how the current divides there; put a resistor in the loop"
    )]
    LoopedControl {
        /// The voltage source whose current controls.
        source_name: String,
        /// The source that it controls.
        controlled: String,
    },
    /// A source that the voltage of a node controls that is no element's.
    #[error(
        "{controlled} follows the voltage of node {node}, which is only named as a control: nothing connects to it"
    )]
    LooseControl {
        /// The node.
        node: String,
        /// The source that it controls.
        controlled: String,
    },
    /// The search was [interrupted](crate::interrupt).
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A setting of the solver out of its range.
    #[error("the solver's {name} is {value}: it must be {range}")]
    Option {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// Its range, in words.
        range: &'static str,
    },
}

/// Nodes: up to five names, and how many more there are.
fn node_list(names: &[String]) -> String {
    let word = if names.len() == 1 { "node" } else { "nodes" };
    format!("{word} {}", short_list(names))
}

/// Up to five names, and how many more there are.
fn short_list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let (shown, rest) = names.split_at(names.len().min(SHOWN));
    let more = match rest.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    format!("{}{more}", shown.join(", "))
}
