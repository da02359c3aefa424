//! The operating point of a network by a primal-dual interior-point method.
//!
//! Each diode has a slack s > 0 and a current z > 0 with x_a - x_b - r z + s = w, and s z = mu p for a
//! parameter mu that is driven to zero; p is the conductance around the diode, so that mu is the square of a voltage
//! whatever the scale of the circuit's conductances. A Newton step on these equations sees every diode as the
//! conductance y = 1/(s/z + r), so each step solves a linear network of the same shape
//! ([`star_mesh`](super::star_mesh)). Predictor and corrector are those of Mehrotra (SIAM J. Optim. 2, 1992).
//!
//! A curved element enters with the tangent at a point of its curve: where the curve crosses the load
//! line that the rest of the network, seen through the last step, presents to it. The tangent to i(u) at the
//! last voltage would be useless for steep diodes, where a step too far is worth hundreds.

use super::star_mesh::{Factor, Plan};
use crate::presolve::{Curved, GROUND, Network, State, at};

/// Steps after which the iteration gives up.
const MAX_ITERATIONS: usize = 200;

/// Share of the way to the boundary that a step may go, at least.
const TO_BOUNDARY: f64 = 0.99;

/// Counts of the work done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) iterations: usize,
    pub(crate) factorizations: usize,
    pub(crate) solves: usize,
}

/// Room for the iteration, kept between solves.
pub(crate) struct InteriorPoint {
    factor: Factor,
    /// Conductance of every edge in the present linear network.
    conductances: Vec<f64>,
    /// Sum of the conductances at each node in it.
    around: Vec<f64>,
    diodes: Vec<Diode>,
    curved: Vec<Tangent>,
    /// Direction of the potentials.
    direction: Vec<f64>,
    /// Currents that a step has to make up for, and room for another such set.
    currents: Vec<f64>,
    residual: Vec<f64>,
    work: Work,
}

/// A diode's variables, their directions, and the predictor's.
#[derive(Clone, Copy, Default)]
struct Diode {
    slack: f64,
    current: f64,
    /// p, in siemens.
    weight: f64,
    /// y, in siemens.
    conductance: f64,
    /// What the current changes by at unchanged potentials.
    change: f64,
    d_slack: f64,
    d_current: f64,
}

/// A curved element's current, and its tangent: i = at + slope (u - u_at).
#[derive(Clone, Copy, Default)]
struct Tangent {
    current: f64,
    slope: f64,
    /// What the current changes by at unchanged potentials.
    change: f64,
    d_current: f64,
}

/// How far a state is from the operating point; each relative to the scale of its kind.
struct Distance {
    kcl: f64,
    bounds: f64,
    curves: f64,
    /// Largest of min(slack, current) over the diodes.
    complementarity: f64,
}

/// Scales of a network.
#[derive(Clone, Copy)]
struct Scale {
    voltage: f64,
    conductance: f64,
}

impl InteriorPoint {
    pub(crate) fn new(plan: &Plan) -> InteriorPoint {
        InteriorPoint {
            factor: Factor::new(plan),
            conductances: vec![0.0; plan.edges()],
            around: vec![0.0; plan.nodes()],
            diodes: Vec::new(),
            curved: Vec::new(),
            direction: vec![0.0; plan.nodes()],
            currents: vec![0.0; plan.nodes()],
            residual: vec![0.0; plan.nodes()],
            work: Work::default(),
        }
    }

    /// Solves a network. The second result is the work done; whether the state is good enough is for the certificate
    /// to say.
    pub(crate) fn solve(
        &mut self,
        plan: &Plan,
        network: &Network,
        tolerance: f64,
    ) -> (State, Work) {
        self.work = Work::default();
        let scale = Scale::of(network);
        let mut state = self.start(plan, network, scale);
        let mut best = f64::INFINITY;
        let mut best_state = state.clone();
        let mut stalled = 0;
        for iteration in 0..MAX_ITERATIONS {
            self.work.iterations = iteration;
            self.find_residual(network, &state);
            let distance = self.distance(network, &state, scale);
            let worst = distance.worst();
            if std::env::var_os("OHM_TRACE").is_some() {
                eprintln!(
                    "{iteration:3} kcl {:.1e} bounds {:.1e} curves {:.1e} compl {:.1e} mu {:.1e}",
                    distance.kcl,
                    distance.bounds,
                    distance.curves,
                    distance.complementarity,
                    self.mu()
                );
            }
            if worst < best {
                (best, stalled) = (worst, 0);
                best_state = self.finish(state.clone());
            } else {
                stalled += 1;
            }
            if worst <= tolerance || stalled > 30 {
                break;
            }
            self.step(plan, network, &mut state, scale);
        }
        (best_state, self.work)
    }

