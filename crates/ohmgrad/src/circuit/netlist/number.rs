//! Numbers as SPICE writes them: `4.7k`, `10uF`, `1e-3`, `2meg`, and `4k7` for 4.7 k as LTspice reads it.
//!
//! ngspice reads `4k7` as 4 k. `4m7` is refused: `m` is milli in SPICE and mega on drawings.

use super::error::{Halt, Outcome};
use super::fault::Fault;
use super::source::Piece;

/// The number that a piece is.
pub(super) fn parse(piece: Piece) -> Outcome<f64> {
    let sign = if piece.text.starts_with('-') {
        -1.0
    } else {
        1.0
    };
    let unsigned = piece.text.trim_start_matches(['+', '-']);
    let signs = piece.text.len() - unsigned.len();
    let rest = piece.part(signs, piece.text.len());
    match prefix(rest)? {
        // As in ngspice, `$` may start a comment right behind a number.
        Some((number, length))
            if signs <= 1
                && (length == rest.text.len() || rest.text[length..].starts_with('$')) =>
        {
            Ok(sign * number)
        }
        _ => {
            let text = piece.text.to_owned();
            Err(Halt::new(piece.span, Fault::NotANumber { text }))
        }
    }
}

/// The number without sign that a piece starts with, if there is one, and its length.
pub(super) fn prefix(piece: Piece) -> Outcome<Option<(f64, usize)>> {
    let text = piece.text;
    let mantissa = mantissa_length(text.as_bytes());
    if mantissa == 0 {
        return Ok(None);
    }
    let (exponent, length) = exponent(&text[mantissa..]);
    let plain = &text[..mantissa + length];
    let (scale, unit) = unit(&text[plain.len()..]);
    let length = plain.len() + unit;
    let number = &text[..length];
    let fault = |fault: Fault, length| Err(Halt::new(piece.part(0, length).span, fault));
    let after = text[length..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let after = after.unwrap_or(text.len() - length);
    if unit > 0 && after > 0 {
        let length = length + after;
        let whole = &text[..length];
        return match unit_as_point(whole, mantissa, plain.len() + unit) {
            Ok(Some(value)) => Ok(Some((value, length))),
            Ok(None) => {
                let text = whole.to_owned();
                fault(Fault::DigitsAfterUnit { text }, length)
            }
            Err(wrong) => fault(wrong, length),
        };
    }
    let value = match scale {
        Scale::Power(power) => decimal(plain, mantissa, exponent, power),
        Scale::Mil => 127.0 * decimal(plain, mantissa, exponent, 0) / 5e6,
    };
    let is_zero = !text[..mantissa].contains(|c| matches!(c, '1'..='9'));
    if !value.is_finite() || value == 0.0 && !is_zero {
        let text = number.to_owned();
        return fault(Fault::NumberRange { text }, length);
    }
    Ok(Some((value, length)))
}

/// The value of a number such as `4k7` or `4r7`, in which a unit stands for the point; `None` if it is none. The digits
/// before the unit and all up to the digits behind it have lengths.
fn unit_as_point(text: &str, before: usize, start: usize) -> Result<Option<f64>, Fault> {
    let (digits, rest) = text.split_at(before);
    let unit = &rest[..start - before];
    let decimals = text[start..].trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    if !is_number(digits) || !is_number(decimals) {
        return Ok(None);
    }
    let power = match unit {
        "r" => 0,
        "t" => 12,
        "g" => 9,
        "meg" => 6,
        "k" => 3,
        "u" | "\u{b5}" | "\u{3bc}" => -6,
        "n" => -9,
        "p" => -12,
        "f" => -15,
        "m" => {
            let text = text.to_owned();
            return Err(Fault::MilliOrMega { text });
        }
        _ => return Ok(None),
    };
    let number = [digits, decimals].join(".");
    Ok(Some(decimal(&number, number.len(), 0, power)))
}

/// The factor that a unit stands for.
enum Scale {
    /// A power of ten.
    Power(i64),
    /// A thousandth of an inch, in metre.
    Mil,
}

/// The length of `12`, `1.5`, `.5` or `5.`; 0 if there is no digit.
fn mantissa_length(text: &[u8]) -> usize {
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count()
    };
    let whole = digits(0);
    if text.get(whole) != Some(&b'.') {
        return whole;
    }
    let fraction = digits(whole + 1);
    if whole + fraction == 0 {
        return 0;
    }
    whole + 1 + fraction
}

/// The exponent that a text starts with, such as `e-3` or `d6`, and its length.
fn exponent(text: &str) -> (i64, usize) {
    /// Beyond the range of every number, and far from the limits of integers.
    const LIMIT: i64 = 1 << 40;
    let bytes = text.as_bytes();
    if !matches!(bytes.first(), Some(b'e' | b'd')) {
        return (0, 0);
    }
    let signs = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    let digits = bytes[1 + signs..].iter().take_while(|c| c.is_ascii_digit());
    let end = 1 + signs + digits.count();
    if end == 1 + signs {
        return (0, 0);
    }
    let size = text[1 + signs..end].parse().unwrap_or(LIMIT).min(LIMIT);
    let sign = if bytes[1] == b'-' { -1 } else { 1 };
    (sign * size, end)
}

