//! The texts of a netlist and of the files it includes, and places in them.

use std::cell::OnceCell;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::{Halt, Outcome, Place, Report};
use super::fault::Fault;
use super::lines::{self, Clean};
use super::other_tools;

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

/// A file that is being read, and the section of it.
type Open = (PathBuf, Option<String>);

/// The files of a netlist.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<File>,
    /// All statements in the order in which they are read.
    statements: Vec<Span>,
    bytes: usize,
    has_title: bool,
    title: Option<Span>,
    missing_libraries: Vec<(Span, String)>,
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
    /// If the netlist itself is too large or of another tool; other faults are reported.
    pub(super) fn load(
        name: &str,
        text: String,
        has_title: bool,
        report: &mut Report,
    ) -> Result<Sources, Fault> {
        let mut sources = Sources::default();
        let path = Path::new(name).canonicalize();
        let mut open: Vec<Open> = path.into_iter().map(|path| (path, None)).collect();
        if !sources.admit(text.len()) {
            return Err(Fault::TooMuchText { limit: MAX_BYTES });
        }
        if let Some(fault) = other_tools::fault(&text) {
            return Err(fault);
        }
        let clean = lines::clean(&text, has_title);
        sources.title = clean
            .title
            .clone()
            .map(|title| Span::new(0, title.start, title.end));
        sources.has_title = has_title;
        sources.append(name.to_owned(), text, clean, None, &mut open, report);
        Ok(sources)
    }

    /// Counts the bytes of another text, if there is room for them.
    fn admit(&mut self, bytes: usize) -> bool {
        let fits = bytes <= MAX_BYTES - self.bytes;
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    /// Adds a file: what is outside all sections, or one section of it. Whether the section is there.
    fn append(
        &mut self,
        name: String,
        text: String,
        clean: Clean,
        section: Option<&str>,
        open: &mut Vec<Open>,
        report: &mut Report,
    ) -> bool {
        let file = self.files.len();
        let Clean {
            code, statements, ..
        } = clean;
        self.files.push(File {
            name,
            text,
            code,
            line_starts: OnceCell::new(),
        });
        self.statements.reserve(statements.len());
        let spans = statements
            .into_iter()
            .map(|statement| Span::new(file, statement.start, statement.end));
        let spans: Vec<Span> = spans.collect();
        let ends_section = |span: &Span| first_word(self.piece(*span).text) == ".endl";
        let last_end = spans.iter().rposition(ends_section).unwrap_or(0);
        // The section around the current statement.
        let mut inside: Option<String> = None;
        let mut is_found = section.is_none();
        for (k, span) in spans.into_iter().enumerate() {
            let piece = self.piece(span);
            let directive = Directive::of(piece, k < last_end);
            match directive {
                Directive::Section(name) => {
                    is_found |= section == Some(name);
                    inside = Some(name.to_owned());
                }
                Directive::EndOfSection => inside = None,
                _ if inside.as_deref() != section => {}
                Directive::Include => {
                    let outcome = self.include(span, open, report);
                    report.note(outcome);
                }
                Directive::Library => {
                    let outcome = self.library(span, open, report);
                    report.note(outcome);
                }
                Directive::End if file == 0 => {
                    self.statements.push(span);
                    break;
                }
                _ => self.statements.push(span),
            }
        }
        is_found
    }

    /// Reads the file of an `.include`.
    fn include(&mut self, span: Span, open: &mut Vec<Open>, report: &mut Report) -> Outcome<()> {
        let (_, argument) = self.original(span).split_word();
        let (name, place) = (unquoted(argument.text), argument.span);
        if name.is_empty() {
            return Err(Halt::new(span, Fault::FileName));
        }
        let path = self.beside(span, name);
        self.read(&path, place, None, open, report)?;
        Ok(())
    }

    /// Reads the library of a `.lib FILE [SECTION]`. One that cannot be read is kept in mind: nothing of it may be needed.
    fn library(&mut self, span: Span, open: &mut Vec<Open>, report: &mut Report) -> Outcome<()> {
        let (_, argument) = self.original(span).split_word();
        let place = argument.span;
        if argument.text.is_empty() {
            return Err(Halt::new(span, Fault::FileName));
        }
        let whole = self.beside(span, unquoted(argument.text));
        let (name, section) = match quoted_or_word(argument.text) {
            _ if whole.is_file() => (unquoted(argument.text), ""),
            found => found,
        };
        let path = self.beside(span, name);
        if !path.is_file() {
            let path = path.display().to_string();
            self.missing_libraries.push((place, path));
            return Ok(());
        }
        let section = unquoted(section).to_lowercase();
        let asked = (!section.is_empty()).then_some(section.as_str());
        if self.read(&path, place, asked, open, report)? {
            return Ok(());
        }
        let path = path.display().to_string();
        Err(Halt::new(place, Fault::UnknownSection { section, path }))
    }

    /// The path of a file that is named in another. Both `/` and `\\` separate folders.
    fn beside(&self, span: Span, name: &str) -> PathBuf {
        let includer = Path::new(&self.files[span.file as usize].name);
        let folder = includer.parent().unwrap_or(Path::new(""));
        let path = folder.join(name);
        let other = folder.join(name.replace('\\', "/"));
        if path.is_file() || !other.is_file() {
            path
        } else {
            other
        }
    }

    /// Reads another file, or a section of it. Whether the section is there.
    fn read(
        &mut self,
        path: &Path,
        place: Span,
        section: Option<&str>,
        open: &mut Vec<Open>,
        report: &mut Report,
    ) -> Outcome<bool> {
        if open.len() >= MAX_DEPTH {
            return Err(Halt::new(place, Fault::IncludeDepth { limit: MAX_DEPTH }));
        }
        let name = path.display().to_string();
        let unreadable = |cause| {
            let path = name.clone();
            Halt::new(place, Fault::Unreadable { path, cause })
        };
        let canonical = path.canonicalize().map_err(unreadable)?;
        // A section of a library may take others from the same file.
        let canonical = (canonical, section.map(str::to_owned));
        if open.contains(&canonical) {
            return Err(Halt::new(place, Fault::CyclicInclude { path: name }));
        }
        let text = read_text(path).map_err(unreadable)?;
        if !self.admit(text.len()) {
            return Err(Halt::new(place, Fault::TooMuchText { limit: MAX_BYTES }));
        }
        open.push(canonical);
        let clean = lines::clean(&text, false);
        let is_found = self.append(name, text, clean, section, open, report);
        open.pop();
        Ok(is_found)
    }

    /// The libraries that cannot be read, and where they are named.
    pub(super) fn missing_libraries(&self) -> &[(Span, String)] {
        &self.missing_libraries
    }

    /// The title as a statement, if it is a first line that is only known to be the title by its place.
    pub(super) fn title_statement(&self) -> Option<Piece<'_>> {
        self.title.map(|span| self.piece(span))
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

    /// The title of the netlist: its first line, unless it has none.
    pub(super) fn title(&self) -> &str {
        let text = self.files.first().map_or("", |file| &file.text);
        let first = lines::physical_lines(text).next().unwrap_or(0..0);
        match self.has_title {
            true => text[first].trim(),
            false => "",
        }
    }

    /// The fault of a second thing of one name.
    pub(super) fn duplicate(&self, what: &'static str, name: &str, first: Span) -> Fault {
        let (file, line) = self.line(first);
        let name = name.to_owned();
        Fault::Duplicate {
            what,
            name,
            file,
            line,
        }
    }

    /// The file of a piece and its line, from 1.
    pub(super) fn line(&self, span: Span) -> (String, usize) {
        let file = &self.files[span.file as usize];
        let starts = file.line_starts();
        let line = starts.partition_point(|start| *start <= span.start);
        (file.name.clone(), line)
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

/// The text of a file: as UTF-8 or UTF-16 or, where it is neither, one character per byte (Latin-1).
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len().min(MAX_BYTES as u64);
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if let Some(text) = utf_16(&bytes) {
        return Ok(text);
    }
    let latin = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| latin(error.as_bytes())))
}

