//! How far off the potentials of a confirmed state may be.
//!
//! A state misses the current law by r at the nodes, and each curve's law by a current e, of which rounding is a part. The
//! exact state differs from it by what these currents raise in the network of the tangents, to first order. The matrix L of
//! conductances has an inverse without a negative entry, so that at every node
//!
//! ```text
//! |x - x_exact|  <=  inverse(L) (|r| + e at both ends of each curve)
//! ```
//!
//! holds: one more solution with the factorization at hand, which loses no digits however the conductances differ
//! ([`multifrontal`](super::multifrontal)). What a curve of slope g misses counts as well as a voltage e / g in series with it, which
//! moves no potential further than that; in small networks its current flows from one end to the other, with a solution of its
//! own. So a diode that carries amperes between nodes that gigaohms hold makes no long bars. A voltage by which a conducting
//! diode misses its bound, or a blocking one exceeds it, is of the same kind.
//!
//! For straight lines this is proved where no diode is so close to switching that the bars reach it. Those that are count
//! once as conducting and once as blocking, and the longer bars are taken. For curves the slopes within the bars must be those
//! of the tangents to a factor of two. Else the states are found that all missing currents raise, and lower: the exact one
//! lies between them, since a network of elements whose currents never fall is inverse isotone (Rheinboldt, J. Math. Anal.
//! Appl. 32, 1970). Rounding of a curve's current is taken as a few last digits of what it is computed from.

use super::confirmation::{Confirmation, STEEPEST};
use super::newton::{Newton, Response, difference, inject, worse};
use crate::presolve::{Network, at};

/// By how much bars are longer than what they follow from: for second order, and for what diodes in a chain add.
const MARGIN: f64 = 4.0;

/// The greatest number of curves each of which has a solution of its own.
const PAIRS: usize = 100;

/// How often more diodes may turn out to be loose.
const ROUNDS: usize = 4;

/// Steps of Newton's method along curves. To the foot of a power law they are as many as the power, for each decade.
const STEPS: usize = 60;

/// How far off the potentials may be, in volt.
pub(super) struct Bars {
    /// Of each node of the network.
    pub(super) nodes: Vec<f64>,
    /// What is to be added at every node.
    pub(super) common: f64,
}

impl Bars {
    /// Those of a state of which nothing is known.
    pub(super) fn endless(network: &Network) -> Bars {
        Bars {
            nodes: vec![f64::INFINITY; network.nodes],
            common: f64::INFINITY,
        }
    }

    fn longer(mut self, factor: f64) -> Bars {
        self.nodes.iter_mut().for_each(|bar| *bar *= factor);
        self.common *= factor;
        self
    }
}

impl Confirmation<'_, '_> {
    /// The error bars of the present state. Those below a hundredth of `tolerance`, relative to the voltages of sources and
    /// diodes, are short enough.
    pub(super) fn bars(&mut self, newton: &mut Newton, tolerance: f64) -> Bars {
        let common = self.beyond(newton);
        let mut nodes = self.bars_of_set(newton, tolerance);
        let mut loose = vec![false; self.network().diodes.len()];
        for _ in 0..ROUNDS {
            let bars = Bars { nodes, common };
            if !self.find_loose(newton, &bars, &mut loose) {
                return bars.longer(MARGIN);
            }
            nodes = bars.nodes;
            for conductance in [1.0, 0.0] {
                let loose = newton.responses.iter_mut().zip(&loose);
                let loose = loose.filter(|(_, is_loose)| **is_loose);
                loose.for_each(|(response, _)| response.conductance = conductance);
                if conductance > 0.0 {
                    self.keep_feet(newton);
                }
                self.factorize_present(newton);
                extend(&mut nodes, self.bars_of_set(newton, tolerance));
            }
        }
        Bars::endless(self.network())
    }

    /// What all diodes together miss their bounds by, in volt: those that conduct to either side, the others beyond them; and
    /// idle nonlinear elements their feet.
    fn beyond(&self, newton: &Newton) -> f64 {
        let diodes = newton.responses.iter().zip(&self.residual.voltages);
        let missed = |(response, volt): (&Response, &f64)| match response.conductance > 0.0 {
            true => volt.abs(),
            false => volt.max(0.0),
        };
        let count = self.network().diodes.len();
        let beyond: f64 = diodes.take(count).map(missed).sum();
        let idle = self.feet.iter().zip(&self.residual.voltages[count..]);
        let off = |(foot, volt): (&Option<f64>, &f64)| match foot {
            Some(foot) => (volt - foot).abs() + f64::EPSILON * foot.abs(),
            None => 0.0,
        };
        beyond + idle.map(off).sum::<f64>()
    }

