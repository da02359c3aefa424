//! Examples: the embedded handwritten digits, folders of IDX files (MNIST and its kin), and any arrays.
//!
//! Pixels stay the bytes they are on disk and are scaled to `[0, 1]` where they are used: the
//! 60,000 training images of MNIST take 47 MB instead of 188 MB.
//!
//! ```
//! let digits = ohmgrad::data::digits();
//! assert_eq!((digits.len(), digits.features(), digits.classes()), (1797, 64, Some(10)));
//! ```

mod digits;
mod idx;
mod parts;
mod preprocessing;

use std::fmt;
use std::io;
use std::path::PathBuf;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

pub use digits::digits;
pub use idx::idx_folder;
pub use parts::{Inputs, Targets};
pub use preprocessing::{Preprocessing, PreprocessingError};

/// Examples of the same task: features, and a class or target potentials. There is always at least one example.
#[derive(Clone, PartialEq)]
pub struct Dataset {
    features: usize,
    inputs: Inputs,
    targets: Targets,
}

/// Training and test examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The examples to learn from.
    pub train: Dataset,
    /// The examples to measure the error on.
    pub test: Dataset,
}

/// Why examples cannot be read, built or split.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Examples without features.
    #[error("features is 0: every example needs at least one feature")]
    NoFeatures,
    /// A full scale of 0.
    #[error("full_scale is 0: it is the pixel value that means 1.0, at least 1")]
    NoFullScale,
    /// No examples.
    #[error("there are no examples: a dataset needs at least one")]
    NoExamples,
    /// Targets without outputs.
    #[error("the targets have no outputs: at least one class or target potential is needed")]
    NoOutputs,
    /// The number of feature values does not fit the number of examples.
    #[error(
        "{values} feature values for {examples} examples: with {features} features, each example needs {features}"
    )]
    Inputs {
        /// Number of values given.
        values: usize,
        /// Number of examples that there are targets for.
        examples: usize,
        /// Features per example.
        features: usize,
    },
    /// Target potentials that are not whole examples.
    #[error("{values} target potentials are not whole examples of {outputs} outputs")]
    Targets {
        /// Number of potentials given.
        values: usize,
        /// Outputs per example.
        outputs: usize,
    },
    /// A feature or a target potential that is not finite.
    #[error("{quantity} {index} of example {example} is {value}: it must be finite")]
    NotFinite {
        /// What it is.
        quantity: &'static str,
        /// The first such example, counted from 0.
        example: usize,
        /// Its position within the example, counted from 0.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A pixel above full scale.
    #[error(
        "example {example} has the pixel {pixel}: pixels must be at most full_scale, {full_scale}"
    )]
    Pixel {
        /// The first such example, counted from 0.
        example: usize,
        /// The pixel's value.
        pixel: u8,
        /// The largest value allowed.
        full_scale: u8,
    },
    /// A label that is not below the number of classes.
    #[error(
        "example {example} has the label {label}: labels must be below {classes}, the number of classes"
    )]
    Label {
        /// The first such example, counted from 0.
        example: usize,
        /// Its label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// A preprocessing that is refused.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// A fraction to hold out that is not between 0 and 1.
    #[error("the fraction to hold out is {0}: it must be above 0 and below 1")]
    Fraction(f64),
    /// A split with nothing on one side.
    #[error(
        "holding out {fraction} of {examples} examples leaves one side empty: change the fraction, or take more examples"
    )]
    EmptySide {
        /// The fraction to hold out.
        fraction: f64,
        /// Number of examples to split.
        examples: usize,
    },
    /// The data folder is not there, or is not a folder.
    #[error("{path} is not a folder: give the folder with {}", idx::FOUR_FILES)]
    NoFolder {
        /// The path given.
        path: PathBuf,
    },
    /// One of the four files is not in the folder, neither packed nor unpacked.
    #[error("{path} is not there: the folder must hold {}", idx::FOUR_FILES)]
    NoFile {
        /// The packed file's path.
        path: PathBuf,
    },
    /// The operating system failed to open or read a file, or to give the memory for it.
    #[error("{path} cannot be read: check the file, its permissions and the free memory")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A gzip file that is cut short, or whose content does not fit its checksum.
    #[error(
        "{path} is not a whole gzip file: fetch it again, or remove `.gz` from its name if it is unpacked"
    )]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: io::Error,
    },
    /// A file that starts with the wrong four bytes.
    #[error(
        "{path} starts with {found:#010x}, not with {expected:#010x}: it is another of the four files, or no IDX file of bytes"
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// The number that files of this kind start with.
        expected: u32,
        /// The number it starts with.
        found: u32,
    },
    /// A header that announces nothing.
    #[error("{path} announces 0 {quantity}: at least 1 is needed")]
    Empty {
        /// The file.
        path: PathBuf,
        /// What there is none of, in words.
        quantity: &'static str,
    },
    /// A header that announces more than is read into memory.
    #[error(
        "{path} announces {bytes} bytes of pixels: at most {limit} are read; the header may be damaged"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The product of the sizes in its header.
        bytes: u128,
        /// The most that is read.
        limit: u64,
    },
    /// A file shorter than its header says. Sizes are those of the unpacked content.
    #[error("{path} ends after {found} bytes, {expected} were expected: fetch it again")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Size that the header calls for (or the header's own, if that is cut short).
        expected: u64,
        /// Actual size.
        found: u64,
    },
    /// A file longer than its header says.
    #[error("{path} goes on after the {expected} bytes that its header calls for: fetch it again")]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Size of the unpacked content that the header calls for.
        expected: u64,
    },
    /// An image file and a label file with different numbers of examples.
    #[error(
        "{images_path} has {images} images, {labels_path} has {labels} labels: do they belong together?"
    )]
    Counts {
        /// The image file.
        images_path: PathBuf,
        /// Number of images.
        images: u32,
        /// The label file.
        labels_path: PathBuf,
        /// Number of labels.
        labels: u32,
    },
    /// A label file with a label that is not below the number of classes.
    #[error("{path}: label {index} (counted from 0) is {label}, labels must be below {classes}")]
    LabelInFile {
        /// The file.
        path: PathBuf,
        /// Position of the first such label, counted from 0.
        index: usize,
        /// The label.
        label: u8,
        /// Number of classes.
        classes: usize,
    },
    /// Training and test images of different sizes.
    #[error(
        "training images in {path} are {train:?} pixels (rows, columns), test images {test:?}: do the files belong together?"
    )]
    ImageSize {
        /// The folder.
        path: PathBuf,
        /// Rows and columns of the training images.
        train: (u32, u32),
        /// Rows and columns of the test images.
        test: (u32, u32),
    },
}

