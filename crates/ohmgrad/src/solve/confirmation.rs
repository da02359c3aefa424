//! The final state: a confirmed set of conducting diodes, solved to the last digit, and how far off it may be.
//!
//! With the set of conducting diodes given, a network of straight lines is linear. Its residual is computed to 32 digits,
//! element by element of the circuit, and the factorization at hand removes it (iterative refinement). A diode then
//! conducts rightly if its current is not negative, and blocks rightly if its voltage is not beyond its forward voltage,
//! each at its own scale. Those that are wrong are exchanged, all at once while their number falls and else only the last
//! of them, which cannot cycle (Murty, 1974; Júdice and Pires, 1994).
//!
//! # Error bars
//!
//! The matrix L of conductances has an inverse without a negative entry, so for the missing currents r
//!
//! ```text
//! |x - x_exact|  <=  inverse(L) |r|
//! ```
//!
//! holds at every node: one more solution gives the bars. The factorization loses no digits however the conductances
//! differ ([`star_mesh`](super::star_mesh)). This is proved for straight lines with the diodes' states right. Currents of
//! curves are known to some last digits only, which counts as missing current.

use super::newton::{Newton, Response, worse};
use super::star_mesh::Plan;
use crate::circuit::Circuit;
use crate::interrupt;
use crate::presolve::{Double, GROUND, Network, Numbers, Reduction, Residual, State, at};

/// The share of the currents at a node that may be missing there before diodes are looked at.
const FINE: f64 = 1e-13;

/// The same, where a diode is close to switching.
const FINEST: f64 = 1e-27;

/// Currents and voltages below this, relative to the largest ones, are rounding errors.
const NOISE: f64 = 1e-26;

/// A diode with less of the current around it, or less slack of the voltage around it, is close to switching.
const CLOSE: f64 = 1e-6;

/// Corrections of one set of conducting diodes.
const CORRECTIONS: usize = 12;

/// Exchanges of many diodes at once that may bring nothing.
const CHANCES: usize = 8;

/// What is missed before the first correction: the share of the laws, and the current in ampere.
const AT_FIRST: (f64, f64) = (f64::INFINITY, f64::INFINITY);

/// By how much error bars are longer than what they follow from: for the bend of curves, and what diodes in a chain add.
const MARGIN: f64 = 4.0;

/// What a state is confirmed against, and room for it.
pub(super) struct Confirmation<'a, 'c> {
    pub(super) plan: &'a Plan,
    pub(super) reduction: &'a Reduction,
    pub(super) circuit: &'c Circuit,
    pub(super) numbers: &'a Numbers<'c>,
    residual: &'a mut Residual,
    /// Of diodes and curved elements, in ampere.
    currents: Vec<Double>,
    /// Whether the factorization is the one that found the state.
    is_kept: bool,
    /// Currents that are no larger are rounding errors, in ampere.
    faint: f64,
}

/// Where a confirmation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All diodes are right.
    Confirmed,
    /// The corrections ended before they were.
    Unsettled,
    /// Numbers went out of range.
    Breakdown,
    Interrupted,
}

/// A state, and how far off each of its potentials may be.
pub(super) struct Confirmed {
    pub(super) state: State,
    /// In volt, of the network's nodes.
    pub(super) bars: Vec<f64>,
    /// The same for all nodes, in volt: what the laws of diodes and curves are missed by.
    pub(super) common: f64,
    /// Currents that are no larger are rounding errors, in ampere.
    pub(super) faint: f64,
    pub(super) end: End,
}

impl<'a, 'c> Confirmation<'a, 'c> {
    pub(super) fn new(
        plan: &'a Plan,
        reduction: &'a Reduction,
        circuit: &'c Circuit,
        numbers: &'a Numbers<'c>,
        residual: &'a mut Residual,
    ) -> Confirmation<'a, 'c> {
        Confirmation {
            plan,
            reduction,
            circuit,
            numbers,
            residual,
            currents: Vec::new(),
            is_kept: false,
            faint: 0.0,
        }
    }

    fn network(&self) -> &'a Network<'c> {
        &self.numbers.network
    }

    /// Confirms a state; `newton` may hold the factorization that found it.
    pub(super) fn run(&mut self, newton: &mut Newton, state: &State) -> Confirmed {
        self.adopt(newton, state);
        let end = self.settle(newton);
        self.silence();
        let (bars, common) = match end {
            End::Confirmed | End::Unsettled => self.bars(newton),
            End::Breakdown | End::Interrupted => {
                (vec![f64::INFINITY; self.network().nodes], f64::INFINITY)
            }
        };
        let mut state = newton.finish(self.network());
        let currents = self.currents.iter().map(|current| current.value());
        let diodes = state.diode_currents.len();
        let currents: Vec<f64> = currents.collect();
        state.diode_currents.copy_from_slice(&currents[..diodes]);
        state.curved_currents.copy_from_slice(&currents[diodes..]);
        Confirmed {
            state,
            bars,
            common,
            faint: self.faint,
            end,
        }
    }