    /// Finds the diodes that may conduct in the exact state and do not in this one, or the other way round; whether there are
    /// more of them than were known. A current changes by no more than all that is missing, a voltage by no more than the
    /// bars at both ends.
    fn find_loose(&self, newton: &Newton, bars: &Bars, loose: &mut [bool]) -> bool {
        let residual = &*self.residual;
        let missing = residual.missing.iter().zip(&residual.digits);
        let missing: f64 = missing.map(|(m, digits)| m.abs() + digits).sum();
        let mut more = false;
        for (k, is_known) in loose.iter_mut().enumerate().filter(|(_, known)| !**known) {
            let response = &newton.responses[k];
            let [a, b] = response.ends.map(|end| at(&bars.nodes, end));
            let is_loose = match response.conductance > 0.0 {
                true => self.currents[k].high <= MARGIN * missing,
                false => residual.voltages[k] >= -(a + b + bars.common),
            };
            *is_known = is_loose;
            more |= is_loose;
        }
        more
    }

    /// The error bars of the nodes if the diodes that conduct do in the exact state as well, and no others.
    fn bars_of_set(&mut self, newton: &mut Newton, tolerance: f64) -> Vec<f64> {
        let enough = 1e-2 * tolerance * newton.scale.held;
        let misses = self.curve_misses(newton);
        let mut bars = self.raised(newton, &misses, |_| true);
        if !bars.iter().all(|bar| *bar <= enough) {
            self.shorten(newton, &misses, &mut bars);
        }
        if self.are_straight(newton, &bars) {
            return bars;
        }
        let tangents = newton.responses.clone();
        let mut raised = vec![0.0; bars.len()];
        for sign in [1.0, -1.0] {
            extend(&mut raised, self.raised_along_curves(newton, sign, enough));
            newton.responses.clone_from(&tangents);
            self.factorize_present(newton);
        }
        if !raised.iter().all(|bar| *bar <= enough) {
            let bars = self.bars_along_secants(newton, bars);
            let shorter = raised.iter_mut().zip(bars);
            shorter.for_each(|(raised, bar)| *raised = raised.min(bar));
            newton.responses.clone_from(&tangents);
            self.factorize_present(newton);
        }
        raised
    }

    /// Bars with the flattest secants within them in place of the tangents.
    fn bars_along_secants(&mut self, newton: &mut Newton, mut bars: Vec<f64>) -> Vec<f64> {
        let diodes = self.network().diodes.len();
        for _ in 0..ROUNDS {
            if self.are_straight(newton, &bars) {
                return bars;
            }
            for k in 0..self.feet.len() {
                newton.responses[diodes + k].conductance = self.flattest(newton, k, &bars);
            }
            self.factorize_present(newton);
            let misses = self.curve_misses(newton);
            bars = self.raised(newton, &misses, |_| true);
            self.shorten(newton, &misses, &mut bars);
        }
        vec![f64::INFINITY; bars.len()]
    }

    /// The potentials that what is missing raises (`sign` 1) or lowers (-1), in magnitude, where curves bend: by Newton's
    /// method, with the tangents where the last step has led.
    ///
    /// ```text
    /// L(x) x' = missing + sum over curves of (g x - rise(x))    at both ends
    /// ```
    fn raised_along_curves(&mut self, newton: &mut Newton, sign: f64, enough: f64) -> Vec<f64> {
        let network = self.network();
        let diodes = network.diodes.len();
        let misses = self.curve_misses(newton);
        let missing = self.missing_with(&misses, |_| true);
        let mut raised = vec![0.0; network.nodes];
        for _ in 0..STEPS {
            let mut currents: Vec<f64> = missing.iter().map(|m| sign * m).collect();
            for (k, branch) in network.nonlinear.iter().enumerate() {
                if self.feet[k].is_some() {
                    continue;
                }
                let voltage = self.residual.voltages[diodes + k];
                let there = voltage + difference(&raised, branch.ends);
                let (current, slope) = branch.law.current(there);
                let slope = slope.min(STEEPEST);
                let rise = current - branch.law.current(voltage).0;
                newton.responses[diodes + k].conductance = slope;
                let bent = slope * (there - voltage) - rise;
                inject(&mut currents, branch.ends, bent);
            }
            self.factorize_present(newton);
            newton.solve(self.plan, &mut currents);
            let is_near = |(last, now): (&f64, &f64)| {
                (now - last).abs() <= 0.1 * now.abs() || now.abs().max(last.abs()) <= 1e-3 * enough
            };
            let has_settled = raised.iter().zip(&currents).all(is_near);
            raised = currents;
            if has_settled {
                return raised.into_iter().map(f64::abs).collect();
            }
        }
        vec![f64::INFINITY; network.nodes]
    }

    /// By how much each curve's law may be missed, in ampere, and what that is worth in volt.
    fn curve_misses(&self, newton: &Newton) -> Vec<Miss> {
        let network = self.network();
        let diodes = network.diodes.len();
        let miss = |(k, branch): (usize, &crate::presolve::Nonlinear)| {
            if self.feet[k].is_some() {
                return Miss::default(); // its voltage is set: see `beyond`
            }
            let response = &newton.responses[diodes + k];
            let rounding = branch.law.rounding(self.residual.voltages[diodes + k]);
            let ampere = self.off_curves[k].0.abs() + rounding;
            Miss {
                ampere,
                volt: ampere / newton.factor_conductance(response),
            }
        };
        network.nonlinear.iter().enumerate().map(miss).collect()
    }