/// The text of bytes in UTF-16, known by its mark or by the zeros in its first characters.
fn utf_16(bytes: &[u8]) -> Option<String> {
    let from: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => u16::from_le_bytes,
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes.chunks_exact(2).map(|pair| from([pair[0], pair[1]]));
    let characters = char::decode_utf16(units);
    Some(
        characters
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    )
}

/// What a statement asks of the files.
enum Directive<'a> {
    Include,
    Library,
    /// The start of a section of a library.
    Section(&'a str),
    EndOfSection,
    End,
    /// Nothing.
    Statement,
}

impl<'a> Directive<'a> {
    /// The directive of a statement. `.lib NAME` starts a section, if an `.endl` follows.
    fn of(piece: Piece<'a>, is_before_end_of_section: bool) -> Directive<'a> {
        if !piece.text.starts_with('.') {
            return Directive::Statement;
        }
        match first_word(piece.text) {
            ".inc" | ".incl" | ".include" => Directive::Include,
            ".lib" => {
                let name = unquoted(piece.split_word().1.text);
                let is_word = !name.is_empty() && !name.contains(char::is_whitespace);
                match is_before_end_of_section && is_word {
                    true => Directive::Section(name),
                    false => Directive::Library,
                }
            }
            ".endl" => Directive::EndOfSection,
            ".end" => Directive::End,
            _ => Directive::Statement,
        }
    }
}

fn first_word(statement: &str) -> &str {
    statement.split_whitespace().next().unwrap_or("")
}

/// The first word, or what is between quotes there, and what follows it.
fn quoted_or_word(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        let quoted = text
            .strip_prefix(quote)
            .and_then(|rest| rest.split_once(quote));
        if let Some((name, rest)) = quoted {
            return (name, rest.trim());
        }
    }
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (name, rest.trim())
}

/// The name between quotes, if there are any.
fn unquoted(name: &str) -> &str {
    let between = |quote| name.strip_prefix(quote)?.strip_suffix(quote);
    between('"').or_else(|| between('\'')).unwrap_or(name)
}

/// A text of its own as a piece.
pub(super) fn piece_of(text: &str) -> Piece<'_> {
    let span = Span::new(0, 0, text.len());
    Piece { text, span }
}