    /// Takes the state's set of conducting diodes, and the last factorization if it is that set's.
    fn adopt(&mut self, newton: &mut Newton, state: &State) {
        let network = self.network();
        let at_hand = newton.factorized(network, state);
        let kept: Option<Vec<f64>> = at_hand.then(|| {
            newton
                .responses
                .iter()
                .map(|r| newton.factor_conductance(r))
                .collect()
        });
        newton.adopt(network, state, kept.as_deref());
        self.is_kept = kept.is_some();
        self.currents.clear();
        let currents = newton.responses.iter().map(|r| Double::from(r.current));
        self.currents.extend(currents);
        if kept.is_none() {
            for k in 0..network.diodes.len() {
                let response = newton.responses[k];
                let slack = -newton
                    .state
                    .voltage(response.ends, -network.diodes[k].bound);
                let around = newton.local_conductance(response.ends);
                let conducts = response.current > around * slack && response.current > 0.0;
                newton.responses[k].conductance = if conducts { 1.0 } else { 0.0 };
            }
            self.factorize(newton);
        }
        for (current, response) in self
            .currents
            .iter_mut()
            .zip(&newton.responses[..network.diodes.len()])
        {
            if response.conductance == 0.0 {
                *current = Double::default();
            }
        }
    }

    /// Corrects and exchanges until all diodes are right.
    fn settle(&mut self, newton: &mut Newton) -> End {
        let mut fewest = usize::MAX;
        let mut chances = CHANCES;
        let mut target = FINE;
        let (mut corrections, mut last) = (0, AT_FIRST);
        let mut exchanges = 0;
        let most = self.most_exchanges();
        loop {
            self.measure(newton);
            let missed = self.missed(newton);
            if !missed.is_finite() {
                return End::Breakdown;
            }
            newton.work.interrupted |= interrupt::requested();
            if newton.work.interrupted {
                return End::Interrupted;
            }
            let residual = self.residual.missing.iter();
            let left = residual.fold(0.0, |max: f64, missing| max.max(missing.abs()));
            let falls = missed <= 0.5 * last.0 || left <= 0.5 * last.1;
            let stalls = corrections >= CORRECTIONS || (corrections > 1 && !falls);
            if missed > target && !stalls {
                self.correct(newton);
                (corrections, last) = (corrections + 1, (missed, left));
                continue;
            }
            if missed > target && self.is_kept {
                self.factorize(newton);
                (corrections, last) = (0, AT_FIRST);
                continue;
            }
            let mut wrong = self.wrong(newton, missed);
            if wrong.is_empty() && missed > FINE {
                wrong.extend(self.exhausted(newton));
            }
            if wrong.is_empty() {
                let finer = target > FINEST && missed <= target && self.is_close(newton);
                if !finer {
                    let settled = missed <= FINE.max(target) || missed <= 1e-10;
                    return if settled {
                        End::Confirmed
                    } else {
                        End::Unsettled
                    };
                }
                (target, corrections, last) = (FINEST, 0, AT_FIRST);
                continue;
            }
            exchanges += 1;
            if exchanges > most {
                return End::Unsettled;
            }
            if wrong.len() < fewest {
                (fewest, chances) = (wrong.len(), CHANCES);
            } else {
                chances = chances.saturating_sub(1);
            }
            match chances {
                0 => self.exchange(newton, &wrong[wrong.len() - 1..]),
                _ => self.exchange(newton, &wrong),
            }
            (corrections, last) = (0, AT_FIRST);
        }
    }

    fn most_exchanges(&self) -> usize {
        const SMALL: usize = 100;
        let diodes = self.network().diodes.len();
        if diodes <= SMALL {
            100 + 20 * diodes
        } else {
            SMALL
        }
    }

    /// Finds the residual, and what each element changes by at unchanged potentials.
    fn measure(&mut self, newton: &mut Newton) {
        let (reduction, circuit, numbers) = (self.reduction, self.circuit, self.numbers);
        self.residual
            .find(reduction, circuit, numbers, &newton.state, &self.currents);
        let network = self.network();
        // What flows, and what sources can drive through the largest conductance.
        let sizes = self.residual.sizes.iter();
        let largest = sizes.fold(0.0, |max: f64, size| max.max(*size));
        let driven = 1e-2 * newton.scale.voltage * network.largest_conductance;
        self.faint = NOISE * largest.max(driven);
        newton.touch_curves(network);
        self.touch_close_curves(newton);
        self.change_diodes(newton);
    }

