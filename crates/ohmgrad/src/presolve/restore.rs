//! From the network's state back to the circuit's: all potentials, all currents, and what is left open.

use std::collections::{HashMap, VecDeque};

use petgraph::unionfind::UnionFind;
use serde::{Deserialize, Serialize};

use super::double::Double;
use super::network::{Network, Nonlinear, at};
use super::reduction::Reduction;
use super::values::{Linear, Values};
use crate::circuit::{Circuit, NodeId};
use crate::device::Law;

/// The state of a network.
///
/// Potentials are sums of two floating-point numbers, so that differences of nearly equal potentials, and with
/// them the currents through large conductances, keep their digits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Potentials of the nodes, in volt.
    pub(crate) potentials: Vec<f64>,
    /// What is to be added to them.
    pub(crate) remainders: Vec<f64>,
    /// Currents of the network's diodes, in ampere.
    pub(crate) diode_currents: Vec<f64>,
    /// Currents of its nonlinear elements, in ampere.
    pub(crate) nonlinear_currents: Vec<f64>,
}

/// Differences of potentials below this, relative to them, are rounding errors: they drive no current.
pub(crate) const ROUNDING: f64 = 1e-29;

/// A node whose potential the circuit leaves open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Undetermined {
    /// The node.
    pub node: NodeId,
    /// The lowest potential that obeys all laws while the other nodes follow, in volt.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
}

/// The state of a circuit.
pub(crate) struct Restored {
    /// Potentials of the nodes, in volt.
    pub(crate) potentials: Vec<f64>,
    /// Currents of the elements, in ampere.
    pub(crate) currents: Vec<f64>,
    pub(crate) undetermined: Vec<Undetermined>,
    /// For each node that nothing but diodes holds, by how much they leave its potential open, in volt, or 0 if it is
    /// said to be; empty if there is none.
    pub(crate) widths: Vec<Option<f64>>,
}

impl State {
    /// Whether it can be a state of this network.
    pub(crate) fn fits(&self, network: &Network) -> bool {
        self.potentials.len() == network.nodes
            && self.remainders.len() == network.nodes
            && self.diode_currents.len() == network.diodes.len()
            && self.nonlinear_currents.len() == network.nonlinear.len()
    }

    /// x_a - x_b + offset with the digits of both parts.
    pub(crate) fn voltage(&self, [a, b]: [u32; 2], offset: f64) -> f64 {
        let (high, low) = difference(at(&self.potentials, a), at(&self.potentials, b));
        let remainder = at(&self.remainders, a) - at(&self.remainders, b);
        (high + offset) + (low + remainder)
    }

    /// Adds `step` times `direction` to the potentials.
    pub(crate) fn move_along(&mut self, step: f64, direction: &[f64]) {
        let parts = self.potentials.iter_mut().zip(&mut self.remainders);
        for ((high, low), d) in parts.zip(direction) {
            add_to(high, low, step * d);
        }
    }

    /// Adds to the potential of a node.
    fn shift(&mut self, node: usize, by: f64) {
        add_to(&mut self.potentials[node], &mut self.remainders[node], by);
    }
}

/// Adds to a potential of two parts.
#[inline]
fn add_to(high: &mut f64, low: &mut f64, more: f64) {
    let (sum, rest) = difference(*high, -more);
    let rest = *low + rest;
    // `sum` and `rest` overlap little: renormalising keeps |low| below the last digit of high.
    *high = sum + rest;
    *low = rest - (*high - sum);
}

/// a - b as a rounded difference and its rounding error (Knuth).
fn difference(a: f64, b: f64) -> (f64, f64) {
    let rounded = a - b;
    let taken = a - rounded;
    let error = (a - (rounded + taken)) + (taken - b);
    (rounded, error)
}

