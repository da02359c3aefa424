//! Models of diodes with exponential laws.

use super::super::error::{Halt, Outcome};
use super::super::fault::Fault;
use super::super::multiples::side_by_side;
use super::super::parameters::Parameters;
use super::super::settings::{ROOM, Settings, kelvin};
use super::super::source::Piece;
use super::super::token::{Token, Words};
use super::super::warning::Caution;
use crate::device::{Breakdown, Junction, Law, Recombination, Shockley};

/// Parameters that change the operating point.
const KNOWN: [&str; 37] = [
    "bv",
    "eg",
    "ib",
    "ibv",
    "ik",
    "ikf",
    "ikr",
    "is",
    "isr",
    "js",
    "level",
    "m",
    "mj",
    "n",
    "nbv",
    "nr",
    "nz",
    "pb",
    "phi",
    "rs",
    "tbv1",
    "tbv2",
    "tcv",
    "tikf",
    "tnom",
    "tref",
    "trs",
    "trs1",
    "trs2",
    "t_measured",
    "vb",
    "vj",
    "xti",
    "pt",
    "vrb",
    "nbvl",
    "ibvl",
];
/// Parameters that stand in notes only: n V_t, the conductance beside the junction, where breakdown starts, and n V_t of
/// breakdown and of recombination.
const NOTED: [&str; 5] = ["nvt", "gmin", "vbreak", "nbvt", "nrvt"];
/// Parameters that only matter where voltages change in time, or for noise, or for a perimeter that no diode has, or are
/// notes of the maker.
const IGNORED: [&str; 66] = [
    "af", "bv_max", "cj", "cj0", "cjo", "cjp", "cjsw", "cp", "cta", "ctc", "ctp", "cts", "ef",
    "fc", "fcs", "fv_max", "gap1", "gap2", "iave", "id_max", "ipk", "irms", "isw", "jsw", "keg",
    "kf", "lm", "lp", "mfg", "mjsw", "mp", "noise", "ns", "nsw", "ntun", "package", "php", "pn",
    "res", "sv_max", "tcjo", "te_max", "tj_max", "tm1", "tm2", "tphp", "tpb", "trise", "tt",
    "ttt1", "ttt2", "tvj", "type", "vends", "vjsw", "vp", "vpk", "wm", "wp", "xoi", "xom", "xm",
    "xp", "xtitun", "xw", "perim",
];
/// Parameters that change the operating point and are not supported: their values without effect and their meanings.
const UNSUPPORTED: [(&str, f64, &str); 10] = [
    ("area", 1.0, "the area"),
    ("pj", 0.0, "the perimeter"),
    ("jtun", 0.0, "the tunnel current"),
    ("jtunsw", 0.0, "the tunnel current of the sidewall"),
    ("ibvl", 0.0, "the current of the second breakdown"),
    ("rp", 0.0, "the parallel resistance"),
    ("rsw", 0.0, "the series resistance of the sidewall"),
    ("scale", 1.0, "the scale of sizes"),
    ("th", 0.0, "self-heating"),
    ("rth0", 0.0, "self-heating"),
];
/// Parameters that only matter at temperatures other than the nominal one, and are not supported there.
const OF_TEMPERATURE: [(&str, &str); 2] = [
    ("tlev", "the choice of temperature laws"),
    ("tlevc", "the choice of temperature laws"),
];
const REMEDY: &str = "remove it, or describe the diode by a curve: B1 a k I=pwl(V(a,k), ..)";

/// Whether a parameter is one of junctions.
pub(super) fn is_parameter(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// A diode of area 1 at its nominal temperature.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct JunctionModel {
    saturation_current: f64,
    emission_coefficient: f64,
    series_resistance: f64,
    /// In kelvin.
    nominal_temperature: f64,
    /// In electronvolt.
    band_gap: f64,
    temperature_exponent: f64,
    leakage: f64,
    breakdown_voltage: Option<f64>,
    breakdown_current: f64,
    /// The emission coefficient if there is none of its own.
    breakdown_coefficient: Option<f64>,
    forward_knee: f64,
    reverse_knee: f64,
    recombination_current: f64,
    recombination_coefficient: Option<f64>,
    grading: f64,
    potential: f64,
    /// The currents of breakdown are those of a diode of area 1.
    scales_breakdown: bool,
    per_kelvin: PerKelvin,
    noted: Noted,
}

