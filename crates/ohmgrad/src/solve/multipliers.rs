//! The operating point from a state close to it, by Newton's method on the method of multipliers.
//!
//! Each diode and nonlinear element carries an estimate l of its current and gets a small resistance d in
//! series, with a source d l that makes up for it:
//!
//! ```text
//! diode    i = max(0, (d l + u - w) / (d + r))
//! nonlinear   i = law(p)  where the load line  p + d i = u + d l  crosses the curve
//! ```
//!
//! The energy of this network is convex and once differentiable, and Newton's method with a line search finds its
//! minimum from anywhere (Hestenes and Powell, 1969, with the semismooth Newton method of Qi and Sun, 1993). Its
//! currents become the next estimates; where they no longer change, the laws hold exactly. With ideal diodes and
//! resistors alone each step guesses the set of conducting diodes; from the answer for other sources a few
//! guesses do, and diodes that block end with exactly zero current.

use super::multifrontal::Plan;
use super::newton::Newton;
use super::trace::Phase;
use crate::interrupt;
use crate::presolve::{Network, State};

/// How small the resistances d are, and how long to go on.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Continuation {
    /// The conductance 1/d at first, relative to that around the element.
    pub(super) sharpness: f64,
    /// The greatest number of steps.
    pub(super) steps: usize,
    /// Whether to take steps as long as the line search says, instead of whole ones.
    pub(super) searches: bool,
    /// Whether to give up as soon as the number of diodes that switch in a step does not fall quickly, or the curves
    /// turn out to be far away.
    pub(super) impatient: bool,
}

impl Continuation {
    /// From a state that may be close: a few diodes switch, or it gives up.
    pub(super) const GUESS: Continuation = Continuation {
        sharpness: SHARPEST,
        steps: 25,
        searches: false,
        impatient: true,
    };
    /// Only to see whether the state is the answer.
    pub(super) const LOOK: Continuation = Continuation {
        steps: 0,
        ..Continuation::GUESS
    };
    /// From a state with almost all diodes in the right set.
    pub(super) const POLISH: Continuation = Continuation {
        sharpness: SHARPEST,
        steps: 40,
        searches: false,
        impatient: false,
    };
    /// From anywhere.
    pub(super) const SURE: Continuation = Continuation {
        sharpness: 10.0,
        steps: 400,
        searches: true,
        impatient: false,
    };
}

/// The largest 1/d.
const SHARPEST: f64 = 1e9;

/// By how much 1/d grows from one set of estimates to the next.
const SHARPEN: f64 = 30.0;

/// Sets of estimates at full sharpness that may bring nothing.
const SETTLED: usize = 6;

/// The largest change of a potential, relative to the largest voltage, in the last step of a network with nonlinear
/// elements. The laws alone do not tell: what faint currents miss is nothing beside the strong ones.
const STILL: f64 = 1e-8;

/// A start that still misses the current law by this share of the largest current after a few steps is far away: steep
/// curves would be walked down one thermal voltage at a time.
const LOST: f64 = 0.5;
const FEW: usize = 4;

/// States that miss the laws by more are not kept.
const WORTH_KEEPING: f64 = 1e-6;

/// d and l of each element, and what a step changes.
pub(super) struct Multipliers {
    estimates: Vec<Estimate>,
}

#[derive(Clone, Copy, Default)]
struct Estimate {
    resistance: f64,
    current: f64,
}

impl Multipliers {
    pub(super) fn new() -> Multipliers {
        Multipliers {
            estimates: Vec::new(),
        }
    }

    /// Solves a network from another state, to the state that misses the laws by least, and by how much.
    pub(super) fn solve(
        &mut self,
        newton: &mut Newton,
        plan: &Plan,
        network: &Network,
        start: &State,
        tolerance: f64,
        continuation: Continuation,
    ) -> (State, f64) {
        let mut sharpness = continuation.sharpness;
        self.start(newton, network, start, sharpness);
        self.respond(newton, network);
        newton.find_residual(network);
        let mut best = newton.misses(network).worst();
        newton.trace.tell(Phase::Multipliers, 0, best, 0);
        let mut solution = newton.finish(network);
        if best <= f64::EPSILON {
            return (solution, best);
        }
        let mut last = usize::MAX;
        let mut settled = 0;
        let mut factorize = true;
        while newton.work.iterations < continuation.steps && settled < SETTLED {
            if factorize {
                newton.factorize(plan, network, newton.leak());
            }
            newton.find_direction(plan, network, sharpness >= SHARPEST);
            let step = match continuation.searches {
                true => self.line_search(newton, network),
                false => 1.0,
            };
            newton.move_potentials(step);
            let switched = self.respond(newton, network);
            newton.find_residual(network);
            newton.work.iterations += 1;
            newton.work.interrupted = interrupt::requested();
            let misses = newton.misses(network);
            let (number, worst) = (newton.work.iterations, misses.worst());
            newton
                .trace
                .tell(Phase::Multipliers, number, worst, switched);
            let improves = worst < 0.9 * best;
            if worst < best || worst <= tolerance {
                best = worst;
                if best <= WORTH_KEEPING {
                    solution = newton.finish(network);
                }
            }
            let still = network.nonlinear.is_empty() || newton.largest_change(step) <= STILL;
            if best <= tolerance && still && (switched == 0 || !continuation.impatient) {
                break;
            }
            let lost =
                !network.nonlinear.is_empty() && newton.work.iterations >= FEW && misses.kcl > LOST;
            if newton.work.interrupted {
                break;
            }
            if continuation.impatient && (lost || switched > 3 && 2 * switched > last) {
                break;
            }
            last = switched;
            factorize = switched > 0 || !network.nonlinear.is_empty();
            if switched == 0 && misses.kcl <= 1e-3 && (step > 0.5 || misses.kcl <= 1e-9) {
                settled += usize::from(sharpness >= SHARPEST && !improves);
                let sharper = (SHARPEN * sharpness).min(SHARPEST);
                factorize |= sharper > sharpness;
                self.estimate(newton, sharpness / sharper);
                sharpness = sharper;
                self.respond(newton, network);
                newton.find_residual(network);
            }
        }
        (solution, best)
    }

