//! The operating point of a circuit of straight lines, in exact arithmetic.
//!
//! Sources, resistors, diodes with two straight lines and measured curves make a linear complementarity problem, by
//! Kirchhoff's laws and nothing else: no presolve, no scale, no tolerance. Voltages and currents are the decimal numbers
//! as written (0.1 + 0.2 is 0.3), conductances the numbers that the circuit holds.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use ohmgrad::circuit::{Circuit, NodeId};
use ohmgrad::device::{Diode, IvCurve, Law};

use super::complementarity::Problem;

/// The potentials of an operating point, ground first; `None` if the circuit has none.
pub(crate) fn potentials(circuit: &Circuit) -> Option<Vec<BigRational>> {
    let build = Build::of(circuit);
    let z = build.problem.solve()?;
    let potential = |pair: &Option<usize>| match pair {
        Some(pair) => z[*pair].clone(),
        None => BigRational::zero(),
    };
    Some(build.nodes.iter().map(potential).collect())
}

/// Whether a node may be at a potential (volt): a source to ground that holds it there carries no current.
pub(crate) fn may_be_at(circuit: &Circuit, node: NodeId, potential: f64) -> bool {
    let mut build = Build::of(circuit);
    let source = build.hold([node.index(), 0], &binary(potential));
    build.problem.solve().is_some_and(|z| z[source].is_zero())
}

/// The shortest decimal number that reads as `x`.
pub(crate) fn decimal(x: f64) -> BigRational {
    let text = format!("{x:e}");
    let (digits, exponent) = text.split_once('e').expect("the format has an exponent");
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let integer: BigInt = format!("{whole}{fraction}").parse().expect("digits");
    let exponent: i32 = exponent.parse().expect("an exponent");
    let exponent = exponent - fraction.len() as i32;
    let power = BigInt::from(10).pow(exponent.unsigned_abs());
    match exponent >= 0 {
        true => BigRational::from(integer * power),
        false => BigRational::new(integer, power),
    }
}

/// A double-precision number, exactly.
pub(crate) fn binary(x: f64) -> BigRational {
    BigRational::from_float(x).expect("a finite number")
}

/// |found - wanted|, in volt.
pub(crate) fn error(found: f64, wanted: &BigRational) -> f64 {
    let off = (binary(found) - wanted).abs();
    off.to_f64().unwrap_or(f64::INFINITY)
}

struct Build {
    problem: Problem,
    /// The pair of each node: its potential and the current law; none for ground.
    nodes: Vec<Option<usize>>,
}

impl Build {
    fn of(circuit: &Circuit) -> Build {
        let mut build = Build::new(circuit.node_names().len());
        for element in circuit.elements() {
            let nodes = element.nodes().map(|node| node.index());
            build.add(nodes, element.law());
        }
        build
    }

    fn new(nodes: usize) -> Build {
        let mut problem = Problem::new();
        let nodes = (0..nodes).map(|node| (node > 0).then(|| problem.add(true)));
        Build {
            nodes: nodes.collect(),
            problem,
        }
    }

    fn add(&mut self, nodes: [usize; 2], law: &Law) {
        match law {
            Law::Resistor { conductance } if conductance.is_infinite() => {
                self.hold(nodes, &BigRational::zero());
            }
            Law::Resistor { conductance } => self.resistor(nodes, &binary(*conductance)),
            Law::VoltageSource { voltage } => {
                self.hold(nodes, &decimal(*voltage));
            }
            Law::CurrentSource { current } => {
                let current = decimal(*current);
                self.out_of(nodes, |problem, node, sign| {
                    problem.add_constant(node, &(sign * &current));
                });
            }
            Law::Diode(diode) => self.diode(nodes, diode),
            Law::Curve(curve) => self.curve(nodes, curve),
            _ => panic!("{law:?} is no straight line"),
        }
    }

