//! Newton steps on a network: each solves a linear network of the same shape.
//!
//! A diode or a nonlinear element responds to a change du of its voltage by `di = change + conductance du`. How
//! the responses are made is up to the method that takes the steps; to find the potentials' direction, and to
//! correct it for rounding, is the same for all.

use super::multifrontal::{Factor, Plan};
use super::trace::Trace;
use crate::presolve::{GROUND, Network, Nonlinear, State, at};

/// Counts of the work done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) iterations: usize,
    pub(super) factorizations: usize,
    pub(super) solves: usize,
    pub(super) sweeps: usize,
    pub(super) interrupted: bool,
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Work) {
        self.iterations += other.iterations;
        self.factorizations += other.factorizations;
        self.solves += other.solves;
        self.sweeps += other.sweeps;
        self.interrupted |= other.interrupted;
    }
}

/// The state of a network on its way, and room for the steps.
pub(super) struct Newton {
    factor: Factor,
    /// Conductance of every edge in the present linear network.
    conductances: Vec<f64>,
    /// Sum of the conductances at each node in it.
    around: Vec<f64>,
    /// Potentials; the currents of diodes and nonlinear elements are in `responses`.
    pub(super) state: State,
    /// Of the diodes, then of the nonlinear elements.
    pub(super) responses: Vec<Response>,
    /// The currents by which each node misses the current law.
    residual: Vec<f64>,
    /// Direction of the potentials.
    pub(super) direction: Vec<f64>,
    currents: Vec<f64>,
    pub(super) scale: Scale,
    pub(super) work: Work,
    pub(super) trace: Trace,
    /// Whether the factorization is of `conductances`.
    is_factorized: bool,
}

/// The current of a diode or nonlinear element, and what it does in the next step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response {
    pub(super) ends: [u32; 2],
    edge: u32,
    pub(super) current: f64,
    pub(super) conductance: f64,
    /// What the current changes by at unchanged potentials.
    pub(super) change: f64,
    pub(super) d_current: f64,
}

/// What is large and what is small in a network.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scale {
    /// The largest voltage that sources and diodes hold; where there is none, the least that currents need; in volt.
    pub(super) held: f64,
    /// The larger one of these, in volt.
    least: f64,
    /// The largest voltage, in volt.
    pub(super) voltage: f64,
    /// The geometric mean of the conductances, in siemens.
    pub(super) conductance: f64,
    /// The largest current, in ampere.
    pub(super) current: f64,
}

/// By how much a state misses the laws, each relative to the scale of its kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Violations {
    pub(super) kcl: f64,
    pub(super) curves: f64,
    pub(super) diodes: f64,
}

impl Newton {
    pub(super) fn new(plan: &Plan) -> Newton {
        let zeros = || vec![0.0; plan.nodes()];
        Newton {
            factor: Factor::new(plan),
            conductances: vec![0.0; plan.edges()],
            around: zeros(),
            state: State::default(),
            responses: Vec::new(),
            residual: zeros(),
            direction: zeros(),
            currents: zeros(),
            scale: Scale::default(),
            work: Work::default(),
            trace: Trace::default(),
            is_factorized: false,
        }
    }

    /// Starts from a state, with no response yet.
    pub(super) fn begin(&mut self, network: &Network, state: &State) {
        self.work = Work::default();
        self.is_factorized = false;
        self.scale = Scale::of(network);
        self.state.potentials.clone_from(&state.potentials);
        self.state.remainders.clone_from(&state.remainders);
        let response = |(ends, edge, current): ([u32; 2], u32, &f64)| Response {
            ends,
            edge,
            current: *current,
            conductance: 0.0,
            change: 0.0,
            d_current: 0.0,
        };
        let diodes = network.diodes.iter().zip(&state.diode_currents);
        let diodes = diodes.map(|(d, current)| response((d.ends, d.edge, current)));
        let nonlinear = network.nonlinear.iter().zip(&state.nonlinear_currents);
        let nonlinear = nonlinear.map(|(c, current)| response((c.ends, c.edge, current)));
        self.responses.clear();
        self.responses.extend(diodes.chain(nonlinear));
        self.conductances.fill(0.0);
        for (conductance, resistor) in self.conductances.iter_mut().zip(&network.resistors) {
            *conductance = resistor.conductance;
        }
        self.sum_around(network);
    }

    /// The conductance to ground of parts that diodes have cut off, in siemens.
    pub(super) fn leak(&self) -> f64 {
        1e-6 * self.scale.conductance
    }

