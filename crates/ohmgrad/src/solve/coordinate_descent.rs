//! The operating point by exact coordinate descent, without any factorization.
//!
//! The potentials x of a network minimise its co-content, a convex function, within the bounds of its ideal diodes.
//! Each step of a sweep sets one potential to where the co-content is least while its neighbours stay
//! (Scellier, "A Fast Algorithm to Simulate Nonlinear Resistive Networks", ICML 2024):
//!
//! ```text
//! x = clip((sum of g (x_other + s) + injection) / (sum of g), low, high)
//! ```
//!
//! With soft diodes and curved elements at the node, x is the root of its monotone current balance.
//!
//! Two nodes with a conducting ideal diode between them can block each other: neither moves alone, though both
//! together would lower the co-content. So a node that runs into a diode with current to push through it is
//! welded to the node on the other side, and from then on the cluster moves as one. The welds of a cluster
//! are a tree; the current law along it gives their currents, and a weld with a negative one is undone.

use super::newton::{Scale, worse};
use crate::interrupt;
use crate::presolve::{Network, State};

/// Where a descent ended.
pub(super) struct Descent {
    pub(super) state: State,
    /// Sweeps over all nodes.
    pub(super) sweeps: usize,
    /// Whether the state obeys all laws to the tolerance.
    pub(super) converged: bool,
    /// Whether it was interrupted before.
    pub(super) interrupted: bool,
}

/// Sweeps between two checks of the laws.
const CHECK: usize = 4;

/// Shifts to a bound that are smaller than this, relative to the largest voltage, are rounding errors.
const TIGHT: f64 = 1e-13;

/// Descends from a state until no node misses the current law by more than `tolerance` times the largest current, or
/// for `max_sweeps` sweeps. Steps at nodes with linear elements alone are `over_relaxation` times as long
/// as to the minimum, but end at the bounds.
pub(super) fn descend(
    network: &Network,
    start: &State,
    tolerance: f64,
    max_sweeps: usize,
    over_relaxation: f64,
) -> Descent {
    let mut walk = Walk::new(network, start, over_relaxation);
    let mut sweeps = 0;
    let mut converged = walk.check(tolerance);
    let mut interrupted = false;
    while !converged && sweeps < max_sweeps && !interrupted {
        walk.sweep();
        interrupted = interrupt::requested();
        sweeps += 1;
        if sweeps % CHECK == 0 || sweeps == max_sweeps {
            converged = walk.check(tolerance);
        }
    }
    Descent {
        state: walk.state(),
        sweeps,
        converged,
        interrupted,
    }
}

/// The branch ends that a sweep visits.
pub(super) fn sweep_cost(network: &Network) -> usize {
    let resistors = network.resistors.iter().map(|r| r.ends);
    let diodes = network.diodes.iter().map(|d| d.ends);
    let curved = network.curved.iter().map(|c| c.ends);
    let ends = resistors.chain(diodes).chain(curved).flatten();
    ends.filter(|end| (*end as usize) < network.nodes).count()
}

/// The number of no diode.
const NO_DIODE: u32 = u32::MAX;

/// What lies at each node, node after node.
struct Rows<T> {
    starts: Vec<usize>,
    items: Vec<T>,
}

