//! Datasets: what they refuse, and how they are split.

use super::*;
use proptest::prelude::*;

/// Example `i` has the pixels `2 i, 2 i + 1`, so that pixels tell examples apart.
fn counted(examples: u8) -> Dataset {
    let labels: Vec<u8> = (0..examples).map(|i| i % 3).collect();
    Dataset::images(2, 3, 255, (0..2 * examples).collect(), &labels).unwrap()
}

#[test]
fn accessors_return_the_parts() {
    let data = counted(5);
    assert_eq!(
        (data.len(), data.features(), data.classes()),
        (5, 2, Some(3))
    );
    assert_eq!(data.input(4), [8.0 / 255.0, 9.0 / 255.0]);
    assert_eq!((data.label(4), data.is_empty()), (Some(1), false));
    assert!(format!("{data:?}").len() < 100);
}

#[test]
fn numbers_are_kept_as_they_are() {
    let inputs = Inputs::Values(vec![0.5, -2.0, 1e9, 0.0]);
    let values = vec![1.0, 2.0, 3.0, -4.0, -5.0, -6.0];
    let data = Dataset::new(2, inputs, Targets::Values { values, outputs: 3 }).unwrap();
    assert_eq!((data.len(), data.outputs(), data.classes()), (2, 3, None));
    assert_eq!((data.input(1), data.label(1)), (vec![1e9, 0.0], None));
    let second = data.selected(&[1, 1]);
    assert_eq!((second.len(), second.input(0)), (2, data.input(1)));
    assert_eq!([0, 1, 2].map(second.targets().of(1)), [-4.0, -5.0, -6.0]);
}

#[test]
fn wrong_numbers_are_refused() {
    let new = |inputs: &[f32], values: &[f32], outputs| {
        let (inputs, values) = (inputs.to_vec(), values.to_vec());
        Dataset::new(
            2,
            Inputs::Values(inputs),
            Targets::Values { values, outputs },
        )
        .unwrap_err()
        .to_string()
    };
    for (error, text) in [
        (new(&[0.0; 4], &[0.0; 2], 0), "the targets have no outputs"),
        (
            new(&[0.0; 4], &[0.0; 5], 2),
            "5 target potentials are not whole examples of 2",
        ),
        (
            new(&[0.0; 3], &[0.0; 2], 1),
            "3 feature values for 2 examples",
        ),
        (
            new(&[0.0, 0.0, 0.0, f32::NAN], &[0.0; 2], 1),
            "feature 1 of example 1 is NaN",
        ),
        (
            new(&[0.0; 4], &[0.0, f32::INFINITY], 1),
            "target 0 of example 1 is inf",
        ),
    ] {
        assert!(error.starts_with(text), "{error}");
    }
}

#[test]
fn wrong_parts_are_refused() {
    use DataError as E;
    let new = |features, classes, full_scale, pixels: &[u8], labels: &[u8]| {
        Dataset::images(features, classes, full_scale, pixels.to_vec(), labels).unwrap_err()
    };
    assert!(matches!(new(0, 2, 16, &[], &[0]), E::NoFeatures));
    assert!(matches!(new(1, 2, 0, &[0], &[0]), E::NoFullScale));
    assert!(matches!(new(1, 2, 16, &[], &[]), E::NoExamples));
    assert!(matches!(
        new(2, 2, 16, &[1; 3], &[0, 1]),
        E::Inputs {
            values: 3,
            examples: 2,
            ..
        }
    ));
    assert!(matches!(
        new(usize::MAX, 2, 16, &[1; 3], &[0, 1]),
        E::Inputs { .. }
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
    assert!(matches!(new(1, 0, 16, &[1], &[0]), E::NoOutputs));
}

#[test]
fn split_refuses_empty_sides_and_wrong_fractions() {
    for fraction in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
        let error = counted(10).split(fraction, 0).unwrap_err();
        assert!(matches!(error, DataError::Fraction(_)), "{error}");
    }
    for fraction in [0.04, 0.96] {
        let error = counted(10).split(fraction, 0).unwrap_err();
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
        let split = || data.split(fraction, seed).unwrap();
        let (rest, held_out) = split();
        prop_assert_eq!(held_out.len(), (fraction * f64::from(examples)).round() as usize);
        let of = |part: &Dataset| -> Vec<_> {
            let pixel = |x: f64| (x * 255.0).round() as u8;
            let pixels = |e| part.input(e).into_iter().map(pixel).collect::<Vec<_>>();
            (0..part.len()).map(|e| (pixels(e), part.label(e))).collect()
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
    let split = |seed| counted(100).split(0.5, seed).unwrap();
    assert_ne!(split(0), split(1));
}