    /// Whether the last factorization is that of the network at a state: of its conducting diodes, and of tangents close
    /// to its curves.
    pub(super) fn factorized(&self, network: &Network, state: &State) -> bool {
        let diodes = network.diodes.iter().map(|diode| diode.edge);
        let nonlinear = network.nonlinear.iter().map(|branch| branch.edge);
        let seen = self.responses.iter().map(|response| response.edge);
        let conducts = |edge: u32| self.conductances[edge as usize] > 0.0;
        let mut currents = network.diodes.iter().zip(&state.diode_currents);
        self.is_factorized
            && diodes.chain(nonlinear).eq(seen)
            && currents.all(|(diode, current)| conducts(diode.edge) == (*current > 0.0))
            && network.nonlinear.iter().all(|branch| {
                let voltage = state.voltage(branch.ends, branch.offset);
                let slope = branch.law.current(voltage).1;
                is_near(self.conductances[branch.edge as usize], slope)
            })
    }

    /// Forgets the last factorization: the resistors have changed.
    pub(super) fn forget(&mut self) {
        self.is_factorized = false;
    }

    /// The conductance of an element in the last factorization.
    pub(super) fn factor_conductance(&self, response: &Response) -> f64 {
        self.conductances[response.edge as usize]
    }

    /// Starts from a state with the last factorization, whose conductances of responses these are.
    pub(super) fn adopt(&mut self, network: &Network, state: &State, kept: Option<&[f64]>) {
        self.begin(network, state);
        for (response, conductance) in self.responses.iter_mut().zip(kept.into_iter().flatten()) {
            response.conductance = *conductance;
            self.conductances[response.edge as usize] = *conductance;
        }
        if kept.is_some() {
            self.is_factorized = true;
            self.sum_around(network);
        }
    }

    /// Whether the tangents of the curves are far from those of the last factorization.
    pub(super) fn curves_moved(&self, network: &Network) -> bool {
        let mut nonlinear = self.responses[network.diodes.len()..].iter();
        nonlinear.any(|r| (self.factor_conductance(r) - r.conductance).abs() > 0.01 * r.conductance)
    }

    /// One step of the last linear network that makes up for `residual`, by which each node misses the current law.
    pub(super) fn correct(&mut self, plan: &Plan, residual: &[f64]) {
        self.residual.copy_from_slice(residual);
        self.currents.copy_from_slice(residual);
        for response in &mut self.responses {
            response.conductance = self.conductances[response.edge as usize];
            response.d_current = response.change;
            inject(&mut self.currents, response.ends, -response.change);
        }
        self.direction.fill(0.0);
        self.add_to_direction(plan);
        self.advance(1.0);
    }

    /// Replaces currents into the nodes by the potentials that they raise in the last linear network.
    pub(super) fn solve(&mut self, plan: &Plan, currents: &mut [f64]) {
        self.factor.solve(plan, currents);
        self.work.solves += 1;
    }

    /// The state with its currents.
    pub(super) fn finish(&self, network: &Network) -> State {
        let currents: Vec<f64> = self.responses.iter().map(|r| r.current).collect();
        let (diodes, nonlinear) = currents.split_at(network.diodes.len());
        State {
            diode_currents: diodes.to_vec(),
            nonlinear_currents: nonlinear.to_vec(),
            ..self.state.clone()
        }
    }

    /// The conductance of the elements around a branch, where there are any.
    pub(super) fn local_conductance(&self, ends: [u32; 2]) -> f64 {
        let of = |end: u32| match at(&self.around, end) {
            g if g > 0.0 => g,
            _ => self.scale.conductance,
        };
        match ends {
            [GROUND, node] | [node, GROUND] => of(node),
            [a, b] => (of(a) * of(b)).sqrt(),
        }
    }

    /// The sums of the conductances of resistors and of the present responses at each node, in siemens.
    pub(super) fn loads(&mut self, network: &Network) -> Vec<f64> {
        self.sum_around(network);
        self.around.clone()
    }

    fn sum_around(&mut self, network: &Network) {
        self.around.fill(0.0);
        for resistor in &network.resistors {
            add(&mut self.around, resistor.ends, resistor.conductance);
        }
        for response in &self.responses {
            add(&mut self.around, response.ends, response.conductance);
        }
    }

    /// Takes the tangents of the nonlinear elements where their curves cross the load lines that the rest of the
    /// network, as the last step saw it, presents to them. The tangent at the last voltage would be
    /// useless for steep diodes, where a step too far is worth hundreds.
    pub(super) fn touch_curves(&mut self, network: &Network) {
        (0..network.nonlinear.len()).for_each(|k| self.touch_curve(network, k));
    }

