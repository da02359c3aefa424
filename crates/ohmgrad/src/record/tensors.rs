//! Safetensors files of f32 arrays, written and read row by row.
//!
//! The metadata hold a checksum (CRC-32) of each array, so that flipped bits are found and named.
//!
//! The largest networks of the literature take 200 MB: neither side ever holds a second copy. All
//! sizes are checked against the length of the file before anything is allocated for them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Crc;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ReadError;
use crate::drn::ParameterError;

/// The safetensors format allows no larger header.
const MAX_HEADER: u64 = 100_000_000;

/// Copies row `i` of an array.
type CopyRow<'a> = dyn Fn(usize, &mut [f32]) + 'a;

/// An array to be written: a matrix, or a vector as one row.
pub(super) struct Tensor<'a> {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) row: Box<CopyRow<'a>>,
}

/// Rows and columns of a matrix, or of a vector as one row.
fn size(shape: &[usize]) -> (usize, usize) {
    match *shape {
        [rows, columns] => (rows, columns),
        _ => (1, shape.iter().product()),
    }
}

/// The JSON header. Its maps are ordered, so that equal content gives equal bytes.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, TensorInfo>,
}

/// Writes a whole file.
pub(super) fn write(
    out: &mut impl Write,
    metadata: &BTreeMap<&str, String>,
    tensors: &[Tensor],
) -> io::Result<()> {
    let header = header(metadata, tensors)?;
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    tensors
        .iter()
        .try_for_each(|tensor| tensor.for_each_row(|bytes| out.write_all(bytes)))
}

impl Tensor<'_> {
    /// Hands out the bytes of each row.
    fn for_each_row(&self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let (rows, columns) = size(&self.shape);
        let mut row = vec![0.0; columns];
        let mut bytes = Vec::with_capacity(4 * columns);
        for i in 0..rows {
            (self.row)(i, &mut row);
            bytes.clear();
            bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            take(&bytes)?;
        }
        Ok(())
    }

    fn checksum(&self) -> io::Result<u32> {
        let mut sum = Crc::new();
        self.for_each_row(|bytes| {
            sum.update(bytes);
            Ok(())
        })?;
        Ok(sum.sum())
    }
}

/// The metadata entry with the checksum of a tensor, in hexadecimal digits.
fn checksum_key(tensor: &str) -> String {
    format!("crc32.{tensor}")
}

/// The header as bytes, padded with spaces to a multiple of 8.
fn header(metadata: &BTreeMap<&str, String>, tensors: &[Tensor]) -> io::Result<Vec<u8>> {
    let mut end = 0;
    let mut infos = BTreeMap::new();
    for tensor in tensors {
        let (rows, columns) = size(&tensor.shape);
        let start = end;
        end += 4 * rows * columns;
        let info = TensorInfo {
            dtype: Dtype::F32,
            shape: tensor.shape.clone(),
            data_offsets: (start, end),
        };
        infos.insert(&tensor.name[..], info);
    }
    let own = metadata
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    let mut metadata: BTreeMap<String, String> = own.collect();
    for tensor in tensors {
        let sum = format!("{:08x}", tensor.checksum()?);
        metadata.insert(checksum_key(&tensor.name), sum);
    }
    let mut bytes = serde_json::to_vec(&Header {
        metadata,
        tensors: infos,
    })?;
    bytes.resize(bytes.len().next_multiple_of(8), b' ');
    Ok(bytes)
}

/// What a file is read from.
trait Content: Read + Seek + Send {}

impl<T: Read + Seek + Send> Content for T {}

/// A file, or its bytes in memory, that is being read, and its length in bytes.
struct Source {
    path: PathBuf,
    file: Box<dyn Content>,
    length: u64,
}

impl Source {
    fn open(path: &Path) -> Result<Self, ReadError> {
        let opened = fs::File::open(path).and_then(|file| {
            let length = file.metadata()?.len();
            Ok((file, length))
        });
        let path = path.to_owned();
        match opened {
            Err(source) => Err(ReadError::Io { path, source }),
            Ok((file, length)) => Ok(Self {
                path,
                file: Box::new(BufReader::new(file)),
                length,
            }),
        }
    }

