//! Measured curves in files.

use std::path::{Path, PathBuf};

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
    /// comments.
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
    /// If the file cannot be read, a line holds no two numbers, or the points are not in order; with the line.
    pub fn from_file(path: &Path) -> Result<IvCurve, CurveFileError> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
