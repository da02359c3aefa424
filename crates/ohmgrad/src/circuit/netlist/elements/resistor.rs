//! Resistors.

use super::super::error::{Halt, Outcome};
use super::super::fault::Fault;
use super::super::models::{Model, ResistorModel};
use super::super::number;
use super::super::parameters::Parameters;
use super::super::source::Piece;
use super::super::token::{Token, Words};
use super::super::value::Number;
use super::super::warning::Caution;
use super::{Context, Described, Head, Models, Temperature, is_number, multiplier, unsupported};
use crate::device::Law;

const FORM: &str = "R1 a b OHM [m=NUMBER] [tc1=NUMBER] [tc2=NUMBER]";
/// What a resistor without a resistance has in ngspice, in siemens.
const DEFAULT: f64 = 1e3;
/// Parameters on which no operating point depends: those of small signals and noise, and notes of the maker.
const IGNORED: [&str; 14] = [
    "ac",
    "bv_max",
    "c",
    "mfg",
    "noise",
    "noisy",
    "package",
    "pn",
    "power",
    "pwr",
    "tol",
    "tolerance",
    "v",
    "wattage",
];

/// R (1 + tc1 dT + tc2 dT^2), or R 1.01^(tce dT), with dT = T - T_nom.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Coefficients {
    pub(in super::super) linear: Option<f64>,
    pub(in super::super) quadratic: Option<f64>,
    pub(in super::super) exponential: Option<f64>,
}

impl Coefficients {
    /// How many times the nominal resistance it is, when it is warmer by some kelvin.
    fn factor(self, warmer: f64) -> f64 {
        match self.exponential {
            Some(tce) => 1.01_f64.powf(tce * warmer),
            None => {
                let [linear, quadratic] =
                    [self.linear, self.quadratic].map(Option::unwrap_or_default);
                1.0 + (linear + quadratic * warmer) * warmer
            }
        }
    }

    /// These, and where there are none those of a model.
    fn or(self, model: Coefficients) -> Coefficients {
        let exponential = match self.linear.or(self.quadratic) {
            Some(_) => self.exponential,
            None => self.exponential.or(model.exponential),
        };
        Coefficients {
            linear: self.linear.or(model.linear),
            quadratic: self.quadratic.or(model.quadratic),
            exponential,
        }
    }

    /// Reads a coefficient; whether the parameter is one.
    pub(in super::super) fn read(
        &mut self,
        name: &str,
        value: Token,
        parameters: Parameters,
    ) -> Outcome<bool> {
        let place = match name {
            "tc1" | "tc1r" | "tc" => &mut self.linear,
            "tc2" | "tc2r" => &mut self.quadratic,
            "tce" => &mut self.exponential,
            _ => return Ok(false),
        };
        *place = Some(parameters.number(value)?.value);
        Ok(true)
    }
}

/// What a line says about a resistor.
struct Resistor<'a> {
    resistance: Option<Token<'a>>,
    model: Option<ResistorModel>,
    coefficients: Coefficients,
    temperature: Temperature,
    number: f64,
    scale: f64,
    length: Option<f64>,
    width: Option<f64>,
}

pub(super) fn read<'a>(
    line: Piece<'a>,
    context: Context<'_, 'a>,
    models: &mut impl Models<'a>,
) -> Outcome<Described<'a>> {
    if let Some((head, conductance)) = plain(line) {
        return Ok(head.with(Law::Resistor { conductance }));
    }
    let mut words = Words::new(line, FORM);
    let head = Head::read(&mut words)?;
    let mut resistor = Resistor {
        resistance: None,
        model: None,
        coefficients: Coefficients::default(),
        temperature: Temperature::OF_CIRCUIT,
        number: 1.0,
        scale: 1.0,
        length: None,
        width: None,
    };
    while let Some(token) = words.peek()? {
        if let Some((name, value)) = words.assignment()? {
            resistor.parameter(name, value, &mut words, context.parameters)?;
        } else {
            words.next()?;
            resistor.word(token, &words, context.parameters, models)?;
        }
    }
    let conductance = resistor.conductance(head.name, context, &words)?;
    Ok(head.with(Law::Resistor { conductance }))
}

