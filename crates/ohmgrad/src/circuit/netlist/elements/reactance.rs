//! Capacitors and inductors: at the operating point, they are what their parasitic resistors make of them.

use super::super::error::Outcome;
use super::super::parameters::Parameters;
use super::super::source::Piece;
use super::super::token::{Token, Words};
use super::{Described, Head, Models, conductance, is_number, multiplier, unsupported};
use crate::device::Law;

const CAPACITOR: &str = "C1 a b FARAD [Rpar=OHM]";
const INDUCTOR: &str = "L1 a b HENRY [Rser=OHM] [Rpar=OHM]";
/// Parameters on which no operating point depends.
const IGNORED: [&str; 33] = [
    "bv_max",
    "c",
    "cap",
    "cj",
    "cpar",
    "dtemp",
    "flux",
    "ic",
    "ind",
    "ipk",
    "irms",
    "k",
    "l",
    "len",
    "lser",
    "mfg",
    "n",
    "noiseless",
    "nt",
    "pn",
    "q",
    "r_max",
    "rlshunt",
    "scale",
    "tc",
    "tc1",
    "tc2",
    "temp",
    "tol",
    "type",
    "v",
    "vpk",
    "w",
];

/// Open, but for the resistor beside it.
pub(super) fn capacitor<'a>(
    line: Piece<'a>,
    parameters: Parameters<'_, 'a>,
    models: &mut impl Models<'a>,
) -> Outcome<Described<'a>> {
    let words = Words::new(line, CAPACITOR);
    let (head, parasitic) = read(words, parameters, models)?;
    let conductance = parasitic.number * parasitic.parallel;
    Ok(head.with(Law::Resistor { conductance }))
}

/// A short, but for the resistor in series with it.
pub(super) fn inductor<'a>(
    line: Piece<'a>,
    parameters: Parameters<'_, 'a>,
    models: &mut impl Models<'a>,
) -> Outcome<Described<'a>> {
    let words = Words::new(line, INDUCTOR);
    let (head, parasitic) = read(words, parameters, models)?;
    let conductance = parasitic.number * (parasitic.series + parasitic.parallel);
    Ok(head.with(Law::Resistor { conductance }))
}

/// The conductances of the resistors that belong to a reactance.
struct Parasitic {
    series: f64,
    parallel: f64,
    number: f64,
}

fn read<'a>(
    mut words: Words<'a>,
    parameters: Parameters<'_, 'a>,
    models: &mut impl Models<'a>,
) -> Outcome<(Head<'a>, Parasitic)> {
    let head = Head::read(&mut words)?;
    let mut parasitic = Parasitic {
        series: f64::INFINITY,
        parallel: 0.0,
        number: 1.0,
    };
    while let Some(token) = words.peek()? {
        let Some((name, value)) = words.assignment()? else {
            words.next()?;
            // The value, or a model.
            if !models.has(token.piece.text) || is_number(token, parameters) {
                parameters.number(token)?;
            }
            continue;
        };
        parasitic.parameter(name, value, parameters, &mut words)?;
    }
    Ok((head, parasitic))
}

impl Parasitic {
    fn parameter<'a>(
        &mut self,
        name: Piece<'a>,
        value: Token<'a>,
        parameters: Parameters<'_, 'a>,
        words: &mut Words<'a>,
    ) -> Outcome<()> {
        match name.text {
            "rser" => self.series = conductance(value, parameters)?,
            "rpar" => self.parallel = conductance(value, parameters)?,
            "m" => self.number = multiplier(value, parameters)?,
            // Their values may be of several words.
            ignored if IGNORED.contains(&ignored) => {
                while !words.is_empty()? && !words.at_assignment()? {
                    words.next()?;
                }
            }
            _ => return Err(unsupported(name, words)),
        }
        Ok(())
    }
}