    /// The bytes of a file, which errors call by this name.
    fn in_memory(name: &str, bytes: Vec<u8>) -> Self {
        Self {
            path: PathBuf::from(name),
            length: bytes.len() as u64,
            file: Box::new(Cursor::new(bytes)),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        let read = self.file.read_exact(bytes);
        read.map_err(|error| self.failure(error))
    }

    fn seek(&mut self, position: u64) -> Result<(), ReadError> {
        let found = self.file.seek(SeekFrom::Start(position));
        found.map(drop).map_err(|error| self.failure(error))
    }

    /// The JSON header, and the position after it.
    fn header(&mut self) -> Result<(Metadata, u64), ReadError> {
        self.check_length(8, self.length >= 8)?;
        let mut size = [0; 8];
        self.read(&mut size)?;
        let size = u64::from_le_bytes(size);
        let end = size.saturating_add(8);
        self.check_length(end, size <= MAX_HEADER && end <= self.length)?;
        let mut header = vec![0; size as usize];
        self.read(&mut header)?;
        match serde_json::from_slice(&header) {
            Ok(header) => Ok((header, end)),
            Err(source) => Err(ReadError::Header {
                path: self.path.clone(),
                source,
            }),
        }
    }

    fn check_length(&self, expected: u64, fits: bool) -> Result<(), ReadError> {
        match fits {
            true => Ok(()),
            false => Err(ReadError::Length {
                path: self.path.clone(),
                expected,
                found: self.length,
            }),
        }
    }

    fn failure(&self, source: io::Error) -> ReadError {
        ReadError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// An open file whose header fits its length.
pub(super) struct TensorFile {
    source: Source,
    header: Metadata,
    /// Position of the first byte after the header.
    start: u64,
}

impl TensorFile {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        Self::read_header(Source::open(path)?)
    }

    /// The bytes of a file, which errors call by this name.
    pub(super) fn in_memory(name: &str, bytes: Vec<u8>) -> Result<Self, ReadError> {
        Self::read_header(Source::in_memory(name, bytes))
    }

    fn read_header(mut source: Source) -> Result<Self, ReadError> {
        let (header, start) = source.header()?;
        let end = start.saturating_add(header.data_len() as u64);
        source.check_length(end, end == source.length)?;
        Ok(Self {
            source,
            header,
            start,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.source.path
    }

    /// A metadata entry.
    pub(super) fn text(&self, key: &'static str) -> Result<&str, ReadError> {
        let metadata = self.header.metadata().as_ref();
        let missing = || ReadError::NoMetadata {
            path: self.path().to_owned(),
            key,
        };
        let text = metadata.and_then(|entries| entries.get(key));
        text.map(String::as_str).ok_or_else(missing)
    }

    /// Whether there is a metadata entry.
    pub(super) fn has(&self, key: &str) -> bool {
        let metadata = self.header.metadata().as_ref();
        metadata.is_some_and(|entries| entries.contains_key(key))
    }

    /// A metadata entry in TOML.
    pub(super) fn toml<T: DeserializeOwned>(&self, key: &'static str) -> Result<T, ReadError> {
        toml::from_str(self.text(key)?).map_err(|source| ReadError::Metadata {
            path: self.path().to_owned(),
            key,
            source: source.into(),
        })
    }

    /// Names of all tensors.
    pub(super) fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    /// Checks that a tensor of f32 and of this shape is there.
    pub(super) fn check(&self, name: &str, shape: &[usize]) -> Result<(), ReadError> {
        let found = match self.header.info(name) {
            Some(info) if info.dtype == Dtype::F32 && info.shape == shape => return Ok(()),
            Some(info) => format!("{:?} {:?}", info.dtype, info.shape),
            None => "missing".to_owned(),
        };
        Err(ReadError::Tensor {
            path: self.path().to_owned(),
            name: name.to_owned(),
            expected: format!("F32 {shape:?}"),
            found,
        })
    }

    /// Reads a tensor that was checked, row after row; all values must be `allowed`.
    pub(super) fn read(
        &mut self,
        name: &str,
        shape: &[usize],
        (allowed, rule): (impl Fn(f32) -> bool, &str),
        mut receive: impl FnMut(usize, &[f32]),
    ) -> Result<(), ReadError> {
        self.check(name, shape)?;
        let offset = self.header.info(name).map_or(0, |info| info.data_offsets.0);
        self.source.seek(self.start + offset as u64)?;
        let (rows, columns) = size(shape);
        let mut bytes = vec![0; 4 * columns];
        let mut row = vec![0.0; columns];
        let mut sum = Crc::new();
        for i in 0..rows {
            self.source.read(&mut bytes)?;
            sum.update(&bytes);
            let (words, _) = bytes.as_chunks::<4>();
            row.iter_mut()
                .zip(words)
                .for_each(|(to, w)| *to = f32::from_le_bytes(*w));
            if let Some(at) = row.iter().position(|v| !allowed(*v)) {
                return Err(self.bad_value(name, i * columns + at, row[at], rule));
            }
            receive(i, &row);
        }
        self.check_sum(name, sum.sum())
    }

    /// Compares a tensor's checksum with that in the metadata, if there is one: other programs write none.
    fn check_sum(&self, name: &str, found: u32) -> Result<(), ReadError> {
        let metadata = self.header.metadata().as_ref();
        let written = metadata.and_then(|entries| entries.get(&checksum_key(name)));
        match written.is_none_or(|sum| *sum == format!("{found:08x}")) {
            true => Ok(()),
            false => Err(ReadError::Checksum {
                path: self.path().to_owned(),
                name: name.to_owned(),
            }),
        }
    }

    fn bad_value(&self, name: &str, index: usize, value: f32, rule: &str) -> ReadError {
        ReadError::Value {
            path: self.path().to_owned(),
            source: ParameterError::Value {
                name: name.to_owned(),
                index,
                value,
                rule: rule.to_owned(),
            },
        }
    }
}