    /// Diodes as resistors of the conductance around them, then moved off their bounds.
    fn start(&mut self, plan: &Plan, network: &Network, scale: Scale) -> State {
        self.around.fill(0.0);
        for resistor in &network.resistors {
            add_around(&mut self.around, resistor.ends, resistor.conductance);
        }
        let bare = self.around.clone();
        let local = |ends: [u32; 2]| local_conductance(&bare, ends, scale.conductance);
        self.conductances.fill(0.0);
        self.currents.copy_from_slice(&network.injections);
        for (edge, resistor) in network.resistors.iter().enumerate() {
            self.conductances[edge] = resistor.conductance;
            inject(&mut self.currents, resistor.ends, -resistor.current);
        }
        self.diodes.clear();
        for diode in &network.diodes {
            let weight = local(diode.ends);
            let weight = weight / (1.0 + weight * diode.resistance);
            self.conductances[diode.edge as usize] = weight;
            add_around(&mut self.around, diode.ends, weight);
            inject(&mut self.currents, diode.ends, weight * diode.bound);
            self.diodes.push(Diode {
                weight,
                ..Diode::default()
            });
        }
        self.curved.clear();
        for curved in &network.curved {
            let slope = local(curved.ends);
            self.conductances[curved.edge as usize] = slope;
            add_around(&mut self.around, curved.ends, slope);
            inject(&mut self.currents, curved.ends, -slope * curved.offset);
            self.curved.push(Tangent {
                slope,
                ..Tangent::default()
            });
        }
        self.factorize(plan);
        self.direction.copy_from_slice(&self.currents);
        self.factor.solve(plan, &mut self.direction);
        self.work.solves += 1;
        let state = State {
            potentials: self.direction.clone(),
            remainders: vec![0.0; network.nodes],
            diode_currents: vec![0.0; network.diodes.len()],
            curved_currents: vec![0.0; network.curved.len()],
        };
        self.move_off_bounds(network, &state, scale);
        for (tangent, curved) in self.curved.iter_mut().zip(&network.curved) {
            tangent.current = tangent.slope * state.voltage(curved.ends, curved.offset);
        }
        state
    }

    fn move_off_bounds(&mut self, network: &Network, state: &State, scale: Scale) {
        let gaps = network.diodes.iter().map(|diode| {
            let voltage = state.voltage(diode.ends, 0.0);
            diode.bound - voltage
        });
        let gaps: Vec<f64> = gaps.collect();
        let mean = gaps.iter().map(|gap| gap.abs()).sum::<f64>() / gaps.len().max(1) as f64;
        let margin = if mean > 0.0 { mean } else { scale.voltage };
        for (diode, gap) in self.diodes.iter_mut().zip(gaps) {
            diode.slack = gap.max(0.0) + margin;
            diode.current = diode.weight * ((-gap).max(0.0) + margin);
        }
    }

    fn factorize(&mut self, plan: &Plan) {
        self.factor.factorize(plan, &self.conductances);
        self.work.factorizations += 1;
    }

    /// mu: the mean of s z / p.
    fn mu(&self) -> f64 {
        let products = self.diodes.iter().map(|d| d.slack * d.current / d.weight);
        products.sum::<f64>() / self.diodes.len().max(1) as f64
    }

    /// The currents by which each node misses the current law.
    fn find_residual(&mut self, network: &Network, state: &State) {
        self.residual.copy_from_slice(&network.injections);
        for resistor in &network.resistors {
            let voltage = state.voltage(resistor.ends, 0.0);
            let current = resistor.conductance * voltage + resistor.current;
            inject(&mut self.residual, resistor.ends, -current);
        }
        for (diode, branch) in self.diodes.iter().zip(&network.diodes) {
            inject(&mut self.residual, branch.ends, -diode.current);
        }
        for (tangent, curved) in self.curved.iter().zip(&network.curved) {
            inject(&mut self.residual, curved.ends, -tangent.current);
        }
    }

