//! Statements as words.

use super::error::{Halt, Outcome};
use super::fault::Fault;
use super::source::Piece;

/// What a word of a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a number.
    Word,
    /// Arithmetic: what stands in braces or single quotes.
    Arithmetic,
    /// `=`.
    Equals,
}

/// A word of a statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// The word, without its braces or quotes.
    pub(super) piece: Piece<'a>,
}

/// The words of a statement. White space, commas and parentheses separate them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens<'a> {
    statement: Piece<'a>,
    /// How far the statement has been read, in bytes.
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(statement: Piece<'a>) -> Tokens<'a> {
        Tokens { statement, at: 0 }
    }

    /// The statement.
    pub(super) fn statement(&self) -> Piece<'a> {
        self.statement
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> Piece<'a> {
        let text = self.statement.text;
        self.statement.part(self.at, text.len()).trimmed()
    }

    /// The next word, if there is one.
    pub(super) fn next(&mut self) -> Outcome<Option<Token<'a>>> {
        let bytes = self.statement.text.as_bytes();
        self.at += run(&bytes[self.at..], SEPARATOR);
        let Some(first) = bytes.get(self.at) else {
            return Ok(None);
        };
        match first {
            b'=' => Ok(Some(self.take(Kind::Equals, 0, 1, 0))),
            b'{' => self.enclosed('{', '}').map(Some),
            b'\'' => self.enclosed('\'', '\'').map(Some),
            b'}' => Err(self.unclosed('}', '{')),
            _ => {
                let length = run(&bytes[self.at..], LETTER);
                Ok(Some(self.take(Kind::Word, 0, length, 0)))
            }
        }
    }

    /// The next word, which stays there.
    pub(super) fn peek(&self) -> Outcome<Option<Token<'a>>> {
        self.clone().next()
    }

    /// The next word of a place where a node stands: a bracket in it does not end it, as in `Net-(D1-A)` of KiCad. Its
    /// closing bracket is lost, as in ngspice.
    fn next_node(&mut self) -> Outcome<Option<Token<'a>>> {
        let Some(mut token) = self.next()? else {
            return Ok(None);
        };
        let bytes = self.statement.text.as_bytes();
        while token.kind == Kind::Word && bytes.get(self.at) == Some(&b'(') {
            let start = self.at - token.piece.text.len();
            let length = 1 + run(&bytes[self.at + 1..], LETTER);
            self.at += length;
            token.piece = self.statement.part(start, self.at);
        }
        Ok(Some(token))
    }

    /// Takes a word, which starts after `before` bytes and has `after` bytes behind it.
    fn take(&mut self, kind: Kind, before: usize, length: usize, after: usize) -> Token<'a> {
        let start = self.at + before;
        self.at = start + length + after;
        let piece = self.statement.part(start, start + length);
        Token { kind, piece }
    }

    /// Takes what stands between a bracket and its counterpart.
    fn enclosed(&mut self, open: char, close: char) -> Outcome<Token<'a>> {
        let rest = &self.statement.text[self.at..];
        let length = enclosed_length(rest, open, close);
        let length = length.ok_or_else(|| self.unclosed(open, close))?;
        Ok(self.take(Kind::Arithmetic, 1, length, 1))
    }

    fn unclosed(&self, open: char, close: char) -> Halt {
        let place = self.statement.part(self.at, self.at + 1);
        Halt::new(place.span, Fault::Unclosed { open, close })
    }

    /// Whether the next words are `NAME =`.
    pub(super) fn at_assignment(&self) -> Outcome<bool> {
        let mut ahead = *self;
        let name = ahead.next()?;
        let is_name = name.is_some_and(|token| token.kind == Kind::Word);
        Ok(is_name
            && ahead
                .next()?
                .is_some_and(|token| token.kind == Kind::Equals))
    }
}

const SEPARATOR: u8 = 0;
const LETTER: u8 = 1;
const SIGN: u8 = 2;

/// What each byte is.
const CLASSES: [u8; 256] = {
    let mut classes = [LETTER; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            0..=b' ' | b',' | b'(' | b')' => SEPARATOR,
            b'=' | b'{' | b'}' | b'\'' => SIGN,
            _ => LETTER,
        };
        byte += 1;
    }
    classes
};

