//! The final state: a confirmed set of conducting diodes, solved to the last digit, and how far off it may be.
//!
//! With the set of conducting diodes given, a network of straight lines is linear. Its residual is computed to 32 digits, from
//! the values as written, and the factorization at hand removes it (iterative refinement). A diode then
//! conducts rightly if its current is not negative, and blocks rightly if its voltage is not beyond its forward voltage,
//! each at its own scale. Those that are wrong are exchanged, all at once while their number falls and else only the last
//! of them, which cannot cycle (Murty, 1974; Júdice and Pires, 1994).
//!
//! With it come [error bars](super::error_bars).

use super::error_bars::Bars;
use super::idle::{foot, idle_curves};
use super::multifrontal::Plan;
use super::newton::{Newton, Response, worse};
use super::trace::Phase;
use super::welds::strengthen;
use crate::interrupt;
use crate::presolve::{Double, ExactValues, GROUND, Network, Residual, State, at};
use std::collections::HashMap;

/// By how much laws may be missed, each at its own scale, where corrections still bring something.
const FINEST: f64 = 1e-27;

/// The same, where a factorization of its own may help.
const KEPT: f64 = 1e-16;

/// The same, where another set of conducting diodes may help.
const FINE: f64 = 1e-13;

/// The same in a state that counts as confirmed.
const GOOD: f64 = 1e-10;

/// Currents and voltages below this, relative to the largest ones, are rounding errors.
const NOISE: f64 = 1e-26;

/// Slopes of curves beyond this are vertical, in siemens.
pub(super) const STEEPEST: f64 = 1e250;

/// Corrections of one set of conducting diodes. Newton's method comes to the foot of a power law by a share of the way each time.
const CORRECTIONS: usize = 60;

/// Exchanges of many diodes at once that may bring nothing.
const CHANCES: usize = 8;

/// What is missed before the first correction: the share of the laws, and the current in ampere.
const AT_FIRST: (f64, f64) = (f64::INFINITY, f64::INFINITY);

/// What a state is confirmed against, and room for it.
pub(super) struct Confirmation<'a, 'c> {
    pub(super) plan: &'a Plan,
    network: &'a Network<'c>,
    exact: ExactValues,
    pub(super) residual: &'a mut Residual,
    /// Of diodes and nonlinear elements, in ampere.
    pub(super) currents: Vec<Double>,
    /// By how much the currents of nonlinear elements miss their laws, in ampere, and the laws' slopes.
    pub(super) off_curves: Vec<(f64, f64)>,
    /// The voltages of [idle](super::idle) nonlinear elements, in volt.
    pub(super) feet: Vec<Option<f64>>,
    /// Whether the factorization is the one that found the state.
    is_kept: bool,
    /// Currents that are no larger are rounding errors, in ampere.
    pub(super) faint: f64,
    /// Diodes exchanged since the last step.
    switched: usize,
}

/// Where a confirmation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All diodes are right.
    Confirmed,
    /// All diodes are right, but corrections no longer help the laws that are missed.
    Stalled,
    /// The exchanges ended before all diodes were right.
    Unsettled,
    /// Values went out of range.
    Breakdown,
    Interrupted,
}

/// A state in which all diodes are right, and the laws are missed by [`GOOD`] at most.
struct Good {
    state: State,
    responses: Vec<Response>,
    currents: Vec<Double>,
}

/// A state, and how far off each of its potentials may be.
pub(super) struct Confirmed {
    pub(super) state: State,
    pub(super) bars: Bars,
    pub(super) end: End,
}

impl<'a, 'c> Confirmation<'a, 'c> {
    pub(super) fn new(
        plan: &'a Plan,
        network: &'a Network<'c>,
        exact: ExactValues,
        residual: &'a mut Residual,
    ) -> Confirmation<'a, 'c> {
        Confirmation {
            plan,
            network,
            exact,
            residual,
            currents: Vec::new(),
            off_curves: Vec::new(),
            feet: Vec::new(),
            is_kept: false,
            faint: 0.0,
            switched: 0,
        }
    }