/// The factor that the letters in front of a text stand for, and how many bytes they are.
fn unit(text: &str) -> (Scale, usize) {
    // The micro sign, the letter mu, the letter omega and the ohm sign.
    let is_letter = |c: &char| {
        c.is_ascii_alphabetic() || matches!(c, '\u{b5}' | '\u{3bc}' | '\u{3a9}' | '\u{2126}')
    };
    let length = text.chars().take_while(is_letter).map(char::len_utf8).sum();
    let scale = match text.chars().next() {
        _ if text.starts_with("meg") => Scale::Power(6),
        _ if text.starts_with("mil") => Scale::Mil,
        Some('t') => Scale::Power(12),
        Some('g') => Scale::Power(9),
        Some('k') => Scale::Power(3),
        Some('m') => Scale::Power(-3),
        Some('u' | '\u{b5}' | '\u{3bc}') => Scale::Power(-6),
        Some('n') => Scale::Power(-9),
        Some('p') => Scale::Power(-12),
        Some('f') => Scale::Power(-15),
        _ => Scale::Power(0),
    };
    (scale, length)
}

/// The double nearest to a number times 10^power; infinite if it is too large. The number consists of a mantissa of
/// a length, and of an exponent.
fn decimal(number: &str, mantissa: usize, exponent: i64, power: i64) -> f64 {
    exact(&number[..mantissa], exponent + power).unwrap_or_else(|| {
        let parsed = match power {
            0 if !number.contains('d') => number.parse(),
            _ => format!("{}e{}", &number[..mantissa], exponent + power).parse(),
        };
        parsed.expect("digits with at most one point, and an exponent")
    })
}

/// The same for few digits and a small exponent: the digits as an integer and the power of ten are exact
/// then, and their product or quotient is rounded once.
fn exact(mantissa: &str, exponent: i64) -> Option<f64> {
    const POWERS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ];
    const MAX_DIGITS: usize = 15;
    if mantissa.len() > MAX_DIGITS {
        return None;
    }
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    let integer = digits.fold(0_u64, |integer, digit| {
        10 * integer + u64::from(digit - b'0')
    });
    let decimals = mantissa
        .find('.')
        .map_or(0, |point| mantissa.len() - point - 1);
    let exponent = exponent - decimals as i64;
    let power = *POWERS.get(exponent.unsigned_abs() as usize)?;
    let integer = integer as f64;
    Some(if exponent < 0 {
        integer / power
    } else {
        integer * power
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::netlist::source::piece_of;
    use proptest::prelude::*;

    fn number(text: &str) -> Option<f64> {
        parse(piece_of(text)).ok()
    }

    #[test]
    fn numbers_are_the_nearest_doubles() {
        let cases = [
            ("1", 1.0),
            ("-1.5", -1.5),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("1e3", 1e3),
            ("1e-3", 1e-3),
            ("1d3", 1e3),
            ("2.2meg", 2.2e6),
            ("10kohm", 1e4),
            ("10k", 1e4),
            ("0.1u", 1e-7),
            ("3n", 3e-9),
            ("4pF", 4e-12),
            ("1f", 1e-15),
            ("1t", 1e12),
            ("1g", 1e9),
            ("7m", 7e-3),
            ("1mil", 25.4e-6),
            ("1µ", 1e-6),
            ("5v", 5.0),
            ("1a", 1.0),
            ("1e", 1.0),
            ("1e3k", 1e6),
            ("1ohm", 1.0),
            ("0e999", 0.0),
            ("00012.50", 12.5),
            ("4k7", 4.7e3),
            ("4R7", 4.7),
            ("0r5ohm", 0.5),
            ("2meg2", 2.2e6),
            ("3n3F", 3.3e-9),
            ("5$comment", 5.0),
        ];
        for (text, expected) in cases {
            assert_eq!(number(&text.to_lowercase()), Some(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_rust(digits in "[0-9]{1,18}(\\.[0-9]{0,9})?", exponent in -40..40_i32) {
            let text = format!("{digits}e{exponent}");
            let expected: f64 = text.parse().expect("a number of Rust");
            prop_assert_eq!(number(&text), Some(expected));
            prop_assert_eq!(number(&format!("{digits}k")), format!("{digits}e3").parse().ok());
        }
    }

    #[test]
    fn other_words_are_no_numbers() {
        for text in [
            "",
            "+",
            "-",
            ".",
            "a",
            "--1",
            "+-1",
            "1e999",
            "1e-999",
            "4m7",
            "4.7k3",
            "1e3k7",
            "4v7",
            "4k7k3",
            "1-2",
            "1_",
            "1e99999999999999999999",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