    fn distance(&self, network: &Network, state: &State, scale: Scale) -> Distance {
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let resistors = network.resistors.iter().map(|r| {
            let current = r.conductance * state.voltage(r.ends, 0.0) + r.current;
            current.abs()
        });
        let diodes = self.diodes.iter().map(|d| d.current);
        let curved = self.curved.iter().map(|c| c.current.abs());
        let sources = network.injections.iter().map(|i| i.abs());
        let current = largest(&mut resistors.chain(diodes).chain(curved).chain(sources))
            .max(f64::EPSILON * scale.voltage * scale.conductance);
        let potential = largest(&mut state.potentials.iter().map(|x| x.abs()));
        let voltage = potential.max(scale.voltage);
        let relative = |x: f64, scale: f64| if x == 0.0 { 0.0 } else { x.abs() / scale };
        let bounds = self.diodes.iter().zip(&network.diodes).map(|(d, branch)| {
            let gap = branch.bound - state.voltage(branch.ends, 0.0);
            relative(gap + branch.resistance * d.current - d.slack, voltage)
        });
        let complementarity = self
            .diodes
            .iter()
            .map(|d| (d.slack / voltage).min(relative(d.current, current)));
        let curves = self.curved.iter().zip(&network.curved).map(|(t, branch)| {
            let wanted = branch
                .law
                .current(state.voltage(branch.ends, branch.offset));
            let off = t.current - wanted.0;
            relative(off, current).min(relative(off / wanted.1, voltage))
        });
        Distance {
            kcl: relative(largest(&mut self.residual.iter().map(|r| r.abs())), current),
            bounds: largest(&mut bounds.map(|b| b)),
            curves: largest(&mut curves.map(|c| c)),
            complementarity: largest(&mut complementarity.map(|c| c)),
        }
    }

    /// One predictor and corrector.
    fn step(&mut self, plan: &Plan, network: &Network, state: &mut State, scale: Scale) {
        self.linearise(network, state, scale);
        self.factorize(plan);
        let mu = self.mu();
        if !self.diodes.is_empty() {
            self.aim(network, state, |d| -d.slack * d.current);
            self.find_direction(plan, network, false);
            let step = self.longest_step();
            let after = self.mu_after(step);
            let centering = (after / mu).powi(3);
            self.aim(network, state, |d| {
                centering * mu * d.weight - d.slack * d.current - d.d_slack * d.d_current
            });
        }
        self.find_direction(plan, network, true);
        let step = self.longest_step();
        let share = TO_BOUNDARY.max(1.0 - mu / (scale.voltage * scale.voltage));
        let step = (share * step).min(1.0);
        self.advance(step, state);
    }

    /// The linear network of the next step: a conductance for each diode, a tangent for each curved element.
    fn linearise(&mut self, network: &Network, state: &State, scale: Scale) {
        for (diode, branch) in self.diodes.iter_mut().zip(&network.diodes) {
            diode.conductance = 1.0 / (diode.slack / diode.current + branch.resistance);
            self.conductances[branch.edge as usize] = diode.conductance;
        }
        for (tangent, branch) in self.curved.iter_mut().zip(&network.curved) {
            let slope = tangent.slope;
            let rest = rest_resistance(&self.around, branch.ends, slope, scale);
            tangent.touch(branch, state, rest);
            self.conductances[branch.edge as usize] = tangent.slope;
        }
        self.around.fill(0.0);
        for (edge, resistor) in network.resistors.iter().enumerate() {
            add_around(&mut self.around, resistor.ends, self.conductances[edge]);
        }
        for branch in &network.diodes {
            let y = self.conductances[branch.edge as usize];
            add_around(&mut self.around, branch.ends, y);
        }
        for branch in &network.curved {
            let slope = self.conductances[branch.edge as usize];
            add_around(&mut self.around, branch.ends, slope);
        }
    }

