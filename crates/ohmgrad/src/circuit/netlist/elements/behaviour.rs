//! Sources of formulas and tables: of the element's own voltage, or linear in other voltages and currents.

use super::super::error::{Halt, Outcome};
use super::super::expression;
use super::super::fault::Fault;
use super::super::multiples::side_by_side;
use super::super::parameters::{Parameters, equals_signs, last_name};
use super::super::source::Piece;
use super::super::token::{Kind, Words};
use super::controlled::{self, Output};
use super::{Described, Head, multiplier, unsupported};
use crate::device::{IvCurve, Law};

const BEHAVIOUR: &str = "B1 a b I=EXPRESSION [m=NUMBER]";

/// `B1 a b I=..` or `B1 a b V=..`
pub(super) fn read<'a>(line: Piece<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, BEHAVIOUR);
    let head = Head::read(&mut words)?;
    let quantity = words.name("current")?;
    words.skip_equals()?;
    match quantity.text {
        "i" => current(line, words, head, parameters),
        "v" => voltage(words, head, parameters),
        _ => Err(Halt::new(quantity.span, Fault::Behaviour)),
    }
}

/// A source whose current is the formula that follows: of its own voltage, or linear in others.
pub(super) fn current<'a>(
    line: Piece<'a>,
    words: Words<'a>,
    head: Head<'a>,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Described<'a>> {
    let (current, number) = formula(words, parameters)?;
    match expression::law(current, parameters, head.texts()) {
        Err(halt) if halt.is_foreign() => {
            let sum = expression::linear(current, parameters)?.times(number);
            Ok(controlled::described(head, Output::Current, sum))
        }
        law => {
            let law = side_by_side(law?, number);
            Ok(head.with(law.map_err(|fault| Halt::new(line.span, fault))?))
        }
    }
}

/// A source whose voltage is the formula that follows: a number, or linear in voltages and currents.
pub(super) fn voltage<'a>(
    words: Words<'a>,
    head: Head<'a>,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Described<'a>> {
    let (voltage, _) = formula(words, parameters)?;
    let sum = expression::linear(voltage, parameters)?;
    Ok(controlled::described(head, Output::Voltage, sum))
}

/// A formula that reaches to the next parameter, and how many such elements lie side by side.
fn formula<'a>(words: Words<'a>, parameters: Parameters<'_, 'a>) -> Outcome<(Piece<'a>, f64)> {
    let rest = words.rest();
    let end = equals_signs(rest.text).first().map(|sign| {
        let name = last_name(rest.part(0, *sign));
        name.span.offset_from(rest.span)
    });
    let formula = rest.part(0, end.unwrap_or(rest.text.len())).trimmed();
    if formula.text.is_empty() {
        return Err(words.missing("formula"));
    }
    let mut number = 1.0;
    if let Some(end) = end {
        let mut words = Words::new(rest.part(end, rest.text.len()), BEHAVIOUR);
        while let Some((name, value)) = words.assignment()? {
            match name.text {
                "m" => number = multiplier(value, parameters)?,
                "tc1" | "tc2" | "dtemp" if parameters.number(value)?.value == 0.0 => {}
                "ic" | "tripdv" | "tripdt" => {}
                _ => return Err(unsupported(name, &words)),
            }
        }
        words.finish()?;
    }
    Ok((formula, number))
}

/// What follows `TABLE`: beyond its ends, the current stays what it is there.
pub(super) fn table<'a>(
    line: Piece<'a>,
    mut words: Words<'a>,
    parameters: Parameters<'_, 'a>,
    nodes: [&str; 2],
) -> Outcome<Law> {
    words.skip_equals()?;
    let voltage = words.expect("voltage")?;
    if voltage.kind != Kind::Arithmetic {
        return Err(words.unexpected(voltage.piece));
    }
    expression::own_voltage(voltage.piece, parameters, nodes)?;
    words.skip_equals()?;
    let mut numbers = Vec::new();
    while let Some(token) = words.next()? {
        numbers.push(parameters.number(token)?.value);
    }
    clamped_curve(&numbers).map_err(|fault| Halt::new(line.span, fault))
}

/// A curve through points, given as voltage, current, .., that is level beyond the first and the last.
pub(super) fn clamped_curve(numbers: &[f64]) -> Result<Law, Fault> {
    if numbers.len() % 2 == 1 {
        let found = numbers.len();
        return Err(Fault::Pairs { found });
    }
    let points = numbers.chunks(2).map(|pair| (pair[0], pair[1]));
    Ok(Law::from(IvCurve::new(points)?.level_beyond()?))
}