    /// Takes the tangents at the present voltages, where these are close to the curves: to the last digit.
    fn touch_close_curves(&self, newton: &mut Newton) {
        const NEAR: f64 = 1e-3;
        let network = self.network();
        let first = network.diodes.len();
        for (branch, k) in network.curved.iter().zip(first..) {
            let (current, slope) = branch.law.current(self.residual.voltages[k]);
            let own = self.currents[k];
            let change = (Double::from(current) - own).value();
            let near = change.abs() <= NEAR * own.high.abs() || change.abs() <= self.faint;
            if near && slope.is_finite() {
                newton.responses[k].conductance = slope;
                newton.responses[k].change = change;
            }
        }
    }

    /// What the current of each conducting diode changes by at unchanged potentials: y (u - w - r i).
    fn change_diodes(&self, newton: &mut Newton) {
        let diodes = self.network().diodes.len();
        let responses = newton.responses[..diodes].iter_mut();
        for (response, beyond) in responses.zip(&self.residual.voltages) {
            response.change = response.conductance * beyond;
        }
    }

    /// By how much the laws are missed at most, each at its own scale.
    fn missed(&self, newton: &Newton) -> f64 {
        let residual = &*self.residual;
        let nodes = residual.missing.iter().zip(&residual.sizes);
        let mut missed = nodes
            .zip(&residual.digits)
            .filter(|((missing, _), digits)| {
                missing.is_nan() || missing.abs() > **digits + self.faint
            })
            .fold(0.0, |worst, ((missing, size), _)| {
                worse(worst, relative(*missing, *size))
            });
        let network = self.network();
        for (k, response) in newton.responses.iter().enumerate() {
            let voltage = residual.voltages[k];
            let off = match network.diodes.get(k) {
                Some(_) if response.conductance == 0.0 => 0.0,
                Some(diode) => {
                    let own = diode.resistance * self.currents[k].high;
                    let scale = newton.scale.voltage.max(self.largest_end(newton, response));
                    // A chain of diodes adds up what each of them misses.
                    (1e5 * relative(voltage, scale)).min(relative(voltage, own.abs()))
                }
                None => {
                    let off = at_least_0(response.change.abs() - self.faint);
                    let law = network.curved[k - network.diodes.len()].law;
                    let off = at_least_0(off - law.rounding(voltage));
                    let slope = response.conductance;
                    relative(off, self.currents[k].high.abs())
                        .min(relative(off / slope, voltage.abs()))
                }
            };
            missed = worse(missed, off);
        }
        missed
    }

    /// One step with the last factorization, or with a new one where curves have moved.
    fn correct(&mut self, newton: &mut Newton) {
        if newton.curves_moved(self.network()) {
            self.factorize(newton);
            self.change_diodes(newton);
        }
        newton.correct(self.plan, &self.residual.missing);
        for (current, response) in self.currents.iter_mut().zip(&newton.responses) {
            *current += Double::from(response.d_current);
        }
    }

    fn factorize(&mut self, newton: &mut Newton) {
        let network = self.network();
        let curved = newton.responses[network.diodes.len()..].iter();
        let slopes = curved.map(|r| r.conductance).filter(|g| *g < 1e12);
        let largest = slopes.fold(network.largest_conductance, f64::max);
        let weld = 1e8 * if largest > 0.0 { largest } else { 1.0 };
        for (response, diode) in newton.responses.iter_mut().zip(&network.diodes) {
            if response.conductance > 0.0 {
                response.conductance = match diode.resistance {
                    0.0 => weld,
                    resistance => 1.0 / resistance,
                };
            }
        }
        newton.factorize(self.plan, network, smallest_conductance(network) * 1e-12);
        self.is_kept = false;
    }

    /// The diodes that conduct a negative current, or block a voltage beyond their forward voltage.
    fn wrong(&self, newton: &Newton, missed: f64) -> Vec<usize> {
        let noise = NOISE.max(missed.min(1e-9));
        let diodes = self.network().diodes.iter().enumerate();
        let is_wrong = |(k, _): &(usize, _)| {
            let response = &newton.responses[*k];
            match response.conductance > 0.0 {
                true => self.currents[*k].high < -self.faint.max(noise * self.around(response)),
                false => self.residual.voltages[*k] > noise * self.largest_end(newton, response),
            }
        };
        diodes.filter(is_wrong).map(|(k, _)| k).collect()
    }

    /// The conducting diode whose current ends first as the last correction goes on and on, as it does where diodes in a
    /// loop cannot all conduct.
    fn exhausted(&self, newton: &Newton) -> Option<usize> {
        let diodes = newton.responses[..self.network().diodes.len()].iter();
        let corrections = diodes.zip(&self.currents).enumerate();
        let ending = corrections.filter(|(_, (response, current))| {
            let falls = -response.d_current > 1e-16 * current.high;
            response.conductance > 0.0 && falls
        });
        let left = |(k, (response, current)): (usize, (&Response, &Double))| {
            (k, current.high / -response.d_current)
        };
        let first = ending.map(left).min_by(|a, b| a.1.total_cmp(&b.1));
        first.map(|(k, _)| k)
    }

