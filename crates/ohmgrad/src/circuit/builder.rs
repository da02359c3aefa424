//! Building circuits element by element.

use super::names::NameIndex;
use super::{Circuit, CircuitError, Element, Mark, NodeId, is_ground};
use crate::device::{Diode, Law};

/// Collects elements; [`build`](CircuitBuilder::build) checks them and makes the circuit.
///
/// Nodes come to be by being named. The node `0` is ground; `gnd` and `GND` are other names of it.
///
/// ```
/// use ohmgrad::circuit::Circuit;
/// let divider = Circuit::builder()
///     .voltage_source("v1", "in", "0", 3.0)
///     .resistor("r1", "in", "out", 2e3)
///     .resistor("r2", "out", "0", 1e3)
///     .build()?;
/// assert_eq!(divider.node_names(), ["0", "in", "out"]);
/// # Ok::<(), ohmgrad::circuit::CircuitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBuilder {
    node_names: Vec<String>,
    element_names: Vec<String>,
    elements: Vec<Element>,
    nodes_by_name: NameIndex,
}

impl Default for CircuitBuilder {
    fn default() -> CircuitBuilder {
        let mut builder = CircuitBuilder {
            node_names: Vec::new(),
            element_names: Vec::new(),
            elements: Vec::new(),
            nodes_by_name: NameIndex::default(),
        };
        builder.node("0");
        builder
    }
}

impl CircuitBuilder {
    /// Adds an element with a law of any kind between nodes `a` and `b`.
    #[must_use]
    pub fn element(mut self, name: impl Into<String>, a: &str, b: &str, law: Law) -> Self {
        self.push(name, a, b, law);
        self
    }

    /// Adds an element, as [`element`](CircuitBuilder::element) does, for use in loops.
    pub fn push(&mut self, name: impl Into<String>, a: &str, b: &str, law: Law) {
        let nodes = [self.node(a), self.node(b)];
        self.push_between(name.into(), nodes, law);
    }

    /// Adds an element between nodes that are there already.
    pub(super) fn push_between(&mut self, name: String, nodes: [NodeId; 2], law: Law) {
        self.element_names.push(name);
        self.elements.push(Element { nodes, law });
    }

    /// Makes room for further elements.
    pub(super) fn reserve(&mut self, elements: usize) {
        self.element_names.reserve(elements);
        self.elements.reserve(elements);
    }

    /// The names of the elements so far.
    pub(super) fn element_names(&self) -> &[String] {
        &self.element_names
    }

    /// The node of a name, which is added if it is new; `gnd` is ground, as in netlists. Nodes that no element touches are
    /// legal.
    pub fn node(&mut self, name: &str) -> NodeId {
        if is_ground(name) {
            return NodeId::GROUND;
        }
        let names = &self.node_names;
        if let Some(node) = self.nodes_by_name.find(name, |k| &names[k as usize]) {
            return NodeId(node);
        }
        let node = self.node_names.len() as u32;
        self.node_names.push(name.to_owned());
        let names = &self.node_names;
        self.nodes_by_name.insert(node, |k| &names[k as usize]);
        NodeId(node)
    }

    /// Adds a resistor of a resistance in ohm; 0 is a short.
    #[must_use]
    pub fn resistor(self, name: impl Into<String>, a: &str, b: &str, ohm: f64) -> Self {
        self.conductance(name, a, b, 1.0 / ohm)
    }

    /// Adds a resistor of a conductance in siemens; 0 is open.
    #[must_use]
    pub fn conductance(self, name: impl Into<String>, a: &str, b: &str, siemens: f64) -> Self {
        let conductance = siemens;
        self.element(name, a, b, Law::Resistor { conductance })
    }

    /// Adds a voltage source: node `plus` is `voltage` volt above node `minus`.
    #[must_use]
    pub fn voltage_source(
        self,
        name: impl Into<String>,
        plus: &str,
        minus: &str,
        voltage: f64,
    ) -> Self {
        self.element(name, plus, minus, Law::VoltageSource { voltage })
    }

    /// Adds a source that drives a current in ampere from node `from` through itself to node `to`.
    #[must_use]
    pub fn current_source(
        self,
        name: impl Into<String>,
        from: &str,
        to: &str,
        current: f64,
    ) -> Self {
        self.element(name, from, to, Law::CurrentSource { current })
    }

    /// Adds an ideal diode with a forward voltage in volt.
    #[must_use]
    pub fn ideal_diode(
        self,
        name: impl Into<String>,
        anode: &str,
        cathode: &str,
        forward_voltage: f64,
    ) -> Self {
        let law = Law::from(Diode::ideal(forward_voltage));
        self.element(name, anode, cathode, law)
    }

    /// Checks the elements and makes the circuit.
    ///
    /// # Errors
    /// If a number is out of range, two elements have one name, or a name is empty or has white space or control characters.
    pub fn build(self) -> Result<Circuit, CircuitError> {
        self.try_build().map_err(|failed| failed.1)
    }

    /// As [`build`](CircuitBuilder::build), but gives the builder back if it fails.
    pub(super) fn try_build(self) -> Result<Circuit, Box<(CircuitBuilder, CircuitError)>> {
        match self.check_and_index() {
            Ok(elements_by_name) => Ok(Circuit {
                node_names: self.node_names,
                element_names: self.element_names,
                elements: self.elements,
                nodes_by_name: self.nodes_by_name,
                elements_by_name,
                mark: Mark::new(),
            }),
            Err(error) => Err(Box::new((self, error))),
        }
    }

    fn check_and_index(&self) -> Result<NameIndex, CircuitError> {
        if self.node_names.len().max(self.elements.len()) > u32::MAX as usize {
            return Err(CircuitError::TooLarge);
        }
        for name in self.node_names.iter().chain(&self.element_names) {
            check_name(name)?;
        }
        let name_of = |k: u32| self.element_names[k as usize].as_str();
        let mut elements_by_name = NameIndex::with_capacity(self.elements.len());
        for (k, element) in self.elements.iter().enumerate() {
            let name = || self.element_names[k].clone();
            if let Some(fault) = element.law.fault() {
                return Err(CircuitError::Law {
                    element: name(),
                    fault,
                });
            }
            if !elements_by_name.insert(k as u32, name_of) {
                return Err(CircuitError::DuplicateElement(name()));
            }
        }
        Ok(elements_by_name)
    }
}

/// Names are written to netlists and tables: they must stand as one word.
fn check_name(name: &str) -> Result<(), CircuitError> {
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(CircuitError::Name(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_elements_are_refused() {
        let fault = |builder: CircuitBuilder| builder.build().expect_err("a fault").to_string();
        let negative = Circuit::builder().resistor("r1", "a", "0", -5.0);
        assert!(fault(negative).starts_with("element r1: its conductance is -0.2 S"));
        let nan = Circuit::builder().voltage_source("v1", "a", "0", f64::NAN);
        assert!(fault(nan).contains("it must be finite"));
        let twice = Circuit::builder()
            .resistor("r1", "a", "0", 1.0)
            .resistor("r1", "b", "0", 1.0);
        assert!(fault(twice).contains("two elements named r1"));
        let blank = Circuit::builder().resistor("r 1", "a", "0", 1.0);
        assert!(fault(blank).contains("no white space"));
    }
}
