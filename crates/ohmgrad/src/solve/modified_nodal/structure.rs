//! What the shape of a circuit leaves open, or forbids.

use std::collections::HashSet;

use petgraph::unionfind::UnionFind;

use crate::circuit::{Circuit, Control, Element, ElementId, NodeId};
use crate::device::Law;
use crate::presolve::PresolveError;

/// Voltages around a loop may miss 0 by this, relative to their sizes: they are decimal numbers, held in binary.
const ROUNDING: f64 = 1e-14;

/// What is settled before the equations are.
pub(super) struct Structure {
    /// A node of each part that no element joins to ground and that controls no source: it stays at 0 V, as nothing holds
    /// the part.
    pub(super) pinned: Vec<NodeId>,
    /// Voltage sources and shorts that close loops of such: they carry nothing, since the others can.
    pub(super) idle: HashSet<ElementId>,
    /// All members of such loops: the laws do not say how the current divides among them.
    pub(super) looped: HashSet<ElementId>,
    /// Nodes of one number are joined by elements.
    parts: Vec<usize>,
    /// Whether the nodes of each number are pinned.
    is_pinned: Vec<bool>,
}

impl Structure {
    /// # Errors
    /// If voltage sources and shorts contradict one another, or a source is controlled by what nothing determines.
    pub(super) fn new(circuit: &Circuit) -> Result<Structure, PresolveError> {
        let parts = parts(circuit, |_| true);
        let mut is_held = vec![false; parts.len()];
        is_held[parts[0]] = true;
        for (_, control) in circuit.controls() {
            if let Control::Voltage(nodes) = control {
                for node in nodes {
                    is_held[parts[node.index()]] = true;
                }
            }
        }
        let (mut pinned, mut is_pinned) = (Vec::new(), vec![false; parts.len()]);
        for node in circuit.node_ids() {
            let part = parts[node.index()];
            if !std::mem::replace(&mut is_held[part], true) {
                pinned.push(node);
                is_pinned[part] = true;
            }
        }
        let mut links = Links::new(circuit);
        let idle = links.closing()?;
        let looped = links.looped(&idle);
        check_controls(circuit, &looped)?;
        Ok(Structure {
            pinned,
            idle,
            looped,
            parts,
            is_pinned,
        })
    }

    /// Whether a node is in a part that nothing holds.
    pub(super) fn is_open(&self, node: NodeId) -> bool {
        self.is_pinned[self.part_of(node)]
    }

    /// The number of the part of a node.
    pub(super) fn part_of(&self, node: NodeId) -> usize {
        self.parts[node.index()]
    }

    /// The nodes of the part of a node, by name.
    pub(super) fn part(&self, circuit: &Circuit, node: NodeId) -> Vec<String> {
        let part = self.part_of(node);
        let nodes = circuit.node_ids().filter(|k| self.part_of(*k) == part);
        nodes.map(|node| circuit[node].to_owned()).collect()
    }
}

/// Sees to it that every source is controlled by something that elements determine.
fn check_controls(circuit: &Circuit, looped: &HashSet<ElementId>) -> Result<(), PresolveError> {
    let mut is_touched = vec![false; circuit.node_names().len()];
    is_touched[0] = true;
    for node in circuit.elements().iter().flat_map(Element::nodes) {
        is_touched[node.index()] = true;
    }
    for &(id, control) in circuit.controls() {
        match control {
            Control::Current(source) if looped.contains(&source) => {
                return Err(PresolveError::LoopedControl {
                    source_name: name(circuit, source),
                    controlled: name(circuit, id),
                });
            }
            Control::Voltage(nodes) => {
                if let Some(node) = nodes.into_iter().find(|node| !is_touched[node.index()]) {
                    return Err(PresolveError::LooseControl {
                        node: circuit[node].to_owned(),
                        controlled: name(circuit, id),
                    });
                }
            }
            Control::Current(_) => {}
        }
    }
    Ok(())
}

/// The parts that elements join, as far as they count: a number for each node.
pub(super) fn parts(circuit: &Circuit, counts: impl Fn(ElementId) -> bool) -> Vec<usize> {
    let mut parts = UnionFind::new(circuit.node_names().len());
    for (id, element) in circuit.element_ids().zip(circuit.elements()) {
        if joins(element) && counts(id) {
            let [a, b] = element.nodes().map(NodeId::index);
            parts.union(a, b);
        }
    }
    parts.into_labeling()
}

/// Whether the voltage of an element says anything of its current.
fn joins(element: &Element) -> bool {
    match element.law() {
        Law::Resistor { conductance } => *conductance > 0.0,
        Law::CurrentSource { .. } | Law::ControlledCurrent { .. } => false,
        _ => true,
    }
}

