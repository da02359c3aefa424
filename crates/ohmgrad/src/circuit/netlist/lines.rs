//! From the text of a file to its statements.

use std::ops::Range;

/// How a comment starts that is a note to this reader, see [`super`].
pub(super) const NOTE: &str = "*!ohmgrad";

/// A text without what means nothing.
#[derive(Debug)]
pub(super) struct Clean {
    /// The text in lower case, with spaces where comments and control characters stood and where lines were
    /// continued. Every character keeps its place, so that an offset here is one in the text.
    pub(super) code: String,
    /// Where the statements are, without white space around them.
    pub(super) statements: Vec<Range<usize>>,
    /// The first line without what means nothing, if it is a title.
    pub(super) title: Option<Range<usize>>,
}

/// How a first line starts that says by itself that it is the title.
const TITLE: &[u8] = b".title";

/// Finds the statements of a text. Lines end with a line feed, a carriage return or both.
pub(super) fn clean(text: &str, has_title: bool) -> Clean {
    let plain = |byte: u8| match byte {
        b'\n' => b'\n',
        byte if byte.is_ascii_control() => b' ',
        byte => byte.to_ascii_lowercase(),
    };
    let mut code: Vec<u8> = text.bytes().map(plain).collect();
    if !text.is_ascii() {
        blank_foreign_space(text, &mut code);
    }
    let mut statements: Vec<Range<usize>> = Vec::new();
    let mut title = None;
    for (number, line) in physical_lines(text).enumerate() {
        let end = line.start + code_length(&code[line.clone()]);
        code[end..line.end].fill(b' ');
        let Some(found) = trimmed(&code, line.start..end) else {
            continue;
        };
        if number == 0 && has_title && !code[found.clone()].starts_with(TITLE) {
            title = Some(found);
            continue;
        }
        match statements.last_mut() {
            Some(latest) if code[found.start] == b'+' => {
                code[latest.end..=found.start].fill(b' ');
                if let Some(continued) = trimmed(&code, found) {
                    code[latest.end..continued.start].fill(b' ');
                    latest.end = continued.end;
                }
            }
            _ => statements.push(found),
        }
    }
    let code = String::from_utf8(code).expect("whole characters were replaced by spaces");
    Clean {
        code,
        statements,
        title,
    }
}

/// A piece of a text without white space around it, if anything is left.
fn trimmed(code: &[u8], piece: Range<usize>) -> Option<Range<usize>> {
    let bytes = &code[piece.clone()];
    let first = bytes.iter().position(|c| *c > b' ')?;
    let last = bytes.iter().rposition(|c| *c > b' ')?;
    Some(piece.start + first..piece.start + last + 1)
}

/// The lines of a text, without what ends them: CR, LF, or both.
pub(super) fn physical_lines(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = Some(0);
    std::iter::from_fn(move || {
        let begin = start?;
        let rest = &text.as_bytes()[begin..];
        let length = memchr::memchr2(b'\n', b'\r', rest);
        start = length.map(|length| {
            let is_pair = rest[length..].starts_with(b"\r\n");
            begin + length + 1 + usize::from(is_pair)
        });
        Some(begin..begin + length.unwrap_or(rest.len()))
    })
}

/// Where the comment of a line starts: at `*` in front, at `;`, at `//` or `$` after a space or a comma. The names
/// `$N_..`, `$G_..` and `$D_..` of PSpice are no comments.
fn code_length(line: &[u8]) -> usize {
    const NAMES: [&[u8]; 3] = [b"$n_", b"$g_", b"$d_"];
    let first = line.iter().position(|c| *c > b' ').unwrap_or(line.len());
    if line[first..].starts_with(NOTE.as_bytes()) {
        return line.len();
    }
    if line[first..].starts_with(b"*") {
        return 0;
    }
    // Few lines have such a character.
    let Some(first) = memchr::memchr3(b';', b'/', b'$', line) else {
        return line.len();
    };
    let is_apart = |k: usize| k == 0 || matches!(line[k - 1], b' ' | b'\t' | b',');
    let starts_comment = |k: &usize| match line[*k] {
        b';' => true,
        b'/' => line.get(k + 1) == Some(&b'/') && is_apart(*k),
        b'$' => is_apart(*k) && !NAMES.iter().any(|name| line[*k..].starts_with(name)),
        _ => false,
    };
    (first..line.len())
        .find(starts_comment)
        .unwrap_or(line.len())
}

