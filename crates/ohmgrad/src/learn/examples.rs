//! Examples as the network meets them: input potentials and targets, in volt.

use crate::data::{Dataset, Inputs};
use crate::drn::Input;

/// Lists the input potentials of a batch, in volt: those of the positive sources, `gain` volt per unit of a feature. Slots
/// beyond the examples get none.
pub(super) fn encode_examples(
    input: &mut Input,
    data: &Dataset,
    examples: &[u32],
    batch: usize,
    gain: f32,
) {
    let features = data.features();
    let range = |example: u32| example as usize * features..(example as usize + 1) * features;
    let write = |volts: &mut [f32], example: u32| match data.inputs() {
        Inputs::Bytes { pixels, full_scale } => {
            let scale = gain / f32::from(*full_scale);
            let pixels = pixels[range(example)].iter();
            volts
                .iter_mut()
                .zip(pixels)
                .for_each(|(v, p)| *v = scale * f32::from(*p));
        }
        Inputs::Values(values) => {
            let values = values[range(example)].iter();
            volts
                .iter_mut()
                .zip(values)
                .for_each(|(v, x)| *v = gain * x);
        }
    };
    input.encode(features, batch, |b, volts| match examples.get(b) {
        Some(&example) => write(volts, example),
        None => volts.fill(0.0),
    });
}

/// Targets in volt; those of slots beyond the examples are 0.
pub(super) fn write_targets(data: &Dataset, examples: &[u32], targets: &mut [f32]) {
    targets.fill(0.0);
    for (&example, target) in examples.iter().zip(targets.chunks_mut(data.outputs())) {
        let wanted = data.targets().of(example as usize);
        let outputs = target.iter_mut().enumerate();
        outputs.for_each(|(k, y)| *y = wanted(k));
    }
}
