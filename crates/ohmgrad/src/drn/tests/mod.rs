//! The engine against independent truths: the f64 reference, Kirchhoff's laws, closed forms, finite differences.

mod closed_forms;
mod hopfield;
pub(crate) mod laws;
pub(crate) mod reference;
mod refusals;

use std::fmt::Display;

use proptest::prelude::*;
use proptest::sample::select;
use pulp::Arch;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use reference::{Nudge, Potentials, Reference};

pub(crate) const ORDERS: [SweepOrder; 3] = [
    SweepOrder::Asynchronous,
    SweepOrder::Forward,
    SweepOrder::Backward,
];

/// The interval that unit `j` of free layer `l` is held in by its law, in volt.
pub(crate) fn interval(architecture: &Architecture, l: usize, j: usize) -> (f64, f64) {
    let layer = &architecture.chain().layers[l];
    let (index, width) = (j, layer.width);
    layer.law.interval(law::Unit { index, width })
}

pub(crate) const ENERGIES: [Energy; 2] = [Energy::CoContent, Energy::Hopfield];

/// The same network in the engine and in the reference.
pub(crate) struct Twins {
    pub(crate) engine: Network,
    pub(crate) reference: Reference,
}

impl Twins {
    /// Random conductances, about a quarter of them at `g_min`, and random biases; or random weights of a Hopfield
    /// network, so small that its sweeps do not amplify what f32 rounds, and biases that clip some of its units to 0 and
    /// some to 1.
    pub(crate) fn random(architecture: &Architecture, threads: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut engine = Network::zero(architecture, threads).expect("a valid architecture");
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for l in 0..architecture.matrices() {
            let (rows, columns) = architecture.shape(l);
            let [_, scale] = architecture.initial_range(l);
            let (bottom, top, biases_within) = match architecture.energy {
                Energy::CoContent => (-0.3_f32, 2.0 * scale, -0.2..0.2),
                Energy::Hopfield => (-1.0, 1.0 / (rows.max(columns) as f32).sqrt(), -0.6..1.2),
            };
            let [lowest, highest] = architecture.window(l);
            let mut weight = || (top * rng.random_range(bottom..1.0)).clamp(lowest, highest);
            let w: Vec<f32> = (0..rows * columns).map(|_| weight()).collect();
            let (least, largest) = (architecture.b_min, architecture.b_max);
            let mut bias = || {
                let bias: f32 = rng.random_range(biases_within.clone());
                bias.clamp(least, largest)
            };
            let b: Vec<f32> = (0..columns).map(|_| bias()).collect();
            engine.set_weights(l, &w).expect("valid conductances");
            engine.set_biases(l, &b).expect("valid biases");
            weights.push(wide(&w));
            biases.push(wide(&b));
        }
        let reference = Reference {
            architecture: architecture.clone(),
            weights,
            biases,
        };
        Self { engine, reference }
    }

    /// The reference's potentials of each example, settled from 0 V.
    fn truths(&self, inputs: &[f32], settling: Settling) -> Vec<Potentials> {
        let settle = |features: &[f32]| {
            let mut v = self.reference.at_rest(&wide(features));
            self.reference.settle(&mut v, settling, FREE);
            v
        };
        inputs
            .chunks(self.reference.architecture.features)
            .map(settle)
            .collect()
    }
}

/// No nudge; the reference wants a target all the same.
pub(crate) const FREE: Nudge = Nudge {
    beta: 0.0,
    target: &[0.0; 128],
};

pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

/// The largest absolute value.
pub(crate) fn largest<'a>(values: impl IntoIterator<Item = &'a Vec<f64>>) -> f64 {
    let values = values.into_iter().flatten();
    values.fold(0.0, |max, v| max.max(v.abs()))
}

/// |got - want| <= tolerance; a NaN fails.
pub(crate) fn close(
    what: impl Display,
    got: impl Into<f64>,
    want: f64,
    tolerance: f64,
) -> Result<(), TestCaseError> {
    let got = got.into();
    prop_assert!(
        (got - want).abs() <= tolerance,
        "{what} is {got} instead of {want}: off by more than {tolerance:e}"
    );
    Ok(())
}

