//! From the statements to a circuit: subcircuits are written out.

use super::Map;
use super::elements::{self, Described};
use super::error::{Halt, Outcome, Report};
use super::fault::{Fault, nearest};
use super::models::Model;
use super::parameters::{Definition, Parameters, Table};
use super::program::{Program, Scope, TOP};
use super::settings::Settings;
use super::source::{Piece, Sources, Span};
use super::statements;
use super::token::{Token, Words};
use crate::circuit::{Circuit, CircuitBuilder, CircuitError, NodeId};

/// How deep subcircuits may lie inside each other.
const MAX_DEPTH: usize = 50;
const CALL: &str = "X1 NODES.. SUBCIRCUIT [PARAMETER=VALUE ..]";

/// The circuit of a netlist; `None` if there is something wrong, which is reported then. It has no more
/// than `limit` elements and instances of subcircuits.
pub(super) fn expand(
    sources: &Sources,
    program: &Program,
    limit: usize,
    report: &mut Report,
) -> Option<Circuit> {
    let mut expansion = Expansion::new(sources, program, limit, report);
    expansion.read_settings();
    expansion.number_nodes();
    expansion.elements();
    expansion.finish()
}

struct Expansion<'s, 'a> {
    sources: &'a Sources,
    program: &'s Program<'a>,
    settings: Settings,
    /// The parameters of each frame.
    tables: Vec<Table<'a>>,
    /// The netlist itself, and the instances of subcircuits around the current place.
    frames: Vec<Frame<'a>>,
    builder: CircuitBuilder,
    /// Where the elements stand.
    places: Vec<Span>,
    /// How many further elements and instances there may be.
    room: usize,
    limit: usize,
    report: &'s mut Report,
}

/// The netlist itself, or an instance of a subcircuit.
#[derive(Default)]
struct Frame<'a> {
    scope: usize,
    /// The frame in which the subcircuit is defined.
    definer: usize,
    /// The names of the instances that lead here, such as `x1.x2`.
    path: String,
    nodes: Map<&'a str, NodeId>,
    /// The models used so far; `None` for a faulty one.
    models: Map<&'a str, Option<Model>>,
    instances: Map<&'a str, Span>,
}

impl<'s, 'a> Expansion<'s, 'a> {
    fn new(
        sources: &'a Sources,
        program: &'s Program<'a>,
        limit: usize,
        report: &'s mut Report,
    ) -> Expansion<'s, 'a> {
        let definitions = &program.scopes[TOP].parameters;
        let tables = vec![Table::new(definitions)];
        Parameters::new(&tables).evaluate(definitions, report);
        Expansion {
            sources,
            program,
            settings: Settings::default(),
            tables,
            frames: vec![Frame::default()],
            builder: CircuitBuilder::default(),
            places: Vec::new(),
            room: limit,
            limit,
            report,
        }
    }

    fn read_settings(&mut self) {
        let parameters = Parameters::new(&self.tables);
        for words in &self.program.options {
            let outcome = self.settings.read_options(*words, parameters);
            self.report.note(outcome);
        }
        if let Some(words) = self.program.temperature {
            let outcome = self.settings.read_temperature(words, parameters);
            self.report.note(outcome);
        }
    }

    /// Adds the nodes whose numbers a note gives.
    fn number_nodes(&mut self) {
        let program = self.program;
        for node in &program.notes.nodes {
            self.top_node(node);
        }
    }

    /// Adds the elements of the innermost frame.
    fn elements(&mut self) {
        let scope = self.scope();
        self.builder.reserve(scope.elements.len().min(self.room));
        self.places.reserve(scope.elements.len().min(self.room));
        for line in &scope.elements {
            let outcome = self.element(*line);
            let is_full = self.room == 0;
            self.report.note(outcome);
            if is_full {
                return;
            }
        }
    }

