//! Models: what several elements share. A file for each kind.

mod idealised;
mod junction;
mod resistor;

pub(super) use idealised::IdealisedModel;
pub(super) use junction::JunctionModel;
pub(super) use resistor::ResistorModel;

use super::error::{Halt, Outcome};
use super::fault::Fault;
use super::parameters::Parameters;
use super::settings::Settings;
use super::source::Piece;
use super::token::{Token, Words};

/// What a model line says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Model {
    /// A diode of straight lines.
    Idealised(IdealisedModel),
    /// A diode with exponential laws.
    Junction(JunctionModel),
    Resistor(ResistorModel),
}

impl Model {
    /// Reads a `.model` line after its name, and what a note adds to it.
    pub(super) fn read(
        mut words: Words,
        note: Option<Words>,
        parameters: Parameters,
        settings: &Settings,
    ) -> Outcome<Model> {
        let kind = words.name("kind, D, sidiode or R,")?;
        match kind.text {
            "d" if idealised::is_meant(words)? => {
                let model = IdealisedModel::read(false, words, note, parameters, settings);
                model.map(Model::Idealised)
            }
            "d" => JunctionModel::read(words, note, parameters, settings).map(Model::Junction),
            "sidiode" => {
                let model = IdealisedModel::read(true, words, note, parameters, settings);
                model.map(Model::Idealised)
            }
            "r" | "res" => ResistorModel::read(words, parameters).map(Model::Resistor),
            _ => {
                let fault = Fault::ModelKind {
                    kind: kind.text.to_owned(),
                };
                Err(Halt::new(kind.span, fault))
            }
        }
    }
}

/// The names and values of a model, one after the other. `DEV=5%` and `LOT=5%` of PSpice are left out.
fn each<'a>(
    mut words: Words<'a>,
    mut set: impl FnMut(Piece<'a>, Token<'a>) -> Outcome<()>,
) -> Outcome<()> {
    loop {
        while let Some((name, value)) = words.assignment()? {
            if !matches!(name.text, "dev" | "lot" | "dev/gauss" | "lot/gauss") {
                set(name, value)?;
            }
        }
        if words.is_empty()? {
            return Ok(());
        }
        if words.keyword(&["noiseless"])?.is_none() {
            return words.finish();
        }
    }
}

/// Those of a model and then those of its note; the last argument of `set` says which.
fn each_with_note<'a>(
    words: Words<'a>,
    note: Option<Words<'a>>,
    mut set: impl FnMut(Piece<'a>, Token<'a>, bool) -> Outcome<()>,
) -> Outcome<()> {
    each(words, |name, value| set(name, value, false))?;
    note.map_or(Ok(()), |note| {
        each(note, |name, value| set(name, value, true))
    })
}

/// A conductance from a resistance, which may be `inf`.
fn inverse(token: Token, parameters: Parameters) -> Outcome<f64> {
    if is_infinity(token) {
        return Ok(0.0);
    }
    super::elements::conductance(token, parameters)
}

/// A number, which may be `inf`.
fn or_infinity(token: Token, parameters: Parameters) -> Outcome<f64> {
    if is_infinity(token) {
        return Ok(f64::INFINITY);
    }
    Ok(parameters.number(token)?.value)
}

fn is_infinity(token: Token) -> bool {
    matches!(token.piece.text, "inf" | "infinity")
}