    fn start(&mut self, newton: &mut Newton, network: &Network, start: &State, sharpness: f64) {
        newton.begin(network, start);
        self.estimates.clear();
        for k in 0..newton.responses.len() {
            let response = newton.responses[k];
            let around = newton.local_conductance(response.ends);
            let current = match network.diodes.get(k) {
                Some(diode) => {
                    let slack = -newton.state.voltage(diode.ends, -diode.bound);
                    let conducts = response.current > around * slack;
                    if conducts {
                        response.current.max(0.0)
                    } else {
                        0.0
                    }
                }
                None => response.current,
            };
            self.estimates.push(Estimate {
                resistance: 1.0 / (sharpness * around),
                current,
            });
        }
    }

    /// Takes the present currents as estimates, and makes the resistances smaller.
    fn estimate(&mut self, newton: &Newton, shrink: f64) {
        for (estimate, response) in self.estimates.iter_mut().zip(&newton.responses) {
            estimate.current = response.current;
            estimate.resistance *= shrink;
        }
    }

    /// Sets all currents and slopes at the present potentials; how many diodes switched.
    fn respond(&self, newton: &mut Newton, network: &Network) -> usize {
        let mut switched = 0;
        for (k, estimate) in self.estimates.iter().enumerate() {
            let (current, slope) = estimate.current(network, k, |ends, offset| {
                newton.state.voltage(ends, offset)
            });
            let response = &mut newton.responses[k];
            if k < network.diodes.len() {
                switched += usize::from((slope > 0.0) != (response.conductance > 0.0));
            }
            response.current = current;
            response.conductance = slope;
            response.change = 0.0;
        }
        switched
    }

    /// The step along the direction to where the energy is least, to a factor; 1 if that is about right.
    fn line_search(&self, newton: &Newton, network: &Network) -> f64 {
        const EVALUATIONS: usize = 40;
        let resistors = newton.power_along(network);
        // The derivative of the energy along the direction.
        let slope_at = |step: f64| {
            let mut slope = resistors.0 + step * resistors.1;
            for (k, estimate) in self.estimates.iter().enumerate() {
                let ends = newton.responses[k].ends;
                let du = newton.d_voltage(ends);
                if du != 0.0 {
                    let voltage = |ends, offset| newton.state.voltage(ends, offset) + step * du;
                    slope += du * estimate.current(network, k, voltage).0;
                }
            }
            slope
        };
        let at_start = slope_at(0.0);
        let enough = 0.1 * at_start.abs();
        let at_one = slope_at(1.0);
        if at_one.abs() <= enough || at_start >= 0.0 {
            return 1.0;
        }
        let (mut low, mut high) = (0.0, 1.0);
        if at_one < 0.0 {
            while slope_at(high) < -enough && high < 1e3 {
                low = high;
                high *= 2.0;
            }
        }
        for _ in 0..EVALUATIONS {
            let middle = 0.5 * (low + high);
            let slope = slope_at(middle);
            if slope.abs() <= enough {
                return middle;
            }
            if slope > 0.0 {
                high = middle
            } else {
                low = middle
            }
        }
        if low > 0.0 { low } else { high }
    }
}

impl Estimate {
    /// Current and slope of diode or nonlinear element `k`, at the voltages given by `voltage(ends, offset)`.
    fn current(
        &self,
        network: &Network,
        k: usize,
        voltage: impl Fn([u32; 2], f64) -> f64,
    ) -> (f64, f64) {
        let d = self.resistance;
        if let Some(diode) = network.diodes.get(k) {
            let drive = d * self.current + voltage(diode.ends, -diode.bound);
            let conductance = 1.0 / (d + diode.resistance);
            return match drive > 0.0 {
                true => (drive * conductance, conductance),
                false => (0.0, 0.0),
            };
        }
        let branch = &network.nonlinear[k - network.diodes.len()];
        let voltage = voltage(branch.ends, branch.offset);
        let point = branch.law.on_load_line(voltage + d * self.current, d);
        let (current, slope) = branch.law.current(point);
        let slope = if slope.is_infinite() {
            1.0 / d
        } else {
            slope / (1.0 + d * slope)
        };
        (current, slope)
    }
}