    fn frame(&mut self) -> &mut Frame<'a> {
        self.frames.last_mut().expect("the netlist itself")
    }

    /// The scope of the innermost frame.
    fn scope(&self) -> &'s Scope<'a> {
        let frame = self.frames.last().expect("the netlist itself");
        &self.program.scopes[frame.scope]
    }

    fn element(&mut self, line: Piece<'a>) -> Outcome<()> {
        self.take_room(line)?;
        if line.text.starts_with('x') {
            return self.call(line);
        }
        let mut models = Models {
            program: self.program,
            settings: &self.settings,
            tables: &self.tables,
            frames: &mut self.frames,
        };
        let parameters = Parameters::new(&self.tables);
        match elements::read(line, parameters, |name| models.find(name))? {
            Some(described) => self.add(line, described),
            None => Err(unsupported(line)),
        }
    }

    /// Makes sure that there is room for another element or instance.
    fn take_room(&mut self, line: Piece) -> Outcome<()> {
        self.room = self.room.saturating_sub(1);
        if self.room > 0 {
            return Ok(());
        }
        let limit = self.limit;
        Err(Halt::new(line.span, Fault::TooLarge { limit }))
    }

    fn add(&mut self, line: Piece<'a>, described: Described<'a>) -> Outcome<()> {
        if let Some(fault) = described.law.fault() {
            return Err(Halt::new(line.span, Fault::Law { fault }));
        }
        let nodes = described.nodes.map(|node| self.node(node.text));
        let name = described.name.text;
        let name = match self.frames.last() {
            Some(frame) if self.frames.len() > 1 => [&name[..1], &frame.path, name].join("."),
            _ => {
                let names = &self.program.notes.element_names;
                names.get(name).copied().unwrap_or(name).to_owned()
            }
        };
        self.builder.push_between(name, nodes, described.law);
        self.places.push(line.span);
        Ok(())
    }

    /// The node of a name in the innermost frame.
    fn node(&mut self, name: &'a str) -> NodeId {
        if matches!(name, "0" | "gnd") {
            return NodeId::GROUND;
        }
        if self.frames.len() == 1 {
            return self.top_node(name);
        }
        if let Some(node) = self.frame().nodes.get(name) {
            return *node;
        }
        let node = if self.program.globals.contains(name) {
            self.top_node(name)
        } else {
            let full = [&self.frame().path, name].join(".");
            self.builder.node(&full)
        };
        self.frame().nodes.insert(name, node);
        node
    }

    /// The node of a name in the netlist itself.
    fn top_node(&mut self, name: &str) -> NodeId {
        let names = &self.program.notes.node_names;
        self.builder.node(names.get(name).copied().unwrap_or(name))
    }

    /// Writes out an instance of a subcircuit.
    fn call(&mut self, line: Piece<'a>) -> Outcome<()> {
        let call = Call::read(line)?;
        self.claim(call.name)?;
        let (scope, definer) = self.subcircuit(call.subcircuit)?;
        let table = self.arguments(&call, &self.program.scopes[scope]);
        let nodes = self.ports(&call, &self.program.scopes[scope])?;
        let path = match self.frame() {
            frame if frame.path.is_empty() => call.name.text.to_owned(),
            frame => [&frame.path, call.name.text].join("."),
        };
        self.tables.push(table);
        self.frames.push(Frame {
            scope,
            definer,
            path,
            nodes,
            ..Frame::default()
        });
        let parameters = Parameters::new(&self.tables);
        parameters.evaluate(&self.scope().parameters, self.report);
        self.elements();
        self.frames.pop();
        self.tables.pop();
        Ok(())
    }

    /// Takes the name of an instance.
    fn claim(&mut self, name: Piece<'a>) -> Outcome<()> {
        let Some(first) = self.frame().instances.insert(name.text, name.span) else {
            return Ok(());
        };
        let fault = self.sources.duplicate("the element", name.text, first);
        Err(Halt::new(name.span, fault))
    }

    /// The subcircuit of a name: its scope, and the frame in which it is defined.
    fn subcircuit(&self, name: Piece) -> Outcome<(usize, usize)> {
        let mut frames = visible(&self.frames);
        let found = frames.find_map(|k| {
            let scope = &self.program.scopes[self.frames[k].scope];
            Some((*scope.subcircuits.get(name.text)?, k))
        });
        let fault = match found {
            None => self.unknown_subcircuit(name.text),
            Some((scope, _)) if self.frames[1..].iter().any(|frame| frame.scope == scope) => {
                Fault::RecursiveSubcircuit {
                    name: name.text.to_owned(),
                }
            }
            Some(_) if self.frames.len() > MAX_DEPTH => Fault::SubcircuitDepth { limit: MAX_DEPTH },
            Some(found) => return Ok(found),
        };
        Err(Halt::new(name.span, fault))
    }

    fn unknown_subcircuit(&self, name: &str) -> Fault {
        let scopes = visible(&self.frames).map(|k| &self.program.scopes[self.frames[k].scope]);
        let names = scopes.flat_map(|scope| scope.subcircuits.keys().copied());
        Fault::UnknownSubcircuit {
            name: name.to_owned(),
            nearest: nearest(name, names),
        }
    }

    /// The parameters of an instance. What the call gives is evaluated where the call stands.
    fn arguments(&mut self, call: &Call<'a>, scope: &Scope<'a>) -> Table<'a> {
        let mut table = Table::new(&scope.parameters);
        for (name, token) in &call.arguments {
            let parameters = Parameters::new(&self.tables);
            let number = parameters.number(*token).and_then(|number| {
                known(*name, call, scope)?;
                Ok(number.value)
            });
            let value = self.report.note(number);
            let definition = Definition {
                name: *name,
                value: token.piece,
            };
            table.set(definition, value);
        }
        table
    }

    /// The nodes of an instance by their names in the subcircuit.
    fn ports(&mut self, call: &Call<'a>, scope: &Scope<'a>) -> Outcome<Map<&'a str, NodeId>> {
        if call.nodes.len() != scope.ports.len() {
            let fault = Fault::Ports {
                name: call.subcircuit.text.to_owned(),
                ports: scope.ports.iter().map(|port| (*port).to_owned()).collect(),
                found: call.nodes.len(),
            };
            return Err(Halt::new(call.line.span, fault));
        }
        let nodes = call.nodes.iter().map(|node| self.node(node.text));
        Ok(scope.ports.iter().copied().zip(nodes).collect())
    }

    /// The circuit, if nothing is wrong.
    fn finish(mut self) -> Option<Circuit> {
        if !self.report.is_empty() {
            return None;
        }
        match std::mem::take(&mut self.builder).try_build() {
            Ok(circuit) => Some(circuit),
            Err(failed) => {
                let (builder, error) = *failed;
                match error {
                    CircuitError::DuplicateElement(_) => {
                        self.report_duplicates(builder.element_names())
                    }
                    error => self.report.add(Span::default(), error.into()),
                }
                None
            }
        }
    }

    /// Reports all elements with names that others have.
    fn report_duplicates(&mut self, names: &[String]) {
        let mut places = Map::default();
        for (name, place) in names.iter().zip(&self.places) {
            if let Some(first) = places.insert(name, *place) {
                let fault = self.sources.duplicate("the element", name, first);
                self.report.add(*place, fault);
            }
        }
    }
}

