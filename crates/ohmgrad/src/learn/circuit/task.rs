//! What a circuit shall learn: its inputs, its outputs, and what may change.

use std::collections::{HashSet, VecDeque};

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Law;

/// What is read from a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Output {
    /// The potential of a node, in volt.
    Potential(NodeId),
    /// The voltage of the first node above the second, in volt.
    Voltage(NodeId, NodeId),
    /// The current through an element from its first node to its second, in ampere.
    Current(ElementId),
}

/// The inputs, outputs and trained elements of a circuit. A task is one of the circuit that it was made for, and of circuits
/// that have the same nodes and elements by the same names: copies with other values, above all.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitTask {
    inputs: Vec<ElementId>,
    outputs: Vec<Output>,
    trained: Vec<ElementId>,
    /// The names of all of them in the circuit.
    names: Vec<String>,
}

/// Why a circuit cannot learn a task.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A node or element that the circuit does not have, or has by another name.
    #[error("{0} is of another circuit: make the task for the circuit that it is used with")]
    OtherCircuit(String),
    /// A circuit with controlled sources, which minimises no energy.
    #[error(
        "{0} is a controlled source: only circuits without such learn, since the rules need an energy that the circuit minimises"
    )]
    Controlled(String),
    /// No outputs.
    #[error("there is no output: name a node, two nodes or an element")]
    NoOutput,
    /// Nothing to train.
    #[error("there is no element to train: name resistors or sources")]
    NothingToTrain,
    /// An element or output that is named twice.
    #[error("{0} is named twice among the {1}")]
    Twice(String, &'static str),
    /// An input that is no source.
    #[error("input {0} is no voltage or current source")]
    NoSource(String),
    /// An input that shall be trained.
    #[error("{0} is an input: it cannot be trained as well")]
    TrainedInput(String),
    /// An element that has no parameter to train.
    #[error(
        "{0} cannot be trained: it must be a voltage source, a current source, or a resistor that is neither open nor a short"
    )]
    Untrainable(String),
    /// An output that no circuit can change.
    #[error("output {0} is the same whatever the circuit does")]
    Constant(String),
    /// An output that the inputs do not reach.
    #[error("no path leads from the inputs to output {0} but through ground and current sources")]
    NoPath(String),
}

impl CircuitTask {
    /// A task for a circuit.
    ///
    /// # Errors
    /// If a node or element is not one of the circuit, an input is no source, an element cannot be trained, something is
    /// named twice, or no path leads from the inputs to an output.
    pub fn new(
        circuit: &Circuit,
        inputs: Vec<ElementId>,
        outputs: Vec<Output>,
        trained: Vec<ElementId>,
    ) -> Result<CircuitTask, TaskError> {
        let mut task = CircuitTask {
            inputs,
            outputs,
            trained,
            names: Vec::new(),
        };
        task.names = task.names_in(circuit)?;
        task.check(circuit)?;
        Ok(task)
    }

    /// Checks that this is a task of a circuit.
    pub(super) fn check(&self, circuit: &Circuit) -> Result<(), TaskError> {
        let names = self.names_in(circuit)?;
        if let Some((own, _)) = self
            .names
            .iter()
            .zip(&names)
            .find(|(own, name)| own != name)
        {
            return Err(TaskError::OtherCircuit(own.clone()));
        }
        if let Some((source, _)) = circuit.controls().first() {
            let name = circuit.element_names()[source.index()].clone();
            return Err(TaskError::Controlled(name));
        }
        self.check_inputs(circuit)?;
        self.check_trained(circuit)?;
        self.check_outputs(circuit)
    }

    /// The names of all inputs, outputs and trained elements.
    fn names_in(&self, circuit: &Circuit) -> Result<Vec<String>, TaskError> {
        let (elements, nodes) = (circuit.element_names(), circuit.node_names());
        let element = |id: &ElementId| match elements.get(id.index()) {
            Some(name) => Ok(name.clone()),
            None => Err(TaskError::OtherCircuit(format!("element {}", id.index()))),
        };
        let output = |output: &Output| match *output {
            Output::Current(id) => element(&id).map(|_| output.name(circuit)),
            Output::Potential(node) | Output::Voltage(node, _) if node.index() >= nodes.len() => {
                Err(TaskError::OtherCircuit(format!("node {}", node.index())))
            }
            Output::Voltage(_, node) if node.index() >= nodes.len() => {
                Err(TaskError::OtherCircuit(format!("node {}", node.index())))
            }
            _ => Ok(output.name(circuit)),
        };
        let inputs = self.inputs.iter().chain(&self.trained).map(element);
        inputs.chain(self.outputs.iter().map(output)).collect()
    }

    /// The sources that are set to the values of an example.
    pub fn inputs(&self) -> &[ElementId] {
        &self.inputs
    }

    /// What is compared with the targets of an example.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The elements that are trained.
    pub fn trained(&self) -> &[ElementId] {
        &self.trained
    }

