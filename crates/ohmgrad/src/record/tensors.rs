//! Safetensors files of f32 arrays, written and read row by row.
//!
//! The largest networks of the literature take 200 MB: neither side ever holds a second copy. All
//! sizes are checked against the length of the file before anything is allocated for them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ReadError;
use crate::drn::ParameterError;

/// The safetensors format allows no larger header.
const MAX_HEADER: u64 = 100_000_000;

/// An array to be written: a matrix, or a vector as one row.
pub(super) struct Tensor<'a> {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// Copies row `i`.
    pub(super) row: Box<dyn Fn(usize, &mut [f32]) + 'a>,
}

impl Tensor<'_> {
    /// Rows and columns.
    fn size(&self) -> (usize, usize) {
        match self.shape[..] {
            [rows, columns] => (rows, columns),
            _ => (1, self.shape.iter().product()),
        }
    }
}

/// The JSON header. Its maps are ordered, so that equal content gives equal bytes.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: &'a BTreeMap<&'a str, String>,
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
    for tensor in tensors {
        let (rows, columns) = tensor.size();
        let mut row = vec![0.0; columns];
        let mut bytes = Vec::with_capacity(4 * columns);
        for i in 0..rows {
            (tensor.row)(i, &mut row);
            bytes.clear();
            bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            out.write_all(&bytes)?;
        }
    }
    Ok(())
}

/// The header as bytes, padded with spaces to a multiple of 8.
fn header(metadata: &BTreeMap<&str, String>, tensors: &[Tensor]) -> io::Result<Vec<u8>> {
    let mut end = 0;
    let mut infos = BTreeMap::new();
    for tensor in tensors {
        let (rows, columns) = tensor.size();
        let start = end;
        end += 4 * rows * columns;
        let info = TensorInfo {
            dtype: Dtype::F32,
            shape: tensor.shape.clone(),
            data_offsets: (start, end),
        };
        infos.insert(&tensor.name[..], info);
    }
    let mut bytes = serde_json::to_vec(&Header {
        metadata,
        tensors: infos,
    })?;
    bytes.resize(bytes.len().next_multiple_of(8), b' ');
    Ok(bytes)
}

/// An open file whose header fits its length.
#[derive(Debug)]
pub(super) struct TensorFile {
    path: PathBuf,
    file: BufReader<fs::File>,
    header: Metadata,
    /// Position of the first byte after the header.
    start: u64,
}

impl TensorFile {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let path = path.to_owned();
        let read = |source| ReadError::Io {
            path: path.clone(),
            source,
        };
        let mut file = BufReader::new(fs::File::open(&path).map_err(read)?);
        let length = file.get_ref().metadata().map_err(read)?.len();
        let check_length = |expected: u64, complete: bool| match complete {
            true => Ok(()),
            false => Err(ReadError::Length {
                path: path.clone(),
                expected,
                found: length,
            }),
        };
        check_length(8, length >= 8)?;
        let mut size = [0; 8];
        file.read_exact(&mut size).map_err(read)?;
        let size = u64::from_le_bytes(size);
        let start = size.saturating_add(8);
        check_length(start, size <= MAX_HEADER && start <= length)?;
        let mut header = vec![0; size as usize];
        file.read_exact(&mut header).map_err(read)?;
        let header: Metadata =
            serde_json::from_slice(&header).map_err(|source| ReadError::Header {
                path: path.clone(),
                source,
            })?;
        let end = start.saturating_add(header.data_len() as u64);
        check_length(end, end == length)?;
        Ok(Self {
            path,
            file,
            header,
            start,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A metadata entry.
    pub(super) fn text(&self, key: &'static str) -> Result<&str, ReadError> {
        let metadata = self.header.metadata().as_ref();
        let missing = || ReadError::NoMetadata {
            path: self.path.clone(),
            key,
        };
        let text = metadata.and_then(|entries| entries.get(key));
        text.map(String::as_str).ok_or_else(missing)
    }

    /// A metadata entry in TOML.
    pub(super) fn toml<T: DeserializeOwned>(&self, key: &'static str) -> Result<T, ReadError> {
        toml::from_str(self.text(key)?).map_err(|source| ReadError::Metadata {
            path: self.path.clone(),
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
            path: self.path.clone(),
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
        let position = SeekFrom::Start(self.start + offset as u64);
        self.file.seek(position).map_err(|e| self.failure(e))?;
        let (rows, columns) = match *shape {
            [rows, columns] => (rows, columns),
            _ => (1, shape.iter().product()),
        };
        let mut bytes = vec![0; 4 * columns];
        let mut row = vec![0.0; columns];
        for i in 0..rows {
            self.file.read_exact(&mut bytes).map_err(|e| self.failure(e))?;
            let (words, _) = bytes.as_chunks::<4>();
            row.iter_mut().zip(words).for_each(|(to, w)| *to = f32::from_le_bytes(*w));
            if let Some(at) = row.iter().position(|v| !allowed(*v)) {
                return Err(self.bad_value(name, i * columns + at, row[at], rule));
            }
            receive(i, &row);
        }
        Ok(())
    }

    fn bad_value(&self, name: &str, index: usize, value: f32, rule: &str) -> ReadError {
        ReadError::Value {
            path: self.path.clone(),
            source: ParameterError::Value {
                name: name.to_owned(),
                index,
                value,
                rule: rule.to_owned(),
            },
        }
    }

    fn failure(&self, source: io::Error) -> ReadError {
        ReadError::Io {
            path: self.path.clone(),
            source,
        }
    }
}