/// How many bytes of a class a text starts with.
fn run(text: &[u8], class: u8) -> usize {
    let others = |byte: &u8| CLASSES[*byte as usize] != class;
    text.iter().position(others).unwrap_or(text.len())
}

/// How many bytes lie between a bracket in front of a text and its counterpart.
fn enclosed_length(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        if c == close && depth > 0 {
            depth -= 1;
            if depth == 0 {
                return Some(at - open.len_utf8());
            }
        } else if c == open {
            depth += 1;
        }
    }
    None
}

/// Words that are read one after the other in the form that a statement should have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    tokens: Tokens<'a>,
    /// The form, for messages.
    form: &'static str,
}

impl<'a> Words<'a> {
    pub(super) fn new(statement: Piece<'a>, form: &'static str) -> Words<'a> {
        let tokens = Tokens::new(statement);
        Words { tokens, form }
    }

    pub(super) fn statement(&self) -> Piece<'a> {
        self.tokens.statement()
    }

    pub(super) fn form(&self) -> &'static str {
        self.form
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> Piece<'a> {
        self.tokens.rest()
    }

    pub(super) fn peek(&self) -> Outcome<Option<Token<'a>>> {
        self.tokens.peek()
    }

    pub(super) fn next(&mut self) -> Outcome<Option<Token<'a>>> {
        self.tokens.next()
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> Outcome<bool> {
        Ok(self.tokens.peek()?.is_none())
    }

    /// Whether the next words are `NAME =`.
    pub(super) fn at_assignment(&self) -> Outcome<bool> {
        self.tokens.at_assignment()
    }

    /// The next word, which must be there.
    pub(super) fn expect(&mut self, what: &'static str) -> Outcome<Token<'a>> {
        let token = self.tokens.next()?;
        token.ok_or_else(|| self.missing(what))
    }

    /// The next word, which must be a name.
    pub(super) fn name(&mut self, what: &'static str) -> Outcome<Piece<'a>> {
        let token = self.expect(what)?;
        match token.kind {
            Kind::Word => Ok(token.piece),
            _ => Err(self.unexpected(token.piece)),
        }
    }

    /// The next word, which must be the name of a node.
    pub(super) fn node(&mut self, what: &'static str) -> Outcome<Piece<'a>> {
        let token = self.tokens.next_node()?;
        let token = token.ok_or_else(|| self.missing(what))?;
        match token.kind {
            Kind::Word => Ok(token.piece),
            _ => Err(self.unexpected(token.piece)),
        }
    }

    /// The next word if it is one of those given.
    pub(super) fn keyword(&mut self, words: &[&str]) -> Outcome<Option<Piece<'a>>> {
        let token = self.tokens.peek()?;
        let is_keyword =
            |token: &Token| token.kind == Kind::Word && words.contains(&token.piece.text);
        match token.filter(is_keyword) {
            Some(token) => self.tokens.next().map(|_| Some(token.piece)),
            None => Ok(None),
        }
    }

    /// `=`, if it is next.
    pub(super) fn skip_equals(&mut self) -> Outcome<()> {
        let token = self.tokens.peek()?;
        if token.is_some_and(|token| token.kind == Kind::Equals) {
            self.tokens.next()?;
        }
        Ok(())
    }

    /// `NAME = VALUE`, if it is next.
    pub(super) fn assignment(&mut self) -> Outcome<Option<(Piece<'a>, Token<'a>)>> {
        if !self.at_assignment()? {
            return Ok(None);
        }
        let name = self.name("parameter")?;
        self.skip_equals()?;
        let value = self.expect("value")?;
        match value.kind {
            Kind::Equals => Err(self.unexpected(value.piece)),
            _ => Ok(Some((name, value))),
        }
    }

    /// Sees to it that nothing is left.
    pub(super) fn finish(&mut self) -> Outcome<()> {
        match self.tokens.next()? {
            Some(token) => Err(self.unexpected(token.piece)),
            None => Ok(()),
        }
    }

    pub(super) fn missing(&self, what: &'static str) -> Halt {
        let form = self.form;
        let span = self.statement().span;
        Halt::new(span, Fault::Missing { what, form })
    }

    pub(super) fn unexpected(&self, piece: Piece) -> Halt {
        let (text, form) = (piece.text.to_owned(), self.form);
        Halt::new(piece.span, Fault::Unexpected { text, form })
    }
}