    /// The same for one of them.
    pub(super) fn touch_curve(&mut self, network: &Network, k: usize) {
        let response = &mut self.responses[network.diodes.len() + k];
        let rest = rest_resistance(&self.around, response, self.scale);
        touch(response, &network.nonlinear[k], &self.state, rest);
    }

    /// Removes all nodes of the linear network of the present responses.
    ///
    /// A part that diodes have cut off has the conductance `leak` to ground, in siemens, so that it moves far: to where
    /// one of them conducts.
    pub(super) fn factorize(&mut self, plan: &Plan, network: &Network, leak: f64) {
        for response in &self.responses {
            self.conductances[response.edge as usize] = response.conductance;
        }
        self.factor.factorize(plan, &self.conductances, leak);
        self.is_factorized = true;
        self.work.factorizations += 1;
        self.sum_around(network);
    }

    /// Finds by how much each node misses the current law, and the largest current.
    pub(super) fn find_residual(&mut self, network: &Network) {
        self.residual.copy_from_slice(&network.injections);
        let injections = network.injections.iter();
        let mut largest = injections.fold(0.0, |max: f64, i| max.max(i.abs()));
        let mut voltage = self.scale.least;
        for resistor in &network.resistors {
            let across = self.state.voltage(resistor.ends, resistor.offset);
            voltage = voltage.max(across.abs());
            let current = resistor.conductance * across;
            largest = largest.max(current.abs());
            inject(&mut self.residual, resistor.ends, -current);
        }
        self.scale.voltage = voltage;
        for response in &self.responses {
            largest = largest.max(response.current.abs());
            inject(&mut self.residual, response.ends, -response.current);
        }
        let rounding = 2.0 * f64::EPSILON * self.scale.voltage * network.largest_conductance;
        self.scale.current = largest.max(rounding);
    }

    /// Finds the direction of the potentials and currents, and corrects it for rounding if `refine`.
    pub(super) fn find_direction(&mut self, plan: &Plan, network: &Network, refine: bool) {
        const CORRECTIONS: usize = 3;
        self.currents.copy_from_slice(&self.residual);
        for response in &mut self.responses {
            response.d_current = response.change;
            inject(&mut self.currents, response.ends, -response.change);
        }
        // The next step sees what this one misses.
        let enough = (1e-15 * self.scale.current).max(1e-6 * largest(&self.residual));
        self.direction.fill(0.0);
        self.add_to_direction(plan);
        for _ in 0..if refine { CORRECTIONS } else { 0 } {
            self.find_missed(network);
            let missed = largest(&self.currents);
            if missed <= enough || missed.is_nan() {
                break;
            }
            self.add_to_direction(plan);
        }
    }

    /// Adds to the direction what the currents in `self.currents` change.
    fn add_to_direction(&mut self, plan: &Plan) {
        self.factor.solve(plan, &mut self.currents);
        self.work.solves += 1;
        for (d, more) in self.direction.iter_mut().zip(&self.currents) {
            *d += more;
        }
        for response in &mut self.responses {
            response.d_current += response.conductance * difference(&self.currents, response.ends);
        }
    }

    /// What the present direction misses of the current law, into `self.currents`.
    fn find_missed(&mut self, network: &Network) {
        self.currents.copy_from_slice(&self.residual);
        for resistor in &network.resistors {
            let current = resistor.conductance * difference(&self.direction, resistor.ends);
            inject(&mut self.currents, resistor.ends, -current);
        }
        for response in &self.responses {
            inject(&mut self.currents, response.ends, -response.d_current);
        }
    }

    /// The change of a branch's voltage along the direction.
    pub(super) fn d_voltage(&self, ends: [u32; 2]) -> f64 {
        difference(&self.direction, ends)
    }

    /// The largest change of a potential by a step along the direction, relative to the largest voltage.
    pub(super) fn largest_change(&self, step: f64) -> f64 {
        step * largest(&self.direction) / self.scale.voltage
    }

    pub(super) fn move_potentials(&mut self, step: f64) {
        self.state.move_along(step, &self.direction);
    }

    /// The power that the direction's potentials take from sources and resistors, at the present state and per
    /// unit of a step along the direction.
    pub(super) fn power_along(&self, network: &Network) -> (f64, f64) {
        let (mut now, mut per_step) = (0.0, 0.0);
        for resistor in &network.resistors {
            let du = difference(&self.direction, resistor.ends);
            if du != 0.0 {
                now += du * resistor.current(&self.state);
                per_step += resistor.conductance * du * du;
            }
        }
        for (d, injection) in self.direction.iter().zip(&network.injections) {
            now -= d * injection;
        }
        (now, per_step)
    }