impl Reduction {
    /// The circuit's state for a state of its network.
    ///
    /// `own` is what [`own_currents`](Reduction::own_currents) finds in this state.
    pub(crate) fn restore(
        &self,
        circuit: &Circuit,
        numbers: &Values,
        mut state: State,
        own: OwnCurrents,
    ) -> Restored {
        let open = OpenParts::find(self, circuit, numbers, &mut state);
        let nodes = self.nodes_at(numbers, &state);
        let potentials: Vec<f64> = nodes.iter().map(|node| node.high + node.low).collect();
        let currents = self.balance(circuit, own);
        let least = numbers.network.least_voltage();
        let undetermined = open.undetermined(self, &potentials, least);
        Restored {
            widths: open.widths(self, &undetermined),
            potentials,
            currents,
            undetermined,
        }
    }

    /// The nodes of the circuit.
    fn nodes_at(&self, numbers: &Values, state: &State) -> Vec<Node> {
        let ends = self.nodes.iter().zip(&numbers.offsets);
        let node = |(end, offset): (&u32, &Double)| {
            let free = Double {
                high: at(&state.potentials, *end),
                low: at(&state.remainders, *end),
            };
            let Double { high, low } = free + *offset;
            let surplus = [0.0; 2];
            Node { high, low, surplus }
        };
        ends.map(node).collect()
    }

    /// The currents of all elements but voltage sources, shorts and welded diodes. A resistor carries none if its voltage is a
    /// rounding error of the potentials.
    pub(crate) fn own_currents(
        &self,
        circuit: &Circuit,
        numbers: &Values,
        state: &State,
    ) -> OwnCurrents {
        let mut nodes = self.nodes_at(numbers, state);
        let linear = &numbers.conductances.linear;
        let current = |(turn, resistor): (usize, &Linear)| {
            let [a, b] = resistor.nodes.map(|node| node as usize);
            let voltage = voltage(&nodes, resistor);
            let digits = ROUNDING * (nodes[a].high.abs() + nodes[b].high.abs());
            let current = match voltage.abs() <= digits {
                true => 0.0,
                false => resistor.conductance * voltage,
            };
            nodes[a].surplus[turn % 2] -= current;
            nodes[b].surplus[turn % 2] += current;
            current
        };
        let mut own = OwnCurrents {
            currents: linear.iter().enumerate().map(current).collect(),
            surplus: nodes.iter().map(|node| node.surplus.iter().sum()).collect(),
        };
        for &source in &self.current_sources {
            if let Law::CurrentSource { current } = circuit.elements()[source as usize].law() {
                own.add(linear, source, *current);
            }
        }
        let network = &numbers.network;
        let diodes = network.diodes.iter().map(|diode| diode.element);
        let nonlinear = network.nonlinear.iter().map(|nonlinear| nonlinear.element);
        let branches = diodes.zip(&state.diode_currents);
        for (element, current) in branches.chain(nonlinear.zip(&state.nonlinear_currents)) {
            own.add(linear, element, *current);
        }
        for &element in &self.inside {
            let voltage = voltage(&nodes, &linear[element as usize]);
            let current = current_at(circuit.elements()[element as usize].law(), voltage);
            own.add(linear, element, current);
        }
        own
    }

    /// How far off the potentials of the circuit's nodes may be, in volt: `bars` of the network's nodes, and `common`
    /// for all.
    pub(crate) fn accuracy(
        &self,
        (potentials, widths): (&[f64], &[Option<f64>]),
        bars: &[f64],
        common: f64,
    ) -> Vec<f64> {
        // Slacks are differences of rounded potentials.
        let digits =
            potentials.iter().fold(0.0, |max: f64, v| max.max(v.abs())) * 4.0 * f64::EPSILON;
        let tied = (self.nodes.iter().enumerate())
            .filter(|(node, _)| widths.get(*node).is_none_or(Option::is_none))
            .fold(0.0, |max: f64, (_, end)| max.max(at(bars, *end)));
        let potentials = potentials.iter().enumerate();
        potentials
            .map(|(node, potential)| {
                let free = match widths.get(node).copied().flatten() {
                    Some(width) => width + tied + digits,
                    None => at(bars, self.nodes[node]),
                };
                free + common + f64::EPSILON * potential.abs()
            })
            .collect()
    }

