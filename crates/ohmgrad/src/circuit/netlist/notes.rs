//! Notes for this reader in comments: what SPICE itself cannot say.

use super::Map;
use super::error::{Halt, Outcome};
use super::fault::Fault;
use super::lines::NOTE;
use super::source::{Piece, Sources};
use super::token::Words;

/// The notes of a netlist.
#[derive(Debug, Default)]
pub(super) struct Notes<'a> {
    /// Whether there is a note of nodes: then a netlist may have no element.
    pub(super) has_nodes: bool,
    /// Nodes in the order in which they shall be numbered.
    pub(super) nodes: Vec<&'a str>,
    /// What nodes are called, by their names in the netlist.
    pub(super) node_names: Map<&'a str, &'a str>,
    /// What elements are called, by their names in the netlist.
    pub(super) element_names: Map<&'a str, &'a str>,
    /// Further parameters of models, by the models' names.
    pub(super) models: Map<&'a str, Words<'a>>,
}

impl<'a> Notes<'a> {
    /// Takes a note: a statement that starts with [`NOTE`].
    pub(super) fn read(&mut self, note: Piece<'a>, sources: &'a Sources) -> Outcome<()> {
        let (kind, rest) = note
            .part(NOTE.len(), note.text.len())
            .trimmed()
            .split_word();
        let (name, meaning) = rest.split_word();
        let original = sources.original(meaning.span).text;
        let splits = |c: char| c.is_whitespace() || c.is_control();
        let is_word = !original.is_empty() && !original.contains(splits);
        match kind.text {
            "nodes" => {
                self.has_nodes = true;
                self.nodes.extend(rest.text.split_whitespace());
            }
            "node" if is_word => _ = self.node_names.insert(name.text, original),
            "element" if is_word => _ = self.element_names.insert(name.text, original),
            "model" if !name.text.is_empty() => {
                let words = Words::new(meaning, "*!ohmgrad model NAME PARAMETER=VALUE ..");
                self.models.insert(name.text, words);
            }
            _ => return Err(Halt::new(note.span, Fault::Note)),
        }
        Ok(())
    }
}