    /// For both nodes but ground: the sign of a current from the first to the second, out of the node.
    fn out_of(&mut self, nodes: [usize; 2], mut add: impl FnMut(&mut Problem, usize, BigRational)) {
        let one = BigRational::one();
        for (node, sign) in nodes.into_iter().zip([one.clone(), -one]) {
            if let Some(pair) = self.nodes[node] {
                add(&mut self.problem, pair, sign);
            }
        }
    }

    fn resistor(&mut self, nodes: [usize; 2], conductance: &BigRational) {
        let [a, b] = nodes.map(|node| self.nodes[node]);
        for (here, there) in [(a, b), (b, a)] {
            if let Some(here) = here {
                self.problem.add_to(here, here, conductance);
                if let Some(there) = there {
                    self.problem.add_to(here, there, &-conductance);
                }
            }
        }
    }

    /// A current z from the first node to the second, and in its own law the voltage with `sign`.
    fn branch(&mut self, nodes: [usize; 2], pair: usize, current: i32) {
        let weight = BigRational::from(BigInt::from(current));
        self.out_of(nodes, |problem, node, sign| {
            problem.add_to(node, pair, &(&sign * &weight));
            problem.add_to(pair, node, &-(sign * &weight));
        });
    }

    /// V - u = 0, with the current free: its pair.
    fn hold(&mut self, nodes: [usize; 2], voltage: &BigRational) -> usize {
        let pair = self.problem.add(true);
        self.branch(nodes, pair, 1);
        self.problem.add_constant(pair, voltage);
        pair
    }

    /// V_f - u + r z >= 0 beside a resistor g_off.
    fn diode(&mut self, nodes: [usize; 2], diode: &Diode) {
        let pair = self.problem.add(false);
        self.branch(nodes, pair, 1);
        self.problem
            .add_constant(pair, &decimal(diode.forward_voltage));
        let off = binary(diode.off_conductance);
        if diode.on_conductance.is_finite() {
            let resistance = (binary(diode.on_conductance) - &off).recip();
            self.problem.add_to(pair, pair, &resistance);
        }
        if !off.is_zero() {
            self.resistor(nodes, &off);
        }
    }

    /// A curve's current i is free; its voltage is that of the first point and what its segments add, one after the other:
    ///
    /// ```text
    /// u = u_1 - s_0 + sum s_k + s_n
    /// before   0 <= s_0 with i - i_1 + g_0 s_0 >= 0
    /// segment  0 <= s_k with i_k + g_k s_k + p_k - i >= 0,    0 <= p_k with U_k - s_k >= 0
    /// after    0 <= s_n with i_n + g_n s_n - i >= 0
    /// ```
    fn curve(&mut self, nodes: [usize; 2], curve: &IvCurve) {
        let points: Vec<(BigRational, BigRational)> = curve
            .points()
            .map(|(voltage, current)| (decimal(voltage), decimal(current)))
            .collect();
        let slope =
            |k: usize| (&points[k + 1].1 - &points[k].1) / (&points[k + 1].0 - &points[k].0);
        let last = points.len() - 1;
        let current = self.problem.add(true);
        self.branch(nodes, current, 1);
        self.problem.add_constant(current, &points[0].0);
        self.segment(current, 1, &points[0].1, &slope(0));
        for k in 0..last {
            let part = self.segment(current, -1, &points[k].1, &slope(k));
            let full = self.problem.add(false);
            let one = BigRational::one();
            self.problem.add_to(part, full, &one);
            self.problem.add_to(full, part, &-one);
            self.problem
                .add_constant(full, &(&points[k + 1].0 - &points[k].0));
        }
        self.segment(current, -1, &points[last].1, &slope(last - 1));
    }

    /// The voltage s of a part of a curve, with the law `sign (i - i_k) + g s >= 0`.
    fn segment(
        &mut self,
        current: usize,
        sign: i32,
        start: &BigRational,
        slope: &BigRational,
    ) -> usize {
        let part = self.problem.add(false);
        let sign = BigRational::from(BigInt::from(sign));
        self.problem.add_to(part, current, &sign);
        self.problem.add_to(current, part, &-&sign);
        self.problem.add_to(part, part, slope);
        self.problem.add_constant(part, &-(sign * start));
        part
    }
}
