//! The operating point of a network from nothing, by a primal-dual interior-point method.
//!
//! Each diode has a slack s > 0 and a current z > 0 with x_a - x_b - r z + s = w, and s z = mu for a parameter
//! mu (watt) that is driven to zero. A Newton step on these equations sees every diode as the conductance
//! y = 1/(s/z + r). Predictor and corrector are those of Mehrotra (SIAM J. Optim. 2, 1992).

use super::multifrontal::Plan;
use super::newton::Newton;
use super::trace::Phase;
use crate::interrupt;
use crate::presolve::{Network, State};

/// Steps after which the iteration gives up.
const MAX_ITERATIONS: usize = 200;

/// Steps without an improvement after which it does.
const PATIENCE: usize = 15;

/// Share of the way to the boundary that a step may go.
const TO_BOUNDARY: f64 = 0.99;

/// The slacks of the diodes; their currents are those of the Newton step's responses.
pub(super) struct InteriorPoint {
    slacks: Vec<Slack>,
}

#[derive(Clone, Copy, Default)]
struct Slack {
    value: f64,
    direction: f64,
}

impl InteriorPoint {
    pub(super) fn new() -> InteriorPoint {
        InteriorPoint { slacks: Vec::new() }
    }

    /// Solves a network, to the state that misses the laws by least, and by how much.
    pub(super) fn solve(
        &mut self,
        newton: &mut Newton,
        plan: &Plan,
        network: &Network,
        tolerance: f64,
    ) -> (State, f64) {
        self.start(newton, plan, network);
        let mut best = (f64::INFINITY, network.rest());
        let mut stalled = 0;
        while newton.work.iterations < MAX_ITERATIONS {
            newton.find_residual(network);
            let misses = newton.misses(network);
            let worst = misses.worst();
            let number = newton.work.iterations;
            newton.trace.tell(Phase::InteriorPoint, number, worst, 0);
            if worst < best.0 {
                best = (worst, newton.finish(network));
                stalled = 0;
            } else {
                stalled += 1;
            }
            newton.work.interrupted = interrupt::requested();
            if worst <= tolerance || stalled > PATIENCE || newton.work.interrupted {
                break;
            }
            self.step(newton, plan, network);
            newton.work.iterations += 1;
        }
        (best.1, best.0)
    }

    /// Diodes as resistors of the mean conductance, then moved off their bounds.
    fn start(&mut self, newton: &mut Newton, plan: &Plan, network: &Network) {
        newton.begin(network, &network.rest());
        let typical = newton.scale.conductance;
        for k in 0..newton.responses.len() {
            let local = newton.local_conductance(newton.responses[k].ends);
            let (conductance, offset) = match network.diodes.get(k) {
                Some(diode) => (1.0 / (1.0 / typical + diode.resistance), -diode.bound),
                None => (local, network.nonlinear[k - network.diodes.len()].offset),
            };
            newton.responses[k].conductance = conductance;
            newton.responses[k].change = conductance * offset;
        }
        newton.find_residual(network);
        newton.factorize(plan, network, newton.leak());
        newton.find_direction(plan, network, false);
        newton.advance(1.0);
        let largest = network
            .injections
            .iter()
            .fold(0.0, |max: f64, i| max.max(i.abs()));
        let margin = newton.scale.voltage.max(largest / typical);
        self.slacks.clear();
        for (response, diode) in newton.responses.iter_mut().zip(&network.diodes) {
            let beyond = newton.state.voltage(diode.ends, -diode.bound);
            response.current = 10.0 * typical * (beyond.max(0.0) + margin);
            self.slacks.push(Slack {
                value: (-beyond).max(0.0) + margin,
                direction: 0.0,
            });
        }
    }

    /// The mean of s z.
    fn mu(&self, newton: &Newton) -> f64 {
        self.mu_after(newton, 0.0)
    }

    fn mu_after(&self, newton: &Newton, step: f64) -> f64 {
        let pairs = self.slacks.iter().zip(&newton.responses);
        let products = pairs.map(|(slack, response)| {
            let current = response.current + step * response.d_current;
            (slack.value + step * slack.direction) * current
        });
        products.sum::<f64>() / self.slacks.len().max(1) as f64
    }

    /// One predictor and corrector.
    fn step(&mut self, newton: &mut Newton, plan: &Plan, network: &Network) {
        for ((slack, response), diode) in self
            .slacks
            .iter()
            .zip(&mut newton.responses)
            .zip(&network.diodes)
        {
            response.conductance = 1.0 / (slack.value / response.current + diode.resistance);
        }
        newton.touch_curves(network);
        newton.factorize(plan, network, newton.leak());
        let mu = self.mu(newton);
        if !self.slacks.is_empty() {
            self.aim(newton, plan, network, false, |slack, current, _| {
                -slack.value * current
            });
            let centering = (self.mu_after(newton, self.longest_step(newton)) / mu).powi(3);
            self.aim(newton, plan, network, true, |slack, current, d_current| {
                centering * mu - slack.value * current - slack.direction * d_current
            });
        } else {
            newton.find_direction(plan, network, true);
        }
        let step = (TO_BOUNDARY * self.longest_step(newton)).min(1.0);
        newton.advance(step);
        for slack in &mut self.slacks {
            slack.value += step * slack.direction;
        }
    }

    /// Finds the direction that changes each s z by `target` to first order.
    fn aim(
        &mut self,
        newton: &mut Newton,
        plan: &Plan,
        network: &Network,
        refine: bool,
        target: impl Fn(&Slack, f64, f64) -> f64,
    ) {
        for ((slack, response), diode) in self
            .slacks
            .iter_mut()
            .zip(&mut newton.responses)
            .zip(&network.diodes)
        {
            // s dz + z ds = target  and  ds = off - du + r dz  give  dz = y du + change.
            let beyond = newton.state.voltage(diode.ends, -diode.bound);
            let off = diode.resistance * response.current - beyond - slack.value;
            let target = target(slack, response.current, response.d_current);
            response.change = response.conductance * (target / response.current - off);
            slack.direction = off;
        }
        newton.find_direction(plan, network, refine);
        for ((slack, response), diode) in self
            .slacks
            .iter_mut()
            .zip(&newton.responses)
            .zip(&network.diodes)
        {
            slack.direction += diode.resistance * response.d_current - newton.d_voltage(diode.ends);
        }
    }

    /// The step at which the first slack or current reaches zero, at most a little over 1.
    fn longest_step(&self, newton: &Newton) -> f64 {
        let limit = |x: f64, d: f64| if d < 0.0 { -x / d } else { f64::INFINITY };
        let steps = self.slacks.iter().zip(&newton.responses).map(|(slack, r)| {
            limit(slack.value, slack.direction).min(limit(r.current, r.d_current))
        });
        steps.fold(1.0 / TO_BOUNDARY, f64::min)
    }
}
