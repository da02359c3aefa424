//! Integrals without a closed form.

/// Points and weights of Gauss and Legendre on [-1, 1]: exact for polynomials of degree 15.
const RULE: [(f64, f64); 8] = [
    (-0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
    (-0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (-0.525_532_409_916_329, 0.313_706_645_877_887_27),
    (-0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_27),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
];
/// How often a part may be halved.
const MAX_HALVINGS: u32 = 30;

/// The integral of f from a to b: parts are halved until their halves add up to them, to about 1e-13 of the integral of |f|.
pub(super) fn integral(f: &impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let whole = gauss(f, a, b);
    let size = gauss(&|x| f(x).abs(), a, b).abs();
    halved(f, (a, b), whole, 1e-13 * size, MAX_HALVINGS)
}

fn halved(
    f: &impl Fn(f64) -> f64,
    (a, b): (f64, f64),
    whole: f64,
    tolerance: f64,
    left: u32,
) -> f64 {
    let middle = 0.5 * (a + b);
    let (low, high) = (gauss(f, a, middle), gauss(f, middle, b));
    let sum = low + high;
    // Sums that are no numbers are not mended by halving.
    let is_close = (sum - whole).abs() <= tolerance.max(1e-14 * sum.abs()) || !sum.is_finite();
    if is_close || left == 0 || middle == a || middle == b {
        return sum;
    }
    halved(f, (a, middle), low, tolerance, left - 1)
        + halved(f, (middle, b), high, tolerance, left - 1)
}

fn gauss(f: &impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
    let sum: f64 = RULE.iter().map(|(x, w)| w * f(middle + half * x)).sum();
    half * sum
}

#[cfg(test)]
mod tests {
    use super::integral;

    #[test]
    fn integrals_are_those_of_the_closed_forms() {
        let exponential = integral(&|x: f64| (40.0 * x).exp(), -3.0, 1.0);
        let expected = (40f64.exp() - (-120f64).exp()) / 40.0;
        assert!((exponential / expected - 1.0).abs() < 1e-13);
        let corner = integral(&|x: f64| (x - 0.3).max(0.0), 0.0, 1.0);
        assert!((corner - 0.245).abs() < 1e-12, "{corner}");
        assert!((integral(&|x| x * x, 2.0, -1.0) + 3.0).abs() < 1e-14);
        assert_eq!(integral(&|x| x, 1.0, 1.0), 0.0);
    }
}
