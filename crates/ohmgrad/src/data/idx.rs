//! Folders of four IDX files, the form in which MNIST, Fashion-MNIST and K-MNIST are distributed.
//!
//! An image file holds four big-endian 32-bit numbers (magic number, images, rows, columns), then
//! one byte per pixel; a label file two (magic number, labels), then one byte per label.
//!
//! A header is not believed: its sizes are bounded, and memory is reserved only for as many bytes
//! as a file of that length on disk can unpack to.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::{DataError, Dataset, Split};

const IMAGES: u32 = 0x0000_0803;
const LABELS: u32 = 0x0000_0801;
const CLASSES: usize = 10;
const FULL_SCALE: u8 = 255;

/// What a data folder holds, for error messages.
pub(super) const FOUR_FILES: &str = "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, \
     t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz (or the same unpacked, without .gz)";

/// The most bytes of pixels that are read from one file.
const LIMIT: u64 = 1 << 32;

/// Deflate makes at most 258 bytes of two bits.
const DEFLATE_RATIO: u64 = 1032;

/// Reads training and test images of ten classes from the four files of `dir`.
///
/// The files are `train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz`,
/// `t10k-images-idx3-ubyte.gz` and `t10k-labels-idx1-ubyte.gz`. For each that is not there, the
/// unpacked file of the same name without `.gz` is read. Pixels are read straight into place, so
/// that the peak of memory is the size of the result. At most 4 GiB are read from one file.
///
/// # Errors
/// If the folder or a file is missing, cannot be read, is no whole gzip file, has the wrong magic
/// number or a length that differs from what its header says; if images and labels differ in
/// number, training and test images in size; if a label is above 9.
pub fn idx_folder(dir: &Path) -> Result<Split, DataError> {
    check_folder(dir)?;
    let (train, train_size) = examples(dir, "train")?;
    let (test, test_size) = examples(dir, "t10k")?;
    if train_size != test_size {
        return Err(DataError::ImageSize {
            path: dir.to_owned(),
            train: train_size,
            test: test_size,
        });
    }
    Ok(Split { train, test })
}

fn check_folder(dir: &Path) -> Result<(), DataError> {
    let path = || dir.to_owned();
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => Ok(()),
        Err(source) if source.kind() != ErrorKind::NotFound => Err(DataError::Read {
            path: path(),
            source,
        }),
        _ => Err(DataError::NoFolder { path: path() }),
    }
}

fn examples(dir: &Path, part: &str) -> Result<(Dataset, (u32, u32)), DataError> {
    let images = Source::open(dir, &format!("{part}-images-idx3-ubyte"))?;
    let labels = Source::open(dir, &format!("{part}-labels-idx1-ubyte"))?;
    dataset(images, labels)
}

/// The examples of a pair of files, and the rows and columns of their images.
fn dataset(mut images: Source, mut labels: Source) -> Result<(Dataset, (u32, u32)), DataError> {
    let [count, rows, columns] = images.header(IMAGES, ["images", "rows", "columns"])?;
    let [label_count] = labels.header(LABELS, ["labels"])?;
    if count != label_count {
        return Err(DataError::Counts {
            images_path: images.path,
            images: count,
            labels_path: labels.path,
            labels: label_count,
        });
    }
    let size = images.bounded([count, rows, columns])?;
    let labels = read_labels(labels, count)?;
    let pixels = images.rest(size)?;
    let features = pixels.len() / labels.len();
    let dataset = Dataset::images(features, CLASSES, FULL_SCALE, pixels, &labels)?;
    Ok((dataset, (rows, columns)))
}

fn read_labels(mut file: Source, count: u32) -> Result<Vec<u8>, DataError> {
    let labels = file.rest(count.into())?;
    match labels.iter().position(|&l| usize::from(l) >= CLASSES) {
        None => Ok(labels),
        Some(index) => Err(DataError::LabelInFile {
            path: file.path,
            index,
            label: labels[index],
            classes: CLASSES,
        }),
    }
}

/// One file, unpacked while it is read.
struct Source {
    path: PathBuf,
    reader: Box<dyn Read>,
    packed: bool,
    /// The most bytes that can come out of the file.
    largest: u64,
    /// Bytes that have come out so far.
    position: u64,
}

