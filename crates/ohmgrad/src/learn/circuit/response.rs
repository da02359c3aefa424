//! The linear circuit of a circuit's small changes.

use crate::circuit::{Circuit, Element};
use crate::device::{Diode, Law};
use crate::solve::Solution;

/// What elements do to small changes of a state, in the order of the circuit's: all sources at 0.
pub(super) fn small_change_laws<'a>(
    circuit: &'a Circuit,
    state: &'a Solution,
) -> impl Iterator<Item = Law> + 'a {
    let scale = Scale::of(state);
    let elements = circuit.elements().iter().zip(&state.currents);
    elements.map(move |(element, current)| {
        let u = voltage(element, &state.potentials);
        small_change_law(element.law(), u, *current, &scale)
    })
}

/// The voltage across an element, in volt.
pub(super) fn voltage(element: &Element, potentials: &[f64]) -> f64 {
    let [a, b] = element.nodes().map(|node| potentials[node.index()]);
    a - b
}

fn small_change_law(law: &Law, u: f64, i: f64, scale: &Scale) -> Law {
    let resistor = |conductance| Law::Resistor { conductance };
    match law {
        Law::VoltageSource { .. } => Law::VoltageSource { voltage: 0.0 },
        Law::CurrentSource { .. } => Law::CurrentSource { current: 0.0 },
        Law::Resistor { conductance } => resistor(*conductance),
        Law::Diode(diode) => resistor(match scale.conducts(diode, u, i) {
            true => diode.on_conductance,
            false => diode.off_conductance,
        }),
        law => resistor(law.characteristic().map_or(0.0, |law| law.current(u).1)),
    }
}

/// The largest current and potential of a state, in ampere and volt.
struct Scale {
    current: f64,
    voltage: f64,
}

impl Scale {
    fn of(state: &Solution) -> Scale {
        let largest = |values: &[f64]| {
            let sizes = values.iter().map(|x| x.abs());
            sizes.fold(f64::MIN_POSITIVE, f64::max)
        };
        Scale {
            current: largest(&state.currents),
            voltage: largest(&state.potentials),
        }
    }

    /// Whether a diode is beyond its corner. One of the current of its ideal part and the voltage that is missing to
    /// the corner is 0, but for rounding.
    fn conducts(&self, diode: &Diode, u: f64, i: f64) -> bool {
        let through = i - diode.off_conductance * u;
        let missing = diode.forward_voltage - (u - diode.series_resistance() * through);
        through / self.current > missing / self.voltage
    }
}
