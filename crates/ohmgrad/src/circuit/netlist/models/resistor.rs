//! Models of resistors.

use super::super::elements::Coefficients;
use super::super::error::{Halt, Outcome};
use super::super::fault::Fault;
use super::super::parameters::Parameters;
use super::super::settings::{Settings, kelvin};
use super::super::token::Words;

const KNOWN: [&str; 13] = [
    "defl", "defw", "dlr", "dw", "narrow", "r", "rsh", "short", "t_abs", "tc1", "tc2", "tce",
    "tnom",
];
/// Parameters on which no operating point depends.
const IGNORED: [&str; 11] = [
    "af", "bv_max", "cap", "ef", "kf", "lf", "mfg", "noise", "tol", "type", "wf",
];

/// A resistor's model: a default resistance or that of a sheet, and temperature coefficients.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct ResistorModel {
    /// In ohm.
    pub(in super::super) resistance: Option<f64>,
    pub(in super::super) coefficients: Coefficients,
    /// In kelvin.
    pub(in super::super) nominal_temperature: Option<f64>,
    /// In kelvin, and how much more it is than that of the circuit.
    temperature: Option<f64>,
    warmer: f64,
    /// In ohm per square.
    sheet_resistance: Option<f64>,
    /// By how much each edge lies further inside, and the default size, in metre.
    narrow: f64,
    short: f64,
    width: Option<f64>,
    length: Option<f64>,
}

impl ResistorModel {
    /// Reads a model after its kind.
    pub(super) fn read(words: Words, parameters: Parameters) -> Outcome<ResistorModel> {
        let mut model = ResistorModel::default();
        super::each(words, |name, value| {
            if model.coefficients.read(name.text, value, parameters)? {
                return Ok(());
            }
            let number = || Ok(parameters.number(value)?.value);
            match name.text {
                "r" | "res" => model.resistance = Some(number()?),
                "rsh" => model.sheet_resistance = Some(number()?),
                "narrow" | "dw" => model.narrow = number()?,
                "short" | "dlr" => model.short = number()?,
                "defw" | "w" => model.width = Some(number()?),
                "defl" | "l" => model.length = Some(number()?),
                "tnom" | "tref" | "t_measured" => {
                    model.nominal_temperature = Some(kelvin(value, parameters)?);
                }
                // PSpice sets it to absolute zero for a resistor without noise.
                "t_abs" => {
                    model.temperature = Some(number()? + super::super::settings::ZERO_CELSIUS)
                }
                "t_rel_global" | "t_rel_local" => model.warmer = number()?,
                ignored if IGNORED.contains(&ignored) => {}
                _ => {
                    let fault = Fault::UnknownModelParameter {
                        name: name.text.to_owned(),
                        kind: "R",
                        nearest: parameters.globals.nearest(name.text, KNOWN),
                    };
                    return Err(Halt::new(name.span, fault));
                }
            }
            Ok(())
        })?;
        Ok(model)
    }

    /// R_sheet (L - 2 short) / (W - 2 narrow), of a resistor of a length and a width.
    pub(in super::super) fn sheet(&self, length: Option<f64>, width: Option<f64>) -> Option<f64> {
        let (length, width) = (length.or(self.length)?, width.or(self.width)?);
        Some(self.sheet_resistance? * (length - 2.0 * self.short) / (width - 2.0 * self.narrow))
    }

    /// The settings with the model's own temperature.
    pub(in super::super) fn settings(&self, settings: &Settings) -> Settings {
        Settings {
            temperature: self
                .temperature
                .unwrap_or(settings.temperature + self.warmer),
            ..*settings
        }
    }
}
