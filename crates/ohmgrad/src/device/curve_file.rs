//! Measured curves in files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use npyz::NpyFile;
use zip::ZipArchive;

use super::{IvCurve, IvCurveError};

/// Why a file holds no curve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CurveFileError {
    /// A file that cannot be read, or that is no CSV.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: csv::Error,
    },
    /// A file that is no NPZ archive of numbers.
    #[error("{path} cannot be read as an NPZ archive: {source}")]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An NPZ archive without the arrays of a curve.
    #[error(
        "{path} has the arrays {}: it must have `voltage` (volt) and `current` (ampere), with as many numbers each",
        found.join(", ")
    )]
    Arrays {
        /// The file.
        path: PathBuf,
        /// Its arrays, with their lengths where there are two.
        found: Vec<String>,
    },
    /// Points in an NPZ archive that make no curve.
    #[error("{path}: {source}")]
    ArrayPoints {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the point.
        source: IvCurveError,
    },
    /// A row that does not hold two numbers.
    #[error(
        "{path}, line {line}: {found:?} is not two numbers, a voltage in volt and a current in ampere"
    )]
    Row {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What stands there.
        found: String,
    },
    /// Points that make no curve.
    #[error("{path}, line {line}: {source}")]
    Points {
        /// The file.
        path: PathBuf,
        /// The line of the first point that is wrong; the last one, if there are too few.
        line: u64,
        /// What is wrong with it.
        source: IvCurveError,
    },
}

impl IvCurve {
    /// The curve in a CSV file: a point per line, volt and ampere, perhaps under a header. Lines that start with `#` are
    /// comments. Or that in an NPZ file of NumPy (`.npz`), with the arrays `voltage` and `current` of 32 or 64 bits.
    ///
    /// ```
    /// use ohmgrad::device::IvCurve;
    /// let path = std::env::temp_dir().join("ohmgrad-curve-example.csv");
    /// std::fs::write(&path, "voltage,current\n-1,0\n0,0\n1,2e-3\n")?;
    /// assert_eq!(IvCurve::from_file(&path)?.points().count(), 3);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read, a line holds no two numbers, an array is missing, or the points are not in order; with the
    /// line, or the point.
    pub fn from_file(path: &Path) -> Result<IvCurve, CurveFileError> {
        if path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("npz"))
        {
            return from_archive(path);
        }
        let read = |source| CurveFileError::Read {
            path: path.to_owned(),
            source,
        };
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .has_headers(false)
            .flexible(true)
            .from_path(path)
            .map_err(read)?;
        let (mut points, mut lines) = (Vec::new(), Vec::new());
        for (row, record) in reader.records().enumerate() {
            let record = record.map_err(read)?;
            let line = record.position().map_or(0, |start| start.line());
            let cells: Vec<Option<f64>> = record.iter().map(|cell| cell.parse().ok()).collect();
            match cells[..] {
                [Some(voltage), Some(current)] => {
                    points.push((voltage, current));
                    lines.push(line);
                }
                [None, None] if row == 0 => {} // a header
                _ => {
                    return Err(CurveFileError::Row {
                        path: path.to_owned(),
                        line,
                        found: record.iter().collect::<Vec<_>>().join(","),
                    });
                }
            }
        }
        IvCurve::new(points).map_err(|source| CurveFileError::Points {
            path: path.to_owned(),
            line: source
                .point()
                .and_then(|k| lines.get(k))
                .or(lines.last())
                .copied()
                .unwrap_or(1),
            source,
        })
    }
}

