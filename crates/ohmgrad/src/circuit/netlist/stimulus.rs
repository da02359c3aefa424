//! Voltage and current sources: their values at the operating point.

use super::elements::{Described, Head, multiplier, unsupported};
use super::error::{Halt, Outcome};
use super::fault::Fault;
use super::parameters::Parameters;
use super::source::Piece;
use super::token::{Kind, Token, Words};
use crate::device::Law;

const VOLTAGE: &str = "V1 plus minus [DC] VOLT";
const CURRENT: &str = "I1 from to [DC] AMPERE [m=NUMBER]";

pub(super) fn voltage_source<'a>(
    line: Piece<'a>,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, VOLTAGE);
    let head = Head::read(&mut words)?;
    let voltage = Stimulus::read(&mut words, parameters)?.value(&words)?;
    words.finish()?;
    Ok(head.with(Law::VoltageSource { voltage }))
}

pub(super) fn current_source<'a>(
    line: Piece<'a>,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, CURRENT);
    let head = Head::read(&mut words)?;
    let mut current = Stimulus::read(&mut words, parameters)?.value(&words)?;
    while let Some((name, value)) = words.assignment()? {
        match name.text {
            "m" => current *= multiplier(value, parameters)?,
            _ => return Err(unsupported(name, &words)),
        }
    }
    words.finish()?;
    Ok(head.with(Law::CurrentSource { current }))
}

/// What a source does.
#[derive(Default)]
struct Stimulus {
    /// The value that is given for the operating point.
    constant: Option<f64>,
    /// The value of a function of time at t = 0.
    initial: Option<f64>,
    /// Whether it has an amplitude for small signals, which makes 0 the default of its value.
    has_amplitude: bool,
}

impl Stimulus {
    fn read<'a>(words: &mut Words<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Stimulus> {
        let mut stimulus = Stimulus::default();
        while let Some(token) = words.peek()? {
            if token.kind == Kind::Equals {
                break;
            }
            if words.keyword(&["dc"])?.is_some() {
                words.skip_equals()?;
                let value = words.expect("value")?;
                stimulus.constant = Some(parameters.number(value)?.value);
            } else if words.keyword(&["ac", "distof1", "distof2"])?.is_some() {
                words.skip_equals()?;
                numbers(words, parameters)?;
                stimulus.has_amplitude = true;
            } else if let Some(function) = words.keyword(&[
                "sin", "pulse", "exp", "pwl", "sffm", "am", "trnoise", "trrandom",
            ])? {
                let arguments = numbers(words, parameters)?;
                stimulus.initial = Some(initial(function, &arguments)?);
            } else if words.at_assignment()? || stimulus.constant.is_some() {
                break;
            } else {
                words.next()?;
                stimulus.constant = Some(parameters.number(token)?.value);
            }
        }
        Ok(stimulus)
    }

    fn value(&self, words: &Words) -> Outcome<f64> {
        let amplitude = self.has_amplitude.then_some(0.0);
        let value = self.constant.or(self.initial).or(amplitude);
        value.ok_or_else(|| words.missing("value"))
    }
}

/// The numbers that come next.
fn numbers<'a>(words: &mut Words<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Vec<f64>> {
    let mut numbers = Vec::new();
    while let Some(token) = words.peek()?.filter(is_number) {
        words.next()?;
        numbers.push(parameters.number(token)?.value);
    }
    Ok(numbers)
}

fn is_number(token: &Token) -> bool {
    let starts_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    match token.kind {
        Kind::Word => token.piece.text.starts_with(starts_number),
        Kind::Arithmetic => true,
        Kind::Equals => false,
    }
}

/// The value of a function of time at t = 0, if it has started by then and not before.
fn initial(function: Piece, arguments: &[f64]) -> Outcome<f64> {
    let argument = |k: usize| arguments.get(k).copied().unwrap_or(0.0);
    let value = match function.text {
        // SIN(offset amplitude frequency delay damping phase), PULSE(first second delay ..),
        // EXP(first second delay ..), PWL(time value ..)
        "sin" if argument(3) >= 0.0 => {
            Some(argument(0) + argument(1) * argument(5).to_radians().sin())
        }
        "pulse" | "exp" if argument(2) >= 0.0 => Some(argument(0)),
        "pwl" if arguments.len() >= 2 && argument(0) >= 0.0 => Some(argument(1)),
        _ => None,
    };
    let function_text = function.text.to_uppercase();
    let fault = Fault::SourceFunction {
        function: function_text,
    };
    value
        .filter(|_| !arguments.is_empty())
        .ok_or_else(|| Halt::new(function.span, fault))
}
