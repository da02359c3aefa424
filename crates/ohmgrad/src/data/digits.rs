//! The handwritten digits of 8x8 pixels that are part of the library.

use std::io::Read;

use flate2::read::GzDecoder;

use super::Dataset;

/// One line per image: 64 pixels in 0..=16, row after row, then the label.
const PACKED: &[u8] = include_bytes!("../../../../data/digits/digits.csv.gz");
const FEATURES: usize = 64;
const CLASSES: usize = 10;
const FULL_SCALE: u8 = 16;

/// 1797 handwritten digits of 8x8 pixels in `0..=16`, in the order of scikit-learn's `load_digits`.
///
/// They are the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and
/// C. Kaynak (UCI Machine Learning Repository, CC BY 4.0), and are embedded: no file is needed.
pub fn digits() -> Dataset {
    unpacked(PACKED)
        .and_then(|text| parsed(&text))
        .expect("the embedded digits are whole: a test reads them")
}

fn unpacked(packed: &[u8]) -> Option<String> {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).ok()?;
    Some(text)
}

fn parsed(text: &str) -> Option<Dataset> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let row: Option<Vec<u8>> = line.split(',').map(|field| field.parse().ok()).collect();
        let (label, image) = row.as_ref()?.split_last()?;
        pixels.extend_from_slice(image.as_array::<FEATURES>()?);
        labels.push(*label);
    }
    Dataset::images(FEATURES, CLASSES, FULL_SCALE, pixels, &labels).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_scikit_learn() {
        let data = digits();
        assert_eq!(
            (data.len(), data.features(), data.classes()),
            (1797, 64, Some(10))
        );
        let pixels = [0, 0, 5, 13, 9, 1, 0, 0].map(|pixel| f64::from(pixel) / 16.0);
        assert_eq!(data.input(0)[..8], pixels);
        let labels: Vec<usize> = (0..10).filter_map(|e| data.label(e)).collect();
        assert_eq!(labels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let mut counts = [0; 10];
        (0..data.len()).for_each(|e| counts[data.label(e).unwrap()] += 1);
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    #[test]
    fn damaged_text_is_refused() {
        let line = |pixels: usize, last: &str| format!("{}{last}\n", "7,".repeat(pixels));
        assert!(parsed(&line(64, "9")).is_some());
        for text in [
            "",
            "\n",
            &line(63, "9"),
            &line(64, "x"),
            &line(64, "10"),
            &line(64, "300"),
        ] {
            assert!(parsed(text).is_none(), "{text}");
        }
        let two_that_add_up = line(63, "9") + &line(65, "9");
        assert!(parsed(&two_that_add_up).is_none());
        assert!(unpacked(&PACKED[..PACKED.len() - 1]).is_none());
    }
}