/// Temperature coefficients, per kelvin and per kelvin squared.
#[derive(Clone, Copy, Debug, Default)]
struct PerKelvin {
    series_resistance: [f64; 2],
    /// Relative.
    breakdown_voltage: [f64; 2],
    /// In volt per kelvin.
    breakdown_fall: f64,
    forward_knee: f64,
    /// A parameter of laws that are not supported at other temperatures.
    unsupported: Option<&'static str>,
}

/// Numbers that notes give to the last digit, in place of those that follow from the parameters.
#[derive(Clone, Copy, Debug, Default)]
struct Noted {
    thermal_voltage: Option<f64>,
    breakdown_start: Option<f64>,
    breakdown_thermal: Option<f64>,
    recombination_thermal: Option<f64>,
}

impl JunctionModel {
    /// Reads a model after its kind.
    pub(super) fn read(
        words: Words,
        note: Option<Words>,
        parameters: Parameters,
        settings: &Settings,
    ) -> Outcome<JunctionModel> {
        let mut model = JunctionModel::default_at(settings);
        super::each_with_note(words, note, |name, value, noted| {
            model.parameter(name, value, parameters, noted)
        })?;
        let place = words.statement().span;
        if model.recombination_current != 0.0 && model.recombination_coefficient.is_none() {
            parameters
                .globals
                .warn(place, Caution::RecombinationCoefficient);
        }
        // Faults of the model are told once, not for each diode.
        let law = model.law(1.0, 1.0, settings.temperature);
        law.and_then(|law| match law.fault() {
            Some(fault) => Err(Fault::Law { fault }),
            None => Ok(()),
        })
        .map_err(|fault| Halt::new(place, fault))?;
        Ok(model)
    }

    fn default_at(settings: &Settings) -> JunctionModel {
        JunctionModel {
            saturation_current: 1e-14,
            emission_coefficient: 1.0,
            series_resistance: 0.0,
            nominal_temperature: settings.nominal_temperature,
            band_gap: 1.11,
            temperature_exponent: 3.0,
            leakage: settings.gmin,
            breakdown_voltage: None,
            breakdown_current: 1e-3,
            breakdown_coefficient: None,
            forward_knee: f64::INFINITY,
            reverse_knee: f64::INFINITY,
            recombination_current: 0.0,
            recombination_coefficient: None,
            grading: 0.5,
            potential: 1.0,
            scales_breakdown: false,
            per_kelvin: PerKelvin::default(),
            noted: Noted::default(),
        }
    }

    fn parameter(
        &mut self,
        name: Piece,
        value: Token,
        parameters: Parameters,
        in_note: bool,
    ) -> Outcome<()> {
        if IGNORED.contains(&name.text) {
            return Ok(());
        }
        if matches!(name.text, "tnom" | "tref" | "t_measured") {
            self.nominal_temperature = kelvin(value, parameters)?;
            return Ok(());
        }
        let is_known = KNOWN.contains(&name.text)
            || in_note && NOTED.contains(&name.text)
            || UNSUPPORTED.iter().any(|(known, ..)| *known == name.text)
            || OF_TEMPERATURE.iter().any(|(known, _)| *known == name.text);
        if !is_known {
            let fault = Fault::UnknownModelParameter {
                name: name.text.to_owned(),
                kind: "D",
                nearest: parameters.globals.nearest(name.text, KNOWN),
            };
            return Err(Halt::new(name.span, fault));
        }
        let number = match super::is_infinity(value) {
            true => f64::INFINITY,
            false => parameters.number(value)?.value,
        };
        let set = self.set(name.text, number);
        set.map_err(|fault| Halt::new(name.span, fault))
    }