    pub(super) fn advance(&mut self, step: f64) {
        self.move_potentials(step);
        for response in &mut self.responses {
            response.current += step * response.d_current;
        }
    }

    /// By how much the present state misses the laws; `find_residual` must have seen it.
    pub(super) fn misses(&self, network: &Network) -> Violations {
        let (scale, voltage) = (self.scale, self.scale.voltage);
        let (diodes, nonlinear) = self.responses.split_at(network.diodes.len());
        let mut off_curves = 0.0;
        for (response, branch) in nonlinear.iter().zip(&network.nonlinear) {
            let present = self.state.voltage(branch.ends, branch.offset);
            let (wanted, slope) = branch.law.current(present);
            let off = (response.current - wanted).abs();
            let least = relative(off, scale.current).min(relative(off / slope, voltage));
            off_curves = worse(off_curves, least);
        }
        let mut off_diodes = 0.0;
        for (response, branch) in diodes.iter().zip(&network.diodes) {
            let beyond = self.state.voltage(branch.ends, -branch.bound);
            let slack = branch.resistance * response.current - beyond;
            // Of slack and current, one is zero and the other is not negative.
            let (slack, current) = (slack / voltage, relative(response.current, scale.current));
            off_diodes = worse(off_diodes, slack.min(current).abs());
        }
        Violations {
            kcl: relative(largest(&self.residual), scale.current),
            curves: off_curves,
            diodes: off_diodes,
        }
    }
}

impl Violations {
    pub(super) fn worst(&self) -> f64 {
        worse(worse(self.kcl, self.curves), self.diodes)
    }
}

/// Whether a tangent serves for another.
fn is_near(a: f64, b: f64) -> bool {
    a <= 2.0 * b && b <= 2.0 * a
}

/// Takes the tangent where the curve crosses the load line of the resistance `rest` through the present voltage
/// and current.
fn touch(response: &mut Response, branch: &Nonlinear, state: &State, rest: f64) {
    let voltage = state.voltage(branch.ends, branch.offset);
    let touching = branch
        .law
        .on_load_line(voltage + rest * response.current, rest);
    let (current, slope) = branch.law.current(touching);
    response.conductance = slope.min(1e12 / rest);
    response.change = current + response.conductance * (voltage - touching) - response.current;
}

/// The resistance that the rest of the network presents to a branch, if its neighbours' potentials did not move.
fn rest_resistance(around: &[f64], response: &Response, scale: Scale) -> f64 {
    let of = |end: u32| match end {
        GROUND => 0.0,
        node => {
            let total = around[node as usize];
            let rest = (total - response.conductance).max(1e-12 * total);
            1.0 / rest.max(1e-15 * scale.conductance)
        }
    };
    of(response.ends[0]) + of(response.ends[1])
}

impl Scale {
    pub(super) fn of(network: &Network) -> Scale {
        let resistors = || network.resistors.iter().filter(|r| r.conductance > 0.0);
        let logs: f64 = resistors().map(|r| r.conductance.ln()).sum();
        let conductance = match resistors().count() {
            0 => 1.0,
            count => (logs / count as f64).exp(),
        };
        let held = network.held_voltage();
        let least = network.least_voltage();
        Scale {
            held: if held > 0.0 { held } else { least },
            least,
            voltage: least,
            conductance,
            current: 0.0,
        }
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |max, x| worse(max, x.abs()))
}

/// The larger number, or NaN if either is.
pub(super) fn worse(a: f64, b: f64) -> f64 {
    if a >= b || a.is_nan() { a } else { b }
}

/// x / scale, and 0 for 0.
fn relative(x: f64, scale: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x / scale }
}

pub(super) fn difference(values: &[f64], [a, b]: [u32; 2]) -> f64 {
    at(values, a) - at(values, b)
}

fn add(sums: &mut [f64], ends: [u32; 2], conductance: f64) {
    for end in ends {
        if let Some(sum) = sums.get_mut(end as usize) {
            *sum += conductance;
        }
    }
}

/// Lets a current from outside enter at the first end and leave at the second.
pub(super) fn inject(currents: &mut [f64], [a, b]: [u32; 2], current: f64) {
    if let Some(sum) = currents.get_mut(a as usize) {
        *sum += current;
    }
    if let Some(sum) = currents.get_mut(b as usize) {
        *sum -= current;
    }
}