    /// Whether any diode is close to switching.
    fn is_close(&self, newton: &Newton) -> bool {
        let mut diodes = newton.responses[..self.network().diodes.len()]
            .iter()
            .enumerate();
        diodes.any(|(k, response)| match response.conductance > 0.0 {
            true => self.currents[k].high <= CLOSE * self.around(response),
            false => self.residual.voltages[k] >= -CLOSE * self.largest_end(newton, response),
        })
    }

    /// The lesser sum of currents at the ends of a branch, in ampere.
    fn around(&self, response: &Response) -> f64 {
        let size = |end: u32| match end {
            GROUND => f64::INFINITY,
            node => self.residual.sizes[node as usize],
        };
        size(response.ends[0]).min(size(response.ends[1]))
    }

    /// The voltages that the voltage of a branch is the difference of, in volt.
    fn largest_end(&self, newton: &Newton, response: &Response) -> f64 {
        let [a, b] = response
            .ends
            .map(|end| at(&newton.state.potentials, end).abs());
        a + b + newton.scale.voltage
    }

    fn exchange(&mut self, newton: &mut Newton, wrong: &[usize]) {
        for &k in wrong {
            let response = &mut newton.responses[k];
            if response.conductance > 0.0 {
                response.conductance = 0.0;
                self.currents[k] = Double::default();
            } else {
                response.conductance = 1.0;
            }
        }
        self.factorize(newton);
    }

    /// Removes the currents of diodes that only rounding carries.
    fn silence(&mut self) {
        let diodes = self.network().diodes.len();
        for current in &mut self.currents[..diodes] {
            if current.high <= self.faint {
                *current = Double::default();
            }
        }
    }

    /// How far off each potential may be, in volt, and what is to be added everywhere.
    fn bars(&mut self, newton: &mut Newton) -> (Vec<f64>, f64) {
        const BENDS: usize = 3;
        let network = self.network();
        let diodes = network.diodes.len();
        let mut common: f64 = 0.0;
        for k in 0..diodes {
            if newton.responses[k].conductance > 0.0 {
                common = common.max(self.residual.voltages[k].abs());
            }
        }
        let mut bars = Vec::new();
        for _ in 0..BENDS {
            let digits = self.residual.missing.iter().zip(&self.residual.digits);
            let mut missing: Vec<f64> = digits
                .map(|(missing, digits)| missing.abs() + digits)
                .collect();
            let mut bent: f64 = 0.0;
            for (response, k) in newton.responses[diodes..].iter().zip(diodes..) {
                let slope = newton.factor_conductance(response);
                let law = network.curved[k - diodes].law;
                let off = response.change.abs() + law.rounding(self.residual.voltages[k]);
                let volt = off / slope;
                if volt <= 1e-13 * newton.scale.voltage {
                    bent = bent.max(volt);
                    continue;
                }
                for end in response.ends {
                    if let Some(missing) = missing.get_mut(end as usize) {
                        *missing += off;
                    }
                }
            }
            newton.solve(self.plan, &mut missing);
            bars = missing;
            if !self.bend(newton, &bars, common + bent) {
                common += bent;
                break;
            }
        }
        (
            bars.iter().map(|bar| MARGIN * bar).collect(),
            MARGIN * common,
        )
    }

    /// Makes the slopes of curves the least within the bars; whether that changed much.
    fn bend(&mut self, newton: &mut Newton, bars: &[f64], common: f64) -> bool {
        let network = self.network();
        let diodes = network.diodes.len();
        let mut changed = false;
        for (k, branch) in network.curved.iter().enumerate() {
            let response = newton.responses[diodes + k];
            let voltage = self.residual.voltages[diodes + k];
            let reach = 2.0 * (at(bars, response.ends[0]) + at(bars, response.ends[1])) + common;
            let slope = |u: f64| branch.law.current(u).1;
            let least = slope(voltage - reach).min(slope(voltage + reach));
            if least < 0.5 * newton.factor_conductance(&response) {
                newton.responses[diodes + k].conductance = least;
                changed = true;
            }
        }
        if changed {
            newton.factorize(self.plan, network, smallest_conductance(network) * 1e-12);
        }
        changed
    }
}

/// The least conductance of a resistor, in siemens; 1 if there is none.
fn smallest_conductance(network: &Network) -> f64 {
    let resistors = network.resistors.iter().map(|r| r.conductance);
    let least = resistors.filter(|g| *g > 0.0).fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 1.0 }
}

fn at_least_0(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
}

/// |x| / scale, and 0 for 0.
fn relative(x: f64, scale: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.abs() / scale }
}
