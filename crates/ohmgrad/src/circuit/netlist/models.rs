//! Models of diodes.

use super::error::{Halt, Outcome};
use super::fault::{Fault, nearest};
use super::parameters::Parameters;
use super::settings::{Settings, kelvin};
use super::source::Piece;
use super::token::{Token, Words};
use crate::device::{Diode, Law, Shockley};

/// A diode of area 1.
#[derive(Clone, Copy, Debug)]
pub(super) enum Model {
    /// Idealised: two straight lines.
    Ideal { diode: Diode, is_sidiode: bool },
    /// A junction.
    Junction(Shockley),
}

/// Parameters of idealised diodes.
const IDEAL: [&str; 3] = ["ron", "roff", "vfwd"];
/// Parameters of junctions.
const JUNCTION: [&str; 9] = ["is", "js", "n", "rs", "tnom", "tref", "eg", "xti", "level"];
/// Parameters that stand in notes only: n V_t and the conductance beside one junction, and the on and off
/// conductances of an idealised diode.
const NOTED: [&str; 4] = ["nvt", "gmin", "gon", "goff"];
/// Parameters that only matter where voltages change in time, or for noise, or are notes of the maker.
const IGNORED: [&str; 32] = [
    "af", "bv_max", "cj", "cj0", "cjo", "cjp", "cjsw", "cta", "ctc", "ctp", "fc", "fcs", "fv_max",
    "iave", "id_max", "ipk", "kf", "m", "mfg", "mj", "mjsw", "pb", "php", "tm1", "tm2", "tphp",
    "tt", "ttt1", "ttt2", "type", "vj", "vpk",
];
const BREAKDOWN: &str = "remove it if the diode never gets there";
const TEMPERATURE: &str = "give the value at the temperature of the circuit";
const OTHER: &str = "remove it, or describe the diode by a curve: B1 a k I=pwl(V(a,k), ..)";
/// Parameters that change the operating point and are not supported: their meanings and what to do.
const UNSUPPORTED: [(&str, &str, &str); 26] = [
    ("bv", "the breakdown voltage", BREAKDOWN),
    ("ibv", "the current at breakdown", BREAKDOWN),
    ("ib", "the current at breakdown", BREAKDOWN),
    ("nbv", "the emission coefficient at breakdown", BREAKDOWN),
    ("tcv", "the temperature coefficient of breakdown", BREAKDOWN),
    ("vrev", "the breakdown voltage", BREAKDOWN),
    ("rrev", "the resistance at breakdown", BREAKDOWN),
    (
        "revilimit",
        "the limit of the current at breakdown",
        BREAKDOWN,
    ),
    (
        "revepsilon",
        "the width of the bend at breakdown",
        BREAKDOWN,
    ),
    ("epsilon", "the width of the bend at Vfwd", OTHER),
    ("ilimit", "the limit of the current", OTHER),
    ("trs", "the temperature coefficient of RS", TEMPERATURE),
    ("trs1", "the temperature coefficient of RS", TEMPERATURE),
    ("trs2", "the temperature coefficient of RS", TEMPERATURE),
    ("tlev", "the choice of temperature laws", TEMPERATURE),
    ("area", "the area", "give it to each diode"),
    ("pj", "the perimeter", OTHER),
    ("jsw", "the saturation current of the sidewall", OTHER),
    ("ns", "the emission coefficient of the sidewall", OTHER),
    ("ik", "the knee current", OTHER),
    ("ikf", "the knee current", OTHER),
    ("ikr", "the reverse knee current", OTHER),
    ("isr", "the recombination current", OTHER),
    ("nr", "the emission coefficient of recombination", OTHER),
    ("jtun", "the tunnel current", OTHER),
    ("jtunsw", "the tunnel current of the sidewall", OTHER),
];

impl Model {
    /// Reads a `.model` line after its name, and what a note adds to it.
    pub(super) fn read(
        mut words: Words,
        note: Option<Words>,
        parameters: Parameters,
        settings: &Settings,
    ) -> Outcome<Model> {
        let kind = words.name("kind, D or sidiode,")?;
        if !matches!(kind.text, "d" | "sidiode") {
            let fault = Fault::ModelKind {
                kind: kind.text.to_owned(),
            };
            return Err(Halt::new(kind.span, fault));
        }
        let mut values = Values::new(kind.text == "sidiode", settings);
        values.read(words, parameters)?;
        if let Some(note) = note {
            values.in_note = true;
            values.read(note, parameters)?;
        }
        let model = values.model(settings.temperature);
        match model.law(1.0).fault() {
            Some(fault) => Err(Halt::new(words.statement().span, Fault::Law { fault })),
            None => Ok(model),
        }
    }

    /// The law of a diode with this model and an area factor: that many diodes side by side.
    pub(super) fn law(&self, area: f64) -> Law {
        match self {
            Model::Ideal { diode, .. } => Law::from(Diode {
                on_conductance: diode.on_conductance * area,
                off_conductance: diode.off_conductance * area,
                ..*diode
            }),
            Model::Junction(shockley) => Law::from(Shockley {
                saturation_current: shockley.saturation_current * area,
                series_resistance: shockley.series_resistance / area,
                ..*shockley
            }),
        }
    }
}

/// The values of a model's parameters.
struct Values<'a> {
    is_sidiode: bool,
    in_note: bool,
    /// The first parameter of an idealised diode.
    ideal: Option<Piece<'a>>,
    /// The first parameter of a junction.
    junction: Option<Piece<'a>>,
    diode: Diode,
    saturation_current: f64,
    emission_coefficient: f64,
    series_resistance: f64,
    nominal_temperature: f64,
    /// In electronvolt.
    band_gap: f64,
    temperature_exponent: f64,
    /// In place of n V_t.
    thermal_voltage: Option<f64>,
    leakage: f64,
}

