//! Exponentials and logarithms of registers.

use pulp::Simd;

/// exp x stays finite up to here, with room for a factor.
const LARGEST: f32 = 80.0;
/// 1.5 times 2^23: a number that is added to it stands in the last bits as an integer.
const SHIFT: f32 = 12_582_912.0;
/// Where the exponent of a number starts, and what it is of 1.
const MANTISSA_BITS: u32 = 23;
const BIAS: f32 = 127.0;

/// c_0 + c_1 x + c_2 x^2 + ..
#[inline(always)]
fn polynomial<S: Simd, const K: usize>(simd: S, x: S::f32s, coefficients: [f32; K]) -> S::f32s {
    let mut sum = simd.splat_f32s(coefficients[K - 1]);
    for coefficient in coefficients[..K - 1].iter().rev() {
        sum = simd.mul_add_e_f32s(sum, x, simd.splat_f32s(*coefficient));
    }
    sum
}

/// exp x - 1 and exp x, both to about two units in the last place, of x within 80 and of 80 beyond: with n = round(x / ln 2) and
/// r = x - n ln 2, they are 2^n (exp r - 1) + (2^n - 1) and 2^n (exp r - 1) + 2^n.
#[inline(always)]
pub(crate) fn exponential<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    // exp r - 1 = r + r^2 P(r) (Moshier's expf)
    const P: [f32; 6] = [
        0.5,
        1.666_666_5e-1,
        4.166_579_6e-2,
        8.333_452e-3,
        1.398_199_9e-3,
        1.987_569_1e-4,
    ];
    /// ln 2 in two parts.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = simd.min_f32s(
        simd.max_f32s(x, simd.splat_f32s(-LARGEST)),
        simd.splat_f32s(LARGEST),
    );
    let shift = simd.splat_f32s(SHIFT);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), shift);
    let n = simd.sub_f32s(shifted, shift);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2[0]), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2[1]), r);
    let square = simd.mul_f32s(r, r);
    let rest = simd.mul_add_e_f32s(square, polynomial(simd, r, P), r);
    let exponent = simd.transmute_u32s_f32s(simd.add_f32s(shifted, simd.splat_f32s(BIAS)));
    let bits = simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(MANTISSA_BITS));
    let power = simd.transmute_f32s_u32s(bits);
    let less = simd.sub_f32s(power, simd.splat_f32s(1.0));
    (
        simd.mul_add_e_f32s(power, rest, less),
        simd.mul_add_e_f32s(power, rest, power),
    )
}

/// ln x of a normal number above 0, to about 1e-3: a place to start from.
#[inline(always)]
pub(crate) fn rough_ln<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // ln(1 + y) / y between sqrt(1/2) - 1 and sqrt(2) - 1
    const P: [f32; 5] = [1.0, -0.5, 0.333_3, -0.25, 0.15];
    let bits = simd.transmute_u32s_f32s(x);
    let exponent = simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(MANTISSA_BITS));
    // The integer stands in the last bits of 2^23 + integer.
    let exponent = simd.or_u32s(exponent, simd.splat_u32s(8_388_608_f32.to_bits()));
    let exponent = simd.transmute_f32s_u32s(exponent);
    let exponent = simd.sub_f32s(exponent, simd.splat_f32s(8_388_608.0 + BIAS));
    let mantissa = simd.and_u32s(bits, simd.splat_u32s((1 << MANTISSA_BITS) - 1));
    let mantissa = simd.or_u32s(mantissa, simd.splat_u32s(1_f32.to_bits()));
    let mantissa = simd.transmute_f32s_u32s(mantissa);
    let root = simd.splat_f32s(std::f32::consts::SQRT_2);
    let large = simd.less_than_f32s(root, mantissa);
    let one = simd.splat_f32s(1.0);
    let half = simd.mul_f32s(mantissa, simd.splat_f32s(0.5));
    let mantissa = simd.select_f32s(large, half, mantissa);
    let exponent = simd.select_f32s(large, simd.add_f32s(exponent, one), exponent);
    let y = simd.sub_f32s(mantissa, one);
    let ln = simd.mul_f32s(y, polynomial(simd, y, P));
    simd.mul_add_e_f32s(exponent, simd.splat_f32s(std::f32::consts::LN_2), ln)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drn::simd::{Kernel, Row, lanes, lanes_mut};
    use crate::drn::tests::levels;
    use proptest::prelude::*;

    struct All<'a>(&'a Row, &'a mut [Row; 3]);

    impl Kernel for All<'_> {
        #[inline(always)]
        fn run<S: Simd, const N: usize>(self, simd: S) {
            let [exp_m1, exp, ln] = self.1;
            let of = lanes::<S, N>(self.0);
            *lanes_mut::<S, N>(exp_m1) = of.map(|x| exponential(simd, x).0);
            *lanes_mut::<S, N>(exp) = of.map(|x| exponential(simd, x).1);
            *lanes_mut::<S, N>(ln) = of.map(|x| rough_ln(simd, simd.abs_f32s(x)));
        }
    }

    proptest! {
        #[test]
        fn functions_are_those_of_f64(digits in -1.0..1.0_f32, size in -30.0..2.0_f32, ln_size in -37.0..38.0_f32) {
            for arch in levels() {
                let of = |x: f32| {
                    let mut found = [Row::ZERO; 3];
                    All(&Row([x; 64]), &mut found).run_on(arch);
                    found.map(|row| f64::from(row.0[7]))
                };
                let x = digits * 10_f32.powf(size);
                let [exp_m1, exp, _] = of(x);
                let x = f64::from(x).clamp(-80.0, 80.0);
                for (got, want) in [(exp_m1, x.exp_m1()), (exp, x.exp())] {
                    prop_assert!((got - want).abs() <= 2.5e-7 * want.abs(), "{got} for {want} at {x}");
                }
                let x = (0.1 + digits.abs()) * 10_f32.powf(ln_size);
                let ([_, _, got], want) = (of(x), f64::from(x).ln());
                prop_assert!((got - want).abs() <= 1e-3, "{got} for {want}");
            }
        }
    }
}
