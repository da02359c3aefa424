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
//! With soft diodes and nonlinear elements at the node, x is the root of its monotone current balance.
//!
//! Two nodes with a conducting ideal diode between them can block each other: neither moves alone, though both
//! together would lower the co-content. So a node that runs into a diode with current to push through it is
//! welded to the node on the other side, and from then on the cluster moves as one. The welds of a cluster
//! are a tree; the current law along it gives their currents, and a weld with a negative one is undone.

mod check;
mod clusters;
mod neighbours;
#[cfg(test)]
mod tests;

use super::newton::{Scale, Work};
use super::trace::{Phase, Trace};
use clusters::Clusters;
use neighbours::{Limit, NonlinearBranch, Rows, Wire, limits, nonlinear_branches, wires};

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

impl Descent {
    pub(super) fn work(&self) -> Work {
        Work {
            sweeps: self.sweeps,
            interrupted: self.interrupted,
            ..Work::default()
        }
    }
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
    trace: &mut Trace,
) -> Descent {
    let mut walk = Walk::new(network, start, over_relaxation);
    let mut sweeps = 0;
    let mut check = |walk: &mut Walk, sweeps| {
        let checked = walk.check(tolerance);
        trace.tell(Phase::Coordinate, sweeps, checked.missed, checked.switched);
        checked.converged
    };
    let mut converged = check(&mut walk, sweeps);
    let mut interrupted = false;
    while !converged && sweeps < max_sweeps && !interrupted {
        walk.sweep();
        interrupted = interrupt::requested();
        sweeps += 1;
        if sweeps % CHECK == 0 || sweeps == max_sweeps {
            converged = check(&mut walk, sweeps);
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
    let nonlinear = network.nonlinear.iter().map(|c| c.ends);
    let ends = resistors.chain(diodes).chain(nonlinear).flatten();
    ends.filter(|end| (*end as usize) < network.nodes).count()
}

/// The number of no diode.
const NO_DIODE: u32 = u32::MAX;

/// How far a cluster may be shifted, and the diode that stops it there.
#[derive(Clone, Copy)]
struct Stop {
    shift: f64,
    other: u32,
    diode: u32,
    /// The node of the cluster at the diode.
    node: u32,
}

/// A descent on its way.
struct Walk<'a, 'c> {
    network: &'a Network<'c>,
    wires: Rows<Wire>,
    limits: Rows<Limit>,
    nonlinear_branches: Rows<NonlinearBranch>,
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
            nonlinear_branches: nonlinear_branches(network),
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
        let bent = members.any(|node| !self.nonlinear_branches.at(node).is_empty());
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
            for bend in self.nonlinear_branches.at(node) {
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
    fn law(&self, bend: &NonlinearBranch, x: f64) -> (f64, f64) {
        let other = self.potentials[bend.other as usize];
        let voltage = bend.sign * (x - other) + bend.offset;
        let diodes = &self.network.diodes;
        let (current, slope) = match diodes.get(bend.element) {
            Some(_) if voltage <= 0.0 => (0.0, 0.0),
            Some(diode) => (voltage / diode.resistance, 1.0 / diode.resistance),
            None => {
                let nonlinear = &self.network.nonlinear[bend.element - diodes.len()];
                nonlinear.law.current(voltage)
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
        for (nonlinear, current) in network.nonlinear.iter().zip(&mut state.nonlinear_currents) {
            *current = nonlinear
                .law
                .current(voltage(nonlinear.ends, nonlinear.offset))
                .0;
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
