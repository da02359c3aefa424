//! Values as unevaluated sums of two doubles, with about 32 digits.
//!
//! Sums and products of doubles are exact in two doubles (Dekker, 1971; Knuth, TAOCP 2, section 4.2.2), so that
//! currents that nearly cancel keep their digits.

/// high + low, with |low| at most half the last digit of high.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Double {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

impl Double {
    pub(crate) fn new(high: f64, low: f64) -> Double {
        let (high, low) = quick_sum(high, low);
        Double { high, low }
    }

    /// The nearest double.
    pub(crate) fn value(self) -> f64 {
        self.high + self.low
    }

    /// 1 / x.
    pub(crate) fn inverse(self) -> Double {
        let rough = 1.0 / self.value();
        let rest = Double::from(1.0) - self.times(rough);
        Double::new(rough, rough * rest.value())
    }

    /// The product with a double.
    #[inline]
    pub(crate) fn times(self, factor: f64) -> Double {
        let (product, error) = product(self.high, factor);
        Double::new(product, error + self.low * factor)
    }
}

impl From<f64> for Double {
    fn from(high: f64) -> Double {
        Double { high, low: 0.0 }
    }
}

impl std::ops::Add for Double {
    type Output = Double;

    #[inline]
    fn add(self, other: Double) -> Double {
        let (high, error) = sum(self.high, other.high);
        let (low, rest) = sum(self.low, other.low);
        let (high, error) = quick_sum(high, error + low);
        Double::new(high, error + rest)
    }
}

impl std::ops::Neg for Double {
    type Output = Double;

    #[inline]
    fn neg(self) -> Double {
        Double {
            high: -self.high,
            low: -self.low,
        }
    }
}

impl std::ops::Sub for Double {
    type Output = Double;

    #[inline]
    fn sub(self, other: Double) -> Double {
        self + -other
    }
}

impl std::ops::Mul for Double {
    type Output = Double;

    #[inline]
    fn mul(self, other: Double) -> Double {
        let (product, error) = product(self.high, other.high);
        let rest = self.high * other.low + self.low * other.high;
        Double::new(product, error + rest)
    }
}

impl std::ops::AddAssign for Double {
    #[inline]
    fn add_assign(&mut self, other: Double) {
        *self = *self + other;
    }
}

/// a + b as a rounded sum and its rounding error.
#[inline]
pub(crate) fn sum(a: f64, b: f64) -> (f64, f64) {
    let rounded = a + b;
    let added = rounded - a;
    (rounded, (a - (rounded - added)) + (b - added))
}

/// The same, if |a| >= |b|.
#[inline]
fn quick_sum(a: f64, b: f64) -> (f64, f64) {
    let rounded = a + b;
    (rounded, b - (rounded - a))
}

/// a b as a rounded product and its rounding error.
#[inline]
pub(crate) fn product(a: f64, b: f64) -> (f64, f64) {
    let rounded = a * b;
    let ([a, a_rest], [b, b_rest]) = (halves(a), halves(b));
    let error = ((a * b - rounded) + a * b_rest + a_rest * b) + a_rest * b_rest;
    // Beyond 1e300 the halves overflow: there the product is merely rounded.
    (rounded, if error.is_finite() { error } else { 0.0 })
}

/// A double as the sum of two numbers of 26 bits.
#[inline]
fn halves(a: f64) -> [f64; 2] {
    const SPLIT: f64 = (1u32 << 27) as f64 + 1.0;
    let scaled = SPLIT * a;
    let high = scaled - (scaled - a);
    [high, a - high]
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_rational::BigRational;
    use num_traits::{Signed, ToPrimitive};
    use proptest::prelude::*;

    fn exact(x: f64) -> BigRational {
        BigRational::from_float(x).expect("finite")
    }

    fn double() -> impl Strategy<Value = Double> {
        (-1e6..1e6, -1.0..1.0)
            .prop_map(|(high, low): (f64, f64)| Double::new(high, 1e-17 * low * high))
    }

    proptest! {
        #[test]
        fn sums_and_products_have_32_digits(a in double(), b in double(), factor in -1e9..1e9) {
            let of = |x: Double| exact(x.high) + exact(x.low);
            let off = |x: Double, wanted: BigRational, size: f64| {
                (of(x) - wanted).abs().to_f64().expect("finite") / size
            };
            let size = a.high.abs() + b.high.abs();
            prop_assert!(off(a + b, of(a) + of(b), size) <= 1e-31);
            prop_assert!(off(a - b, of(a) - of(b), size) <= 1e-31);
            let product = of(a) * exact(factor);
            prop_assert!(off(a.times(factor), product, (a.high * factor).abs()) <= 1e-31);
        }
    }
}
