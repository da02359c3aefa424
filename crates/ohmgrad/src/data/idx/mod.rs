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
mod tests;