/// Finds models by name, and reads them when they are used first.
struct Models<'m, 's, 'a> {
    program: &'s Program<'a>,
    settings: &'m Settings,
    tables: &'m [Table<'a>],
    frames: &'m mut [Frame<'a>],
}

impl<'a> Models<'_, '_, 'a> {
    fn find(&mut self, name: Piece<'a>) -> Outcome<Model> {
        let found = visible(self.frames).find_map(|k| {
            let words = self.scope(k).models.get(name.text)?;
            Some((k, *words))
        });
        let (k, words) = found.ok_or_else(|| self.unknown(name))?;
        if let Some(model) = self.frames[k].models.get(name.text) {
            return model.ok_or(Halt::REPORTED);
        }
        let note = self.program.notes.models.get(name.text).copied();
        let parameters = Parameters::new(&self.tables[..=k]);
        let model = Model::read(words, note.filter(|_| k == 0), parameters, self.settings);
        let kept = model.as_ref().ok().copied();
        self.frames[k].models.insert(name.text, kept);
        model
    }

    fn scope(&self, frame: usize) -> &Scope<'a> {
        &self.program.scopes[self.frames[frame].scope]
    }

    fn unknown(&self, name: Piece) -> Halt {
        let frames = visible(self.frames);
        let names = frames.flat_map(|k| self.scope(k).models.keys().copied());
        let fault = Fault::UnknownModel {
            name: name.text.to_owned(),
            nearest: nearest(name.text, names),
        };
        Halt::new(name.span, fault)
    }
}

/// The frames whose definitions are visible in the last one: itself, the one that defines it, and so on.
fn visible<'f>(frames: &'f [Frame]) -> impl Iterator<Item = usize> + use<'f> {
    let outer = |k: &usize| (*k > 0).then(|| frames[*k].definer);
    std::iter::successors(Some(frames.len() - 1), outer)
}

/// A line that calls a subcircuit.
struct Call<'a> {
    line: Piece<'a>,
    name: Piece<'a>,
    nodes: Vec<Piece<'a>>,
    subcircuit: Piece<'a>,
    arguments: Vec<(Piece<'a>, Token<'a>)>,
}

impl<'a> Call<'a> {
    fn read(line: Piece<'a>) -> Outcome<Call<'a>> {
        let mut words = Words::new(line, CALL);
        let name = words.name("name")?;
        let mut nodes = Vec::new();
        while !words.is_empty()? && !words.at_assignment()? {
            if words.keyword(&["params:"])?.is_some() {
                break;
            }
            nodes.push(words.name("node")?);
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
}

/// Sees to it that a subcircuit has a parameter.
fn known(name: Piece, call: &Call, scope: &Scope) -> Outcome<()> {
    let names = || scope.parameters.iter().map(|parameter| parameter.name.text);
    if names().any(|known| known == name.text) {
        return Ok(());
    }
    let fault = Fault::SubcircuitParameter {
        subcircuit: call.subcircuit.text.to_owned(),
        name: name.text.to_owned(),
        nearest: nearest(name.text, names()),
    };
    Err(Halt::new(name.span, fault))
}

fn unsupported(line: Piece) -> Halt {
    let (name, _) = line.split_word();
    let fault = Fault::UnsupportedElement {
        name: name.text.to_owned(),
        kind: statements::kind_of_element(name.text.chars().next().unwrap_or(' ')),
    };
    Halt::new(name.span, fault)
}
