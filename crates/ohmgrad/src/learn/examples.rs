//! Examples as the network meets them: input potentials and targets, in volt.

use crate::data::Dataset;
use crate::drn::Input;

/// Potential in volt of the positive source per step of the data's 8-bit features.
pub(super) fn volts_per_step(gain: f32, data: &Dataset) -> f32 {
    gain / f32::from(data.full_scale())
}

/// Lists the input potentials of a batch, in volt; slots beyond the examples get none.
pub(super) fn encode_examples(
    input: &mut Input,
    data: &Dataset,
    examples: &[u32],
    batch: usize,
    scale: f32,
) {
    input.encode(data.features(), batch, |b, volts| match examples.get(b) {
        Some(&example) => {
            let pixels = data.pixels(example as usize).iter();
            volts
                .iter_mut()
                .zip(pixels)
                .for_each(|(v, p)| *v = scale * f32::from(*p));
        }
        None => volts.fill(0.0),
    });
}

/// One-hot targets in volt: 1 for the label, 0 for the others.
pub(super) fn write_targets(data: &Dataset, examples: &[u32], targets: &mut [f32]) {
    targets.fill(0.0);
    for (&example, target) in examples.iter().zip(targets.chunks_mut(data.classes())) {
        target[usize::from(data.label(example as usize))] = 1.0;
    }
}