impl Dataset {
    /// Examples from their features and targets.
    ///
    /// ```
    /// use ohmgrad::data::{Dataset, Inputs, Targets};
    ///
    /// let inputs = Inputs::Values(vec![0.0, 0.5, 1.0]);
    /// let targets = Targets::Values { values: vec![0.0, 0.25, 1.0], outputs: 1 };
    /// let squares = Dataset::new(1, inputs, targets)?;
    /// assert_eq!((squares.len(), squares.outputs(), squares.classes()), (3, 1, None));
    /// # Ok::<(), ohmgrad::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If there are no examples, features or outputs, if the lengths do not fit, or if a value is not allowed.
    pub fn new(features: usize, inputs: Inputs, targets: Targets) -> Result<Self, DataError> {
        let dataset = Self {
            features,
            inputs,
            targets,
        };
        dataset.check_sizes()?;
        dataset.check_inputs()?;
        dataset.check_targets()?;
        Ok(dataset)
    }

    /// Labelled examples with features of 8 bits. `full_scale` is the pixel value that means 1.0, such as 255.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn images(
        features: usize,
        classes: usize,
        full_scale: u8,
        pixels: Vec<u8>,
        labels: &[u8],
    ) -> Result<Self, DataError> {
        let labels = labels.iter().map(|&label| label.into()).collect();
        let inputs = Inputs::Bytes { pixels, full_scale };
        Self::new(features, inputs, Targets::Labels { labels, classes })
    }

    fn check_sizes(&self) -> Result<(), DataError> {
        let (values, examples, features) = (self.inputs.len(), self.len(), self.features);
        match examples.checked_mul(features) {
            _ if features == 0 => Err(DataError::NoFeatures),
            _ if self.outputs() == 0 => Err(DataError::NoOutputs),
            _ if examples == 0 => Err(DataError::NoExamples),
            Some(expected) if expected == values => Ok(()),
            _ => Err(DataError::Inputs {
                values,
                examples,
                features,
            }),
        }
    }

    fn check_inputs(&self) -> Result<(), DataError> {
        match &self.inputs {
            Inputs::Bytes { full_scale: 0, .. } => Err(DataError::NoFullScale),
            Inputs::Bytes { pixels, full_scale } => {
                match pixels.iter().position(|pixel| pixel > full_scale) {
                    None => Ok(()),
                    Some(place) => Err(DataError::Pixel {
                        example: place / self.features,
                        pixel: pixels[place],
                        full_scale: *full_scale,
                    }),
                }
            }
            Inputs::Values(values) => check_finite("feature", values, self.features),
        }
    }

    fn check_targets(&self) -> Result<(), DataError> {
        match &self.targets {
            Targets::Labels { labels, classes } => {
                match labels.iter().position(|&label| label as usize >= *classes) {
                    None => Ok(()),
                    Some(example) => Err(DataError::Label {
                        example,
                        label: labels[example],
                        classes: *classes,
                    }),
                }
            }
            Targets::Values { values, outputs } if !values.len().is_multiple_of(*outputs) => {
                Err(DataError::Targets {
                    values: values.len(),
                    outputs: *outputs,
                })
            }
            Targets::Values { values, outputs } => check_finite("target", values, *outputs),
        }
    }

    /// Number of examples, at least 1.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Always false: a dataset has at least one example.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of features of an example.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Number of outputs that a network needs: one per class, or per target potential.
    pub fn outputs(&self) -> usize {
        self.targets.outputs()
    }

    /// Number of classes; labels are below it. None if the targets are potentials.
    pub fn classes(&self) -> Option<usize> {
        match &self.targets {
            Targets::Labels { classes, .. } => Some(*classes),
            Targets::Values { .. } => None,
        }
    }

    /// The features of all examples.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// What all examples are to give.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The features of an example, as numbers.
    ///
    /// # Panics
    /// If `example >= self.len()`.
    pub fn input(&self, example: usize) -> Vec<f64> {
        let range = example * self.features..(example + 1) * self.features;
        match &self.inputs {
            Inputs::Bytes { pixels, full_scale } => {
                let number = |pixel: &u8| f64::from(*pixel) / f64::from(*full_scale);
                pixels[range].iter().map(number).collect()
            }
            Inputs::Values(values) => values[range].iter().map(|&x| x.into()).collect(),
        }
    }

    /// The class of an example. None if the targets are potentials.
    ///
    /// # Panics
    /// If `example >= self.len()`.
    pub fn label(&self, example: usize) -> Option<usize> {
        match &self.targets {
            Targets::Labels { labels, .. } => Some(labels[example] as usize),
            Targets::Values { .. } => None,
        }
    }

    /// Holds out `round(fraction * len)` examples, drawn at random: returns the rest, then those.
    ///
    /// On both sides the examples keep their order. The same seed (of ChaCha8) gives the same split.
    ///
    /// # Errors
    /// If `fraction` is not between 0 and 1, or if one side would be empty.
    pub fn split(&self, fraction: f64, seed: u64) -> Result<(Self, Self), DataError> {
        self.split_by(fraction, &mut ChaCha8Rng::seed_from_u64(seed))
    }

    /// As [`Self::split`], by a generator in any state.
    pub(crate) fn split_by(
        &self,
        fraction: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Self, Self), DataError> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(DataError::Fraction(fraction));
        }
        let examples = self.len();
        let held_out = (fraction * examples as f64).round() as usize;
        if held_out == 0 || held_out == examples {
            return Err(DataError::EmptySide { fraction, examples });
        }
        let mut order: Vec<usize> = (0..examples).collect();
        order.shuffle(rng);
        let (held_out, rest) = order.split_at_mut(held_out);
        rest.sort_unstable();
        held_out.sort_unstable();
        Ok((self.selected(rest), self.selected(held_out)))
    }

    /// `count` of the examples, drawn at random without repetition, in their order; all of them, if there are no more.
    ///
    /// The same seed (of ChaCha8) draws the same examples. At least one is drawn.
    ///
    /// ```
    /// let digits = ohmgrad::data::digits();
    /// assert_eq!(digits.drawn(64, 3).len(), 64);
    /// assert!(digits.drawn(64, 3) == digits.drawn(64, 3) && digits.drawn(64, 3) != digits.drawn(64, 4));
    /// ```
    pub fn drawn(&self, count: usize, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        order.truncate(count.max(1));
        order.sort_unstable();
        self.selected(&order)
    }

    /// The given examples, in the given order.
    ///
    /// # Panics
    /// If one of them is not below `self.len()`.
    pub fn selected(&self, examples: &[usize]) -> Self {
        Self {
            features: self.features,
            inputs: self.inputs.selected(examples, self.features),
            targets: self.targets.selected(examples),
        }
    }
}

fn check_finite(quantity: &'static str, values: &[f32], columns: usize) -> Result<(), DataError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(place) => Err(DataError::NotFinite {
            quantity,
            example: place / columns,
            index: place % columns,
            value: values[place],
        }),
    }
}

/// Sizes only: the content is too long to be printed.
impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("examples", &self.len())
            .field("features", &self.features)
            .field("outputs", &self.outputs())
            .field("classes", &self.classes())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