/// Voltage sources and shorts, as a graph that is walked from node to node.
struct Links<'c> {
    circuit: &'c Circuit,
    /// Of each node: elements that end there.
    at: Vec<Vec<ElementId>>,
    /// Of each node that was reached: its potential in its tree, and how it was reached.
    reached: Vec<Option<(f64, Option<ElementId>)>>,
    /// The nodes in the order in which they were reached.
    order: Vec<NodeId>,
}

impl<'c> Links<'c> {
    fn new(circuit: &'c Circuit) -> Links<'c> {
        let nodes = circuit.node_names().len();
        let mut at = vec![Vec::new(); nodes];
        for (id, element) in circuit.element_ids().zip(circuit.elements()) {
            if held(element.law()).is_some() {
                for node in element.nodes() {
                    at[node.index()].push(id);
                }
            }
        }
        Links {
            circuit,
            at,
            reached: vec![None; nodes],
            order: Vec::new(),
        }
    }

    /// The elements that close loops.
    fn closing(&mut self) -> Result<HashSet<ElementId>, PresolveError> {
        let mut closing = HashSet::new();
        for root in self.circuit.node_ids() {
            if self.reached[root.index()].is_some() || self.at[root.index()].is_empty() {
                continue;
            }
            self.reached[root.index()] = Some((0.0, None));
            let mut to_do = vec![root];
            while let Some(node) = to_do.pop() {
                self.walk(node, &mut to_do, &mut closing)?;
            }
        }
        Ok(closing)
    }

    fn walk(
        &mut self,
        node: NodeId,
        to_do: &mut Vec<NodeId>,
        closing: &mut HashSet<ElementId>,
    ) -> Result<(), PresolveError> {
        let (potential, from) = self.reached[node.index()].expect("it was reached");
        for id in std::mem::take(&mut self.at[node.index()]) {
            if Some(id) == from || closing.contains(&id) {
                continue;
            }
            let element = &self.circuit[id];
            let [a, b] = element.nodes();
            let voltage = held(element.law()).unwrap_or_default();
            let (next, there) = match a == node {
                true => (b, potential - voltage),
                false => (a, potential + voltage),
            };
            match self.reached[next.index()] {
                None => {
                    self.reached[next.index()] = Some((there, Some(id)));
                    self.order.push(next);
                    to_do.push(next);
                }
                Some((potential, _)) => {
                    let excess = there - potential;
                    if excess.abs() > ROUNDING * (there.abs() + potential.abs() + voltage.abs()) {
                        return Err(self.contradiction(id, [node, next], excess.abs()));
                    }
                    closing.insert(id);
                }
            }
        }
        Ok(())
    }

    /// All elements of loops, with the elements that close them at hand.
    ///
    /// Both ends of a closing element bear its hash. Where all hashes at and beyond a node are combined, those of elements that
    /// end there twice cancel; what is left goes around the element by which the node was reached.
    fn looped(&self, closing: &HashSet<ElementId>) -> HashSet<ElementId> {
        let mut beyond = vec![0; self.reached.len()];
        for id in closing {
            for node in self.circuit[*id].nodes() {
                beyond[node.index()] ^= hash(id.index());
            }
        }
        let mut looped = closing.clone();
        for node in self.order.iter().rev() {
            let Some((_, Some(id))) = self.reached[node.index()] else {
                continue;
            };
            let left = beyond[node.index()];
            if left != 0 {
                looped.insert(id);
            }
            let [a, b] = self.circuit[id].nodes();
            let before = if a == *node { b } else { a };
            beyond[before.index()] ^= left;
        }
        looped
    }

    /// The loop that an element closes.
    fn contradiction(&self, id: ElementId, ends: [NodeId; 2], excess: f64) -> PresolveError {
        let [one, other] = ends.map(|node| self.path(node));
        let is_common = |k: &ElementId| one.contains(k) && other.contains(k);
        let rest = one.iter().chain(&other).filter(|k| !is_common(k));
        let elements = std::iter::once(&id).chain(rest);
        PresolveError::ContradictoryLoop {
            elements: elements.map(|k| name(self.circuit, *k)).collect(),
            excess,
        }
    }

    /// The elements from a node to the root of its tree.
    fn path(&self, mut node: NodeId) -> Vec<ElementId> {
        let mut path = Vec::new();
        while let Some((_, Some(id))) = self.reached[node.index()] {
            path.push(id);
            let [a, b] = self.circuit[id].nodes();
            node = if a == node { b } else { a };
        }
        path
    }
}

/// The voltage that a source or a short holds.
fn held(law: &Law) -> Option<f64> {
    match law {
        Law::VoltageSource { voltage } => Some(*voltage),
        Law::Resistor { conductance } if conductance.is_infinite() => Some(0.0),
        _ => None,
    }
}

/// 64 bits that look random, the same ones for the same number.
pub(super) fn hash(k: usize) -> u64 {
    let mixed = (k as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

pub(super) fn name(circuit: &Circuit, element: ElementId) -> String {
    circuit.element_names()[element.index()].clone()
}