    /// Sets the currents of welded diodes, then of voltage sources and shorts, by the current law.
    fn balance(&self, circuit: &Circuit, own: OwnCurrents) -> Vec<f64> {
        let (mut currents, mut surplus) = (own.currents, own.surplus);
        if !self.welds.is_empty() {
            self.balance_welds(circuit, &mut currents, &mut surplus);
        }
        self.sources.currents(&mut surplus, |link, current| {
            currents[link as usize] += current;
        });
        currents
    }

    /// Removes what rounding leaves of the current law, with sums of 32 digits, and moves the rest to where it is least: within
    /// each cluster of nodes that sources and shorts join, to the node with the largest currents.
    pub(crate) fn rebalance(&self, circuit: &Circuit, currents: &mut [f64]) {
        let nodes = circuit.node_names().len();
        let (mut sums, mut sizes) = (vec![Double::default(); nodes], vec![0.0; nodes]);
        for (element, current) in circuit.elements().iter().zip(&*currents) {
            for (node, sign) in element.nodes().into_iter().zip([-1.0, 1.0]) {
                sums[node.index()] += Double::from(sign * current);
                sizes[node.index()] += current.abs();
            }
        }
        let mut surplus: Vec<f64> = sums.into_iter().map(Double::value).collect();
        if !self.welds.is_empty() {
            self.balance_welds(circuit, currents, &mut surplus);
        }
        self.sources.currents(&mut surplus, |link, current| {
            currents[link as usize] += current;
        });
        self.sources
            .move_rest(&mut surplus, &sizes, |link, current| {
                currents[link as usize] += current;
            });
    }

    /// The clusters of nodes that welded diodes join, those with the largest currents first: what rounding leaves of a loop is
    /// least there.
    fn roots_of_welds(&self, circuit: &Circuit, currents: &[f64]) -> Vec<usize> {
        let cluster_of = |node: NodeId| self.sources.clusters[node.index()] as usize;
        let mut sizes = vec![0.0; self.sources.count];
        for (element, current) in circuit.elements().iter().zip(currents) {
            for node in element.nodes() {
                sizes[cluster_of(node)] += current.abs();
            }
        }
        let welds = self.welds.iter();
        let ends = welds.flat_map(|weld| circuit.elements()[*weld as usize].nodes());
        let mut roots: Vec<usize> = ends.map(cluster_of).collect();
        roots.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]).then(a.cmp(b)));
        roots
    }

    /// Every diode of a loop can carry current to every other: send each surplus to one node of the loop, and
    /// from there to where current is missing.
    fn balance_welds(&self, circuit: &Circuit, currents: &mut [f64], surplus: &mut [f64]) {
        let cluster_of = |node: NodeId| self.sources.clusters[node.index()] as usize;
        let ends = |weld: u32| circuit.elements()[weld as usize].nodes().map(cluster_of);
        let mut clusters = vec![0.0; self.sources.count];
        for (s, cluster) in surplus.iter().zip(&self.sources.clusters) {
            clusters[*cluster as usize] += s;
        }
        let mut away = HashMap::<usize, Vec<(usize, u32)>>::new();
        let mut towards = HashMap::<usize, Vec<(usize, u32)>>::new();
        for &weld in &self.welds {
            let [a, b] = ends(weld);
            away.entry(a).or_default().push((b, weld));
            towards.entry(b).or_default().push((a, weld));
        }
        let mut done = vec![false; self.sources.count];
        for root in self.roots_of_welds(circuit, currents) {
            if std::mem::replace(&mut done[root], true) {
                continue;
            }
            for (arcs, sign) in [(&towards, 1.0), (&away, -1.0)] {
                let tree = breadth_first(root, arcs);
                let mut flow: HashMap<usize, f64> = tree
                    .iter()
                    .map(|(node, ..)| (*node, (sign * clusters[*node]).max(0.0)))
                    .collect();
                for (node, parent, weld) in tree.iter().rev() {
                    done[*node] = true;
                    let through = flow[node];
                    currents[*weld as usize] += through;
                    *flow.entry(*parent).or_default() += through;
                    let [anode, cathode] = circuit.elements()[*weld as usize].nodes();
                    surplus[anode.index()] -= through;
                    surplus[cathode.index()] += through;
                }
            }
        }
    }
}