    fn check_inputs(&self, circuit: &Circuit) -> Result<(), TaskError> {
        let name = |id: &ElementId| circuit.element_names()[id.index()].clone();
        if let Some(input) = self.inputs.iter().find(|id| !is_source(circuit, **id)) {
            return Err(TaskError::NoSource(name(input)));
        }
        match repeated(&self.inputs) {
            Some(input) => Err(TaskError::Twice(name(input), "inputs")),
            None => Ok(()),
        }
    }

    fn check_trained(&self, circuit: &Circuit) -> Result<(), TaskError> {
        let name = |id: &ElementId| circuit.element_names()[id.index()].clone();
        if self.trained.is_empty() {
            return Err(TaskError::NothingToTrain);
        }
        if let Some(element) = repeated(&self.trained) {
            return Err(TaskError::Twice(name(element), "elements to train"));
        }
        for element in &self.trained {
            if self.inputs.contains(element) {
                return Err(TaskError::TrainedInput(name(element)));
            }
            if !is_trainable(circuit, *element) {
                return Err(TaskError::Untrainable(name(element)));
            }
        }
        Ok(())
    }

    fn check_outputs(&self, circuit: &Circuit) -> Result<(), TaskError> {
        if self.outputs.is_empty() {
            return Err(TaskError::NoOutput);
        }
        if let Some(output) = repeated(&self.outputs) {
            return Err(TaskError::Twice(output.name(circuit), "outputs"));
        }
        if let Some(output) = self.outputs.iter().find(|o| o.is_constant(circuit)) {
            return Err(TaskError::Constant(output.name(circuit)));
        }
        let reached = self.reached(circuit);
        let is_cut_off = |output: &&Output| {
            let nodes = output.nodes(circuit);
            !nodes.iter().any(|node| reached.contains(node))
        };
        match self.outputs.iter().find(is_cut_off) {
            Some(output) if !self.inputs.is_empty() => Err(TaskError::NoPath(output.name(circuit))),
            _ => Ok(()),
        }
    }

    /// The nodes that paths from the inputs reach without passing through ground.
    fn reached(&self, circuit: &Circuit) -> HashSet<NodeId> {
        let mut neighbours = vec![Vec::new(); circuit.node_names().len()];
        for element in circuit.elements().iter().filter(|e| carries(e.law())) {
            let [a, b] = element.nodes();
            neighbours[a.index()].push(b);
            neighbours[b.index()].push(a);
        }
        let is_free = |node: &NodeId| *node != NodeId::GROUND;
        let ends = self.inputs.iter().flat_map(|id| circuit[*id].nodes());
        let mut queue: VecDeque<NodeId> = ends.filter(is_free).collect();
        let mut reached: HashSet<NodeId> = queue.iter().copied().collect();
        while let Some(node) = queue.pop_front() {
            for next in neighbours[node.index()].iter().copied().filter(is_free) {
                if reached.insert(next) {
                    queue.push_back(next);
                }
            }
        }
        reached
    }
}

impl Output {
    /// As in netlists: `v(a)`, `v(a,b)` or `i(e)`.
    pub fn name(self, circuit: &Circuit) -> String {
        match self {
            Output::Potential(node) => format!("v({})", &circuit[node]),
            Output::Voltage(a, b) => format!("v({},{})", &circuit[a], &circuit[b]),
            Output::Current(element) => format!("i({})", circuit.element_names()[element.index()]),
        }
    }

    /// The nodes that it depends on.
    pub(super) fn nodes(self, circuit: &Circuit) -> [NodeId; 2] {
        match self {
            Output::Potential(node) => [node, NodeId::GROUND],
            Output::Voltage(a, b) => [a, b],
            Output::Current(element) => circuit[element].nodes(),
        }
    }

    fn is_constant(self, circuit: &Circuit) -> bool {
        let [a, b] = self.nodes(circuit);
        match self {
            Output::Current(element) => !carries(circuit[element].law()),
            _ => a == b,
        }
    }
}

/// Whether the current through an element depends on the rest of the circuit.
fn carries(law: &Law) -> bool {
    let is_open = matches!(law, Law::Resistor { conductance } if *conductance == 0.0);
    !is_open && !matches!(law, Law::CurrentSource { .. })
}

fn is_source(circuit: &Circuit, element: ElementId) -> bool {
    let law = circuit[element].law();
    matches!(law, Law::VoltageSource { .. } | Law::CurrentSource { .. })
}

/// Whether an element has a parameter to train.
pub(crate) fn is_trainable(circuit: &Circuit, element: ElementId) -> bool {
    match circuit[element].law() {
        Law::Resistor { conductance } => *conductance > 0.0 && conductance.is_finite(),
        _ => is_source(circuit, element),
    }
}

/// The first item that stands there before.
fn repeated<T: Eq + std::hash::Hash>(items: &[T]) -> Option<&T> {
    let mut seen = HashSet::new();
    items.iter().find(|item| !seen.insert(*item))
}
