//! Models of idealised diodes: ngspice's sidiodes, and D models with the parameters of LTspice's.

use super::super::error::{Halt, Outcome};
use super::super::fault::Fault;
use super::super::multiples::side_by_side;
use super::super::parameters::Parameters;
use super::super::settings::Settings;
use super::super::source::Piece;
use super::super::token::{Token, Words};
use super::{inverse, or_infinity};
use crate::device::{Diode, Law, RegionDiode};

const KNOWN: [&str; 9] = [
    "ron",
    "roff",
    "vfwd",
    "vrev",
    "rrev",
    "ilimit",
    "revilimit",
    "epsilon",
    "revepsilon",
];
/// Parameters that stand in notes only: conductances in place of resistances.
const NOTED: [&str; 3] = ["gon", "goff", "grev"];
/// Parameters on which no operating point depends.
const IGNORED: [&str; 10] = [
    "bv_max", "cjo", "fv_max", "iave", "id_max", "ipk", "irms", "mfg", "type", "vpk",
];
/// Parameters of a sidiode whose laws in ngspice and LTspice differ, or have steps.
const ONLY_LTSPICE: [(&str, &str); 4] = [
    ("epsilon", "the width of the bend at Vfwd"),
    ("revepsilon", "the width of the bend at Vrev"),
    ("ilimit", "the limit of the current"),
    ("revilimit", "the limit of the current in breakdown"),
];

/// An idealised diode.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct IdealisedModel {
    /// Whether it is a model of the kind sidiode.
    pub(in super::super) is_sidiode: bool,
    regions: RegionDiode,
    /// Whether `rrev` is given: else it is `ron`.
    has_reverse: bool,
}

/// Whether a D model has a parameter of idealised diodes.
pub(super) fn is_meant(mut words: Words) -> Outcome<bool> {
    while let Some(token) = words.next()? {
        if KNOWN.contains(&token.piece.text) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl IdealisedModel {
    /// Reads a model after its kind. The values that are not given are ngspice's for a `sidiode`, and LTspice's for a D
    /// model.
    pub(super) fn read(
        is_sidiode: bool,
        words: Words,
        note: Option<Words>,
        parameters: Parameters,
        settings: &Settings,
    ) -> Outcome<IdealisedModel> {
        let off_conductance = if is_sidiode { 1.0 } else { settings.gmin };
        let mut model = IdealisedModel {
            is_sidiode,
            regions: RegionDiode {
                forward_voltage: 0.0,
                on_conductance: 1.0,
                off_conductance,
                bend: 0.0,
                limit: f64::INFINITY,
                reverse_voltage: f64::INFINITY,
                reverse_conductance: 1.0,
                reverse_bend: 0.0,
                reverse_limit: f64::INFINITY,
            },
            has_reverse: false,
        };
        super::each_with_note(words, note, |name, value, noted| {
            model.parameter(name, value, parameters, noted)
        })?;
        if !model.has_reverse {
            model.regions.reverse_conductance = model.regions.on_conductance;
        }
        let fault = model.law(1.0).and_then(|law| match law.fault() {
            Some(fault) => Err(Fault::Law { fault }),
            None => Ok(()),
        });
        fault.map_err(|fault| Halt::new(words.statement().span, fault))?;
        Ok(model)
    }

    fn parameter(
        &mut self,
        name: Piece,
        value: Token,
        parameters: Parameters,
        in_note: bool,
    ) -> Outcome<()> {
        let differs = ONLY_LTSPICE.iter().find(|(known, _)| *known == name.text);
        if let Some((_, meaning)) = differs.filter(|_| self.is_sidiode) {
            let fault = Fault::UnsupportedModelParameter {
                name: name.text.to_owned(),
                meaning,
                remedy: "ngspice and LTspice differ here; take a D model, which is LTspice's",
            };
            return Err(Halt::new(name.span, fault));
        }
        let regions = &mut self.regions;
        match name.text {
            "ron" => regions.on_conductance = inverse(value, parameters)?,
            "roff" => regions.off_conductance = inverse(value, parameters)?,
            "rrev" => {
                regions.reverse_conductance = inverse(value, parameters)?;
                self.has_reverse = true;
            }
            "vfwd" => regions.forward_voltage = parameters.number(value)?.value,
            "vrev" => regions.reverse_voltage = or_infinity(value, parameters)?,
            "ilimit" => regions.limit = or_infinity(value, parameters)?,
            "revilimit" => regions.reverse_limit = or_infinity(value, parameters)?,
            "epsilon" => regions.bend = parameters.number(value)?.value,
            "revepsilon" => regions.reverse_bend = parameters.number(value)?.value,
            "gon" if in_note => regions.on_conductance = or_infinity(value, parameters)?,
            "goff" if in_note => regions.off_conductance = parameters.number(value)?.value,
            "grev" if in_note => {
                regions.reverse_conductance = or_infinity(value, parameters)?;
                self.has_reverse = true;
            }
            ignored if IGNORED.contains(&ignored) && !self.is_sidiode => {}
            _ => return Err(Halt::new(name.span, self.unknown(name.text, parameters))),
        }
        Ok(())
    }

    fn unknown(&self, name: &str, parameters: Parameters) -> Fault {
        let is_junction = super::junction::is_parameter(name) && !self.is_sidiode;
        if is_junction && !NOTED.contains(&name) {
            let junction = name.to_owned();
            return Fault::MixedModel { junction };
        }
        Fault::UnknownModelParameter {
            name: name.to_owned(),
            kind: if self.is_sidiode { "sidiode" } else { "D" },
            nearest: parameters.globals.nearest(name, KNOWN),
        }
    }

    /// The law of so many diodes side by side: two straight lines, if it can be.
    pub(in super::super) fn law(&self, number: f64) -> Result<Law, Fault> {
        let regions = self.regions;
        let is_plain = regions.bend == 0.0
            && regions.limit.is_infinite()
            && regions.reverse_voltage.is_infinite()
            && regions.reverse_limit.is_infinite();
        let law = match is_plain {
            true => Law::from(Diode {
                forward_voltage: regions.forward_voltage,
                on_conductance: regions.on_conductance,
                off_conductance: regions.off_conductance,
            }),
            false => Law::from(regions),
        };
        side_by_side(law, number)
    }
}
