//! What a dataset is made of: features, and what they are to give.

/// The features of examples, example after example.
#[derive(Clone, PartialEq)]
pub enum Inputs {
    /// Bytes, a quarter of the memory of numbers.
    Bytes {
        /// The bytes, at most `full_scale` each.
        pixels: Vec<u8>,
        /// The byte that means 1.0, at least 1.
        full_scale: u8,
    },
    /// Finite numbers.
    Values(Vec<f32>),
}

/// What examples are to give.
#[derive(Clone, PartialEq)]
pub enum Targets {
    /// A class: the target is 1 V at the output of that class, and 0 V at the others.
    Labels {
        /// The class of each example, counted from 0.
        labels: Vec<u32>,
        /// Number of classes.
        classes: usize,
    },
    /// A potential at each output.
    Values {
        /// The potentials in volt, example after example; finite.
        values: Vec<f32>,
        /// Potentials per example, at least 1.
        outputs: usize,
    },
}

impl Inputs {
    /// Number of features of all examples together.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes { pixels, .. } => pixels.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// The features of the given examples.
    pub(super) fn selected(&self, examples: &[usize], features: usize) -> Self {
        match self {
            Self::Bytes { pixels, full_scale } => Self::Bytes {
                pixels: rows(pixels, examples, features),
                full_scale: *full_scale,
            },
            Self::Values(values) => Self::Values(rows(values, examples, features)),
        }
    }
}

impl Targets {
    /// Number of examples.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Labels { labels, .. } => labels.len(),
            Self::Values { values, outputs } => values.len() / outputs.max(&1),
        }
    }

    /// Outputs that a network needs for them.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Labels { classes, .. } => *classes,
            Self::Values { outputs, .. } => *outputs,
        }
    }

    /// The target potentials of an example, output by output, in volt.
    pub(crate) fn of(&self, example: usize) -> impl Fn(usize) -> f32 + Clone {
        move |output| match self {
            Self::Labels { labels, .. } => f32::from(u8::from(labels[example] as usize == output)),
            Self::Values { values, outputs } => values[example * outputs + output],
        }
    }

    /// The targets of the given examples.
    pub(super) fn selected(&self, examples: &[usize]) -> Self {
        match self {
            Self::Labels { labels, classes } => Self::Labels {
                labels: rows(labels, examples, 1),
                classes: *classes,
            },
            Self::Values { values, outputs } => Self::Values {
                values: rows(values, examples, *outputs),
                outputs: *outputs,
            },
        }
    }
}

/// The given rows of a matrix.
fn rows<T: Copy>(matrix: &[T], rows: &[usize], columns: usize) -> Vec<T> {
    let mut selected = Vec::with_capacity(rows.len() * columns);
    for row in rows {
        selected.extend_from_slice(&matrix[row * columns..][..columns]);
    }
    selected
}
