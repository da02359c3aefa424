//! Examples to learn from.

/// Values of the inputs, and what the outputs shall be; there is always at least one example.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitExamples {
    inputs: Vec<Vec<f64>>,
    targets: Vec<Vec<f64>>,
    classifies: bool,
}

/// Why examples are refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExamplesError {
    /// No examples.
    #[error("there are no examples")]
    None,
    /// Other numbers of inputs and of targets.
    #[error("{inputs} examples have inputs, {targets} have targets")]
    Count {
        /// Examples with inputs.
        inputs: usize,
        /// Examples with targets.
        targets: usize,
    },
    /// An example with more or fewer values than the first.
    #[error("example {} has {found} values, the first has {expected}", example + 1)]
    Width {
        /// Which, from 0.
        example: usize,
        /// Its number of inputs and targets.
        found: usize,
        /// That of the first example.
        expected: usize,
    },
    /// A value that is not finite.
    #[error("example {} has the value {value}, it must be finite", example + 1)]
    Value {
        /// Which, from 0.
        example: usize,
        /// The value.
        value: f64,
    },
    /// A class for which there is no output.
    #[error("example {} is of class {class}, but there are {classes} classes, counted from 0", example + 1)]
    Class {
        /// Which example, from 0.
        example: usize,
        /// Its class.
        class: usize,
        /// The number of classes.
        classes: usize,
    },
}

impl CircuitExamples {
    /// Examples with a value (volt or ampere) for each input and each output.
    ///
    /// # Errors
    /// If there are none, a value is not finite, or not all have the same numbers of values.
    pub fn new(inputs: Vec<Vec<f64>>, targets: Vec<Vec<f64>>) -> Result<Self, ExamplesError> {
        let examples = CircuitExamples {
            inputs,
            targets,
            classifies: false,
        };
        examples.check()?;
        Ok(examples)
    }

    /// Examples of classes 0 to `classes` - 1, one output each: its target is `high` (volt or ampere) for examples of
    /// its class, and `low` for others. The largest output is the prediction. Cross-entropy takes the targets as
    /// probabilities: 1 and 0.
    ///
    /// # Errors
    /// If a class is out of range, and as [`new`](Self::new).
    pub fn of_classes(
        inputs: Vec<Vec<f64>>,
        labels: &[usize],
        classes: usize,
        [low, high]: [f64; 2],
    ) -> Result<Self, ExamplesError> {
        let level = |hit| if hit { high } else { low };
        let one = |(example, &class): (usize, &usize)| match class < classes {
            true => Ok((0..classes).map(|k| level(k == class)).collect()),
            false => Err(ExamplesError::Class {
                example,
                class,
                classes,
            }),
        };
        let targets = labels.iter().enumerate().map(one);
        let targets = targets.collect::<Result<_, _>>()?;
        let mut examples = Self::new(inputs, targets)?;
        examples.classifies = true;
        Ok(examples)
    }

    fn check(&self) -> Result<(), ExamplesError> {
        let (inputs, targets) = (self.inputs.len(), self.targets.len());
        if inputs != targets {
            return Err(ExamplesError::Count { inputs, targets });
        }
        let width = |k: usize| (self.inputs[k].len(), self.targets[k].len());
        let first = (inputs > 0).then(|| width(0)).ok_or(ExamplesError::None)?;
        for example in 0..inputs {
            let (of_inputs, of_targets) = width(example);
            if (of_inputs, of_targets) != first {
                return Err(ExamplesError::Width {
                    example,
                    found: of_inputs + of_targets,
                    expected: first.0 + first.1,
                });
            }
            let mut values = self.inputs[example].iter().chain(&self.targets[example]);
            if let Some(&value) = values.find(|value| !value.is_finite()) {
                return Err(ExamplesError::Value { example, value });
            }
        }
        Ok(())
    }

    /// Their number.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Whether the targets are classes.
    pub fn classifies(&self) -> bool {
        self.classifies
    }

    /// Values of the inputs of an example, in volt or ampere.
    pub fn inputs(&self, example: usize) -> &[f64] {
        &self.inputs[example]
    }

    /// Targets of an example, in volt or ampere.
    pub fn targets(&self, example: usize) -> &[f64] {
        &self.targets[example]
    }
}
