//! Building circuits element by element.

use super::names::NameIndex;
use super::{Circuit, CircuitError, Control, Element, ElementId, Mark, NodeId, is_ground};
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
    /// What controls the controlled sources, by their numbers.
    controls: Vec<(u32, Controller)>,
}

/// What controls a source; a voltage source by its name, since it may be added later.
#[derive(Clone, Debug)]
pub(super) enum Controller {
    Voltage([NodeId; 2]),
    Current(String),
}

impl Default for CircuitBuilder {
    fn default() -> CircuitBuilder {
        let mut builder = CircuitBuilder {
            node_names: Vec::new(),
            element_names: Vec::new(),
            elements: Vec::new(),
            nodes_by_name: NameIndex::default(),
            controls: Vec::new(),
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

    /// Adds a controlled source between nodes that are there already.
    pub(super) fn push_controlled(
        &mut self,
        name: String,
        nodes: [NodeId; 2],
        law: Law,
        control: Controller,
    ) {
        self.controls.push((self.elements.len() as u32, control));
        self.push_between(name, nodes, law);
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

    /// Adds a voltage source that a voltage controls (E of SPICE): node `plus` is `gain` times as far above node `minus` as the
    /// first node of `control` is above the second.
    ///
    /// With a source whose current is measured, it makes an amplifier that works both ways, as between layers of
    /// networks: a voltage gain A upwards and a current gain C downwards.
    ///
    /// ```
    /// use ohmgrad::circuit::Circuit;
    /// use ohmgrad::solve::{SolveOptions, Solver};
    /// let (a, c) = (4.0, 0.25);
    /// let circuit = Circuit::builder()
    ///     .voltage_source("v1", "in", "0", 1.0)
    ///     .resistor("r1", "in", "low", 100.0)
    ///     .vcvs("e1", "sense", "0", ["low", "0"], a)
    ///     .voltage_source("s1", "sense", "high", 0.0)
    ///     .cccs("f1", "low", "0", "s1", c)
    ///     .resistor("r2", "high", "0", 50.0)
    ///     .build()?;
    /// let solution = Solver::new(&circuit, SolveOptions::default())?.solve(&circuit)?;
    /// // From below, the load of 1/50 S has a conductance of A C / 50 S.
    /// let low = 0.01 / (0.01 + a * c * 0.02);
    /// assert!((solution.potential(circuit.find_node("high")?) - a * low).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn vcvs(
        self,
        name: impl Into<String>,
        plus: &str,
        minus: &str,
        control: [&str; 2],
        gain: f64,
    ) -> Self {
        let law = Law::ControlledVoltage { gain };
        self.controlled(name, [plus, minus], law, Err(control))
    }

    /// Adds a current source that a voltage controls (G of SPICE): from node `from` through itself to node `to` it drives
    /// `siemens` times the voltage of the first node of `control` above the second.
    #[must_use]
    pub fn vccs(
        self,
        name: impl Into<String>,
        from: &str,
        to: &str,
        control: [&str; 2],
        siemens: f64,
    ) -> Self {
        let law = Law::ControlledCurrent { gain: siemens };
        self.controlled(name, [from, to], law, Err(control))
    }

    /// Adds a voltage source that a current controls (H of SPICE): node `plus` is `ohm` times the current of the voltage
    /// source `source` above node `minus`.
    #[must_use]
    pub fn ccvs(
        self,
        name: impl Into<String>,
        plus: &str,
        minus: &str,
        source: &str,
        ohm: f64,
    ) -> Self {
        let law = Law::ControlledVoltage { gain: ohm };
        self.controlled(name, [plus, minus], law, Ok(source))
    }

    /// Adds a current source that a current controls (F of SPICE): from node `from` through itself to node `to` it drives
    /// `gain` times the current of the voltage source `source`, which flows from that source's first node to its second.
    #[must_use]
    pub fn cccs(
        self,
        name: impl Into<String>,
        from: &str,
        to: &str,
        source: &str,
        gain: f64,
    ) -> Self {
        let law = Law::ControlledCurrent { gain };
        self.controlled(name, [from, to], law, Ok(source))
    }

    /// Adds a source that a voltage source or two nodes control.
    fn controlled(
        mut self,
        name: impl Into<String>,
        [a, b]: [&str; 2],
        law: Law,
        control: Result<&str, [&str; 2]>,
    ) -> Self {
        let nodes = [self.node(a), self.node(b)];
        let control = match control {
            Ok(source) => Controller::Current(source.to_owned()),
            Err(nodes) => Controller::Voltage(nodes.map(|node| self.node(node))),
        };
        self.push_controlled(name.into(), nodes, law, control);
        self
    }

    /// Checks the elements and makes the circuit.
    ///
    /// # Errors
    /// If a number is out of range, two elements have one name, a name is empty or has white space or control characters, or
    /// a source is controlled by an element that is not there or is no voltage source.
    pub fn build(self) -> Result<Circuit, CircuitError> {
        self.try_build().map_err(|failed| failed.1)
    }

    /// As [`build`](CircuitBuilder::build), but gives the builder back if it fails.
    pub(super) fn try_build(self) -> Result<Circuit, Box<(CircuitBuilder, CircuitError)>> {
        match self.check_and_index() {
            Ok((elements_by_name, controls)) => Ok(Circuit {
                controls,
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

    fn check_and_index(&self) -> Result<(NameIndex, Controls), CircuitError> {
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
        let controls = self.find_controls(&elements_by_name)?;
        Ok((elements_by_name, controls))
    }

    /// What controls the controlled sources.
    fn find_controls(&self, elements: &NameIndex) -> Result<Controls, CircuitError> {
        let name_of = |k: u32| self.element_names[k as usize].as_str();
        let fault = |element: usize, fault: String| CircuitError::Control {
            element: self.element_names[element].clone(),
            fault,
        };
        let find = |(element, control): &(u32, Controller)| {
            let control = match control {
                Controller::Voltage(nodes) => Control::Voltage(*nodes),
                Controller::Current(name) => {
                    let source = elements.find(name, name_of);
                    let is_source = |k: &u32| {
                        let law = &self.elements[*k as usize].law;
                        matches!(law, Law::VoltageSource { .. })
                    };
                    match source.filter(is_source) {
                        Some(source) => Control::Current(ElementId(source)),
                        None => Err(fault(*element as usize, no_source(name, source.is_some())))?,
                    }
                }
            };
            Ok((ElementId(*element), control))
        };
        let controls: Controls = self.controls.iter().map(find).collect::<Result<_, _>>()?;
        let mut controlled = controls.iter().map(|(element, _)| element.index());
        for (k, element) in self.elements.iter().enumerate() {
            if element.law.is_controlled() && controlled.next() != Some(k) {
                let missing = "nothing controls it: add it with vcvs, vccs, ccvs or cccs";
                return Err(fault(k, missing.to_owned()));
            }
        }
        Ok(controls)
    }
}

/// See [`Circuit`].
type Controls = Vec<(ElementId, Control)>;

/// Why a name is not that of a source that can control another.
fn no_source(name: &str, is_there: bool) -> String {
    let what = if is_there {
        "is no voltage source"
    } else {
        "is not there"
    };
    format!(
        "the current of {name} is to control it, but {name} {what}: put a voltage source of 0 V where the current flows"
    )
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
