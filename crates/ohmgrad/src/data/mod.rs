//! Labelled examples: the embedded handwritten digits, and folders of IDX files (MNIST and its kin).
//!
//! Pixels stay the bytes they are on disk and are scaled to `[0, 1]` where they are used: the
//! 60,000 training images of MNIST take 47 MB instead of 188 MB.
//!
//! ```
//! let digits = ohmgrad::data::digits();
//! assert_eq!((digits.len(), digits.features(), digits.classes()), (1797, 64, 10));
//! ```

mod digits;
mod idx;

use std::fmt;
use std::io;
use std::path::PathBuf;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

pub use digits::digits;
pub use idx::idx_folder;

/// Labelled examples with 8-bit features; there is always at least one example.
#[derive(Clone, PartialEq, Eq)]
pub struct Dataset {
    features: usize,
    classes: usize,
    full_scale: u8,
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

/// Training and test examples.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The number of pixels does not fit the number of labels.
    #[error(
        "{pixels} pixels for {examples} labels: with {features} features, each label needs {features} pixels"
    )]
    Pixels {
        /// Number of pixels given.
        pixels: usize,
        /// Number of labels given.
        examples: usize,
        /// Features per example.
        features: usize,
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
        label: u8,
        /// Number of classes.
        classes: usize,
    },
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
    /// Examples from their pixels, example after example, and their labels.
    ///
    /// `full_scale` is the pixel value that means 1.0, such as 255.
    ///
    /// # Errors
    /// If there are no examples or no features, if `full_scale` is 0, if the lengths do not fit, or
    /// if a pixel exceeds `full_scale` or a label is not below `classes`.
    pub fn new(
        features: usize,
        classes: usize,
        full_scale: u8,
        pixels: Vec<u8>,
        labels: Vec<u8>,
    ) -> Result<Self, DataError> {
        let dataset = Self {
            features,
            classes,
            full_scale,
            pixels,
            labels,
        };
        dataset.check_sizes()?;
        dataset.check_values()?;
        Ok(dataset)
    }

    fn check_sizes(&self) -> Result<(), DataError> {
        let (pixels, examples, features) = (self.pixels.len(), self.len(), self.features);
        match examples.checked_mul(features) {
            _ if features == 0 => Err(DataError::NoFeatures),
            _ if self.full_scale == 0 => Err(DataError::NoFullScale),
            _ if examples == 0 => Err(DataError::NoExamples),
            Some(expected) if expected == pixels => Ok(()),
            _ => Err(DataError::Pixels {
                pixels,
                examples,
                features,
            }),
        }
    }

    fn check_values(&self) -> Result<(), DataError> {
        let (classes, full_scale) = (self.classes, self.full_scale);
        if let Some(example) = first_label_outside(&self.labels, classes) {
            let label = self.label(example);
            return Err(DataError::Label {
                example,
                label,
                classes,
            });
        }
        match self.pixels.iter().position(|&pixel| pixel > full_scale) {
            None => Ok(()),
            Some(place) => Err(DataError::Pixel {
                example: place / self.features,
                pixel: self.pixels[place],
                full_scale,
            }),
        }
    }

    /// Number of examples, at least 1.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Always false: a dataset has at least one example.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of features of an example.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Number of classes; labels are below it.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The features of an example.
    ///
    /// # Panics
    /// If `example >= self.len()`.
    pub fn pixels(&self, example: usize) -> &[u8] {
        &self.pixels[example * self.features..][..self.features]
    }

    /// The class of an example.
    ///
    /// # Panics
    /// If `example >= self.len()`.
    pub fn label(&self, example: usize) -> u8 {
        self.labels[example]
    }

    /// The pixel value that means 1.0, at least 1.
    pub fn full_scale(&self) -> u8 {
        self.full_scale
    }

    /// Holds out `round(fraction * len)` examples, drawn at random: returns the rest, then those.
    ///
    /// On both sides the examples keep their order. The same state of `rng` gives the same split.
    ///
    /// # Errors
    /// If `fraction` is not between 0 and 1, or if one side would be empty.
    pub fn split(&self, fraction: f64, rng: &mut ChaCha8Rng) -> Result<(Self, Self), DataError> {
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
        Ok((self.selected(rest), self.selected(held_out)))
    }

    /// The given examples, in the order of this dataset.
    fn selected(&self, examples: &mut [usize]) -> Self {
        examples.sort_unstable();
        let mut pixels = Vec::with_capacity(examples.len() * self.features);
        for &example in examples.iter() {
            pixels.extend_from_slice(self.pixels(example));
        }
        let labels = examples.iter().map(|&e| self.label(e)).collect();
        Self {
            pixels,
            labels,
            ..*self
        }
    }
}

