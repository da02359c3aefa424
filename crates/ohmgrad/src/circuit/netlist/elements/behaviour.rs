//! Sources of formulas and tables, of the element's own voltage.

use super::super::error::{Halt, Outcome};
use super::super::expression;
use super::super::fault::Fault;
use super::super::multiples::side_by_side;
use super::super::parameters::{Parameters, equals_signs, last_name};
use super::super::source::Piece;
use super::super::token::{Kind, Words};
use super::{Described, Head, multiplier, unsupported};
use crate::device::{IvCurve, Law};

const BEHAVIOUR: &str = "B1 a b I=EXPRESSION [m=NUMBER]";
const TABLE: &str = "G1 a b TABLE {V(a,b)} = (VOLT,AMPERE) (VOLT,AMPERE) ..";
/// How PSpice, ngspice and HSPICE announce a formula.
const FORMULA: [&str; 4] = ["value", "cur", "i", "vccs"];

/// `B1 a b I=..` or `B1 a b V=..`
pub(super) fn read<'a>(line: Piece<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, BEHAVIOUR);
    let head = Head::read(&mut words)?;
    let quantity = words.name("current")?;
    words.skip_equals()?;
    match quantity.text {
        "i" => {
            let (current, number) = formula(words, parameters)?;
            let law = expression::law(current, parameters, head.texts())?;
            let law = side_by_side(law, number);
            Ok(head.with(law.map_err(|fault| Halt::new(line.span, fault))?))
        }
        "v" => {
            let (voltage, _) = formula(words, parameters)?;
            let voltage = expression::number(voltage, parameters, 0)?.value;
            Ok(head.with(Law::VoltageSource { voltage }))
        }
        _ => Err(Halt::new(quantity.span, Fault::Behaviour)),
    }
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

/// `G1 a b a b SIEMENS`, `G1 a b TABLE ..` or `G1 a b VALUE={..}`
pub(super) fn controlled<'a>(
    line: Piece<'a>,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, TABLE);
    let head = Head::read(&mut words)?;
    if words.keyword(&["table"])?.is_some() {
        let law = table(line, words, parameters, head.texts())?;
        return Ok(head.with(law));
    }
    if words.keyword(&FORMULA)?.is_some() {
        words.skip_equals()?;
        let (current, number) = formula(words, parameters)?;
        let law = expression::law(current, parameters, head.texts())?;
        let law = side_by_side(law, number).map_err(|fault| Halt::new(line.span, fault))?;
        return Ok(head.with(law));
    }
    conductance(words, head, parameters)
}

/// `G1 a b a b SIEMENS`: a current source that its own voltage controls is a resistor.
fn conductance<'a>(
    mut words: Words<'a>,
    head: Head<'a>,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Described<'a>> {
    let place = words.statement().span;
    let other = |_| Halt::new(place, Fault::Controlled { form: TABLE });
    let controls = [words.node("node"), words.node("node")];
    let [Ok(c), Ok(d)] = controls else {
        return Err(other(()));
    };
    let is_own = |[c, d]: [Piece; 2]| {
        let is_same =
            |x: &str, y: &str| x == y || ["0", "gnd"].contains(&x) && ["0", "gnd"].contains(&y);
        let [a, b] = head.texts();
        is_same(a, c.text) && is_same(b, d.text)
    };
    let sign = match (is_own([c, d]), is_own([d, c])) {
        (true, _) => 1.0,
        (_, true) => -1.0,
        _ => return Err(other(())),
    };
    let gain = words.expect("conductance")?;
    let mut conductance = sign * parameters.number(gain)?.value;
    while let Some((name, value)) = words.assignment()? {
        match name.text {
            "m" => conductance *= multiplier(value, parameters)?,
            _ => return Err(unsupported(name, &words)),
        }
    }
    words.finish()?;
    if conductance < 0.0 {
        let siemens = conductance;
        return Err(Halt::new(place, Fault::NegativeConductance { siemens }));
    }
    Ok(head.with(Law::Resistor { conductance }))
}

/// What follows `TABLE`: beyond its ends, the current stays what it is there.
fn table<'a>(
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