/// A node of the circuit.
#[derive(Clone, Copy)]
struct Node {
    /// The potential, as the sum of two numbers.
    high: f64,
    low: f64,
    /// Current into the node: two sums, taken in turn, so that no addition waits for the one before.
    surplus: [f64; 2],
}

/// The voltage of an element.
#[inline]
fn voltage(nodes: &[Node], element: &Linear) -> f64 {
    let [a, b] = element.nodes.map(|node| nodes[node as usize]);
    let (high, low) = difference(a.high, b.high);
    high + (low + (a.low - b.low))
}

/// Currents of elements, as far as the elements' own laws set them.
#[derive(Default)]
pub(crate) struct OwnCurrents {
    /// Of all elements, in ampere.
    currents: Vec<f64>,
    /// What they bring into each node of the circuit, in ampere.
    surplus: Vec<f64>,
}

impl OwnCurrents {
    fn add(&mut self, linear: &[Linear], element: u32, current: f64) {
        self.currents[element as usize] += current;
        let [a, b] = linear[element as usize].nodes;
        self.surplus[a as usize] -= current;
        self.surplus[b as usize] += current;
    }
}

/// The current of a nonlinear element, or beyond the off conductance of a diode, at a voltage.
fn current_at(law: &Law, voltage: f64) -> f64 {
    match law {
        Law::Diode(diode) => (voltage - diode.forward_voltage).max(0.0) / diode.series_resistance(),
        law => law
            .characteristic()
            .map_or(0.0, |law| law.current(voltage).0),
    }
}

/// (node, parent, arc) for all nodes that arcs lead to from the root, parents first.
fn breadth_first(
    root: usize,
    arcs: &HashMap<usize, Vec<(usize, u32)>>,
) -> Vec<(usize, usize, u32)> {
    let mut tree = Vec::new();
    let mut seen = std::collections::HashSet::from([root]);
    let mut next = VecDeque::from([root]);
    while let Some(parent) = next.pop_front() {
        for &(node, arc) in arcs.get(&parent).into_iter().flatten() {
            if seen.insert(node) {
                tree.push((node, parent, arc));
                next.push_back(node);
            }
        }
    }
    tree
}

/// Parts of the network that no conducting element ties to ground.
struct OpenParts {
    /// The part of each node of the network, ground first; ground's part is number 0.
    parts: Vec<u32>,
    /// How far each part may be shifted, in volt.
    ranges: Vec<(f64, f64)>,
}