    /// What each diode's current changes by at unchanged potentials, if s z is to change by `target`.
    fn aim(&mut self, network: &Network, state: &State, target: impl Fn(&Diode) -> f64) {
        for (diode, branch) in self.diodes.iter_mut().zip(&network.diodes) {
            let gap = branch.bound - state.voltage(branch.ends, 0.0);
            let off = gap + branch.resistance * diode.current - diode.slack;
            // s dz + z ds = target and  ds = off - du + r dz  give  dz = y du + change.
            let target = target(diode);
            diode.change = diode.conductance * (target / diode.current - off);
            diode.d_slack = off;
        }
    }

    /// Solves the linear network, and again for what rounding leaves, if `refine`.
    fn find_direction(&mut self, plan: &Plan, network: &Network, refine: bool) {
        self.currents.copy_from_slice(&self.residual);
        for (diode, branch) in self.diodes.iter().zip(&network.diodes) {
            inject(&mut self.currents, branch.ends, -diode.change);
        }
        for (tangent, branch) in self.curved.iter().zip(&network.curved) {
            inject(&mut self.currents, branch.ends, -tangent.change);
        }
        let size = self
            .currents
            .iter()
            .fold(0.0, |max: f64, c| max.max(c.abs()));
        self.direction.copy_from_slice(&self.currents);
        self.factor.solve(plan, &mut self.direction);
        self.work.solves += 1;
        for (diode, branch) in self.diodes.iter_mut().zip(&network.diodes) {
            let du = at(&self.direction, branch.ends[0]) - at(&self.direction, branch.ends[1]);
            diode.d_current = diode.change + diode.conductance * du;
        }
        for (tangent, branch) in self.curved.iter_mut().zip(&network.curved) {
            let du = at(&self.direction, branch.ends[0]) - at(&self.direction, branch.ends[1]);
            tangent.d_current = tangent.change + tangent.slope * du;
        }
        for _ in 0..if refine { 3 } else { 0 } {
            if !self.refine(plan, network, 1e-10 * size) {
                break;
            }
        }
        for (diode, branch) in self.diodes.iter_mut().zip(&network.diodes) {
            let du = at(&self.direction, branch.ends[0]) - at(&self.direction, branch.ends[1]);
            diode.d_slack += branch.resistance * diode.d_current - du;
        }
    }

    /// Improves a direction by what its currents miss of the current law; false if that is at most `enough`.
    fn refine(&mut self, plan: &Plan, network: &Network, enough: f64) -> bool {
        self.currents.copy_from_slice(&self.residual);
        for resistor in &network.resistors {
            let du = at(&self.direction, resistor.ends[0]) - at(&self.direction, resistor.ends[1]);
            inject(
                &mut self.currents,
                resistor.ends,
                -resistor.conductance * du,
            );
        }
        for (diode, branch) in self.diodes.iter().zip(&network.diodes) {
            inject(&mut self.currents, branch.ends, -diode.d_current);
        }
        for (tangent, branch) in self.curved.iter().zip(&network.curved) {
            inject(&mut self.currents, branch.ends, -tangent.d_current);
        }
        let missed = self
            .currents
            .iter()
            .fold(0.0, |max: f64, c| max.max(c.abs()));
        if missed <= enough {
            return false;
        }
        self.factor.solve(plan, &mut self.currents);
        self.work.solves += 1;
        let correction = &self.currents;
        for (d, c) in self.direction.iter_mut().zip(correction) {
            *d += c;
        }
        for (diode, branch) in self.diodes.iter_mut().zip(&network.diodes) {
            let du = at(correction, branch.ends[0]) - at(correction, branch.ends[1]);
            diode.d_current += diode.conductance * du;
        }
        for (tangent, branch) in self.curved.iter_mut().zip(&network.curved) {
            let du = at(correction, branch.ends[0]) - at(correction, branch.ends[1]);
            tangent.d_current += tangent.slope * du;
        }
        true
    }

    /// The step at which the first slack or current reaches zero, at most 1.
    fn longest_step(&self) -> f64 {
        let limit = |x: f64, d: f64| if d < 0.0 { -x / d } else { f64::INFINITY };
        let steps = self.diodes.iter().map(|diode| {
            limit(diode.slack, diode.d_slack).min(limit(diode.current, diode.d_current))
        });
        steps.fold(1.0 / TO_BOUNDARY, f64::min)
    }

