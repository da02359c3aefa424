//! Equal elements side by side.

use super::fault::Fault;
use crate::device::{
    Diode, Formula, IvCurve, Junction, Law, PowerLaw, RegionDiode, Shockley, Tanh, Term,
};

/// The law of so many equal elements side by side. As in ngspice, the conductance beside junctions stays what it is.
pub(super) fn side_by_side(law: Law, number: f64) -> Result<Law, Fault> {
    if number == 1.0 {
        return Ok(law);
    }
    Ok(match law {
        Law::Resistor { conductance } => Law::Resistor {
            conductance: number * conductance,
        },
        Law::CurrentSource { current } => Law::CurrentSource {
            current: number * current,
        },
        Law::Diode(diode) => Law::from(Diode {
            on_conductance: number * diode.on_conductance,
            off_conductance: number * diode.off_conductance,
            ..*diode
        }),
        Law::Shockley(shockley) => Law::from(junctions(*shockley, number)),
        Law::Junction(junction) => Law::from(Junction {
            shockley: junctions(junction.shockley, number),
            recombination: junction.recombination.map(|mut recombination| {
                recombination.saturation_current *= number;
                recombination
            }),
            forward_knee: number * junction.forward_knee,
            reverse_knee: number * junction.reverse_knee,
            ..*junction
        }),
        Law::Regions(regions) => Law::from(RegionDiode {
            on_conductance: number * regions.on_conductance,
            off_conductance: number * regions.off_conductance,
            reverse_conductance: number * regions.reverse_conductance,
            limit: number * regions.limit,
            reverse_limit: number * regions.reverse_limit,
            ..*regions
        }),
        Law::Curve(curve) => {
            let points = curve.points().map(|(u, i)| (u, number * i));
            Law::from(IvCurve::new(points.collect::<Vec<_>>())?)
        }
        Law::Tanh(tanh) => Law::from(Tanh {
            limit: number * tanh.limit,
            ..*tanh
        }),
        Law::PowerLaw(power) => Law::from(PowerLaw {
            coefficient: number * power.coefficient,
            ..*power
        }),
        Law::Formula(formula) => Law::from(formulas(&formula, number)),
        source @ (Law::VoltageSource { .. }
        | Law::ControlledVoltage { .. }
        | Law::ControlledCurrent { .. }) => source,
    })
}

fn formulas(formula: &Formula, number: f64) -> Formula {
    let term = |term: &Term| Term {
        coefficient: number * term.coefficient,
        ..*term
    };
    Formula {
        constant: number * formula.constant,
        conductance: number * formula.conductance,
        terms: formula.terms.iter().map(term).collect(),
    }
}

/// The law of a controlled source, of so many equal circuits side by side that are written as one: there the voltage source
/// whose current controls it carries the currents of all.
pub(super) fn controlled_side_by_side(law: Law, is_by_voltage: bool, number: f64) -> Law {
    match law {
        Law::ControlledVoltage { gain } if !is_by_voltage => Law::ControlledVoltage {
            gain: gain / number,
        },
        Law::ControlledCurrent { gain } if is_by_voltage => Law::ControlledCurrent {
            gain: gain * number,
        },
        law => law,
    }
}

fn junctions(shockley: Shockley, number: f64) -> Shockley {
    Shockley {
        saturation_current: number * shockley.saturation_current,
        series_resistance: shockley.series_resistance / number,
        ..shockley
    }
}
