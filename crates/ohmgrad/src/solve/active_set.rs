//! The operating point from a state close to it, by guessing which diodes conduct.
//!
//! The method of multipliers makes a diode with current estimate l a conductance 1/d, of a tiny resistance d:
//! its current is z = max(0, (d l + u - w) / (d + r)). Newton's method on the resulting network, which is
//! linear but for the max, only has to find the set of conducting diodes; it is exact as soon as it has
//! the set, and setting l to z then removes the error that d has made. From the answer for other
//! sources a few steps do, and the answer is exact to rounding, with diodes that block at exactly zero
//! current. Where many diodes are close to a tie the guesses may never settle: then the answer is `None`.

use super::newton::Newton;
use super::star_mesh::Plan;
use crate::presolve::{Network, State};

/// How long to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as the number of diodes that switch falls quickly.
    Short,
    /// For a fixed number of guesses.
    Long,
}

/// Guesses of the conducting set before it gives up.
const MAX_GUESSES: usize = 40;

/// The conductance that stands for a conducting ideal diode, relative to those around it.
const CLOSED: f64 = 1e9;

/// d and l of each diode, and whether it conducts.
pub(super) struct ActiveSet {
    switches: Vec<Switch>,
}

#[derive(Clone, Copy)]
struct Switch {
    resistance: f64,
    estimate: f64,
    conducts: bool,
}

impl ActiveSet {
    pub(super) fn new() -> ActiveSet {
        ActiveSet {
            switches: Vec::new(),
        }
    }

    /// Solves a network from a state close to its own.
    pub(super) fn solve(
        &mut self,
        newton: &mut Newton,
        plan: &Plan,
        network: &Network,
        start: &State,
        tolerance: f64,
        patience: Patience,
    ) -> Option<State> {
        self.start(newton, network, start);
        let mut best = (f64::INFINITY, None);
        let mut factorize = true;
        let mut guesses = 0;
        let mut settled = 0;
        let mut last = usize::MAX;
        while guesses < MAX_GUESSES && settled < 6 {
            newton.find_residual(network);
            self.close_switches(newton, network);
            if !network.curved.is_empty() {
                newton.touch_curves(network);
                factorize = true;
            }
            if factorize {
                newton.factorize(plan, network);
                guesses += 1;
            }
            newton.find_direction(plan, network, true);
            newton.advance(1.0);
            newton.work.iterations += 1;
            let changes = self.guess_again(newton, network);
            if patience == Patience::Short && changes > 3 && 2 * changes > last {
                break;
            }
            last = changes;
            factorize = changes > 0;
            newton.find_residual(network);
            let misses = newton.misses(network).worst();
            if std::env::var_os("OHM_TRACE").is_some() {
                eprintln!(
                    "  active {guesses} changes {changes} {:?}",
                    newton.misses(network)
                );
            }
            if misses < best.0 {
                best = (misses, Some(newton.finish(network)));
            }
            if misses <= tolerance && changes == 0 {
                break;
            }
            if changes == 0 && network.curved.is_empty() {
                settled += 1;
            }
        }
        (best.0 <= tolerance).then_some(best.1).flatten()
    }

    fn start(&mut self, newton: &mut Newton, network: &Network, start: &State) {
        newton.begin(network, start);
        self.switches.clear();
        for (k, diode) in network.diodes.iter().enumerate() {
            let current = newton.responses[k].current;
            let slack = -newton.state.voltage(diode.ends, -diode.bound);
            let around = newton.local_conductance(diode.ends);
            let conducts = current > 0.0 && current > around * slack;
            self.switches.push(Switch {
                resistance: 1.0 / (CLOSED * around),
                estimate: if conducts { current } else { 0.0 },
                conducts,
            });
        }
    }

    /// The responses of the diodes as the present set has them.
    fn close_switches(&self, newton: &mut Newton, network: &Network) {
        for ((switch, response), diode) in self
            .switches
            .iter()
            .zip(&mut newton.responses)
            .zip(&network.diodes)
        {
            let wanted = if switch.conducts {
                let beyond = newton.state.voltage(diode.ends, -diode.bound);
                response.conductance = 1.0 / (switch.resistance + diode.resistance);
                (switch.resistance * switch.estimate + beyond) * response.conductance
            } else {
                response.conductance = 0.0;
                0.0
            };
            response.change = wanted - response.current;
        }
    }

    /// Diodes with a negative current open, those beyond their bound close; how many did. Where none did, the
    /// currents become the new estimates.
    fn guess_again(&mut self, newton: &mut Newton, network: &Network) -> usize {
        let mut changes = 0;
        for ((switch, response), diode) in self
            .switches
            .iter_mut()
            .zip(&newton.responses)
            .zip(&network.diodes)
        {
            let conducts = match switch.conducts {
                true => response.current > 0.0,
                false => newton.state.voltage(diode.ends, -diode.bound) > 0.0,
            };
            changes += usize::from(conducts != switch.conducts);
            switch.conducts = conducts;
        }
        if changes == 0 {
            for (switch, response) in self.switches.iter_mut().zip(&newton.responses) {
                switch.estimate = response.current;
            }
        }
        changes
    }
}