    /// The potentials that what is missing raises, where the misses of these curves count as currents.
    fn raised(
        &self,
        newton: &mut Newton,
        misses: &[Miss],
        counts: impl Fn(&Miss) -> bool,
    ) -> Vec<f64> {
        let mut missing = self.missing_with(misses, counts);
        newton.solve(self.plan, &mut missing);
        missing
    }

    /// The currents that are missing at the nodes at most, where the misses of these curves count, in ampere.
    fn missing_with(&self, misses: &[Miss], counts: impl Fn(&Miss) -> bool) -> Vec<f64> {
        let missing = self.residual.missing.iter().zip(&self.residual.digits);
        let mut missing: Vec<f64> = missing.map(|(m, digits)| m.abs() + digits).collect();
        let nonlinear = self.network().nonlinear.iter().zip(misses);
        for (branch, miss) in nonlinear.filter(|(_, miss)| counts(miss)) {
            for end in branch.ends {
                if let Some(missing) = missing.get_mut(end as usize) {
                    *missing += miss.ampere;
                }
            }
        }
        missing
    }

    /// Shortens bars: what a curve misses flows from one of its ends to the other, not into both.
    fn shorten(&self, newton: &mut Newton, misses: &[Miss], bars: &mut [f64]) {
        if misses.len() <= PAIRS {
            self.shorten_by_pairs(newton, misses, bars);
        } else {
            self.shorten_by_volts(newton, misses, bars);
        }
    }

    /// With a solution for each curve.
    fn shorten_by_pairs(&self, newton: &mut Newton, misses: &[Miss], bars: &mut [f64]) {
        let mut sums = self.raised(newton, misses, |_| false);
        let mut pair = vec![0.0; sums.len()];
        for (branch, miss) in self.network().nonlinear.iter().zip(misses) {
            pair.fill(0.0);
            for (end, ampere) in branch.ends.into_iter().zip([miss.ampere, -miss.ampere]) {
                if let Some(current) = pair.get_mut(end as usize) {
                    *current = ampere;
                }
            }
            newton.solve(self.plan, &mut pair);
            for (sum, volt) in sums.iter_mut().zip(&pair) {
                *sum += volt.abs();
            }
        }
        for (bar, sum) in bars.iter_mut().zip(sums) {
            *bar = bar.min(sum);
        }
    }

    /// Steep curves by what they miss in volt.
    fn shorten_by_volts(&self, newton: &mut Newton, misses: &[Miss], bars: &mut [f64]) {
        let little = 1e-12 * newton.scale.held;
        let is_steep = move |miss: &Miss| miss.volt <= little;
        let steep = misses.iter().filter(|miss| is_steep(miss));
        let volt: f64 = steep.map(|miss| miss.volt).sum();
        let others = self.raised(newton, misses, |miss| !is_steep(miss));
        for (bar, other) in bars.iter_mut().zip(others) {
            *bar = bar.min(other + volt);
        }
    }

    /// Whether no curve is flatter than half its tangent within the bars.
    fn are_straight(&self, newton: &Newton, bars: &[f64]) -> bool {
        let nonlinear = &newton.responses[self.network().diodes.len()..];
        let is_straight = |(k, response): (usize, &Response)| {
            self.flattest(newton, k, bars) >= 0.5 * newton.factor_conductance(response)
        };
        nonlinear.iter().enumerate().all(is_straight)
    }

    /// The conductance of a curve, or the lesser slope of the secants within the bars if that is less than half of it.
    fn flattest(&self, newton: &Newton, k: usize, bars: &[f64]) -> f64 {
        let network = self.network();
        let response = newton.responses[network.diodes.len() + k];
        let conductance = newton.factor_conductance(&response);
        if self.feet[k].is_some() {
            return conductance;
        }
        let law = network.nonlinear[k].law;
        let voltage = self.residual.voltages[network.diodes.len() + k];
        let current = self.currents[network.diodes.len() + k].value() + self.off_curves[k].0;
        let noise = 1e3 * law.rounding(voltage);
        let [a, b] = response.ends.map(|end| at(bars, end));
        let reach = MARGIN * (a + b);
        // The slope of the secant, or of the tangent there if the law rises by no more than rounding.
        let side = |change: f64| {
            let (there, slope) = law.current(voltage + change);
            let rise = (there - current).abs();
            if rise > noise { rise / reach } else { slope }
        };
        let flattest = side(reach).min(side(-reach));
        match flattest >= 0.5 * conductance {
            true => conductance,
            false => flattest,
        }
    }
}

/// By how much a law may be missed.
#[derive(Default)]
struct Miss {
    ampere: f64,
    volt: f64,
}

/// Makes each bar no shorter than another.
fn extend(bars: &mut [f64], others: Vec<f64>) {
    for (bar, other) in bars.iter_mut().zip(others) {
        *bar = worse(*bar, other);
    }
}
