//! Circuits: named nodes, and two-terminal elements between them, some of them controlled from elsewhere.
//!
//! A [`Circuit`] is built by a [`CircuitBuilder`] or read from a SPICE [`netlist`], and is valid from
//! then on: every number is in range, every name unique. Values can be changed for another solve
//! ([`Circuit::set_law`]); nodes and connections cannot.

mod builder;
mod names;
pub mod netlist;

pub use builder::CircuitBuilder;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::device::Law;
use names::NameIndex;

/// A node of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

/// An element of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ElementId(u32);

impl NodeId {
    /// The node at 0 V, named `0`.
    pub const GROUND: NodeId = NodeId(0);

    /// The node at a place in [`Circuit::node_names`].
    pub(crate) fn from_index(index: u32) -> NodeId {
        NodeId(index)
    }

    /// The node's place in [`Circuit::node_names`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ElementId {
    /// The element at a place in [`Circuit::elements`].
    pub(crate) fn from_index(index: u32) -> ElementId {
        ElementId(index)
    }

    /// The element's place in [`Circuit::elements`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An element between two nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    nodes: [NodeId; 2],
    law: Law,
}

impl Element {
    /// The nodes it joins. Its voltage is that of the first above the second; a current from the first
    /// through the element to the second is positive.
    pub fn nodes(&self) -> [NodeId; 2] {
        self.nodes
    }

    /// What it does.
    pub fn law(&self) -> &Law {
        &self.law
    }
}

/// What controls a source, the x of [`Law::ControlledVoltage`] and [`Law::ControlledCurrent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// The voltage of the first node above the second, in volt.
    Voltage([NodeId; 2]),
    /// The current through a voltage source from its first node to its second, in ampere.
    Current(ElementId),
}

/// A network of two-terminal elements.
#[derive(Clone, Debug)]
pub struct Circuit {
    node_names: Vec<String>,
    element_names: Vec<String>,
    elements: Vec<Element>,
    /// What controls the controlled sources, in the order of these.
    controls: Vec<(ElementId, Control)>,
    nodes_by_name: NameIndex,
    elements_by_name: NameIndex,
    mark: Mark,
}

/// Circuits with the same mark differ by the values of their sources at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Mark {
    /// A mark that no circuit has.
    fn new() -> Mark {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Mark(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl PartialEq for Circuit {
    fn eq(&self, other: &Circuit) -> bool {
        self.node_names == other.node_names
            && self.element_names == other.element_names
            && self.elements == other.elements
            && self.controls == other.controls
    }
}

/// Why a circuit cannot be built or changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CircuitError {
    /// A number out of range.
    #[error("element {element}: {fault}")]
    Law {
        /// The element.
        element: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A source whose control is missing, or is none.
    #[error("element {element}: {fault}")]
    Control {
        /// The source.
        element: String,
        /// What is wrong with its control.
        fault: String,
    },
    /// Two elements of one name.
    #[error("there are two elements named {0}: rename one")]
    DuplicateElement(String),
    /// A name that is empty, or has white space or control characters in it.
    #[error(
        "`{0}` is no name: names are not empty and have no white space and no control characters"
    )]
    Name(String),
    /// A text that is no voltage or current.
    #[error(
        "`{0}` is no voltage or current: write v(NODE), v(NODE,NODE) or i(SOURCE) of a voltage source"
    )]
    Quantity(String),
    /// A node or an element that the circuit does not have.
    #[error("there is no {what} {name}{hint}")]
    Unknown {
        /// Which of the two.
        what: &'static str,
        /// The name.
        name: String,
        /// What may be meant, and what there is.
        hint: String,
    },
    /// More nodes or elements than can be counted in 32 bits.
    #[error("the circuit has more than {} nodes or elements", u32::MAX)]
    TooLarge,
}

impl Circuit {
    /// Starts a circuit with no elements.
    pub fn builder() -> CircuitBuilder {
        CircuitBuilder::default()
    }

    /// The names of the nodes, ground (`0`) first.
    pub fn node_names(&self) -> &[String] {
        &self.node_names
    }

    /// The names of the elements, in the order of [`elements`](Circuit::elements).
    pub fn element_names(&self) -> &[String] {
        &self.element_names
    }

    /// The elements in the order in which they were added.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The controlled sources, each with what controls it.
    pub fn controls(&self) -> &[(ElementId, Control)] {
        &self.controls
    }

    /// What controls a source; `None` of any other element.
    pub fn control(&self, element: ElementId) -> Option<Control> {
        let place = self.controls.binary_search_by_key(&element, |(id, _)| *id);
        place.ok().map(|k| self.controls[k].1)
    }