    pub(super) fn network(&self) -> &'a Network<'c> {
        self.network
    }

    /// Confirms a state; `newton` may hold the factorization that found it.
    pub(super) fn run(&mut self, newton: &mut Newton, state: &State, tolerance: f64) -> Confirmed {
        self.adopt(newton, state);
        let end = self.settle(newton);
        self.silence(newton);
        let bars = match end {
            End::Confirmed | End::Stalled | End::Unsettled => self.bars(newton, tolerance),
            End::Breakdown | End::Interrupted => Bars::endless(self.network()),
        };
        let mut state = newton.finish(self.network());
        let diodes = state.diode_currents.len();
        let currents: Vec<f64> = self.currents.iter().map(|i| i.value()).collect();
        state.diode_currents.copy_from_slice(&currents[..diodes]);
        state
            .nonlinear_currents
            .copy_from_slice(&currents[diodes..]);
        Confirmed { state, bars, end }
    }

    /// Takes the state's set of conducting diodes, and the last factorization if it is that set's.
    fn adopt(&mut self, newton: &mut Newton, state: &State) {
        let network = self.network();
        self.feet.clear();
        self.feet.resize(network.nonlinear.len(), None);
        let at_hand =
            newton.factorized(network, state) && idle_curves(network, &newton.responses).is_empty();
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
            self.guess(newton);
            self.hold(newton);
            self.touch(newton);
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

    /// Takes for conducting the diodes whose current is more than their slack.
    fn guess(&self, newton: &mut Newton) {
        for (k, diode) in self.network().diodes.iter().enumerate() {
            let response = newton.responses[k];
            let slack = -newton.state.voltage(response.ends, -diode.bound);
            let around = newton.local_conductance(response.ends);
            let conducts = response.current > around * slack && response.current > 0.0;
            newton.responses[k].conductance = if conducts { 1.0 } else { 0.0 };
        }
    }

    /// Sets the potentials of nodes that conducting diodes without resistance tie to ground: no current changes them, and
    /// curves there may carry any.
    fn hold(&self, newton: &mut Newton) {
        let ties = || {
            let diodes = self.network().diodes.iter().zip(&newton.responses);
            let tie = diodes.filter(|(d, r)| d.resistance == 0.0 && r.conductance > 0.0);
            tie.map(|(diode, _)| (diode.ends, diode.bound))
        };
        if !ties().any(|(ends, _)| ends.contains(&GROUND)) {
            return;
        }
        let mut held: HashMap<u32, f64> = HashMap::from([(GROUND, 0.0)]);
        let mut known = 0;
        while held.len() > known {
            known = held.len();
            for ([a, b], bound) in ties() {
                match (held.get(&a).copied(), held.get(&b).copied()) {
                    (Some(volt), None) => _ = held.insert(b, volt - bound),
                    (None, Some(volt)) => _ = held.insert(a, volt + bound),
                    _ => (),
                }
            }
        }
        held.remove(&GROUND);
        for (node, volt) in held {
            newton.state.potentials[node as usize] = volt;
            newton.state.remainders[node as usize] = 0.0;
        }
    }

    /// Takes the tangents of the curves at the present potentials.
    fn touch(&self, newton: &mut Newton) {
        let network = self.network();
        for (k, branch) in network.nonlinear.iter().enumerate() {
            let voltage = newton.state.voltage(branch.ends, branch.offset);
            let slope = branch.law.current(voltage).1;
            newton.responses[network.diodes.len() + k].conductance = slope.min(STEEPEST);
        }
    }

    /// Corrects and exchanges until all diodes are right, or back to where they were but for the last digits.
    fn settle(&mut self, newton: &mut Newton) -> End {
        let mut good = None;
        let end = self.exchange_until_right(newton, &mut good);
        match (end, good) {
            (End::Confirmed | End::Interrupted, _) | (_, None) => end,
            (_, Some(good)) => {
                self.set_back(newton, good);
                End::Confirmed
            }
        }
    }

    fn exchange_until_right(&mut self, newton: &mut Newton, good: &mut Option<Good>) -> End {
        let (mut fewest, mut chances) = (usize::MAX, CHANCES);
        for _ in 0..=self.most_exchanges() {
            let missed = match self.refine(newton) {
                Ok(missed) => missed,
                Err(end) => return end,
            };
            let mut wrong = self.wrong(newton, missed);
            if wrong.is_empty() && missed > FINE {
                if missed <= GOOD {
                    good.get_or_insert_with(|| self.present(newton));
                }
                wrong.extend(self.exhausted(newton));
            }
            if wrong.is_empty() {
                return match missed <= GOOD {
                    true => End::Confirmed,
                    false => End::Stalled,
                };
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
        }
        End::Unsettled
    }

    fn present(&self, newton: &Newton) -> Good {
        Good {
            state: newton.state.clone(),
            responses: newton.responses.clone(),
            currents: self.currents.clone(),
        }
    }

    fn set_back(&mut self, newton: &mut Newton, good: Good) {
        newton.state = good.state;
        newton.responses = good.responses;
        self.currents = good.currents;
        self.factorize(newton);
        self.measure(newton);
    }

    /// Corrects the state with the present set of conducting diodes until it misses no more than rounding; how much it
    /// misses.
    fn refine(&mut self, newton: &mut Newton) -> Result<f64, End> {
        let (mut corrections, mut last) = (0, AT_FIRST);
        loop {
            self.measure(newton);
            let missed = self.missed(newton);
            let switched = std::mem::take(&mut self.switched);
            newton
                .trace
                .tell(Phase::Confirmation, newton.work.solves, missed, switched);
            let left = self.left();
            // Beside no current or voltage of its own, what a law misses is endless.
            if missed.is_nan() || !left.is_finite() {
                return Err(End::Breakdown);
            }
            newton.work.interrupted |= interrupt::requested();
            if newton.work.interrupted {
                return Err(End::Interrupted);
            }
            let falls = missed <= 0.5 * last.0 || left <= 0.5 * last.1;
            let stalls = corrections >= CORRECTIONS || (corrections > 3 && !falls);
            if missed > FINEST && !stalls {
                self.correct(newton);
                (corrections, last) = (corrections + 1, (missed, left));
            } else if missed > KEPT && self.is_kept {
                self.factorize(newton);
                (corrections, last) = (0, AT_FIRST);
            } else {
                return Ok(missed);
            }
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
    pub(super) fn measure(&mut self, newton: &mut Newton) {
        let network = self.network();
        self.residual
            .find(network, &self.exact, &newton.state, &self.currents);
        // What flows, and what sources can drive through the largest conductance.
        let sizes = self.residual.sizes.iter();
        let largest = sizes.fold(0.0, |max: f64, size| max.max(*size));
        let driven = 1e-2 * newton.scale.held * network.largest_conductance;
        self.faint = NOISE * largest.max(driven);
        self.touch_curves(newton);
        self.change_diodes(newton);
    }

    /// Takes the tangents of the curves: at the present voltages, to the last digit, where these are close to the curves, and
    /// else where load lines cross them.
    fn touch_curves(&mut self, newton: &mut Newton) {
        const NEAR: f64 = 1e-3;
        let network = self.network();
        let first = network.diodes.len();
        self.off_curves.clear();
        for (branch, k) in network.nonlinear.iter().zip(first..) {
            if let Some(foot) = self.feet[k - first] {
                let response = &mut newton.responses[k];
                response.change = response.conductance * (self.residual.voltages[k] - foot);
                self.off_curves.push((0.0, f64::INFINITY));
                continue;
            }
            let (current, slope) = branch.law.current(self.residual.voltages[k]);
            let own = self.currents[k];
            let change = (Double::from(current) - own).value();
            self.off_curves.push((change, slope));
            let near = change.abs() <= NEAR * own.high.abs() || change.abs() <= self.faint;
            if near && slope.is_finite() {
                newton.responses[k].conductance = slope;
                newton.responses[k].change = change;
            } else {
                newton.touch_curve(network, k - first);
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
                    let ends = self.largest_end(newton, response);
                    let volt = at_least_0(voltage.abs() - NOISE * ends);
                    let scale = newton.scale.held.max(1e-4 * ends);
                    // Loops of diodes may have but a trillionth of a volt of room.
                    (1e5 * relative(volt, scale)).min(relative(volt, own.abs()))
                }
                None if let Some(foot) = self.feet[k - network.diodes.len()] => {
                    let ends = self.largest_end(newton, response);
                    relative(
                        at_least_0((voltage - foot).abs() - NOISE * ends),
                        newton.scale.held,
                    )
                }
                None => {
                    let curve = k - network.diodes.len();
                    let (off, slope) = self.off_curves[curve];
                    let rounding = network.nonlinear[curve].law.rounding(voltage);
                    let off = at_least_0(off.abs() - self.faint - rounding);
                    let noise = NOISE * self.largest_end(newton, response);
                    let volt = at_least_0(off / slope - noise);
                    relative(off, self.currents[k].high.abs()).min(relative(volt, voltage.abs()))
                }
            };
            missed = worse(missed, off);
        }
        missed
    }

    /// The largest current by which any law is missed, in ampere.
    fn left(&self) -> f64 {
        let off_curves = self.off_curves.iter().map(|(off, _)| *off);
        let missing = self.residual.missing.iter().copied();
        missing
            .chain(off_curves)
            .fold(0.0, |max, current| max.max(current.abs()))
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

    /// Removes all nodes of the network of the present set, whose idle nonlinear elements it finds.
    fn factorize(&mut self, newton: &mut Newton) {
        self.find_feet(newton);
        self.factorize_present(newton);
    }

    /// Removes all nodes of the network in which conducting diodes without resistance, and idle nonlinear elements, are far
    /// stronger than all else.
    pub(super) fn factorize_present(&mut self, newton: &mut Newton) {
        let network = self.network();
        for (response, diode) in newton.responses.iter_mut().zip(&network.diodes) {
            if response.conductance > 0.0 && diode.resistance > 0.0 {
                response.conductance = 1.0 / diode.resistance;
            }
        }
        let feet = self.feet.iter().enumerate();
        let idle = feet.filter_map(|(k, foot)| foot.map(|_| network.diodes.len() + k));
        strengthen(newton, network, idle);
        newton.factorize(self.plan, network, leak(newton, network));
        self.is_kept = false;
    }

    /// Finds the idle nonlinear elements, and where they carry no current.
    fn find_feet(&mut self, newton: &Newton) {
        let network = self.network();
        self.feet.fill(None);
        for k in idle_curves(network, &newton.responses) {
            let branch = &network.nonlinear[k];
            let voltage = newton.state.voltage(branch.ends, branch.offset);
            self.feet[k] = foot(branch.law, voltage);
        }
    }

    /// Forgets the feet of those that are no longer idle.
    pub(super) fn keep_feet(&mut self, newton: &Newton) {
        let none = vec![None; self.feet.len()];
        let before = std::mem::replace(&mut self.feet, none);
        for k in idle_curves(self.network(), &newton.responses) {
            self.feet[k] = before[k];
        }
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
        a + b + newton.scale.held
    }

    fn exchange(&mut self, newton: &mut Newton, wrong: &[usize]) {
        self.switched = wrong.len();
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
}

/// The conductance to ground of parts that diodes have cut off, in siemens: the least current of a source moves them beyond all
/// bounds of diodes, and rounding errors of currents do not.
fn leak(newton: &Newton, network: &Network) -> f64 {
    const FAR: f64 = 1e3;
    let currents = network.injections.iter().map(|current| current.abs());
    let least = currents
        .filter(|current| *current > 0.0)
        .fold(f64::INFINITY, f64::min);
    newton.leak().min(least / (FAR * newton.scale.held))
}

fn at_least_0(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
}

/// |x| / scale, and 0 for 0.
fn relative(x: f64, scale: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.abs() / scale }
}