/// White space and control characters beyond ASCII, and the mark at the start of some files, become spaces.
fn blank_foreign_space(text: &str, code: &mut [u8]) {
    const BYTE_ORDER_MARK: char = '\u{feff}';
    let foreign = |c: char| !c.is_ascii() && (c.is_whitespace() || c.is_control());
    for (start, space) in text.match_indices(foreign) {
        code[start..start + space.len()].fill(b' ');
    }
    if text.starts_with(BYTE_ORDER_MARK) {
        code[..BYTE_ORDER_MARK.len_utf8()].fill(b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> Vec<String> {
        let Clean {
            code, statements, ..
        } = clean(text, true);
        assert_eq!(code.len(), text.len());
        let words = statements.into_iter();
        words
            .map(|range| code[range].split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    #[test]
    fn statements_are_lower_case_without_comments() {
        let text = "R1 is a title\r\n  * comment\nR1 A b 1K ; one\nr2 a b 2k $two\nr3 a b 3k // three\n\n.END\n";
        let expected = ["r1 a b 1k", "r2 a b 2k", "r3 a b 3k", ".end"];
        assert_eq!(cleaned("t\n.include a//b // c"), [".include a//b"]);
        assert_eq!(cleaned(text), expected);
        assert_eq!(
            cleaned("t\nr$1 a b 1$5\nr/2 a b 2"),
            ["r$1 a b 1$5", "r/2 a b 2"]
        );
    }

    #[test]
    fn lines_are_continued_across_comments() {
        let text = "title\nR1 a ; comment\n* comment\n\n + b\n+1k\nr2 c d 1";
        assert_eq!(cleaned(text), ["r1 a b 1k", "r2 c d 1"]);
        assert_eq!(cleaned("title\n+ r1\n"), ["+ r1"]);
        assert_eq!(cleaned("title\nr1 a\n+\n + \n+b 1\n+"), ["r1 a b 1"]);
    }

    #[test]
    fn lines_end_with_any_of_three() {
        for end in ["\n", "\r", "\r\n"] {
            let text = ["title", "r1 a b 1", "", "+ m=2", "r2 c d 1"].join(end);
            assert_eq!(cleaned(&text), ["r1 a b 1 m=2", "r2 c d 1"], "{end:?}");
        }
        assert_eq!(physical_lines("a\r\r\nb\n").count(), 4);
    }

    #[test]
    fn titles_are_found() {
        let title = |text| clean(text, true).title;
        assert_eq!(title(" R1 a b 1 ; x\nr2"), Some(1..9));
        assert_eq!(title("* comment\nr2"), None);
        assert_eq!(title(".title me\nr2"), None);
        assert_eq!(cleaned(".title me\nr2"), [".title me", "r2"]);
        assert_eq!(
            clean("r1 a b 1", false).statements.as_slice(),
            std::slice::from_ref(&(0..8))
        );
    }

    #[test]
    fn names_of_pspice_are_no_comments() {
        assert_eq!(cleaned("t\nr1 $N_1 0 1 $n"), ["r1 $n_1 0 1"]);
    }

    #[test]
    fn foreign_white_space_separates() {
        assert_eq!(cleaned("t\nr1\u{a0}a b\u{3000}1µ"), ["r1 a b 1µ"]);
    }

    #[test]
    fn nothing_is_no_statement() {
        assert!(cleaned("").is_empty());
        assert!(cleaned("title").is_empty());
        assert!(cleaned("title\n\r\n \t\n").is_empty());
    }
}
