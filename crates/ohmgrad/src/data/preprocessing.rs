//! What is done to features before they drive a network.

use serde::{Deserialize, Serialize};

use super::{DataError, Dataset, Inputs, Split};

/// What is done to every feature x (pixels are in `[0, 1]`) before it drives a network. In TOML:
/// `{ kind = "affine", scale = 2, offset = -1 }` or `{ kind = "standard", mean = 0.1307, deviation = 0.3081, scale = 0.3 }`.
///
/// ```
/// use ohmgrad::data::{Preprocessing, digits};
/// let digits = digits();
/// let centred = Preprocessing::Affine { scale: 2.0, offset: -1.0 }.apply(&digits)?;
/// assert_eq!(centred.input(0)[0], 2.0 * digits.input(0)[0] - 1.0);
/// # Ok::<(), ohmgrad::data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Preprocessing {
    /// Nothing. The default.
    #[default]
    None,
    /// `scale x + offset`.
    Affine {
        /// Finite, not 0.
        scale: f64,
        /// Finite. Default: 0.
        #[serde(default)]
        offset: f64,
    },
    /// `scale (x - mean) / deviation`.
    Standard {
        /// The mean of the features; finite.
        mean: f64,
        /// Their deviation; finite, above 0.
        deviation: f64,
        /// Finite, not 0. Default: 1.
        #[serde(default = "one")]
        scale: f64,
    },
}

/// A number of a [`Preprocessing`] that is out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("preprocessing: {name} is {value}: it must be {rule}")]
pub struct PreprocessingError {
    /// The number.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// What is allowed.
    pub rule: &'static str,
}

fn one() -> f64 {
    1.0
}

impl Preprocessing {
    /// Whether nothing is done.
    pub fn is_none(&self) -> bool {
        *self == Preprocessing::None
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// The first number that is out of range, by name.
    pub fn validate(&self) -> Result<(), PreprocessingError> {
        let refuse = |name, value, rule| Err(PreprocessingError { name, value, rule });
        let (scale, offset) = match *self {
            Preprocessing::None => return Ok(()),
            Preprocessing::Affine { scale, offset } => (scale, ("offset", offset)),
            Preprocessing::Standard { deviation, .. }
                if !(deviation > 0.0 && deviation.is_finite()) =>
            {
                return refuse("deviation", deviation, "finite and above 0");
            }
            Preprocessing::Standard { mean, scale, .. } => (scale, ("mean", mean)),
        };
        match offset {
            _ if scale == 0.0 || !scale.is_finite() => refuse("scale", scale, "finite and not 0"),
            (name, value) if !value.is_finite() => refuse(name, value, "finite"),
            _ => Ok(()),
        }
    }

    /// What a feature becomes.
    pub fn of(&self, x: f64) -> f64 {
        match *self {
            Preprocessing::None => x,
            Preprocessing::Affine { scale, offset } => scale * x + offset,
            Preprocessing::Standard {
                mean,
                deviation,
                scale,
            } => scale * (x - mean) / deviation,
        }
    }

    /// The examples with all features changed so; they are then numbers of 32 bits, not bytes.
    ///
    /// # Errors
    /// If a number is out of range, or a feature becomes too large for 32 bits.
    pub fn apply(&self, data: &Dataset) -> Result<Dataset, DataError> {
        self.validate()?;
        if self.is_none() {
            return Ok(data.clone());
        }
        let values: Vec<f32> = match data.inputs() {
            Inputs::Values(values) => values
                .iter()
                .map(|x| self.of(f64::from(*x)) as f32)
                .collect(),
            Inputs::Bytes { pixels, full_scale } => {
                let of = |pixel| self.of(f64::from(pixel) / f64::from(*full_scale)) as f32;
                let table: Vec<f32> = (0..=u8::MAX).map(of).collect();
                pixels
                    .iter()
                    .map(|pixel| table[usize::from(*pixel)])
                    .collect()
            }
        };
        Dataset::new(
            data.features(),
            Inputs::Values(values),
            data.targets().clone(),
        )
    }

    /// As [`apply`](Self::apply), for training and test examples.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_to_both(&self, split: Split) -> Result<Split, DataError> {
        if self.is_none() {
            return Ok(split);
        }
        Ok(Split {
            train: self.apply(&split.train)?,
            test: self.apply(&split.test)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Targets;

    const STANDARD: Preprocessing = Preprocessing::Standard {
        mean: 0.1307,
        deviation: 0.3081,
        scale: 0.3,
    };

    #[test]
    fn bytes_and_numbers_become_the_same() {
        let pixels = vec![0, 51, 255, 102];
        let values = vec![0.0, 0.2, 1.0, 0.4];
        let targets = Targets::Labels {
            labels: vec![0, 1],
            classes: 2,
        };
        let of = |inputs| STANDARD.apply(&Dataset::new(2, inputs, targets.clone()).unwrap());
        let bytes = of(Inputs::Bytes {
            pixels,
            full_scale: 255,
        });
        let (bytes, numbers) = (bytes.unwrap(), of(Inputs::Values(values)).unwrap());
        let wanted = [0.0, 0.2, 1.0, 0.4].map(|x: f64| 0.3 * (x - 0.1307) / 0.3081);
        for (e, pair) in wanted.chunks(2).enumerate() {
            for (k, wanted) in pair.iter().enumerate() {
                assert!((bytes.input(e)[k] - wanted).abs() < 1e-7);
                assert!((numbers.input(e)[k] - wanted).abs() < 1e-7);
            }
        }
        assert_eq!((bytes.label(1), bytes.classes()), (Some(1), Some(2)));
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        for (text, fault) in [
            ("kind = \"affine\"\nscale = 0", "scale is 0"),
            (
                "kind = \"affine\"\nscale = 1\noffset = inf",
                "offset is inf",
            ),
            (
                "kind = \"standard\"\nmean = 1\ndeviation = 0",
                "deviation is 0",
            ),
            (
                "kind = \"standard\"\nmean = nan\ndeviation = 1",
                "mean is NaN",
            ),
        ] {
            let preprocessing: Preprocessing = toml::from_str(text).unwrap();
            let error = preprocessing.validate().unwrap_err().to_string();
            assert!(error.contains(fault), "{error}");
        }
        toml::from_str::<Preprocessing>("kind = \"affine\"").unwrap_err();
        toml::from_str::<Preprocessing>("kind = \"affine\"\nscale = 1\nmean = 2").unwrap_err();
        let huge = Preprocessing::Affine {
            scale: 1e300,
            offset: 0.0,
        };
        let error = huge.apply(&crate::data::digits()).unwrap_err().to_string();
        assert!(error.contains("must be finite"), "{error}");
    }
}