impl<T: Clone> Rows<T> {
    /// Sorts items by their nodes.
    fn new(nodes: usize, mut items: Vec<(u32, T)>) -> Rows<T> {
        items.sort_by_key(|(node, _)| *node);
        let mut starts = vec![0; nodes + 1];
        for (node, _) in &items {
            starts[*node as usize + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let items = items.into_iter().map(|(_, item)| item).collect();
        Rows { starts, items }
    }

    fn at(&self, node: u32) -> &[T] {
        let node = node as usize;
        &self.items[self.starts[node]..self.starts[node + 1]]
    }
}

/// A resistor from a node's side: the current into the node is g (x_other - x + offset).
#[derive(Clone)]
struct Wire {
    other: u32,
    conductance: f64,
    offset: f64,
}

/// An ideal diode from a node's side: x <= x_other + bound if it is an upper limit, x >= x_other + bound if not.
#[derive(Clone)]
struct Limit {
    other: u32,
    diode: u32,
    upper: bool,
    bound: f64,
}

/// A soft diode or curved element from a node's side: the current out of the node is
/// sign law(sign (x - x_other) + offset).
#[derive(Clone)]
struct Bend {
    other: u32,
    /// A diode of the network, or a curved element counted on from its diodes.
    element: usize,
    sign: f64,
    offset: f64,
}

/// How far a cluster may be shifted, and the diode that stops it there.
#[derive(Clone, Copy)]
struct Stop {
    shift: f64,
    other: u32,
    diode: u32,
    /// The node of the cluster at the diode.
    node: u32,
}

/// Nodes that move as one: a label for each, and a ring through each cluster.
struct Clusters {
    labels: Vec<u32>,
    next: Vec<u32>,
}

impl Clusters {
    fn new(nodes: usize) -> Clusters {
        let alone: Vec<u32> = (0..nodes as u32).collect();
        Clusters {
            labels: alone.clone(),
            next: alone,
        }
    }

    /// Every node alone.
    fn reset(&mut self) {
        for (node, (label, next)) in self.labels.iter_mut().zip(&mut self.next).enumerate() {
            (*label, *next) = (node as u32, node as u32);
        }
    }

    fn members(&self, leader: u32) -> impl Iterator<Item = u32> {
        let after =
            move |node: &u32| Some(self.next[*node as usize]).filter(|next| *next != leader);
        std::iter::successors(Some(leader), after)
    }

    /// Joins the clusters of two nodes into one; its label.
    fn join(&mut self, a: u32, b: u32) -> u32 {
        let label = self.labels[a as usize];
        let mut node = b;
        while self.labels[node as usize] != label {
            self.labels[node as usize] = label;
            node = self.next[node as usize];
        }
        self.next.swap(a as usize, b as usize);
        label
    }
}

/// A descent on its way.
struct Walk<'a, 'c> {
    network: &'a Network<'c>,
    wires: Rows<Wire>,
    limits: Rows<Limit>,
    bends: Rows<Bend>,
    over_relaxation: f64,
    /// Ground is the last.
    potentials: Vec<f64>,
    clusters: Clusters,
    /// The diodes that hold clusters together; their branches are a forest.
    welds: Vec<u32>,
    /// Currents of ideal diodes, as of the last check.
    diode_currents: Vec<f64>,
    residual: Vec<f64>,
    /// Number of welds at each node that are not yet worked off, and the exclusive or of their numbers.
    links: Vec<(u32, u32)>,
    /// Currents that are too small to matter, in ampere.
    negligible: f64,
    /// The largest voltage in the network's laws, in volt.
    voltage: f64,
}

impl<'a, 'c> Walk<'a, 'c> {
    fn new(network: &'a Network<'c>, start: &State, over_relaxation: f64) -> Walk<'a, 'c> {
        let highs = start.potentials.iter().zip(&start.remainders);
        let potentials = highs.map(|(high, low)| high + low).chain([0.0]).collect();
        let mut walk = Walk {
            network,
            wires: wires(network),
            limits: limits(network),
            bends: bends(network),
            over_relaxation,
            potentials,
            clusters: Clusters::new(network.nodes + 1),
            welds: Vec::with_capacity(network.nodes),
            diode_currents: vec![0.0; network.diodes.len()],
            residual: vec![0.0; network.nodes],
            links: vec![(0, 0); network.nodes],
            negligible: 0.0,
            voltage: Scale::of(network).voltage,
        };
        walk.obey_bounds();
        walk
    }

    /// Raises potentials to the lowest that ground allows, then lowers them to what their neighbours allow.
    ///
    /// ```text
    /// low_b = max(low_a - w),  low_ground = 0;    x_a = min(max(x_a, low_a), x_b + w)
    /// ```
    fn obey_bounds(&mut self) {
        let ground = self.network.nodes;
        let mut lowest = vec![f64::NEG_INFINITY; ground + 1];
        lowest[ground] = 0.0;
        self.until_settled(|end_a, end_b, bound| {
            let rises = end_b < ground && lowest[end_a] - bound > lowest[end_b];
            if rises {
                lowest[end_b] = lowest[end_a] - bound;
            }
            rises
        });
        let mut potentials = std::mem::take(&mut self.potentials);
        for (x, low) in potentials.iter_mut().zip(&lowest) {
            *x = x.max(*low);
        }
        self.until_settled(|end_a, end_b, bound| {
            let falls = end_a < ground && potentials[end_b] + bound < potentials[end_a];
            if falls {
                potentials[end_a] = potentials[end_b] + bound;
            }
            falls
        });
        self.potentials = potentials;
    }

    /// Visits all ideal diodes again and again until no visit changes anything. No path has more diodes than there
    /// are nodes.
    fn until_settled(&self, mut visit: impl FnMut(usize, usize, f64) -> bool) {
        let ground = self.network.nodes;
        for _ in 0..=ground {
            let mut changed = false;
            for diode in self.network.diodes.iter().filter(|d| d.resistance == 0.0) {
                let [a, b] = diode.ends.map(|end| (end as usize).min(ground));
                changed |= visit(a, b, diode.bound);
            }
            if !changed {
                break;
            }
        }
    }

    /// Moves every cluster once.
    fn sweep(&mut self) {
        for node in 0..self.network.nodes as u32 {
            if self.clusters.labels[node as usize] == node {
                self.settle(node);
            }
        }
    }

    /// Moves a cluster, together with what it runs into.
    fn settle(&mut self, mut leader: u32) {
        while let Some(stop) = self.relax(leader) {
            self.welds.push(stop.diode);
            leader = self.clusters.join(stop.node, stop.other);
        }
    }

    /// Shifts a cluster to where the co-content is least; the diode between nodes that it pushes against, if any.
    fn relax(&mut self, leader: u32) -> Option<Stop> {
        let (current, conductance) = self.linear(leader);
        let [low, high] = self.room(leader);
        let mut members = self.clusters.members(leader);
        let bent = members.any(|node| !self.bends.at(node).is_empty());
        let wanted = match bent {
            true => self.root(leader, current, conductance, [low.shift, high.shift]),
            false if current == 0.0 => 0.0,
            false => self.over_relaxation * current / conductance,
        };
        let shift = wanted.max(low.shift).min(high.shift);
        if !shift.is_finite() {
            return None;
        }
        for node in self.clusters.members(leader) {
            self.potentials[node as usize] += shift;
        }
        let push = current - conductance * shift - self.bent(leader, 0.0, bent).0;
        let stop = if push > self.negligible && wanted >= high.shift {
            high
        } else if push < -self.negligible && wanted <= low.shift {
            low
        } else {
            return None;
        };
        let between_nodes = (stop.other as usize) < self.network.nodes;
        between_nodes.then_some(stop)
    }

    /// The current into a cluster from injections and resistors, and the conductance around it.
    ///
    /// ```text
    /// F = sum of injections + sum of g (x_other - x + s),  G = sum of g
    /// ```
    fn linear(&self, leader: u32) -> (f64, f64) {
        let labels = &self.clusters.labels;
        let (mut current, mut conductance) = (0.0, 0.0);
        for node in self.clusters.members(leader) {
            let x = self.potentials[node as usize];
            current += self.network.injections[node as usize];
            for wire in self.wires.at(node) {
                let other = wire.other as usize;
                if labels[other] != leader {
                    current += wire.conductance * (self.potentials[other] - x + wire.offset);
                    conductance += wire.conductance;
                }
            }
        }
        (current, conductance)
    }

    /// The current out of a cluster shifted by `shift` through bent elements, and its slope; zeros if not `bent`.
    fn bent(&self, leader: u32, shift: f64, bent: bool) -> (f64, f64) {
        let (mut current, mut slope) = (0.0, 0.0);
        let members = self.clusters.members(leader).filter(|_| bent);
        for node in members {
            let x = self.potentials[node as usize] + shift;
            for bend in self.bends.at(node) {
                if self.clusters.labels[bend.other as usize] != leader {
                    let (i, g) = self.law(bend, x);
                    current += i;
                    slope += g;
                }
            }
        }
        (current, slope)
    }

    /// The current out of a node at potential `x` through a bent element, and its slope.
    fn law(&self, bend: &Bend, x: f64) -> (f64, f64) {
        let other = self.potentials[bend.other as usize];
        let voltage = bend.sign * (x - other) + bend.offset;
        let diodes = &self.network.diodes;
        let (current, slope) = match diodes.get(bend.element) {
            Some(_) if voltage <= 0.0 => (0.0, 0.0),
            Some(diode) => (voltage / diode.resistance, 1.0 / diode.resistance),
            None => {
                let curved = &self.network.curved[bend.element - diodes.len()];
                curved.law.current(voltage)
            }
        };
        (bend.sign * current, slope)
    }

    /// How far a cluster may fall and rise.
    fn room(&self, leader: u32) -> [Stop; 2] {
        let ground = self.network.nodes as u32;
        let nowhere = |shift| Stop {
            shift,
            other: ground,
            diode: NO_DIODE,
            node: leader,
        };
        let [mut low, mut high] = [f64::NEG_INFINITY, f64::INFINITY].map(nowhere);
        for node in self.clusters.members(leader) {
            let x = self.potentials[node as usize];
            for limit in self.limits.at(node) {
                let other = limit.other;
                if self.clusters.labels[other as usize] == leader {
                    continue;
                }
                let shift = self.potentials[other as usize] - x + limit.bound;
                let stop = if limit.upper { &mut high } else { &mut low };
                let nearer = (shift < stop.shift) == limit.upper && shift != stop.shift;
                if nearer || (shift == stop.shift && other == ground) {
                    let diode = limit.diode;
                    *stop = Stop {
                        shift,
                        other,
                        diode,
                        node,
                    };
                }
            }
        }
        [low, high]
    }

    /// The shift t where F - G t = i(t), the current through bent elements; or the bound in its way.
    fn root(&self, leader: u32, current: f64, conductance: f64, [low, high]: [f64; 2]) -> f64 {
        let excess = |t: f64| {
            let (bent, slope) = self.bent(leader, t, true);
            (current - conductance * t - bent, conductance + slope)
        };
        let (now, slope) = excess(0.0);
        let end = match now {
            0.0 => return 0.0,
            f if f > 0.0 => self.beyond(high, f / conductance, 1.0, |t| excess(t).0 > 0.0),
            f if f < 0.0 => self.beyond(low, f / conductance, -1.0, |t| excess(t).0 < 0.0),
            _ => return 0.0,
        };
        match end {
            Ok(bound) => bound,
            Err(end) => {
                let resolution = f64::EPSILON * self.potentials[leader as usize].abs();
                falling_root(excess, (now, slope), end, resolution)
            }
        }
    }

    /// A shift beyond the root on one side of 0 (`Err`), or the bound if that comes first (`Ok`).
    fn beyond(
        &self,
        bound: f64,
        furthest: f64,
        sign: f64,
        short: impl Fn(f64) -> bool,
    ) -> Result<f64, f64> {
        if bound * sign <= 0.0 || (bound.is_finite() && short(bound)) {
            return Ok(bound);
        }
        let end = if bound.abs() < furthest.abs() {
            bound
        } else {
            furthest
        };
        if end.is_finite() {
            return Err(end);
        }
        const DOUBLINGS: usize = 60;
        let ends = std::iter::successors(Some(sign * self.voltage), |t| Some(2.0 * t));
        let mut ends = ends.take(DOUBLINGS);
        ends.find(|t| !short(*t)).map_or(Ok(0.0), Err)
    }

    /// Finds the currents of ideal diodes, and undoes welds whose currents are negative. Whether all laws hold.
    fn check(&mut self, tolerance: f64) -> bool {
        let largest = self.find_residual();
        self.diode_currents.fill(0.0);
        self.push_to_ground();
        let largest = largest.max(self.flow_along_welds());
        let rounding = 2.0 * f64::EPSILON * self.voltage * self.network.largest_conductance;
        self.negligible = tolerance * largest.max(rounding);
        let splits = self.split();
        let missed = self.residual.iter().fold(0.0, |max, r| worse(max, r.abs()));
        !splits && missed <= self.negligible && self.within_bounds()
    }

    /// The current into each node from all but ideal diodes; the largest current.
    fn find_residual(&mut self) -> f64 {
        let mut largest = 0.0;
        for node in 0..self.network.nodes as u32 {
            let x = self.potentials[node as usize];
            let injection = self.network.injections[node as usize];
            let mut sum = injection;
            largest = worse(largest, injection.abs());
            for wire in self.wires.at(node) {
                let across = self.potentials[wire.other as usize] - x + wire.offset;
                sum += wire.conductance * across;
                largest = worse(largest, (wire.conductance * across).abs());
            }
            for bend in self.bends.at(node) {
                let (current, _) = self.law(bend, x);
                sum -= current;
                largest = worse(largest, current.abs());
            }
            self.residual[node as usize] = sum;
        }
        largest
    }

    /// Lets each cluster that a diode at ground stops send its surplus there.
    fn push_to_ground(&mut self) {
        let ground = self.network.nodes as u32;
        for leader in 0..ground {
            if self.clusters.labels[leader as usize] != leader {
                continue;
            }
            let members = self.clusters.members(leader);
            let surplus: f64 = members.map(|node| self.residual[node as usize]).sum();
            let [low, high] = self.room(leader);
            let stop = if surplus > 0.0 { high } else { low };
            if stop.diode != NO_DIODE
                && stop.other == ground
                && stop.shift.abs() <= TIGHT * self.voltage
            {
                self.diode_currents[stop.diode as usize] = surplus.abs();
                self.residual[stop.node as usize] -= surplus;
            }
        }
    }

    /// Sends what nodes have left along the welds, from the leaves of each tree on; the largest current of a diode.
    fn flow_along_welds(&mut self) -> f64 {
        self.links.fill((0, 0));
        for &weld in &self.welds {
            for end in self.network.diodes[weld as usize].ends {
                let (count, which) = &mut self.links[end as usize];
                *count += 1;
                *which ^= weld;
            }
        }
        for node in 0..self.network.nodes {
            let mut leaf = node;
            while let (1, weld) = self.links[leaf] {
                leaf = self.flow_along(weld, leaf);
            }
        }
        let currents = self.diode_currents.iter();
        currents.fold(0.0, |max, i| worse(max, i.abs()))
    }

    /// Sends what a leaf has left along its only weld, and takes both off the tree; the node on the other side.
    fn flow_along(&mut self, weld: u32, leaf: usize) -> usize {
        let [a, b] = self.network.diodes[weld as usize]
            .ends
            .map(|end| end as usize);
        let (other, sign) = if a == leaf { (b, 1.0) } else { (a, -1.0) };
        let surplus = std::mem::take(&mut self.residual[leaf]);
        self.residual[other] += surplus;
        self.diode_currents[weld as usize] = sign * surplus;
        self.links[leaf] = (0, 0);
        self.links[other].0 -= 1;
        self.links[other].1 ^= weld;
        other
    }

    /// Undoes welds with negative currents; whether there were any.
    fn split(&mut self) -> bool {
        let (currents, negligible) = (&mut self.diode_currents, self.negligible);
        let before = self.welds.len();
        self.welds
            .retain(|weld| currents[*weld as usize] >= -negligible);
        let splits = self.welds.len() < before;
        currents.iter_mut().for_each(|i| *i = i.max(0.0));
        if splits {
            self.clusters.reset();
            for &weld in &self.welds {
                let [a, b] = self.network.diodes[weld as usize].ends;
                self.clusters.join(a, b);
            }
        }
        splits
    }

    /// Whether all ideal diodes are within their bounds.
    fn within_bounds(&self) -> bool {
        let ground = self.network.nodes;
        let mut ideal = self.network.diodes.iter().filter(|d| d.resistance == 0.0);
        ideal.all(|diode| {
            let [a, b] = diode
                .ends
                .map(|end| self.potentials[(end as usize).min(ground)]);
            a - b - diode.bound <= 10.0 * TIGHT * self.voltage.max(a.abs())
        })
    }

    /// The state, with the currents of ideal diodes as of the last check.
    fn state(&self) -> State {
        let ground = self.network.nodes;
        let mut state = State {
            potentials: self.potentials[..ground].to_vec(),
            diode_currents: self.diode_currents.clone(),
            ..self.network.rest()
        };
        let network = self.network;
        let soft = network.diodes.iter().zip(&mut state.diode_currents);
        let voltage = |[a, b]: [u32; 2], offset| {
            let [a, b] = [a, b].map(|end| self.potentials[(end as usize).min(ground)]);
            a - b + offset
        };
        for (diode, current) in soft.filter(|(d, _)| d.resistance > 0.0) {
            *current = voltage(diode.ends, -diode.bound).max(0.0) / diode.resistance;
        }
        for (curved, current) in network.curved.iter().zip(&mut state.curved_currents) {
            *current = curved.law.current(voltage(curved.ends, curved.offset)).0;
        }
        state
    }
}

/// The root between 0 and `end` of a falling function with its slope downwards, by Newton's method, and by
/// bisection where that leaves the bracket or closes in too slowly.
fn falling_root(
    f: impl Fn(f64) -> (f64, f64),
    mut now: (f64, f64),
    end: f64,
    resolution: f64,
) -> f64 {
    const STEPS: usize = 120;
    let (mut low, mut high) = (end.min(0.0), end.max(0.0));
    let mut t = 0.0;
    let mut last_step = high - low;
    for _ in 0..STEPS {
        match now.0 > 0.0 {
            true => low = t,
            false => high = t,
        }
        let newton = t + now.0 / now.1;
        if now.1.is_finite() && (newton - t).abs() <= resolution {
            return newton;
        }
        let quick = (newton - t).abs() <= 0.5 * last_step && now.1.is_finite();
        let next = match newton > low && newton < high && quick {
            true => newton,
            false => 0.5 * (low + high),
        };
        last_step = (next - t).abs();
        t = next;
        if last_step <= resolution.max(f64::EPSILON * t.abs()) {
            break;
        }
        now = f(t);
        if now.0 == 0.0 {
            break;
        }
    }
    t
}

/// The resistors at each node.
fn wires(network: &Network) -> Rows<Wire> {
    let ground = network.nodes as u32;
    let mut wires = Vec::new();
    for resistor in network.resistors.iter().filter(|r| r.conductance > 0.0) {
        for (node, other, sign) in sides(resistor.ends, ground) {
            let wire = Wire {
                other,
                conductance: resistor.conductance,
                offset: -sign * resistor.offset,
            };
            wires.push((node, wire));
        }
    }
    Rows::new(network.nodes, wires)
}

/// The ideal diodes at each node.
fn limits(network: &Network) -> Rows<Limit> {
    let ground = network.nodes as u32;
    let mut limits = Vec::new();
    for (number, diode) in (0..).zip(&network.diodes) {
        for (node, other, sign) in sides(diode.ends, ground) {
            let limit = Limit {
                other,
                diode: number,
                upper: sign > 0.0,
                bound: sign * diode.bound,
            };
            if diode.resistance == 0.0 {
                limits.push((node, limit));
            }
        }
    }
    Rows::new(network.nodes, limits)
}

/// The soft diodes and curved elements at each node.
fn bends(network: &Network) -> Rows<Bend> {
    let ground = network.nodes as u32;
    let diodes = network.diodes.iter().enumerate();
    let soft = diodes.filter(|(_, diode)| diode.resistance > 0.0);
    let soft = soft.map(|(k, diode)| (k, diode.ends, -diode.bound));
    let curved = (network.diodes.len()..).zip(&network.curved);
    let curved = curved.map(|(k, curved)| (k, curved.ends, curved.offset));
    let mut bends = Vec::new();
    for (element, ends, offset) in soft.chain(curved) {
        for (node, other, sign) in sides(ends, ground) {
            let bend = Bend {
                other,
                element,
                sign,
                offset,
            };
            bends.push((node, bend));
        }
    }
    Rows::new(network.nodes, bends)
}

/// (node, the other end, 1 at the first end and -1 at the second) of a branch, without ground.
fn sides([a, b]: [u32; 2], ground: u32) -> impl Iterator<Item = (u32, u32, f64)> {
    let (a, b) = (a.min(ground), b.min(ground));
    let sides = [(a, b, 1.0), (b, a, -1.0)].into_iter();
    sides.filter(move |(node, ..)| *node < ground)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::Circuit;
    use crate::device::{Diode, Law, Shockley};
    use std::sync::Arc;

    use crate::presolve::Reduction;

    fn circuit() -> Circuit {
        let soft = Law::from(Diode {
            on_conductance: 0.5,
            ..Diode::ideal(0.2)
        });
        Circuit::builder()
            .voltage_source("v1", "in", "0", 3.0)
            .conductance("r1", "in", "a", 1.0)
            .ideal_diode("d1", "a", "b", 0.1)
            .ideal_diode("d2", "b", "c", 0.0)
            .conductance("r2", "a", "c", 0.3)
            .conductance("r3", "b", "0", 2.0)
            .conductance("r4", "c", "d", 1.0)
            .ideal_diode("d3", "d", "0", 0.7)
            .element("d4", "b", "d", soft)
            .element("d5", "c", "0", Law::from(Shockley::new(1e-14)))
            .current_source("i1", "0", "c", 0.5)
            .build()
            .expect("valid")
    }

    /// Sum of g u^2 / 2 over resistors, of the co-contents of the others, less what injections give.
    fn energy(walk: &Walk) -> f64 {
        let network = walk.network;
        let mut energy = 0.0;
        let state = walk.state();
        for r in &network.resistors {
            let voltage = state.voltage(r.ends, r.offset);
            energy += 0.5 * r.conductance * voltage * voltage;
        }
        for d in network.diodes.iter().filter(|d| d.resistance > 0.0) {
            let beyond = state.voltage(d.ends, -d.bound).max(0.0);
            energy += 0.5 * beyond * beyond / d.resistance;
        }
        for c in &network.curved {
            energy += c.law.co_content(state.voltage(c.ends, c.offset));
        }
        let injections = network.injections.iter().zip(&state.potentials);
        energy - injections.map(|(i, x)| i * x).sum::<f64>()
    }

    #[test]
    fn energy_never_rises_in_a_sweep() {
        let circuit = circuit();
        let reduction = Reduction::new(&circuit).expect("solvable");
        let conductances = Arc::new(reduction.conductances(&circuit).expect("its shape"));
        let numbers = reduction
            .numbers(&circuit, &conductances)
            .expect("solvable");
        let numbers = numbers.expect("its shape");
        for over_relaxation in [1.0, 1.5] {
            let network = &numbers.network;
            let mut walk = Walk::new(network, &network.rest(), over_relaxation);
            let mut last = energy(&walk);
            for sweep in 0..60 {
                walk.sweep();
                let now = energy(&walk);
                assert!(now <= last + 1e-14, "sweep {sweep}: from {last} to {now}");
                assert!(walk.within_bounds());
                last = now;
                walk.check(1e-12);
            }
            assert!(walk.check(1e-12));
        }
    }
}
