//! Controlled sources: E, F, G and H.

use super::super::error::{Halt, Outcome};
use super::super::expression::Linear;
use super::super::fault::Fault;
use super::super::parameters::Parameters;
use super::super::source::Piece;
use super::super::token::Words;
use super::{Control, Described, Head, Part, behaviour, multiplier, unsupported};
use crate::device::Law;

/// The forms of E, F, G and H.
const FORMS: [(char, &str); 4] = [
    (
        'e',
        "E1 plus minus c d GAIN, or E1 plus minus VALUE={EXPRESSION}",
    ),
    ('f', "F1 from to VSOURCE GAIN [m=NUMBER]"),
    (
        'g',
        "G1 from to c d SIEMENS [m=NUMBER], G1 from to VALUE={EXPRESSION} or G1 a b TABLE {V(a,b)} = (VOLT,AMPERE) ..",
    ),
    ('h', "H1 plus minus VSOURCE OHM"),
];
/// How PSpice, ngspice and HSPICE announce a formula of a current, and of a voltage.
const CURRENT: [&str; 2] = ["value", "cur"];
const VOLTAGE: [&str; 2] = ["value", "vol"];
/// How HSPICE names the kinds.
const KINDS: [&str; 4] = ["vcvs", "cccs", "vccs", "ccvs"];
/// Kinds that are not linear, or change with frequency or time.
const OTHERS: [&str; 14] = [
    "table",
    "laplace",
    "freq",
    "chebyshev",
    "foster",
    "pole",
    "delay",
    "opamp",
    "transformer",
    "pwl",
    "npwl",
    "ppwl",
    "and",
    "or",
];
/// The greatest number of voltages or currents of a polynomial.
const MAX_DIMENSIONS: f64 = 1e3;

/// What a source sets.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Output {
    Voltage,
    Current,
}

/// Reads the line of an E, F, G or H.
pub(super) fn read<'a>(line: Piece<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Described<'a>> {
    let letter = line.text.chars().next().unwrap_or_default();
    let form = FORMS.iter().find(|(known, _)| *known == letter);
    let mut words = Words::new(line, form.map_or("", |(_, form)| form));
    let head = Head::read(&mut words)?;
    let output = match letter {
        'e' | 'h' => Output::Voltage,
        _ => Output::Current,
    };
    if letter == 'g' && words.keyword(&["table"])?.is_some() {
        let law = behaviour::table(line, words, parameters, head.texts())?;
        return Ok(head.with(law));
    }
    if let Some(kind) = words.keyword(&OTHERS)? {
        let kind = kind.text.to_uppercase();
        return Err(Halt::new(line.span, Fault::ControlledKind { kind }));
    }
    words.keyword(&KINDS)?;
    let is_assigned = words.at_assignment()?;
    if letter == 'e'
        && (words.keyword(&VOLTAGE)?.is_some() || is_assigned && words.keyword(&["v"])?.is_some())
    {
        words.skip_equals()?;
        return behaviour::voltage(words, head, parameters);
    }
    if letter == 'g'
        && (words.keyword(&CURRENT)?.is_some() || is_assigned && words.keyword(&["i"])?.is_some())
    {
        words.skip_equals()?;
        return behaviour::current(line, words, head, parameters);
    }
    let takes_nodes = matches!(letter, 'e' | 'g');
    let sum = match words.keyword(&["poly"])?.is_some() {
        true => polynomial(&mut words, takes_nodes, parameters)?,
        false => {
            let control = control(&mut words, takes_nodes)?;
            let gain = parameters.number(words.expect("gain")?)?.value;
            Linear {
                constant: 0.0,
                terms: vec![(control, gain)],
            }
        }
    };
    let mut number = 1.0;
    while let Some((name, value)) = words.assignment()? {
        match (name.text, output) {
            ("m", Output::Current) => number = multiplier(value, parameters)?,
            ("ic", _) => {}
            _ => return Err(unsupported(name, &words)),
        }
    }
    words.finish()?;
    Ok(described(head, output, sum.times(number)))
}

/// Two nodes, or a voltage source.
fn control<'a>(words: &mut Words<'a>, takes_nodes: bool) -> Outcome<Control<'a>> {
    Ok(match takes_nodes {
        true => {
            let nodes = [
                words.node("controlling node")?,
                words.node("controlling node")?,
            ];
            Control::Voltage(nodes.map(|node| node.text))
        }
        false => Control::Current(words.name("controlling voltage source")?.text),
    })
}

/// What follows `POLY`: the number of controls, these, and coefficients, of which those of products must be 0.
fn polynomial<'a>(
    words: &mut Words<'a>,
    takes_nodes: bool,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Linear<'a>> {
    let token = words.expect("number of controls")?;
    let dimensions = parameters.number(token)?.value;
    if !(dimensions.fract() == 0.0 && (1.0..=MAX_DIMENSIONS).contains(&dimensions)) {
        return Err(words.unexpected(token.piece));
    }
    let dimensions = dimensions as usize;
    let controls = (0..dimensions).map(|_| control(words, takes_nodes));
    let controls = controls.collect::<Outcome<Vec<_>>>()?;
    let mut coefficients = Vec::new();
    while !words.at_assignment()? && !words.is_empty()? {
        let token = words.expect("coefficient")?;
        coefficients.push(parameters.number(token)?.value);
        if coefficients.len() > 1 + dimensions && coefficients.last() != Some(&0.0) {
            return Err(Halt::new(token.piece.span, Fault::NotLinear));
        }
    }
    let Some((constant, slopes)) = coefficients.split_first() else {
        return Err(words.missing("coefficient"));
    };
    Ok(Linear {
        constant: *constant,
        terms: controls.into_iter().zip(slopes.iter().copied()).collect(),
    })
}

/// The sources that make a sum: one for each term, in series or side by side.
pub(super) fn described<'a>(head: Head<'a>, output: Output, sum: Linear<'a>) -> Described<'a> {
    if let (Output::Current, Some(conductance)) = (output, conductance(head, &sum)) {
        return head.with(Law::Resistor { conductance });
    }
    let Linear { constant, terms } = sum;
    let terms = terms.into_iter().map(|(control, gain)| Part {
        law: match output {
            Output::Voltage => Law::ControlledVoltage { gain },
            Output::Current => Law::ControlledCurrent { gain },
        },
        control: Some(control),
    });
    let mut parts: Vec<Part> = terms.collect();
    if constant != 0.0 || parts.is_empty() {
        parts.push(Part {
            law: match output {
                Output::Voltage => Law::VoltageSource { voltage: constant },
                Output::Current => Law::CurrentSource { current: constant },
            },
            control: None,
        });
    }
    let first = parts.remove(0);
    Described {
        control: first.control,
        more: parts,
        ..head.with(first.law)
    }
}

/// The conductance of a current source that its own voltage controls, if that is all and it is not below 0.
fn conductance(head: Head, sum: &Linear) -> Option<f64> {
    let [(Control::Voltage(nodes), gain)] = sum.terms[..] else {
        return None;
    };
    let is_ground = |node: &str| ["0", "gnd"].contains(&node);
    let is_same = |x: &str, y: &str| x == y || is_ground(x) && is_ground(y);
    let ([a, b], [c, d]) = (head.texts(), nodes);
    let conductance = match (
        is_same(a, c) && is_same(b, d),
        is_same(a, d) && is_same(b, c),
    ) {
        (true, _) => gain,
        (_, true) => -gain,
        _ => return None,
    };
    (sum.constant == 0.0 && conductance >= 0.0).then_some(conductance)
}
