//! Calls of subcircuits.

use super::elements;
use super::error::Outcome;
use super::parameters::Parameters;
use super::program::{PARAMETERS_FOLLOW, Scope};
use super::source::Piece;
use super::token::{Token, Words};

const CALL: &str = "X1 NODES.. SUBCIRCUIT [PARAMETER=VALUE ..]";

/// The parameter that says how many instances lie side by side. All subcircuits have it, but those with one of their own of
/// this name.
const NUMBER: &str = "m";

/// Whether a parameter says how many instances lie side by side.
pub(super) fn is_number(name: &str, scope: &Scope) -> bool {
    let mut own = scope.parameters.iter();
    name == NUMBER && !own.any(|parameter| parameter.name.text == NUMBER)
}

/// A line that calls a subcircuit.
pub(super) struct Call<'a> {
    pub(super) line: Piece<'a>,
    pub(super) name: Piece<'a>,
    pub(super) nodes: Vec<Piece<'a>>,
    pub(super) subcircuit: Piece<'a>,
    pub(super) arguments: Vec<(Piece<'a>, Token<'a>)>,
}

impl<'a> Call<'a> {
    pub(super) fn read(line: Piece<'a>) -> Outcome<Call<'a>> {
        let mut words = Words::new(line, CALL);
        let name = words.name("name")?;
        let mut nodes = Vec::new();
        while !words.is_empty()? && !words.at_assignment()? {
            if words.keyword(&PARAMETERS_FOLLOW)?.is_some() {
                break;
            }
            nodes.push(words.node("node")?);
        }
        let subcircuit = nodes.pop().ok_or_else(|| words.missing("subcircuit"))?;
        let mut arguments = Vec::new();
        while let Some(argument) = words.assignment()? {
            arguments.push(argument);
        }
        words.finish()?;
        Ok(Call {
            line,
            name,
            nodes,
            subcircuit,
            arguments,
        })
    }

    /// How many instances lie side by side.
    pub(super) fn number(&self, scope: &Scope, parameters: Parameters<'_, 'a>) -> Outcome<f64> {
        let mut arguments = self.arguments.iter();
        match arguments.find(|(name, _)| is_number(name.text, scope)) {
            Some((_, token)) => elements::multiplier(*token, parameters),
            None => Ok(1.0),
        }
    }
}
