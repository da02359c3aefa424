//! Exact sums of numbers as they are written.
//!
//! Whether voltages around a loop contradict one another must not depend on rounding: 0.1 V and 0.2 V are 0.3 V,
//! although no double is a tenth. So a number stands for the shortest decimal number that reads as it, and sums are of
//! integers, in units of the last decimal place of all.

use num_bigint::BigInt;

use super::double::Double;

/// Values as multiples of one power of ten.
pub(super) struct Decimals {
    pub(super) integers: Vec<BigInt>,
    /// The power of ten.
    exponent: i32,
}

impl Decimals {
    /// The shortest decimal numbers that read as these, which must be finite.
    pub(super) fn new(numbers: impl IntoIterator<Item = f64>) -> Decimals {
        let parts: Vec<(i64, i32)> = numbers.into_iter().map(digits).collect();
        let exponents = parts.iter().filter(|(digits, _)| *digits != 0);
        let exponent = exponents.map(|(_, exponent)| *exponent).min().unwrap_or(0);
        let scaled = parts.into_iter().map(|(digits, own)| match digits {
            0 => BigInt::ZERO,
            _ => BigInt::from(digits) * BigInt::from(10).pow((own - exponent) as u32),
        });
        Decimals {
            integers: scaled.collect(),
            exponent,
        }
    }

    /// The double closest to a sum of these numbers.
    pub(super) fn value(&self, sum: &BigInt) -> f64 {
        let text = format!("{sum}e{}", self.exponent);
        text.parse()
            .expect("an integer with an exponent is a number")
    }
}

/// The digits of a number as an integer, and its power of ten.
fn digits(number: f64) -> (i64, i32) {
    // A double reads as one decimal number of 15 digits at most, and a quotient of numbers that are held exactly is the double
    // closest to it.
    const MOST: f64 = 1e15;
    for places in [0, 9] {
        let power = 10f64.powi(places);
        let scaled = number * power;
        let integer = (scaled + 0.5f64.copysign(scaled)) as i64;
        if integer as f64 / power == number && scaled.abs() < MOST {
            return (integer, -places);
        }
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(number);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let mantissa = mantissa.trim_end_matches(".0");
    let places = mantissa.split_once('.').map_or(0, |(_, after)| after.len());
    // At most 17 digits: they fit in 64 bits.
    let figures = mantissa.bytes().filter(u8::is_ascii_digit);
    let integer = figures.fold(0, |sum, figure| 10 * sum + i64::from(figure - b'0'));
    let exponent: i32 = exponent.parse().expect("an exponent is an integer");
    let sign = if number < 0.0 { -1 } else { 1 };
    (sign * integer, exponent - places as i32)
}

/// The shortest decimal number that reads as `number`, to 32 digits.
pub(super) fn as_written(number: f64) -> Double {
    let (integer, exponent) = digits(number);
    if exponent == 0 {
        return Double::from(number);
    }
    const STEP: i32 = 22; // the largest power of ten that is a double
    let power = |of: Double, exponent: i32| {
        let steps = (0..exponent.unsigned_abs()).step_by(STEP as usize);
        steps.fold(of, |product, done| {
            let left = exponent.abs() - done as i32;
            product.times(10f64.powi(left.min(STEP)))
        })
    };
    // high + low = integer 10^exponent; of the low part, 16 digits do.
    let high = integer as f64;
    let integer = Double::new(high, (integer - high as i64) as f64);
    let low = match exponent < 0 {
        true => (integer - power(Double::from(number), exponent)).value() / 10f64.powi(-exponent),
        false => (power(integer, exponent) - Double::from(number)).value(),
    };
    match low.is_finite() {
        true => Double::new(number, low),
        false => Double::from(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_32_digits() {
        let tenth = as_written(0.1);
        // 0.1 = 0x1.999999999999ap-4 - 5.55e-18
        assert_eq!(tenth.high, 0.1);
        assert!(
            (tenth.low + 5.551115123125783e-18).abs() < 1e-33,
            "{tenth:?}"
        );
        let sum = as_written(0.1) + as_written(0.2) - as_written(0.3);
        assert!(sum.value().abs() < 1e-32);
        let small = as_written(3e-30).times(1e22).times(1e8) - Double::from(3.0);
        assert!(small.value().abs() < 1e-30);
        assert_eq!(as_written(1.5e15), Double::from(1.5e15));
        assert_eq!(as_written(5e-324).high, 5e-324);
    }

    #[test]
    fn sums_are_of_the_numbers_as_written() {
        let decimals = Decimals::new([0.1, 0.2, -0.3, 5e-324, 1e300, -1e300, 12.0]);
        let tenths: BigInt = decimals.integers[..3].iter().sum();
        assert_eq!(tenths, BigInt::ZERO);
        let all: BigInt = decimals.integers.iter().sum();
        assert_eq!(decimals.value(&all), 12.0);
        let small: BigInt = &all - &decimals.integers[6];
        assert_eq!(decimals.value(&small), 5e-324);
    }
}