    fn mu_after(&self, step: f64) -> f64 {
        let products = self
            .diodes
            .iter()
            .map(|d| (d.slack + step * d.d_slack) * (d.current + step * d.d_current) / d.weight);
        products.sum::<f64>() / self.diodes.len().max(1) as f64
    }

    fn advance(&mut self, step: f64, state: &mut State) {
        state.move_along(step, &self.direction);
        for diode in &mut self.diodes {
            diode.slack += step * diode.d_slack;
            diode.current += step * diode.d_current;
        }
        for tangent in &mut self.curved {
            tangent.current += step * tangent.d_current;
        }
    }

    fn finish(&self, mut state: State) -> State {
        state.diode_currents = self.diodes.iter().map(|d| d.current).collect();
        state.curved_currents = self.curved.iter().map(|c| c.current).collect();
        state
    }
}

impl Tangent {
    /// Takes the tangent where the curve crosses the load line through the present voltage and current.
    fn touch(&mut self, branch: &Curved, state: &State, rest: f64) {
        let voltage = state.voltage(branch.ends, branch.offset);
        let touching = branch.law.on_load_line(voltage + rest * self.current, rest);
        let (current, slope) = branch.law.current(touching);
        self.slope = slope.min(1e12 / rest.max(1e-12));
        self.change = current + self.slope * (voltage - touching) - self.current;
    }
}

impl Distance {
    fn worst(&self) -> f64 {
        let worse = |a: f64, b: f64| if a >= b || a.is_nan() { a } else { b };
        let curves = worse(self.curves, self.complementarity);
        worse(worse(self.kcl, self.bounds), curves)
    }
}

impl Scale {
    fn of(network: &Network) -> Scale {
        let resistors = || network.resistors.iter().filter(|r| r.conductance > 0.0);
        let logs = resistors().map(|r| r.conductance.ln());
        let count = resistors().count();
        let conductance = match count {
            0 => 1.0,
            count => (logs.sum::<f64>() / count as f64).exp(),
        };
        let sources = resistors().map(|r| (r.current / r.conductance).abs());
        let bounds = network.diodes.iter().map(|d| d.bound.abs());
        let offsets = network.curved.iter().map(|c| c.offset.abs());
        let injections = network.injections.iter().map(|i| i.abs() / conductance);
        let voltage = sources.chain(bounds).chain(offsets).fold(0.0, f64::max);
        let voltage = if voltage > 0.0 {
            voltage
        } else {
            injections.fold(0.0, f64::max)
        };
        Scale {
            voltage: if voltage > 0.0 { voltage } else { 1.0 },
            conductance,
        }
    }
}

/// The geometric mean of the conductances around the ends, or `otherwise` where there are none.
fn local_conductance(around: &[f64], ends: [u32; 2], otherwise: f64) -> f64 {
    let of = |end: u32| match at(around, end) {
        g if g > 0.0 => g,
        _ => otherwise,
    };
    match ends {
        [GROUND, node] | [node, GROUND] => of(node),
        [a, b] => (of(a) * of(b)).sqrt(),
    }
}

/// The resistance that the rest of the network presents to a branch of conductance `own`, if its
/// neighbours' potentials did not move.
fn rest_resistance(around: &[f64], ends: [u32; 2], own: f64, scale: Scale) -> f64 {
    let of = |end: u32| match end {
        GROUND => 0.0,
        node => {
            let rest = around[node as usize] - own;
            1.0 / rest
                .max(1e-12 * around[node as usize])
                .max(1e-12 * scale.conductance)
        }
    };
    of(ends[0]) + of(ends[1])
}

fn add_around(around: &mut [f64], ends: [u32; 2], conductance: f64) {
    for end in ends {
        if let Some(sum) = around.get_mut(end as usize) {
            *sum += conductance;
        }
    }
}

/// Lets a current from outside enter at the first end and leave at the second.
fn inject(currents: &mut [f64], [a, b]: [u32; 2], current: f64) {
    if let Some(sum) = currents.get_mut(a as usize) {
        *sum += current;
    }
    if let Some(sum) = currents.get_mut(b as usize) {
        *sum -= current;
    }
}
