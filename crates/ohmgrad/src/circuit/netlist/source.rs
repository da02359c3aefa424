//! The texts of a netlist and of the files it includes, and places in them.

use std::cell::OnceCell;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::{Halt, Outcome, Place, Report};
use super::fault::Fault;
use super::lines::{self, Clean};

/// How deep files may include files.
const MAX_DEPTH: usize = 32;
/// How many bytes the files may have together.
const MAX_BYTES: usize = 1 << 30;

/// A piece of the text of a file, by bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Span {
    file: u32,
    start: u32,
    end: u32,
}

/// A statement or a piece of one, in lower case and with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
}

/// The files of a netlist.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<File>,
    /// All statements in the order in which they are read.
    statements: Vec<Span>,
    bytes: usize,
}

#[derive(Debug)]
struct File {
    name: String,
    text: String,
    /// What [`lines::clean`] makes of the text.
    code: String,
    /// Where lines start, in bytes; found when a place is asked for.
    line_starts: OnceCell<Vec<u32>>,
}

impl File {
    fn line_starts(&self) -> &[u32] {
        let lines = || lines::physical_lines(&self.text);
        let starts = || lines().map(|line| line.start as u32).collect();
        self.line_starts.get_or_init(starts)
    }
}

impl Span {
    fn new(file: usize, start: usize, end: usize) -> Span {
        let [file, start, end] = [file, start, end].map(|n| n as u32);
        Span { file, start, end }
    }

    /// Whether the place is in the netlist itself, not in a file that it includes.
    pub(super) fn is_in_main_file(self) -> bool {
        self.file == 0
    }

    /// How many bytes it starts after another place of the same file.
    pub(super) fn offset_from(self, earlier: Span) -> usize {
        (self.start - earlier.start) as usize
    }

    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl<'a> Piece<'a> {
    /// The part from byte `start` to byte `end`.
    pub(super) fn part(self, start: usize, end: usize) -> Piece<'a> {
        let text = &self.text[start..end];
        let start = self.span.start as usize + start;
        let span = Span::new(self.span.file as usize, start, start + text.len());
        Piece { text, span }
    }

    /// The piece without white space around it.
    pub(super) fn trimmed(self) -> Piece<'a> {
        let start = self.text.len() - self.text.trim_start().len();
        self.part(start, start + self.text.trim().len())
    }

    /// The first word, which white space ends, and what follows it.
    pub(super) fn split_word(self) -> (Piece<'a>, Piece<'a>) {
        let end = self.text.find(char::is_whitespace);
        let end = end.unwrap_or(self.text.len());
        (self.part(0, end), self.part(end, self.text.len()).trimmed())
    }
}

impl Sources {
    /// A netlist and all files that it includes.
    ///
    /// # Errors
    /// If the netlist itself is too large; other faults are reported.
    pub(super) fn load(name: &str, text: String, report: &mut Report) -> Result<Sources, Fault> {
        let mut sources = Sources::default();
        let path = Path::new(name).canonicalize();
        let mut open: Vec<PathBuf> = path.into_iter().collect();
        if !sources.admit(text.len()) {
            return Err(Fault::TooMuchText { limit: MAX_BYTES });
        }
        sources.append(name.to_owned(), text, &mut open, report);
        Ok(sources)
    }

