//! An axis for errors and counts: linear, or logarithmic if the values range widely.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// An axis of the charts here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Axis {
    /// From 0 to the largest value.
    Linear { top: f64 },
    /// Between two positive values; what is below is drawn at the lower end.
    Logarithmic { bottom: f64, top: f64 },
}

/// Values that range over more than this factor ask for a logarithmic axis.
const WIDE: f64 = 8.0;
/// Ticks at 1, 2 and 5 times a power of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

impl Axis {
    /// An axis for these values, which are at least 0.
    pub(super) fn holding(values: impl Iterator<Item = f64> + Clone) -> Self {
        let top = values.clone().fold(0.0, f64::max);
        let bottom = values.filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
        match top > WIDE * bottom {
            true => Self::logarithmic(bottom, top),
            false if top > 0.0 => Self::Linear { top: 1.1 * top },
            false => Self::Linear { top: 1.0 },
        }
    }

    /// A logarithmic axis with some room around two positive values.
    pub(super) fn logarithmic(bottom: f64, top: f64) -> Self {
        Self::Logarithmic {
            bottom: bottom / 1.3,
            top: top * 1.3,
        }
    }

    /// The values at its ends.
    fn ends(self) -> (f64, f64) {
        match self {
            Self::Linear { top } => (0.0, top),
            Self::Logarithmic { bottom, top } => (bottom, top),
        }
    }

    /// Where a value is drawn, from 0 to 1.
    fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear { top } => value / top,
            Self::Logarithmic { bottom, top } => {
                (value.max(bottom) / bottom).ln() / (top / bottom).ln()
            }
        }
    }

    fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { top } => {
                let step = round_step(top / 8.0);
                (0..=(top / step) as usize)
                    .map(|i| i as f64 * step)
                    .collect()
            }
            Self::Logarithmic { bottom, top } => {
                let decades = bottom.log10().floor() as i32..=top.log10().ceil() as i32;
                // Over many decades only their starts.
                let steps = if top > 2000.0 * bottom {
                    &STEPS[..1]
                } else {
                    &STEPS[..]
                };
                let values =
                    decades.flat_map(|decade| steps.iter().map(move |s| s * 10_f64.powi(decade)));
                values
                    .filter(|value| (bottom..=top).contains(value))
                    .collect()
            }
        }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        start + (self.position(*value) * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks()
    }

    fn range(&self) -> Range<f64> {
        let (bottom, top) = self.ends();
        bottom..top
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        short(*value)
    }
}

/// The smallest of 1, 2, 5, 10, 20, ... times a power of ten that is at least `step`.
fn round_step(step: f64) -> f64 {
    let decade = 10_f64.powf(step.log10().floor());
    let steps = STEPS.into_iter().map(|s| s * decade);
    steps
        .into_iter()
        .find(|s| *s >= step)
        .unwrap_or(10.0 * decade)
}

/// A number with three significant digits, as short as it can be written.
pub(super) fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    match rounded.abs() {
        0.0 => "0".to_owned(),
        1e-4..1e5 => rounded.to_string(),
        _ => format!("{rounded:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_range_widely_get_a_logarithmic_axis_with_round_ticks() {
        let axis = Axis::holding([0.0, 0.3, 25.0].into_iter());
        let labels: Vec<_> = axis.ticks().into_iter().map(short).collect();
        assert_eq!(labels, ["0.5", "1", "2", "5", "10", "20"]);
        assert_eq!(axis.position(0.0), 0.0);
        assert_eq!(axis.map(&axis.range().end, (400, 20)), 20);
    }

    #[test]
    fn other_values_get_a_linear_one_from_zero() {
        let axis = Axis::holding([2.0, 3.5].into_iter());
        let labels: Vec<_> = axis.ticks().into_iter().map(short).collect();
        assert_eq!(labels, ["0", "0.5", "1", "1.5", "2", "2.5", "3", "3.5"]);
        assert_eq!(Axis::holding([0.0].into_iter()), Axis::Linear { top: 1.0 });
    }

    #[test]
    fn numbers_are_short() {
        let all = [0.0, 0.2 - 1e-17, 1234.56, 6.02e23, -2.5e-7].map(short);
        assert_eq!(all, ["0", "0.2", "1230", "6.02e23", "-2.5e-7"]);
    }
}