impl OpenParts {
    /// Finds the parts, shifts those that break a diode's bound, and tells how far they can go.
    fn find(
        reduction: &Reduction,
        circuit: &Circuit,
        numbers: &Values,
        state: &mut State,
    ) -> OpenParts {
        let network = &numbers.network;
        let flats = flats(network, state);
        let parts = parts(network, state, &flats);
        let count = 1 + parts.iter().copied().max().unwrap_or(0) as usize;
        if count == 1 {
            let ranges = vec![(0.0, 0.0)];
            return OpenParts { parts, ranges };
        }
        put_at_zero(&parts, count, state);
        let start = (state.potentials.clone(), state.remainders.clone());
        let shift = |state: &mut State, margin: f64| {
            state.potentials.clone_from(&start.0);
            state.remainders.clone_from(&start.1);
            let slacks = slacks(reduction, circuit, numbers, state, (&parts, &flats, margin));
            let lowest = lowest_shifts(count, &slacks);
            let mut shifts: Vec<f64> = lowest.iter().map(|low| low.max(0.0)).collect();
            lower(&mut shifts, &slacks);
            for (node, part) in parts.iter().skip(1).enumerate() {
                state.shift(node, shifts[*part as usize]);
            }
            (slacks, lowest, shifts)
        };
        let (mut slacks, mut lowest, mut shifts) = shift(state, 0.0);
        if leaves_a_flat(network, state, &flats) {
            (slacks, lowest, shifts) = shift(state, 4.0 * f64::EPSILON);
        }
        let mut highest = vec![f64::INFINITY; count];
        highest[0] = 0.0;
        lower(&mut highest, &slacks);
        let ranges = lowest
            .iter()
            .zip(&highest)
            .zip(&shifts)
            .map(|((low, high), shift)| (low - shift, high - shift))
            .collect();
        OpenParts { parts, ranges }
    }

    /// See [`Restored`].
    fn widths(&self, reduction: &Reduction, undetermined: &[Undetermined]) -> Vec<Option<f64>> {
        if self.ranges.len() == 1 {
            return Vec::new();
        }
        let width = |end: &u32| {
            let part = self.parts[end.wrapping_add(1) as usize] as usize;
            let (low, high) = self.ranges[part];
            // Rounding may leave the lower end above the higher.
            (part > 0).then_some((high - low).abs())
        };
        let mut widths: Vec<Option<f64>> = reduction.nodes.iter().map(width).collect();
        for open in undetermined {
            widths[open.node.index()] = Some(0.0);
        }
        widths
    }

    /// The nodes that are open by more than what rounding leaves of the voltages, which are at least `least`.
    fn undetermined(
        &self,
        reduction: &Reduction,
        potentials: &[f64],
        least: f64,
    ) -> Vec<Undetermined> {
        if self.ranges.len() == 1 {
            return Vec::new();
        }
        let scale = potentials.iter().fold(least, |max, v| max.max(v.abs()));
        let nodes = (0..potentials.len() as u32).zip(potentials);
        nodes
            .filter_map(|(index, potential)| {
                let end = reduction.nodes[index as usize].wrapping_add(1);
                let (low, high) = self.ranges[self.parts[end as usize] as usize];
                (high - low > 1e-9 * scale).then(|| Undetermined {
                    node: NodeId::from_index(index),
                    lowest: potential + low.min(0.0),
                    highest: potential + high.max(0.0),
                })
            })
            .collect()
    }
}

/// Shifts every part but ground's so that its first node is at 0 V.
fn put_at_zero(parts: &[u32], count: usize, state: &mut State) {
    let mut references = vec![None; count];
    references[0] = Some((0.0, 0.0));
    for (node, part) in parts.iter().skip(1).enumerate() {
        let present = (state.potentials[node], state.remainders[node]);
        let (high, low) = *references[*part as usize].get_or_insert(present);
        state.shift(node, -high);
        state.shift(node, -low);
    }
}

/// The voltages at which each nonlinear element carries the current of a state.
fn flats(network: &Network, state: &State) -> Vec<(f64, f64)> {
    let flat = |nonlinear: &Nonlinear| {
        let voltage = state.voltage(nonlinear.ends, nonlinear.offset);
        nonlinear.law.flat(voltage)
    };
    network.nonlinear.iter().map(flat).collect()
}