    /// Counts the bytes of another text, if there is room for them.
    fn admit(&mut self, bytes: usize) -> bool {
        let fits = bytes <= MAX_BYTES - self.bytes;
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    fn append(&mut self, name: String, text: String, open: &mut Vec<PathBuf>, report: &mut Report) {
        let file = self.files.len();
        let Clean { code, statements } = lines::clean(&text, file == 0);
        self.files.push(File {
            name,
            text,
            code,
            line_starts: OnceCell::new(),
        });
        self.statements.reserve(statements.len());
        for statement in statements {
            let span = Span::new(file, statement.start, statement.end);
            if includes(self.piece(span).text) {
                let outcome = self.include(span, open, report);
                report.note(outcome);
            } else {
                self.statements.push(span);
            }
        }
    }

    fn include(&mut self, span: Span, open: &mut Vec<PathBuf>, report: &mut Report) -> Outcome<()> {
        let (_, argument) = self.original(span).split_word();
        let name = unquoted(argument.text);
        let place = argument.span;
        if name.is_empty() {
            return Err(Halt::new(span, Fault::FileName));
        }
        if open.len() >= MAX_DEPTH {
            return Err(Halt::new(place, Fault::IncludeDepth { limit: MAX_DEPTH }));
        }
        let includer = Path::new(&self.files[span.file as usize].name);
        let path = includer.parent().unwrap_or(Path::new("")).join(name);
        let name = path.display().to_string();
        let unreadable = |cause| {
            let path = name.clone();
            Halt::new(place, Fault::Unreadable { path, cause })
        };
        let canonical = path.canonicalize().map_err(unreadable)?;
        if open.contains(&canonical) {
            return Err(Halt::new(place, Fault::CyclicInclude { path: name }));
        }
        let text = read_text(&path).map_err(unreadable)?;
        if !self.admit(text.len()) {
            return Err(Halt::new(place, Fault::TooMuchText { limit: MAX_BYTES }));
        }
        open.push(canonical);
        self.append(name, text, open, report);
        open.pop();
        Ok(())
    }

    /// All statements in the order in which they are read.
    pub(super) fn statements(&self) -> impl ExactSizeIterator<Item = Piece<'_>> {
        self.statements.iter().map(|span| self.piece(*span))
    }

    fn piece(&self, span: Span) -> Piece<'_> {
        let text = &self.files[span.file as usize].code[span.range()];
        Piece { text, span }
    }

    /// The text at a place as it stands in the file: with comments and in its own case.
    pub(super) fn original(&self, span: Span) -> Piece<'_> {
        let text = &self.files[span.file as usize].text[span.range()];
        Piece { text, span }
    }

    /// The title of the netlist: its first line.
    pub(super) fn title(&self) -> &str {
        let text = self.files.first().map_or("", |file| &file.text);
        text.lines().next().unwrap_or("").trim()
    }

    /// The fault of a second thing of one name.
    pub(super) fn duplicate(&self, what: &'static str, name: &str, first: Span) -> Fault {
        let Place { file, line, .. } = self.place(first);
        let name = name.to_owned();
        Fault::Duplicate {
            what,
            name,
            file,
            line,
        }
    }

    /// Where a piece is, for people.
    pub(super) fn place(&self, span: Span) -> Place {
        let file = &self.files[span.file as usize];
        let line_starts = file.line_starts();
        let number = line_starts.partition_point(|start| *start <= span.start);
        let line_start = line_starts[number - 1] as usize;
        let line = file.text[line_start..].lines().next().unwrap_or("");
        let start = span.start as usize;
        let end = span.range().end.min(line_start + line.len());
        Place {
            file: file.name.clone(),
            line: number,
            column: 1 + file.text[line_start..start].chars().count(),
            width: file.text[start..end.max(start)].chars().count().max(1),
            text: line.to_owned(),
        }
    }
}

/// The text of a file: as UTF-8 or, where it is none, one character per byte (Latin-1).
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len().min(MAX_BYTES as u64);
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let latin = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| latin(error.as_bytes())))
}

/// Whether a statement includes a file.
fn includes(statement: &str) -> bool {
    statement.starts_with(".inc") && {
        let word = statement.split_whitespace().next();
        matches!(word, Some(".inc" | ".incl" | ".include"))
    }
}

/// The name between quotes, if there are any.
fn unquoted(name: &str) -> &str {
    let between = |quote| name.strip_prefix(quote)?.strip_suffix(quote);
    between('"').or_else(|| between('\'')).unwrap_or(name)
}

/// A text as a piece, for tests.
#[cfg(test)]
pub(super) fn piece_of(text: &str) -> Piece<'_> {
    let span = Span::new(0, 0, text.len());
    Piece { text, span }
}