/// Every instruction set of this machine; those after the first have fused multiply-add.
pub(crate) fn levels() -> Vec<Arch> {
    let mut levels = vec![Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    {
        levels.extend(pulp::x86::V3::try_new().map(Arch::V3));
        levels.extend(pulp::x86::V4::try_new().map(Arch::V4));
    }
    #[cfg(not(target_arch = "x86_64"))]
    levels.push(Arch::new());
    levels
}

/// A free node as Kirchhoff sees it, or a unit of a Hopfield network by the slope of its energy.
#[derive(Clone, Copy, Default)]
pub(crate) struct Node {
    /// Sum of its conductances and the slope of its own element, in siemens; 1 for a unit.
    conductance: f64,
    /// Net current into it, in ampere; what pulls on a unit, less its state.
    net: f64,
    /// Sum of the magnitudes that the net current is the difference of, in ampere.
    pub(crate) gross: f64,
}

/// All free nodes, layer after layer, added up weight by weight.
pub(crate) fn nodes(reference: &Reference, v: &Potentials) -> Vec<Vec<Node>> {
    let architecture = &reference.architecture;
    let hopfield = architecture.energy == Energy::Hopfield;
    let start = |l: usize, j: usize| {
        let (b, v) = (reference.biases[l][j], v[l + 1][j]);
        let (own, slope) = match hopfield {
            true => (v, 1.0),
            false => (
                laws::current(architecture, l, j, v),
                laws::slope(architecture, l, j, v),
            ),
        };
        Node {
            conductance: slope,
            net: b - own,
            gross: b.abs() + own.abs(),
        }
    };
    let layer = |l: usize| (0..architecture.width(l)).map(|j| start(l, j)).collect();
    let mut nodes: Vec<Vec<Node>> = (0..architecture.free_layers()).map(layer).collect();
    for (l, weights) in reference.weights.iter().enumerate() {
        let width = v[l + 1].len();
        for (at, g) in weights.iter().enumerate() {
            let (i, j) = (at / width, at % width);
            let (below, above) = (v[l][i], v[l + 1][j]);
            let lower = l.checked_sub(1).map(|lower| (lower, i, -1.0));
            for (layer, unit, sign) in lower.into_iter().chain([(l, j, 1.0)]) {
                let node = &mut nodes[layer][unit];
                if hopfield {
                    let other = if sign > 0.0 { below } else { above };
                    node.net += g * other;
                    node.gross += (g * other).abs();
                    continue;
                }
                node.conductance += g;
                node.net += sign * g * (below - above);
                node.gross += g * (below.abs() + above.abs());
            }
        }
    }
    nodes
}

/// A random network and a batch for it.
#[derive(Clone, Debug)]
struct Case {
    architecture: Architecture,
    settling: Settling,
    batch: usize,
    seed: u64,
}

/// Up to `most` units, or about as many as fill one block or two.
pub(crate) fn widths(most: usize) -> impl Strategy<Value = usize> {
    prop_oneof![6 => 1..=most, 2 => 63..=65_usize, 1 => 127..=129_usize]
}

fn cases() -> impl Strategy<Value = Case> {
    let hidden = proptest::collection::vec(widths(150), 0..=3);
    let outputs = prop_oneof![7 => 1..=12_usize, 1 => 63..=67_usize];
    let gain = select(vec![0.3, 1.0, 100.0]);
    let settling = (select(&ORDERS[..]), 1..=6_usize);
    let energy = select(&ENERGIES[..]);
    let shape = (1..=70_usize, hidden, outputs, gain, energy);
    let law = select(laws::laws());
    (shape, settling, law, 1..=9_usize, any::<u64>()).prop_map(
        |(shape, (order, sweeps), law, batch, seed)| {
            let (features, hidden, outputs, gain, energy) = shape;
            let gain = if energy == Energy::Hopfield {
                1.0
            } else {
                gain
            };
            let laws = match energy {
                Energy::CoContent => vec![law],
                Energy::Hopfield => Vec::new(),
            };
            Case {
                architecture: Architecture::new(features, hidden, outputs)
                    .with_energy(energy)
                    .with_input_gain(gain)
                    .with_laws(laws),
                settling: Settling::sweeps(order, sweeps),
                batch,
                seed,
            }
        },
    )
}

impl Case {
    /// The network, and inputs half of which are 0, as pixels are.
    fn build(&self) -> (Twins, Vec<f32>) {
        let mut rng = ChaCha8Rng::seed_from_u64(!self.seed);
        let mut input = || rng.random_range(-1.0_f32..1.0) * f32::from(rng.random::<bool>());
        let count = self.batch * self.architecture.features;
        let inputs = (0..count).map(|_| input()).collect();
        (Twins::random(&self.architecture, 2, self.seed), inputs)
    }
}

/// What f32 sums of some hundred terms lose, relative to their largest partial sums.
const ROUNDING: f64 = 1e-6;

/// Compares example `b` with the reference's potentials.
fn compare(
    twins: &Twins,
    settled: &Settled,
    b: usize,
    v: &Potentials,
) -> Result<(), TestCaseError> {
    let (reference, highest) = (&twins.reference, largest(v));
    // The potential of a node is a mean of others; what pulls on a Hopfield unit can be far above them before it is clipped.
    let scale = match reference.architecture.energy {
        Energy::CoContent => highest,
        Energy::Hopfield => {
            let nodes = nodes(reference, v).into_iter().flatten();
            nodes.map(|node| node.gross).fold(highest, f64::max)
        }
    };
    for (l, layer) in v[1..].iter().enumerate() {
        let potentials = settled.hidden.get(l).unwrap_or(&settled.outputs);
        for (j, want) in layer.iter().enumerate() {
            let what = format_args!("potential {j} of free layer {l}, example {b}");
            close(
                what,
                potentials[b * layer.len() + j],
                *want,
                ROUNDING * scale,
            )?;
        }
    }
    let (mut strongest, mut gross, mut power) = (0.0_f64, 0.0_f64, 0.0);
    for (nodes, v) in nodes(reference, v).iter().zip(&v[1..]) {
        for (node, v) in nodes.iter().zip(v) {
            strongest = strongest.max((node.net + node.conductance * v).abs());
            gross = gross.max(node.conductance * highest + node.gross);
            power += node.gross * highest;
        }
    }
    let what = |quantity: &str| format!("{quantity} of example {b}");
    let tolerance = ROUNDING * gross / strongest;
    let residual = reference.residual(v, FREE);
    close(what("residual"), settled.residuals[b], residual, tolerance)?;
    let tolerance = ROUNDING * power;
    match reference.architecture.energy {
        Energy::CoContent => {
            let (want, got) = (reference.dissipated_power(v), settled.dissipated_power[b]);
            close(what("dissipated power"), got, want, tolerance)?;
        }
        Energy::Hopfield => prop_assert!(settled.dissipated_power.is_empty()),
    }
    close(
        what("energy"),
        settled.energy[b],
        reference.energy(v, FREE),
        tolerance,
    )
}

/// That no sweep of the reference raises the energy, with a nudge of `beta` times the weakest output's conductance: a negative
/// one must leave every output's curvature positive.
fn descends(
    reference: &Reference,
    inputs: &[f32],
    order: SweepOrder,
    beta: f64,
) -> Result<(), TestCaseError> {
    let architecture = &reference.architecture;
    let mut v = reference.at_rest(&wide(&inputs[..architecture.features]));
    let output = &nodes(reference, &v)[architecture.hidden.len()];
    let conductances = output.iter().map(|n| n.conductance);
    let weakest = conductances.fold(f64::INFINITY, f64::min);
    let nudge = Nudge {
        beta: beta * weakest,
        target: &[1.0; 128],
    };
    let weights = reference.weights.iter().flatten().map(|w| w.abs());
    let weights = weights.sum::<f64>() + terms(architecture);
    let mut energy = reference.energy(&v, nudge);
    for _ in 0..10 {
        reference.sweep(&mut v, order, nudge);
        let next = reference.energy(&v, nudge);
        let scale = largest(&v).powi(2) * weights;
        prop_assert!(
            next - energy <= 1e-14 * scale,
            "energy rose from {energy} W to {next} W"
        );
        energy = next;
    }
    Ok(())
}

/// The squares of potentials in an energy that have no weight: of all free units of a Hopfield network.
fn terms(architecture: &Architecture) -> f64 {
    let units: usize = architecture.hidden.iter().sum();
    match architecture.energy {
        Energy::CoContent => 0.0,
        Energy::Hopfield => (units + architecture.outputs) as f64,
    }
}

/// Flat curves whose kinks many units are beyond: sweeps soon change less than Simpson's rule misses across a kink.
#[test]
fn energy_never_rises_beyond_the_kinks_of_curves() {
    let is_curve = |law: &UnitLaw| matches!(law, UnitLaw::Curve(_));
    for law in laws::laws().into_iter().filter(is_curve) {
        for hidden in [vec![6], vec![20, 5], vec![109, 45, 2]] {
            let architecture = Architecture::new(61, hidden, 7)
                .with_input_gain(0.3)
                .with_laws(vec![law.clone()]);
            for order in ORDERS {
                let case = Case {
                    architecture: architecture.clone(),
                    settling: Settling::sweeps(order, 1),
                    batch: 1,
                    seed: 7092540940401309021,
                };
                let (twins, inputs) = case.build();
                descends(&twins.reference, &inputs, order, 1.3868).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Every potential, residual, power and energy, with every instruction set.
    #[test]
    fn settling_agrees_with_the_f64_reference(case in cases()) {
        let (mut twins, inputs) = case.build();
        let truths = twins.truths(&inputs, case.settling);
        let mut fused = None;
        for arch in levels() {
            twins.engine.arch = arch;
            let settled = twins.engine.settle(&inputs, &case.settling).unwrap();
            prop_assert_eq!(settled.sweeps, case.settling.sweeps);
            for (b, v) in truths.iter().enumerate() {
                compare(&twins, &settled, b, v)
                    .map_err(|e| TestCaseError::fail(format!("{arch:?}: {e}")))?;
            }
            if !matches!(arch, Arch::Scalar) {
                let first = fused.get_or_insert_with(|| bits(&settled));
                prop_assert!(*first == bits(&settled), "{arch:?} gives other bits than the level before");
            }
        }
    }

    #[test]
    fn parameters_are_read_back_as_they_were_set(case in cases()) {
        let (twins, _) = case.build();
        for l in 0..case.architecture.matrices() {
            prop_assert!(wide(&twins.engine.weights(l)) == twins.reference.weights[l], "W{}", l + 1);
            prop_assert!(wide(&twins.engine.biases(l)) == twins.reference.biases[l], "b{}", l + 1);
        }
    }

    #[test]
    fn energy_never_rises_in_a_sweep(case in cases(), beta in -0.9..2.0) {
        let (twins, inputs) = case.build();
        let settling = |sweeps| Settling { sweeps, ..case.settling };
        let [before, after] = [1, 2].map(|k| {
            twins.engine.settle(&inputs, &settling(case.settling.sweeps * k)).unwrap()
        });
        let terms = terms(&case.architecture);
        for (before, after) in before.energy.iter().zip(&after.energy) {
            prop_assert!(after - before <= ROUNDING * before.abs().max(after.abs()).max(terms),
                "the engine's energy rose from {before} W to {after} W");
        }
        descends(&twins.reference, &inputs, case.settling.order, beta)?;
    }

    #[test]
    fn tolerance_mode_stops_at_the_first_sweep_within_tolerance(
        case in cases(), exponent in 1..=4_i32, cap in 1..40_usize,
    ) {
        let (twins, inputs) = case.build();
        let tolerance = 10_f64.powi(-exponent);
        let settling = Settling::tolerance(case.settling.order, tolerance, cap);
        let settled = twins.engine.settle(&inputs, &settling).unwrap();
        let k = settled.sweeps;
        prop_assert!((1..=cap).contains(&k), "{k} sweeps with a cap of {cap}");
        let worst = |sweeps| {
            let truths = twins.truths(&inputs, Settling::sweeps(settling.order, sweeps));
            let residuals = truths.iter().map(|v| twins.reference.residual(v, FREE));
            residuals.fold(0.0, f64::max)
        };
        prop_assert!(k == cap || worst(k) <= tolerance + 1e-5, "stopped after {k} sweeps, too early");
        prop_assert!(k == 1 || worst(k - 1) > tolerance - 1e-5, "stopped after {k} sweeps, too late");
        let reported = settled.residuals.iter().all(|r| *r <= tolerance);
        prop_assert!(reported || k == cap, "stopped with residuals {:?}", settled.residuals);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Kirchhoff's current law, resistor by resistor, and the law of the diodes.
    #[test]
    fn a_settled_network_obeys_the_laws_of_the_circuit(case in cases(), g_min in 0.01..0.1_f32) {
        let (order, architecture) = (case.settling.order, case.architecture);
        let architecture = architecture
            .with_energy(Energy::CoContent)
            .with_bounds(g_min, f32::INFINITY)
            .with_laws(Vec::new());
        let (twins, inputs) = Case { architecture, batch: 1, ..case }.build();
        let settled = twins.engine.settle(&inputs, &Settling::sweeps(order, 400)).unwrap();
        let residual = settled.residuals[0];
        prop_assert!(residual <= 1e-5, "the engine's residual stays at {residual}");
        let v = &twins.truths(&inputs, Settling::tolerance(order, 1e-13, 4000))[0];
        let residual = twins.reference.residual(v, FREE);
        prop_assert!(residual <= 1e-12, "the reference's residual stays at {residual}");
        obeys_laws(&twins.reference, v)?;
    }
}

/// The answer to the bit: `Debug` tells all floats apart, 0 and -0 too.
pub(crate) fn bits(answer: &impl std::fmt::Debug) -> String {
    format!("{answer:?}")
}

fn obeys_laws(reference: &Reference, v: &Potentials) -> Result<(), TestCaseError> {
    let nodes = nodes(reference, v);
    let gross = nodes.iter().flatten().map(|node| node.gross);
    let rounding = 1e-12 * gross.fold(0.0, f64::max);
    for (l, nodes) in nodes.iter().enumerate() {
        let hidden = reference.architecture.hidden.get(l);
        for (j, (node, v)) in nodes.iter().zip(&v[l + 1]).enumerate() {
            // +1: v >= 0, -1: v <= 0
            let side = hidden.map(|width| if j < width / 2 { 1.0 } else { -1.0 });
            let (law, obeyed) = match side {
                Some(side) if *v == 0.0 => ("held by its diode", node.net * side <= rounding),
                Some(side) if v * side < 0.0 => ("on the wrong side", false),
                _ => ("free", node.net.abs() <= rounding),
            };
            prop_assert!(
                obeyed,
                "unit {j} of layer {l}, {law}: {v} V, net current {} A",
                node.net
            );
        }
    }
    Ok(())
}

/// Four blocks, three, two: more shares than the smaller layers have blocks.
pub(crate) fn several_blocks(hidden: usize) -> Architecture {
    Architecture::new(40, [200, 130, 70][..hidden].to_vec(), 5)
}

#[test]
fn settling_gives_the_same_bits_on_any_number_of_threads() {
    let cases = (0..=3).flat_map(|h| ORDERS.map(|o| (h, o)));
    for ((hidden, order), energy) in cases.flat_map(|case| ENERGIES.map(|e| (case, e))) {
        let architecture = several_blocks(hidden).with_energy(energy);
        let inputs: Vec<f32> = (0..280).map(|i| (i % 7) as f32 / 7.0).collect();
        let settle = |threads, settling| {
            let twins = Twins::random(&architecture, threads, 5);
            assert!(hidden == 0 || twins.engine.threads() == threads);
            bits(&twins.engine.settle(&inputs, &settling).unwrap())
        };
        for settling in [
            Settling::sweeps(order, 3),
            Settling::tolerance(order, 1e-4, 50),
        ] {
            let one = settle(1, settling);
            for threads in [2, 3] {
                let same = settle(threads, settling) == one;
                assert!(
                    same,
                    "{energy:?}, {threads} threads, {hidden} hidden layers, {settling:?}"
                );
            }
        }
    }
}

#[test]
fn random_networks_do_not_depend_on_the_number_of_threads() {
    let architecture = several_blocks(3).with_bounds(0.01, 0.05);
    let weights = |threads| {
        let network = Network::random(&architecture, 3, threads).unwrap();
        (0..4).map(|l| network.weights(l)).collect::<Vec<_>>()
    };
    let one = weights(1);
    assert!(one.iter().flatten().all(|g| (0.01..=0.05).contains(g)));
    assert_eq!(bits(&one), bits(&weights(3)));
}

/// What is written of a network of either energy is read as the same, and nothing is written that it does not have.
#[test]
fn architectures_survive_their_toml() {
    for energy in ENERGIES {
        let architecture = several_blocks(2).with_energy(energy);
        let text = toml::to_string(&architecture).unwrap();
        assert_eq!(toml::from_str::<Architecture>(&text).unwrap(), architecture);
        let hopfield = energy == Energy::Hopfield;
        assert_eq!(text.contains("energy = \"hopfield\""), hopfield, "{text}");
        for name in ["g_min", "g_max", "input_gain", "readout"] {
            assert_ne!(text.contains(name), hopfield, "{text}");
        }
        for name in ["laws", "windows", "start", "b_min", "b_max"] {
            assert!(!text.contains(name), "{text}");
        }
    }
    let all = several_blocks(2)
        .with_windows(vec![[0.0, 1.0], [1e-7, 100.0], [0.1, f32::INFINITY]])
        .with_start(Start::Kaiming)
        .with_bias_bounds(0.0, 1.5);
    for law in laws::laws() {
        let architecture = all.clone().with_laws(vec![law, UnitLaw::IdealDiode]);
        let text = toml::to_string(&architecture).unwrap();
        assert_eq!(toml::from_str::<Architecture>(&text).unwrap(), architecture);
    }
}

/// With over-relaxation the energy still never rises, and networks still settle.
#[test]
fn over_relaxed_sweeps_never_raise_the_energy() {
    for readout in [Readout::Nodes, Readout::Pairs] {
        let architecture = Architecture::new(6, vec![70, 40, 30], 4).with_readout(readout);
        let Twins { engine, reference } = Twins::random(&architecture, 2, 5);
        let input = [0.3, -0.8, 0.0, 1.0, 0.5, -0.2];
        for factor in [0.4, 1.3, 1.9] {
            let mut before = 0.0; // the energy of the network at rest: only the sources are not at 0 V
            for sweeps in 1..12 {
                let settling =
                    Settling::sweeps(SweepOrder::Forward, sweeps).with_relaxation(factor);
                let settled = engine.settle(&input, &settling).unwrap();
                let energy = settled.energy[0];
                let at_rest = reference.energy(&reference.at_rest(&wide(&input)), FREE);
                if sweeps == 1 {
                    before = at_rest;
                }
                assert!(
                    energy <= before + 1e-6 * at_rest.abs(),
                    "factor {factor}, sweep {sweeps}: {energy} after {before}"
                );
                before = energy;
            }
        }
        for factor in [0.4, 1.0, 1.3, 1.9] {
            let settling = Settling::tolerance(SweepOrder::Forward, 1e-5, 1000);
            let settled = engine
                .settle(&input, &settling.with_relaxation(factor))
                .unwrap();
            assert!(settled.residuals[0] <= 1e-5, "{readout:?}, factor {factor}");
        }
    }
}
