//! Files of images and labels, whole and damaged.

use super::*;
use crate::data::Inputs;
use DataError as E;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::{Cursor, Write};
use tempfile::TempDir;

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte.gz";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte.gz";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte.gz";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte.gz";

fn idx(header: &[u32], data: &[u8]) -> Vec<u8> {
    let header = header.iter().flat_map(|word| word.to_be_bytes());
    header.chain(data.iter().copied()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Three training and two test images of 2x3 pixels.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..18).collect();
    put(&dir, TRAIN_IMAGES, &idx(&[IMAGES, 3, 2, 3], &pixels));
    put(&dir, TRAIN_LABELS, &idx(&[LABELS, 3], &[9, 0, 4]));
    put(&dir, TEST_IMAGES, &idx(&[IMAGES, 2, 2, 3], &[255; 12]));
    put(&dir, TEST_LABELS, &idx(&[LABELS, 2], &[1, 2]));
    dir
}

fn put(dir: &TempDir, name: &str, unpacked: &[u8]) {
    fs::write(dir.path().join(name), gzip(unpacked)).unwrap();
}

/// The error of a good folder in which one file is replaced.
fn error_with(name: &str, unpacked: &[u8]) -> DataError {
    let dir = folder();
    put(&dir, name, unpacked);
    let error = idx_folder(dir.path()).unwrap_err();
    assert!(
        error.to_string().contains(dir.path().to_str().unwrap()),
        "{error}"
    );
    error
}

/// The error of a good folder in which one packed file is replaced by these bytes.
fn error_with_raw(name: &str, bytes: &[u8]) -> DataError {
    let dir = folder();
    fs::write(dir.path().join(name), bytes).unwrap();
    idx_folder(dir.path()).unwrap_err()
}

#[test]
fn a_folder_is_read_packed_or_unpacked() {
    let dir = folder();
    let packed = idx_folder(dir.path()).unwrap();
    let (train, test) = (&packed.train, &packed.test);
    assert_eq!(
        (train.len(), train.features(), train.classes()),
        (3, 6, Some(10))
    );
    assert_eq!(
        (train.input(1), train.label(0)),
        (
            [6, 7, 8, 9, 10, 11].map(|p| f64::from(p) / 255.0).to_vec(),
            Some(9)
        )
    );
    assert_eq!((test.len(), test.label(1)), (2, Some(2)));

    for name in [TRAIN_IMAGES, TEST_LABELS] {
        let path = dir.path().join(name);
        let mut unpacked = Vec::new();
        let file = BufReader::new(File::open(&path).unwrap());
        MultiGzDecoder::new(file)
            .read_to_end(&mut unpacked)
            .unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(path.with_extension(""), unpacked).unwrap();
    }
    assert_eq!(idx_folder(dir.path()).unwrap(), packed);
}