    fn set(&mut self, name: &str, number: f64) -> Result<(), Fault> {
        // SPICE programs take a knee of 0 for none.
        let knee = if number == 0.0 { f64::INFINITY } else { number };
        match name {
            "is" | "js" => self.saturation_current = number,
            "n" => self.emission_coefficient = number,
            "rs" => self.series_resistance = number,
            "eg" => self.band_gap = number,
            "xti" | "pt" => self.temperature_exponent = number,
            "bv" | "vb" | "vrb" => self.breakdown_voltage = number.is_finite().then_some(number),
            "ibv" | "ib" => self.breakdown_current = number,
            "nbv" | "nz" => self.breakdown_coefficient = Some(number),
            "ikf" | "ik" => self.forward_knee = knee,
            "ikr" => self.reverse_knee = knee,
            "isr" => self.recombination_current = number,
            "nr" => self.recombination_coefficient = Some(number),
            "m" | "mj" => self.grading = number,
            "vj" | "pb" | "phi" => self.potential = number,
            "trs" | "trs1" => self.per_kelvin.series_resistance[0] = number,
            "trs2" => self.per_kelvin.series_resistance[1] = number,
            "tbv1" => self.per_kelvin.breakdown_voltage[0] = number,
            "tbv2" => self.per_kelvin.breakdown_voltage[1] = number,
            "tcv" => self.per_kelvin.breakdown_fall = number,
            "tikf" => self.per_kelvin.forward_knee = number,
            "level" if number == 1.0 => self.scales_breakdown = false,
            "level" if number == 3.0 => self.scales_breakdown = true,
            "level" => return Err(unsupported("level", "the choice of another law")),
            "nvt" => self.noted.thermal_voltage = Some(number),
            "gmin" => self.leakage = number,
            "vbreak" => self.noted.breakdown_start = Some(number),
            "nbvt" => self.noted.breakdown_thermal = Some(number),
            "nrvt" => self.noted.recombination_thermal = Some(number),
            _ => self.check(name, number)?,
        }
        Ok(())
    }

    /// Sees to it that a parameter that is not supported has no effect.
    fn check(&mut self, name: &str, number: f64) -> Result<(), Fault> {
        if let Some((known, _)) = OF_TEMPERATURE.iter().find(|(known, _)| *known == name) {
            if number != 0.0 {
                self.per_kelvin.unsupported = Some(known);
            }
            return Ok(());
        }
        let known = UNSUPPORTED.iter().find(|(known, ..)| *known == name);
        match known {
            Some((_, neutral, meaning)) if number != *neutral => Err(unsupported(name, meaning)),
            _ => Ok(()),
        }
    }

    /// The law of so many diodes of an area side by side, at a temperature in kelvin.
    ///
    /// # Errors
    /// If a law of temperature is not supported.
    pub(in super::super) fn law(
        &self,
        area: f64,
        number: f64,
        temperature: f64,
    ) -> Result<Law, Fault> {
        let warmer = temperature - self.nominal_temperature;
        if let Some(name) = self.per_kelvin.unsupported.filter(|_| warmer != 0.0) {
            return Err(unsupported(name, "the choice of temperature laws"));
        }
        let thermal = Shockley::thermal_voltage_at(temperature);
        let n = self.emission_coefficient;
        let [linear, quadratic] = self.per_kelvin.series_resistance;
        let factor = 1.0 + (linear + quadratic * warmer) * warmer;
        let shockley = Shockley {
            saturation_current: area * self.grown(self.saturation_current, n, temperature),
            thermal_voltage: self.noted.thermal_voltage.unwrap_or(n * thermal),
            series_resistance: self.series_resistance * factor / area,
            leakage: self.leakage,
        };
        let mut one = Junction::from(shockley);
        one.breakdown = self.breakdown(area, temperature, &one.shockley);
        one.recombination = self.recombination(area, temperature);
        one.forward_knee = self.forward_knee * area * (1.0 + self.per_kelvin.forward_knee * warmer);
        one.reverse_knee = self.reverse_knee * area;
        let is_plain = one.breakdown.is_none()
            && one.recombination.is_none()
            && one.forward_knee.is_infinite()
            && one.reverse_knee.is_infinite();
        let law = match is_plain {
            true => Law::from(shockley),
            false => Law::from(one),
        };
        side_by_side(law, number)
    }