impl<'a> Values<'a> {
    /// The values if nothing is given. Those of idealised diodes are ngspice's for a `sidiode`, and
    /// LTspice's for a D model.
    fn new(is_sidiode: bool, settings: &Settings) -> Values<'a> {
        let off_conductance = if is_sidiode { 1.0 } else { settings.gmin };
        Values {
            is_sidiode,
            in_note: false,
            ideal: None,
            junction: None,
            diode: Diode {
                forward_voltage: 0.0,
                on_conductance: 1.0,
                off_conductance,
            },
            saturation_current: 1e-14,
            emission_coefficient: 1.0,
            series_resistance: 0.0,
            nominal_temperature: settings.nominal_temperature,
            band_gap: 1.11,
            temperature_exponent: 3.0,
            thermal_voltage: None,
            leakage: settings.gmin,
        }
    }

    fn read(&mut self, mut words: Words<'a>, parameters: Parameters<'_, 'a>) -> Outcome<()> {
        while let Some((name, value)) = words.assignment()? {
            if IGNORED.contains(&name.text) && !self.is_sidiode {
                continue;
            }
            self.check(name)?;
            self.set(name.text, value, parameters)?;
        }
        words.finish()
    }

    /// Sees to it that a parameter is known, and that the parameters fit together.
    fn check(&mut self, name: Piece<'a>) -> Outcome<()> {
        if IDEAL.contains(&name.text) {
            self.ideal.get_or_insert(name);
        } else if JUNCTION.contains(&name.text) {
            self.junction.get_or_insert(name);
        }
        let unsupported = UNSUPPORTED.iter().find(|(known, ..)| *known == name.text);
        let is_known = IDEAL.contains(&name.text)
            || JUNCTION.contains(&name.text) && !self.is_sidiode
            || NOTED.contains(&name.text) && self.in_note;
        let fault = match (unsupported, self.ideal, self.junction) {
            (Some((_, meaning, remedy)), ..) => Fault::UnsupportedModelParameter {
                name: name.text.to_owned(),
                meaning,
                remedy,
            },
            _ if !is_known => self.unknown(name.text),
            (_, Some(ideal), Some(junction)) => Fault::MixedModel {
                ideal: ideal.text.to_owned(),
                junction: junction.text.to_owned(),
            },
            _ => return Ok(()),
        };
        Err(Halt::new(name.span, fault))
    }

    fn unknown(&self, name: &str) -> Fault {
        let junction: &[&str] = if self.is_sidiode { &[] } else { &JUNCTION };
        Fault::UnknownModelParameter {
            name: name.to_owned(),
            kind: if self.is_sidiode { "sidiode" } else { "D" },
            nearest: nearest(name, IDEAL.iter().chain(junction).copied()),
        }
    }

    fn set(&mut self, name: &str, value: Token, parameters: Parameters) -> Outcome<()> {
        match name {
            "ron" => self.diode.on_conductance = inverse(value, parameters)?,
            "roff" => self.diode.off_conductance = inverse(value, parameters)?,
            "gon" => self.diode.on_conductance = or_infinity(value, parameters)?,
            "tnom" | "tref" => self.nominal_temperature = kelvin(value, parameters)?,
            _ => {
                let number = parameters.number(value)?.value;
                match name {
                    "vfwd" => self.diode.forward_voltage = number,
                    "is" | "js" => self.saturation_current = number,
                    "n" => self.emission_coefficient = number,
                    "rs" => self.series_resistance = number,
                    "eg" => self.band_gap = number,
                    "xti" => self.temperature_exponent = number,
                    "nvt" => self.thermal_voltage = Some(number),
                    "gmin" => self.leakage = number,
                    "goff" => self.diode.off_conductance = number,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn model(&self, temperature: f64) -> Model {
        if self.is_sidiode || self.ideal.is_some() {
            return Model::Ideal {
                diode: self.diode,
                is_sidiode: self.is_sidiode,
            };
        }
        let thermal = self.emission_coefficient * Shockley::thermal_voltage_at(temperature);
        Model::Junction(Shockley {
            saturation_current: self.saturation_current_at(temperature),
            thermal_voltage: self.thermal_voltage.unwrap_or(thermal),
            series_resistance: self.series_resistance,
            leakage: self.leakage,
        })
    }

    /// I_s(T) = I_s exp((T/T_nom - 1) E_g / (n V_t) + (X_ti/n) ln(T/T_nom)), V_t = kT/q, as in ngspice.
    fn saturation_current_at(&self, temperature: f64) -> f64 {
        let ratio = temperature / self.nominal_temperature;
        if ratio == 1.0 {
            return self.saturation_current;
        }
        let n = self.emission_coefficient;
        let thermal = n * Shockley::thermal_voltage_at(temperature);
        let gap = (ratio - 1.0) * self.band_gap / thermal;
        let power = self.temperature_exponent / n * ratio.ln();
        self.saturation_current * (gap + power).exp()
    }
}

/// A conductance from a resistance, which may be `inf`.
fn inverse(token: Token, parameters: Parameters) -> Outcome<f64> {
    if is_infinity(token) {
        return Ok(0.0);
    }
    let resistance = parameters.number(token)?;
    let ohm = resistance.value;
    if ohm < 0.0 {
        return Err(Halt::new(token.piece.span, Fault::Resistance { ohm }));
    }
    Ok(resistance.inverse().abs())
}

/// A number, which may be `inf`.
fn or_infinity(token: Token, parameters: Parameters) -> Outcome<f64> {
    if is_infinity(token) {
        return Ok(f64::INFINITY);
    }
    Ok(parameters.number(token)?.value)
}

fn is_infinity(token: Token) -> bool {
    matches!(token.piece.text, "inf" | "infinity")
}