/// The name and nodes, and the conductance, of a line that is four simple words with a number at the end, as most lines of large
/// netlists are.
fn plain(line: Piece) -> Option<(Head, f64)> {
    let bytes = line.text.as_bytes();
    let mut ends = [(0, 0); 4];
    let mut at = 0;
    for (k, end) in ends.iter_mut().enumerate() {
        let is_simple = |byte: &&u8| match byte {
            b'+' | b'-' => k == 3,
            byte => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'),
        };
        let start = at + bytes[at..].iter().take_while(|byte| **byte == b' ').count();
        at = start + bytes[start..].iter().take_while(is_simple).count();
        *end = (start, at);
    }
    let is_whole = at == bytes.len() && ends.iter().all(|(start, end)| start < end);
    let [name, a, b, ohm] = ends.map(|(start, end)| line.part(start, end));
    let ohm = number::parse(ohm)
        .ok()
        .filter(|ohm| is_whole && *ohm >= 0.0)?;
    let head = Head {
        name,
        nodes: [a, b],
    };
    Some((head, Number::from(ohm).inverse().abs()))
}

impl<'a> Resistor<'a> {
    /// A word without a name: the resistance, or the model.
    fn word(
        &mut self,
        token: Token<'a>,
        words: &Words<'a>,
        parameters: Parameters<'_, 'a>,
        models: &mut impl Models<'a>,
    ) -> Outcome<()> {
        if self.model.is_none() && models.has(token.piece.text) && !is_number(token, parameters) {
            return match models.find(token.piece)? {
                Model::Resistor(model) => {
                    self.model = Some(model);
                    Ok(())
                }
                _ => {
                    let model = token.piece.text.to_owned();
                    let wanted = "one of a resistor, R or RES";
                    let fault = Fault::OtherModel { model, wanted };
                    Err(Halt::new(token.piece.span, fault))
                }
            };
        }
        match self.resistance.replace(token) {
            None => Ok(()),
            Some(_) => Err(words.unexpected(token.piece)),
        }
    }

    fn parameter(
        &mut self,
        name: Piece<'a>,
        value: Token<'a>,
        words: &mut Words<'a>,
        parameters: Parameters<'_, 'a>,
    ) -> Outcome<()> {
        if self.coefficients.read(name.text, value, parameters)? {
            // `tc=LINEAR,QUADRATIC`
            if name.text == "tc"
                && let Some(next) = words.peek()?
                && !words.at_assignment()?
                && is_number(next, parameters)
            {
                words.next()?;
                self.coefficients.read("tc2", next, parameters)?;
            }
            return Ok(());
        }
        if self.temperature.read(name.text, value, parameters)? {
            return Ok(());
        }
        match name.text {
            "r" | "resistance" if self.resistance.is_none() => self.resistance = Some(value),
            "m" => self.number = multiplier(value, parameters)?,
            "scale" => self.scale = multiplier(value, parameters)?,
            "l" => self.length = Some(parameters.number(value)?.value),
            "w" => self.width = Some(parameters.number(value)?.value),
            ignored if IGNORED.contains(&ignored) => {}
            _ => return Err(unsupported(name, words)),
        }
        Ok(())
    }

    fn conductance(
        &self,
        name: Piece<'a>,
        context: Context<'_, 'a>,
        words: &Words<'a>,
    ) -> Outcome<f64> {
        let Context {
            parameters,
            settings,
        } = context;
        let place = words.statement().span;
        let model = self.model.unwrap_or_default();
        let nominal = match self.resistance {
            Some(_) if model.resistance.is_some_and(|r| r != 1.0) => {
                return Err(Halt::new(place, Fault::ResistorFactor));
            }
            Some(token) => super::conductance(token, parameters)?,
            None => match model.resistance.or(model.sheet(self.length, self.width)) {
                Some(ohm) if ohm >= 0.0 => 1.0 / ohm,
                Some(ohm) => return Err(Halt::new(place, Fault::Resistance { ohm })),
                None => {
                    let name = name.text.to_owned();
                    parameters
                        .globals
                        .warn(place, Caution::NoResistance { name });
                    DEFAULT
                }
            },
        };
        let warmer = self.temperature.at(&model.settings(settings))
            - model
                .nominal_temperature
                .unwrap_or(settings.nominal_temperature);
        let factor = self.coefficients.or(model.coefficients).factor(warmer);
        if factor < 0.0 {
            let ohm = factor / nominal;
            return Err(Halt::new(place, Fault::Resistance { ohm }));
        }
        let many = self.number / self.scale;
        Ok(match factor {
            1.0 => many * nominal,
            // A short remains one at all temperatures.
            _ if nominal.is_infinite() => nominal,
            _ => many * nominal / factor,
        })
    }
}