/// The curve in an NPZ file.
fn from_archive(path: &Path) -> Result<IvCurve, CurveFileError> {
    let archive = |source: io::Error| CurveFileError::Archive {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(archive)?;
    let mut file = ZipArchive::new(file).map_err(|error| archive(error.into()))?;
    let mut arrays = Vec::new();
    for name in ["voltage", "current"] {
        if file.index_for_name(&format!("{name}.npy")).is_none() {
            let names = file.file_names().flatten();
            let names = names.map(|name| name.trim_end_matches(".npy").to_owned());
            return Err(CurveFileError::Arrays {
                path: path.to_owned(),
                found: names.collect(),
            });
        }
        let array = file.by_name(&format!("{name}.npy"));
        arrays.push(numbers(array.map_err(|error| archive(error.into()))?).map_err(archive)?);
    }
    let [voltages, currents] = [&arrays[0], &arrays[1]];
    if voltages.len() != currents.len() {
        return Err(CurveFileError::Arrays {
            path: path.to_owned(),
            found: vec![
                format!("voltage of {}", voltages.len()),
                format!("current of {}", currents.len()),
            ],
        });
    }
    let points = voltages.iter().copied().zip(currents.iter().copied());
    IvCurve::new(points).map_err(|source| CurveFileError::ArrayPoints {
        path: path.to_owned(),
        source,
    })
}

/// The numbers of an NPY array of floating-point numbers or integers of 64 or 32 bits.
fn numbers(array: impl io::Read) -> io::Result<Vec<f64>> {
    let array = match NpyFile::new(array)?.try_data::<f64>() {
        Ok(numbers) => return numbers.collect(),
        Err(array) => array,
    };
    let array = match array.try_data::<f32>() {
        Ok(numbers) => return numbers.map(|x| x.map(f64::from)).collect(),
        Err(array) => array,
    };
    match array.try_data::<i64>() {
        Ok(numbers) => numbers.map(|x| x.map(|x| x as f64)).collect(),
        Err(array) => {
            let numbers = array.into_vec::<i32>();
            numbers.map(|numbers| numbers.into_iter().map(f64::from).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What reading an archive with these arrays gives.
    fn read_archive(arrays: &[(&str, &[f64])]) -> Result<Vec<(f64, f64)>, String> {
        use npyz::WriterBuilder;
        use std::io::Write;
        let file = tempfile::Builder::new()
            .suffix(".npz")
            .tempfile()
            .expect("a file");
        let mut archive = zip::ZipWriter::new(file.reopen().expect("the file"));
        for (name, values) in arrays {
            let options = zip::write::SimpleFileOptions::default();
            archive
                .start_file(format!("{name}.npy"), options)
                .expect("an entry");
            let mut bytes = Vec::new();
            let shape = [values.len() as u64];
            let builder = npyz::WriteOptions::new().default_dtype().shape(&shape);
            let mut writer = builder.writer(&mut bytes).begin_nd().expect("a writer");
            writer.extend(values.iter()).expect("written");
            writer.finish().expect("written");
            archive.write_all(&bytes).expect("written");
        }
        archive.finish().expect("written");
        let curve = IvCurve::from_file(file.path()).map_err(|error| error.to_string())?;
        Ok(curve.points().collect())
    }

    #[test]
    fn archives_of_numpy_hold_curves() {
        let voltage = ("voltage", &[-1.0, 0.0, 0.5][..]);
        let points = vec![(-1.0, -2e-3), (0.0, 0.0), (0.5, 1e-3)];
        assert_eq!(
            read_archive(&[("current", &[-2e-3, 0.0, 1e-3]), voltage]),
            Ok(points)
        );
        for (current, fault) in [
            (
                ("amps", &[0.0, 1.0, 2.0][..]),
                "has the arrays voltage, amps: it must have",
            ),
            (("current", &[0.0, 1.0][..]), "voltage of 3, current of 2"),
            (("current", &[0.0, 1.0, 0.5][..]), "at point 2"),
        ] {
            let error = read_archive(&[voltage, current]).expect_err("a fault");
            assert!(error.contains(fault), "{error}");
        }
        let file = tempfile::Builder::new()
            .suffix(".npz")
            .tempfile()
            .expect("a file");
        std::fs::write(file.path(), "not an archive").expect("written");
        let error = IvCurve::from_file(file.path())
            .expect_err("a fault")
            .to_string();
        assert!(
            error.contains("cannot be read as an NPZ archive"),
            "{error}"
        );
    }

    fn read(text: &str) -> Result<Vec<(f64, f64)>, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let curve = IvCurve::from_file(file.path());
        let curve = curve.map_err(|error| error.to_string())?;
        Ok(curve.points().collect())
    }

    #[test]
    fn points_stand_line_by_line() {
        let points = vec![(-1.0, -2e-3), (0.0, 0.0), (0.5, 1e-3)];
        for text in [
            "-1,-2e-3\n0,0\n0.5,1e-3\n",
            "# measured at 300 K\nvoltage, current\n -1 , -2e-3\n0,0\n\n0.5,0.001",
        ] {
            assert_eq!(read(text).as_ref(), Ok(&points), "{text}");
        }
    }

    #[test]
    fn faults_name_their_line() {
        for (text, place) in [
            ("u,i\n0,0\n1,1\n1,2\n", "line 4: "),
            (
                "0,0\n# a comment\n1,1\n2,0.5\n",
                "line 4: the current falls to 0.5 A",
            ),
            ("u,i\n0,0\n1,x\n", "line 3: \"1,x\" is not two numbers"),
            ("0,0\n1,1,1\n", "line 2: "),
            ("0,0\n1,inf\n", "line 2: "),
            ("0,0\n", "line 1: the curve has 1 points"),
            ("", "line 1: the curve has 0 points"),
        ] {
            let error = read(text).expect_err("a fault");
            assert!(error.contains(place), "{error}");
        }
        let error = IvCurve::from_file(Path::new("/no/such.csv")).expect_err("no file");
        assert!(error.to_string().starts_with("/no/such.csv cannot be read"));
    }
}