    /// The node of a name.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        let name_of = |node| self.node_names[node as usize].as_str();
        self.nodes_by_name.find(name, name_of).map(NodeId)
    }

    /// The element of a name.
    pub fn element(&self, name: &str) -> Option<ElementId> {
        let name_of = |element| self.element_names[element as usize].as_str();
        self.elements_by_name.find(name, name_of).map(ElementId)
    }

    /// The node that a name means to SPICE: `gnd` is ground, and capital letters are small ones. Where nodes differ in that
    /// alone, the one that is spelled so.
    ///
    /// ```
    /// use ohmgrad::circuit::{Circuit, NodeId};
    /// let circuit = Circuit::builder().resistor("R1", "In", "GND", 50.0).build()?;
    /// assert_eq!(circuit.find_node("gnd"), Ok(NodeId::GROUND));
    /// assert_eq!(circuit.find_node("IN").ok(), circuit.node("In"));
    /// assert_eq!(circuit.find_element("r1").ok(), circuit.element("R1"));
    /// let error = circuit.find_element("r2").unwrap_err().to_string();
    /// assert_eq!(error, "there is no element r2: did you mean R1? the elements are R1");
    /// # Ok::<(), ohmgrad::circuit::CircuitError>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such node: the nearest one, and the first ones that there are.
    pub fn find_node(&self, name: &str) -> Result<NodeId, CircuitError> {
        let name = if is_ground(name) { "0" } else { name };
        let number = |name: &str| self.node(name).map(|node| node.0);
        let found = names::find_as_spice(name, &self.node_names, number);
        found.map(NodeId).ok_or_else(|| CircuitError::Unknown {
            what: "node",
            name: name.to_owned(),
            hint: names::hint("node", name, &self.node_names),
        })
    }

    /// The element that a name means to SPICE, as [`find_node`](Self::find_node) finds nodes.
    ///
    /// # Errors
    /// If there is no such element: the nearest one, and the first ones that there are.
    pub fn find_element(&self, name: &str) -> Result<ElementId, CircuitError> {
        let number = |name: &str| self.element(name).map(|element| element.0);
        let found = names::find_as_spice(name, &self.element_names, number);
        found.map(ElementId).ok_or_else(|| CircuitError::Unknown {
            what: "element",
            name: name.to_owned(),
            hint: names::hint("element", name, &self.element_names),
        })
    }

    /// What `v(a)`, `v(a,b)` or `i(source)` means: a voltage, or the current of a voltage source, controlled or not.
    ///
    /// # Errors
    /// If it is none of these, there is no such node or element, or the element is no voltage source.
    pub fn find_quantity(&self, text: &str) -> Result<Control, CircuitError> {
        let other = || CircuitError::Quantity(text.to_owned());
        let lower = text.trim().to_lowercase();
        let (kind, inside) = lower.split_once('(').ok_or_else(other)?;
        let inside = inside.strip_suffix(')').ok_or_else(other)?;
        match kind.trim() {
            "v" => {
                let (a, b) = inside.split_once(',').unwrap_or((inside, "0"));
                Ok(Control::Voltage([
                    self.find_node(a.trim())?,
                    self.find_node(b.trim())?,
                ]))
            }
            "i" => {
                let source = self.find_element(inside.trim())?;
                match self[source].law() {
                    Law::VoltageSource { .. } | Law::ControlledVoltage { .. } => {
                        Ok(Control::Current(source))
                    }
                    _ => Err(other()),
                }
            }
            _ => Err(other()),
        }
    }

    /// All nodes, ground first.
    pub fn node_ids(&self) -> impl ExactSizeIterator<Item = NodeId> + use<> {
        (0..self.node_names.len() as u32).map(NodeId)
    }

    /// All elements.
    pub fn element_ids(&self) -> impl ExactSizeIterator<Item = ElementId> + use<> {
        (0..self.elements.len() as u32).map(ElementId)
    }

    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// Gives an element another law.
    ///
    /// ```
    /// use ohmgrad::circuit::Circuit;
    /// use ohmgrad::device::Law;
    /// let mut circuit = Circuit::builder()
    ///     .voltage_source("v1", "in", "0", 1.0)
    ///     .resistor("r1", "in", "0", 50.0)
    ///     .build()?;
    /// let source = circuit.element("v1").expect("it was just added");
    /// circuit.set_law(source, Law::VoltageSource { voltage: 2.0 })?;
    /// # Ok::<(), ohmgrad::circuit::CircuitError>(())
    /// ```
    ///
    /// # Errors
    /// If a number of the law is out of range, a controlled source or a source that controls another would become an
    /// element of another kind, or an element such a source; the circuit is unchanged then.
    ///
    /// # Panics
    /// If the element is one of another, larger circuit.
    pub fn set_law(&mut self, element: ElementId, law: Law) -> Result<(), CircuitError> {
        if let Some(fault) = law.fault() {
            let element = self.element_names[element.index()].clone();
            return Err(CircuitError::Law { element, fault });
        }
        self.check_kind(element, &law)?;
        let present = &mut self.elements[element.index()].law;
        if !law.is_source_like(present) {
            self.mark = Mark::new();
        }
        *present = law;
        Ok(())
    }

    /// Refuses a law that would leave a control without its source, or a source without its control.
    fn check_kind(&self, element: ElementId, law: &Law) -> Result<(), CircuitError> {
        use std::mem::discriminant;
        let present = &self.elements[element.index()].law;
        if discriminant(present) == discriminant(law) {
            return Ok(());
        }
        let is_control =
            |(_, control): &(ElementId, Control)| *control == Control::Current(element);
        let fault = if present.is_controlled() || law.is_controlled() {
            "controlled sources stay of their kinds, and other elements do not become one"
        } else if self.controls.iter().any(is_control) {
            "its current controls another source: it stays a voltage source"
        } else {
            return Ok(());
        };
        Err(CircuitError::Control {
            element: self.element_names[element.index()].clone(),
            fault: fault.to_owned(),
        })
    }
}

/// Whether a name is that of ground besides `0`.
fn is_ground(name: &str) -> bool {
    name.eq_ignore_ascii_case("gnd")
}

impl std::ops::Index<ElementId> for Circuit {
    type Output = Element;

    fn index(&self, element: ElementId) -> &Element {
        &self.elements[element.index()]
    }
}

impl std::ops::Index<NodeId> for Circuit {
    type Output = str;

    /// The name of a node.
    fn index(&self, node: NodeId) -> &str {
        &self.node_names[node.index()]
    }
}