/// Position of the first label that is not below `classes`.
fn first_label_outside(labels: &[u8], classes: usize) -> Option<usize> {
    labels.iter().position(|&l| usize::from(l) >= classes)
}

/// Sizes only: the content is too long to be printed.
impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("examples", &self.len())
            .field("features", &self.features)
            .field("classes", &self.classes)
            .field("full_scale", &self.full_scale)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;

    /// Example `i` has the pixels `2 i, 2 i + 1`, so that pixels tell examples apart.
    fn counted(examples: u8) -> Dataset {
        let labels = (0..examples).map(|i| i % 3).collect();
        Dataset::new(2, 3, 255, (0..2 * examples).collect(), labels).unwrap()
    }

    #[test]
    fn accessors_return_the_parts() {
        let data = counted(5);
        assert_eq!((data.len(), data.features(), data.classes()), (5, 2, 3));
        assert_eq!((data.pixels(4), data.label(4)), (&[8, 9][..], 1));
        assert_eq!((data.full_scale(), data.is_empty()), (255, false));
        assert!(format!("{data:?}").len() < 100);
    }

    #[test]
    fn wrong_parts_are_refused() {
        use DataError as E;
        let new = |features, classes, full_scale, pixels: &[u8], labels: &[u8]| {
            Dataset::new(
                features,
                classes,
                full_scale,
                pixels.to_vec(),
                labels.to_vec(),
            )
            .unwrap_err()
        };
        assert!(matches!(new(0, 2, 16, &[], &[0]), E::NoFeatures));
        assert!(matches!(new(1, 2, 0, &[0], &[0]), E::NoFullScale));
        assert!(matches!(new(1, 2, 16, &[], &[]), E::NoExamples));
        assert!(matches!(
            new(2, 2, 16, &[1; 3], &[0, 1]),
            E::Pixels {
                pixels: 3,
                examples: 2,
                ..
            }
        ));
        assert!(matches!(
            new(usize::MAX, 2, 16, &[1; 3], &[0, 1]),
            E::Pixels { .. }
        ));
        assert!(matches!(
            new(2, 2, 16, &[1, 2, 3, 17], &[0, 1]),
            E::Pixel {
                example: 1,
                pixel: 17,
                ..
            }
        ));
        assert!(matches!(
            new(1, 2, 16, &[1, 2], &[0, 2]),
            E::Label {
                example: 1,
                label: 2,
                ..
            }
        ));
        assert!(matches!(new(1, 0, 16, &[1], &[0]), E::Label { .. }));
    }

    #[test]
    fn split_refuses_empty_sides_and_wrong_fractions() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for fraction in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
            let error = counted(10).split(fraction, &mut rng).unwrap_err();
            assert!(matches!(error, DataError::Fraction(_)), "{error}");
        }
        for fraction in [0.04, 0.96] {
            let error = counted(10).split(fraction, &mut rng).unwrap_err();
            assert!(
                matches!(error, DataError::EmptySide { examples: 10, .. }),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn split_is_disjoint_complete_and_reproducible(
            examples in 4_u8..120, fraction in 0.2..0.8, seed: u64,
        ) {
            let data = counted(examples);
            let split = || data.split(fraction, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
            let (rest, held_out) = split();
            prop_assert_eq!(held_out.len(), (fraction * f64::from(examples)).round() as usize);
            let of = |part: &Dataset| -> Vec<_> {
                (0..part.len()).map(|e| (part.pixels(e).to_vec(), part.label(e))).collect()
            };
            prop_assert!(of(&rest).is_sorted() && of(&held_out).is_sorted());
            let mut union = [of(&rest), of(&held_out)].concat();
            union.sort();
            prop_assert_eq!(union, of(&data));
            prop_assert_eq!((rest, held_out), split());
        }
    }

    #[test]
    fn different_seeds_split_differently() {
        let split = |seed| {
            counted(100)
                .split(0.5, &mut ChaCha8Rng::seed_from_u64(seed))
                .unwrap()
        };
        assert_ne!(split(0), split(1));
    }
}