/// Nodes that resistors, nonlinear elements and conducting diodes tie together.
fn parts(network: &Network, state: &State, flats: &[(f64, f64)]) -> Vec<u32> {
    let mut sets = UnionFind::<u32>::new(network.nodes + 1);
    let mut tie = |[a, b]: [u32; 2]| sets.union(a.wrapping_add(1), b.wrapping_add(1));
    for resistor in network.resistors.iter().filter(|r| r.conductance > 0.0) {
        tie(resistor.ends);
    }
    for (nonlinear, (low, high)) in network.nonlinear.iter().zip(flats) {
        if low == high {
            tie(nonlinear.ends);
        }
    }
    for (diode, current) in network.diodes.iter().zip(&state.diode_currents) {
        if *current > 0.0 {
            tie(diode.ends);
        }
    }
    let labels = sets.into_labeling();
    let mut numbers = HashMap::new();
    labels
        .iter()
        .map(|label| {
            let next = numbers.len() as u32;
            *numbers.entry(*label).or_insert(next)
        })
        .collect()
}

/// Whether rounding has moved the voltage of a curve out of where it is flat.
fn leaves_a_flat(network: &Network, state: &State, flats: &[(f64, f64)]) -> bool {
    let mut flats = network.nonlinear.iter().zip(flats);
    flats.any(|(nonlinear, (low, high))| {
        let voltage = state.voltage(nonlinear.ends, nonlinear.offset);
        low < high && (voltage < *low || voltage > *high)
    })
}

/// For each ideal diode and flat curve between two parts: shift(a) - shift(b) <= slack. Flats are shorter by `margin`, relative
/// to the voltages there.
fn slacks(
    reduction: &Reduction,
    circuit: &Circuit,
    numbers: &Values,
    state: &State,
    (parts, flats, margin): (&[u32], &[(f64, f64)], f64),
) -> Vec<([u32; 2], f64)> {
    let part = |end: u32| parts[end.wrapping_add(1) as usize];
    let mut slacks = Vec::new();
    for element in circuit.elements() {
        let Law::Diode(diode) = element.law() else {
            continue;
        };
        let [a, b] = element.nodes().map(NodeId::index);
        let ends = [reduction.nodes[a], reduction.nodes[b]];
        let between = ends.map(part);
        if between[0] != between[1] {
            let voltage = state.voltage(ends, (numbers.offsets[a] - numbers.offsets[b]).value());
            slacks.push((between, diode.forward_voltage - voltage));
        }
    }
    for (nonlinear, (low, high)) in numbers.network.nonlinear.iter().zip(flats) {
        let [a, b] = nonlinear.ends.map(part);
        if a != b {
            let voltage = state.voltage(nonlinear.ends, nonlinear.offset);
            let ends = nonlinear.ends.map(|end| at(&state.potentials, end).abs());
            let size = ends[0] + ends[1] + nonlinear.offset.abs();
            let margin = |end: f64| (margin * (size + end.abs())).min(0.25 * (high - low));
            slacks.push(([a, b], high - margin(*high) - voltage));
            slacks.push(([b, a], voltage - (low + margin(*low))));
        }
    }
    slacks
}

/// The lowest shift of each part, with ground's at 0.
fn lowest_shifts(count: usize, slacks: &[([u32; 2], f64)]) -> Vec<f64> {
    let mut shifts = vec![f64::INFINITY; count];
    shifts[0] = 0.0;
    let reversed: Vec<([u32; 2], f64)> = slacks.iter().map(|([a, b], s)| ([*b, *a], *s)).collect();
    lower(&mut shifts, &reversed);
    shifts.iter().map(|shift| -shift).collect()
}

/// Lowers shifts until shift(a) <= shift(b) + slack holds everywhere.
fn lower(shifts: &mut [f64], slacks: &[([u32; 2], f64)]) {
    // Loops of diodes without room were welded; what rounding leaves of others ends after `count` rounds.
    for _ in 0..shifts.len() {
        let mut changed = false;
        for ([a, b], slack) in slacks {
            let limit = shifts[*b as usize] + slack;
            if shifts[*a as usize] > limit && *a != 0 {
                shifts[*a as usize] = limit;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
}