    /// I(T) = I exp((T/T_nom - 1) E_g / (n V_t) + (X_ti/n) ln(T/T_nom)), V_t = kT/q, as in ngspice.
    fn grown(&self, current: f64, n: f64, temperature: f64) -> f64 {
        let ratio = temperature / self.nominal_temperature;
        if ratio == 1.0 {
            return current;
        }
        let thermal = n * Shockley::thermal_voltage_at(temperature);
        let gap = (ratio - 1.0) * self.band_gap / thermal;
        let power = self.temperature_exponent / n * ratio.ln();
        current * (gap + power).exp()
    }

    /// Breakdown at such a voltage that the current at BV is IBV, as in ngspice; at BV itself if IBV is less than what flows
    /// there already.
    fn breakdown(&self, area: f64, temperature: f64, shockley: &Shockley) -> Option<Breakdown> {
        let warmer = temperature - self.nominal_temperature;
        let [linear, quadratic] = self.per_kelvin.breakdown_voltage;
        let factor = 1.0 + (linear + quadratic * warmer) * warmer;
        let voltage = self.breakdown_voltage? * factor - self.per_kelvin.breakdown_fall * warmer;
        let thermal = Shockley::thermal_voltage_at(temperature);
        let n = self
            .breakdown_coefficient
            .unwrap_or(self.emission_coefficient);
        let wanted = self.breakdown_current * if self.scales_breakdown { area } else { 1.0 };
        let start = breakdown_start(voltage, wanted / shockley.saturation_current, n, thermal);
        Some(Breakdown {
            voltage: self.noted.breakdown_start.unwrap_or(start),
            thermal_voltage: self.noted.breakdown_thermal.unwrap_or(n * thermal),
        })
    }

    fn recombination(&self, area: f64, temperature: f64) -> Option<Recombination> {
        if self.recombination_current == 0.0 {
            return None;
        }
        let n = self.recombination_coefficient.unwrap_or(1.0);
        let thermal = n * Shockley::thermal_voltage_at(temperature);
        Some(Recombination {
            saturation_current: area * self.grown(self.recombination_current, n, temperature),
            thermal_voltage: self.noted.recombination_thermal.unwrap_or(thermal),
            potential: potential_at(self.potential, self.nominal_temperature, temperature),
            grading: self.grading,
        })
    }
}

/// V_b with exp((BV - V_b) / n V_t) - 1 + V_b / V_t = IBV / I_s, by the iteration of ngspice.
fn breakdown_start(voltage: f64, currents: f64, n: f64, thermal: f64) -> f64 {
    const STEPS: usize = 25;
    const TOLERANCE: f64 = 1e-9;
    if currents < voltage / thermal {
        return voltage;
    }
    let mut start = voltage - n * thermal * (1.0 + currents).ln();
    for _ in 0..STEPS {
        start = voltage - n * thermal * (currents + 1.0 - start / thermal).ln();
        let found = ((voltage - start) / (n * thermal)).exp() - 1.0 + start / thermal;
        if (found - currents).abs() <= TOLERANCE * currents {
            break;
        }
    }
    start
}

/// V_j at a temperature, with the band gap of silicon, as in ngspice. Temperatures are in kelvin.
fn potential_at(potential: f64, nominal: f64, temperature: f64) -> f64 {
    if temperature == nominal {
        return potential;
    }
    // The band gap at 27 degrees Celsius, in electronvolt, as ngspice rounds it.
    const GAP: f64 = 1.115_087_7;
    let shift = |t: f64| {
        let thermal = Shockley::thermal_voltage_at(t);
        let gap = 1.16 - 7.02e-4 * t * t / (t + 1108.0);
        let argument = GAP / (2.0 * Shockley::thermal_voltage_at(ROOM)) - gap / (2.0 * thermal);
        -2.0 * thermal * (1.5 * (t / ROOM).ln() + argument)
    };
    let at_room = (potential - shift(nominal)) / (nominal / ROOM);
    shift(temperature) + temperature / ROOM * at_room
}

fn unsupported(name: &str, meaning: &'static str) -> Fault {
    Fault::UnsupportedModelParameter {
        name: name.to_owned(),
        meaning,
        remedy: REMEDY,
    }
}