impl Source {
    /// The packed file of that name or, if there is none, the unpacked one.
    fn open(dir: &Path, name: &str) -> Result<Self, DataError> {
        let packed = dir.join(format!("{name}.gz"));
        if let Some((file, size)) = existing(&packed)? {
            return Ok(Self::packed(packed, BufReader::new(file), size));
        }
        let plain = dir.join(name);
        match existing(&plain)? {
            Some((file, size)) => Ok(Self::plain(plain, BufReader::new(file), size)),
            None => Err(DataError::NoFile { path: packed }),
        }
    }

    fn packed(path: PathBuf, file: impl io::BufRead + 'static, size: u64) -> Self {
        Self {
            path,
            reader: Box::new(MultiGzDecoder::new(file)),
            packed: true,
            largest: size.saturating_mul(DEFLATE_RATIO),
            position: 0,
        }
    }

    fn plain(path: PathBuf, file: impl Read + 'static, size: u64) -> Self {
        Self {
            path,
            reader: Box::new(file),
            packed: false,
            largest: size,
            position: 0,
        }
    }

    /// Checks the magic number, and that none of the named quantities after it is 0.
    fn header<const N: usize>(
        &mut self,
        magic: u32,
        quantities: [&'static str; N],
    ) -> Result<[u32; N], DataError> {
        let bytes = self.exactly(4 * (1 + N as u64))?;
        let (words, _) = bytes.as_chunks::<4>();
        let word = |i: usize| u32::from_be_bytes(words[i]);
        let path = || self.path.clone();
        if word(0) != magic {
            return Err(DataError::Magic {
                path: path(),
                expected: magic,
                found: word(0),
            });
        }
        let sizes: [u32; N] = std::array::from_fn(|i| word(1 + i));
        match sizes.iter().position(|&size| size == 0) {
            None => Ok(sizes),
            Some(i) => Err(DataError::Empty {
                path: path(),
                quantity: quantities[i],
            }),
        }
    }

    /// The product of the sizes, if it is within the limit.
    fn bounded(&self, sizes: [u32; 3]) -> Result<u64, DataError> {
        // Three factors of 32 bits: 96 bits suffice.
        let bytes = sizes.into_iter().map(u128::from).product();
        match u64::try_from(bytes) {
            Ok(bytes) if bytes <= LIMIT => Ok(bytes),
            _ => Err(DataError::TooLarge {
                path: self.path.clone(),
                bytes,
                limit: LIMIT,
            }),
        }
    }

    /// The rest of the file, which must be `amount` bytes.
    fn rest(&mut self, amount: u64) -> Result<Vec<u8>, DataError> {
        let bytes = self.exactly(amount)?;
        // This read also makes the gzip decoder check the checksum.
        let surplus = self.at_most(1)?;
        if surplus.is_empty() {
            return Ok(bytes);
        }
        Err(DataError::Trailing {
            path: self.path.clone(),
            expected: self.position - 1,
        })
    }

    fn exactly(&mut self, amount: u64) -> Result<Vec<u8>, DataError> {
        let expected = self.position + amount;
        let bytes = self.at_most(amount)?;
        if self.position == expected {
            return Ok(bytes);
        }
        Err(DataError::Truncated {
            path: self.path.clone(),
            expected,
            found: self.position,
        })
    }

    fn at_most(&mut self, amount: u64) -> Result<Vec<u8>, DataError> {
        let room = usize::try_from(amount.min(self.largest)).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(room)
            .map_err(|error| self.failure(error.into()))?;
        let read = self.reader.by_ref().take(amount).read_to_end(&mut bytes);
        read.map_err(|error| self.failure(error))?;
        self.position += bytes.len() as u64;
        Ok(bytes)
    }

    fn failure(&self, source: io::Error) -> DataError {
        use ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let path = self.path.clone();
        match source.kind() {
            InvalidData | InvalidInput | UnexpectedEof if self.packed => {
                DataError::Gzip { path, source }
            }
            _ => DataError::Read { path, source },
        }
    }
}

/// A file and its size in bytes, or none if there is no such file.
fn existing(path: &Path) -> Result<Option<(File, u64)>, DataError> {
    let opened = File::open(path).and_then(|file| {
        let size = file.metadata()?.len();
        Ok((file, size))
    });
    match opened {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DataError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
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
        let first =
            |data: &Dataset| -> Vec<usize> { (0..5).filter_map(|e| data.label(e)).collect() };
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
}