#[test]
fn missing_folders_and_files_are_named() {
    let dir = folder();
    let error = idx_folder(&dir.path().join("nowhere")).unwrap_err();
    assert!(matches!(error, E::NoFolder { .. }), "{error}");
    let error = idx_folder(&dir.path().join(TRAIN_IMAGES)).unwrap_err();
    assert!(matches!(error, E::NoFolder { .. }), "{error}");

    fs::remove_file(dir.path().join(TEST_LABELS)).unwrap();
    let error = idx_folder(dir.path()).unwrap_err();
    assert!(matches!(error, E::NoFile { .. }), "{error}");
    for name in [
        dir.path().to_str().unwrap(),
        TRAIN_IMAGES,
        TRAIN_LABELS,
        TEST_IMAGES,
        TEST_LABELS,
    ] {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn system_errors_keep_their_source() {
    let dir = folder();
    fs::remove_file(dir.path().join(TRAIN_LABELS)).unwrap();
    fs::create_dir(dir.path().join(TRAIN_LABELS)).unwrap();
    let error = idx_folder(dir.path()).unwrap_err();
    assert!(matches!(error, E::Read { .. }), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn wrong_headers_are_refused() {
    let error = error_with(TRAIN_IMAGES, &idx(&[LABELS, 12], &[0; 12]));
    assert!(
        matches!(
            error,
            E::Magic {
                expected: IMAGES,
                found: LABELS,
                ..
            }
        ),
        "{error}"
    );
    let error = error_with(TEST_LABELS, &idx(&[IMAGES, 2, 2, 3], &[0; 12]));
    assert!(
        matches!(
            error,
            E::Magic {
                expected: LABELS,
                found: IMAGES,
                ..
            }
        ),
        "{error}"
    );

    for (name, header, quantity) in [
        (TRAIN_IMAGES, &[IMAGES, 0, 2, 3][..], "images"),
        (TRAIN_IMAGES, &[IMAGES, 3, 0, 3], "rows"),
        (TRAIN_IMAGES, &[IMAGES, 3, 2, 0], "columns"),
        (TRAIN_LABELS, &[LABELS, 0], "labels"),
    ] {
        let error = error_with(name, &idx(header, &[]));
        assert!(
            matches!(error, E::Empty { quantity: q, .. } if q == quantity),
            "{error}"
        );
    }
}

#[test]
fn hostile_sizes_are_refused_before_they_are_reserved() {
    let error = error_with(
        TRAIN_IMAGES,
        &idx(&[IMAGES, 3, u32::MAX, u32::MAX], &[0; 18]),
    );
    assert!(matches!(error, E::TooLarge { limit: LIMIT, .. }), "{error}");
    let largest = idx(&[IMAGES, u32::MAX, u32::MAX, u32::MAX], &[]);
    let source = Source::plain(PathBuf::new(), io::empty(), 0);
    let error = source.bounded([u32::MAX; 3]).unwrap_err();
    assert!(
        matches!(error, E::TooLarge { bytes, .. } if bytes > 1 << 95),
        "{error}"
    );
    assert!(matches!(
        error_with(TRAIN_IMAGES, &largest),
        E::Counts { .. }
    ));

    // 4 GiB announced, a few bytes there.
    let header = idx(&[IMAGES, 3, 1 << 15, 43_000], &[1; 5]);
    let error = error_with(TRAIN_IMAGES, &header);
    assert!(matches!(error, E::Truncated { found: 21, .. }), "{error}");
    let size = header.len() as u64;
    let mut source = Source::plain(PathBuf::new(), Cursor::new(header), size);
    assert_eq!(source.at_most(LIMIT).unwrap().capacity() as u64, size);
}

#[test]
fn wrong_lengths_are_refused() {
    let images = [IMAGES, 3, 2, 3];
    let error = error_with(TRAIN_IMAGES, &idx(&images, &[0; 17]));
    assert!(
        matches!(
            error,
            E::Truncated {
                expected: 34,
                found: 33,
                ..
            }
        ),
        "{error}"
    );
    let error = error_with(TRAIN_IMAGES, &idx(&images, &[0; 19]));
    assert!(matches!(error, E::Trailing { expected: 34, .. }), "{error}");
    let error = error_with(TRAIN_LABELS, &idx(&[LABELS, 3], &[0; 2]));
    assert!(
        matches!(
            error,
            E::Truncated {
                expected: 11,
                found: 10,
                ..
            }
        ),
        "{error}"
    );
    let error = error_with(TRAIN_LABELS, &idx(&[LABELS, 3], &[0; 4]));
    assert!(matches!(error, E::Trailing { expected: 11, .. }), "{error}");
    let error = error_with(TRAIN_LABELS, &idx(&[LABELS], &[]));
    assert!(
        matches!(
            error,
            E::Truncated {
                expected: 8,
                found: 4,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn damaged_gzip_is_refused() {
    let good = gzip(&idx(&[LABELS, 3], &[0; 3]));
    let mut wrong_checksum = good.clone();
    wrong_checksum[good.len() - 8] ^= 1;
    let surplus = [&good[..], b"more"].concat();
    for bytes in [
        &[][..],
        b"no gzip",
        &good[..good.len() - 1],
        &good[..14],
        &wrong_checksum,
        &surplus,
    ] {
        let error = error_with_raw(TRAIN_LABELS, bytes);
        assert!(matches!(error, E::Gzip { .. }), "{bytes:?}: {error}");
        assert!(error.to_string().contains(TRAIN_LABELS));
    }
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let error = error_with(TRAIN_LABELS, &idx(&[LABELS, 4], &[0; 4]));
    assert!(
        matches!(
            error,
            E::Counts {
                images: 3,
                labels: 4,
                ..
            }
        ),
        "{error}"
    );
    let error = error_with(TEST_IMAGES, &idx(&[IMAGES, 2, 1, 3], &[0; 6]));
    assert!(
        matches!(
            error,
            E::ImageSize {
                train: (2, 3),
                test: (1, 3),
                ..
            }
        ),
        "{error}"
    );
    let error = error_with(TEST_IMAGES, &idx(&[IMAGES, 2, 3, 2], &[0; 12]));
    assert!(matches!(error, E::ImageSize { .. }), "{error}");
}

#[test]
fn the_first_label_above_9_is_named() {
    let error = error_with(TRAIN_LABELS, &idx(&[LABELS, 3], &[9, 10, 255]));
    assert!(
        matches!(
            error,
            E::LabelInFile {
                index: 1,
                label: 10,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn mnist_is_whole() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist");
    let Split { train, test } = idx_folder(&dir).unwrap();
    assert_eq!((train.len(), test.len()), (60_000, 10_000));
    assert_eq!((train.features(), test.features()), (784, 784));
    let first = |data: &Dataset| -> Vec<usize> { (0..5).filter_map(|e| data.label(e)).collect() };
    assert_eq!(
        (first(&train), first(&test)),
        (vec![5, 0, 4, 1, 9], vec![7, 2, 1, 0, 4])
    );
    let Inputs::Bytes { pixels, .. } = train.inputs() else {
        panic!("MNIST is bytes");
    };
    let sum: u64 = pixels.iter().map(|&pixel| u64::from(pixel)).sum();
    let mean = sum as f64 / (255 * pixels.len()) as f64;
    assert!((mean - 0.1307).abs() < 1e-4);
    assert_eq!(pixels.capacity(), 47_040_000);
}

fn source(bytes: Vec<u8>, packed: bool) -> Source {
    let size = bytes.len() as u64;
    match packed {
        true => Source::packed(PathBuf::new(), Cursor::new(bytes), size),
        false => Source::plain(PathBuf::new(), Cursor::new(bytes), size),
    }
}

/// Small numbers that often fit the data, and any others.
fn word() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0_u32..4, 1 => any::<u32>()]
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(images: Vec<u8>, labels: Vec<u8>, packed: bool) {
        let _ = dataset(source(images, packed), source(labels, packed));
    }

    #[test]
    fn damaged_files_do_not_panic(
        sizes in [word(), word(), word(), word()],
        pixels in prop::collection::vec(any::<u8>(), 0..40),
        labels in prop::collection::vec(0_u8..12, 0..4),
        packed: bool,
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let [count, rows, columns, label_count] = sizes;
        let pack = |bytes: Vec<u8>| if packed { gzip(&bytes) } else { bytes };
        let mut images = pack(idx(&[IMAGES, count, rows, columns], &pixels));
        if let Some((place, byte)) = damage {
            let place = place.index(images.len());
            images[place] = byte;
        }
        let labels = pack(idx(&[LABELS, label_count], &labels));
        if let Ok((data, (rows, columns))) = dataset(source(images, packed), source(labels, packed)) {
            prop_assert_eq!(data.features(), rows as usize * columns as usize);
            prop_assert_eq!(data.len(), count as usize);
        }
    }
}
