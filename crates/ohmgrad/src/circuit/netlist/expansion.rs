//! From the statements to a circuit: subcircuits are written out.

mod adding;
mod size;

use super::Map;
use super::analyses::Sweep;
use super::call::{Call, is_number};
use super::elements::{self, Context, Described};
use super::error::{Halt, Outcome, Report};
use super::fault::Fault;
use super::models::Model;
use super::parameters::{Definition, Globals, Parameters, Table};
use super::program::{Program, Scope, TOP};
use super::settings::{Settings, ZERO_CELSIUS};
use super::source::{Piece, Sources, Span};
use super::statements;
use super::token::Token;
use super::warning::Caution;
use crate::circuit::{Circuit, CircuitBuilder, CircuitError, NodeId};

/// How deep subcircuits may lie inside each other.
const MAX_DEPTH: usize = 50;

/// The circuit of a netlist and the sweep that it asks for; `None` if there is something wrong, which is reported then. It has no more
/// than `limit` elements and instances of subcircuits.
pub(super) fn expand(
    sources: &Sources,
    program: &Program,
    limit: usize,
    report: &mut Report,
) -> Option<(Circuit, Option<Sweep>)> {
    let globals = Globals::new(program.functions.clone());
    let mut expansion = Expansion::new(sources, program, &globals, limit, report);
    expansion.read_settings();
    expansion.evaluate_parameters();
    expansion.number_nodes();
    expansion.report.note(size::check(program, limit))?;
    expansion.elements();
    expansion.check_title();
    expansion.check_libraries();
    globals.take_cautions(expansion.report);
    let sweep = expansion.sweep();
    Some((expansion.finish()?, sweep))
}

struct Expansion<'s, 'a> {
    sources: &'a Sources,
    program: &'s Program<'a>,
    settings: Settings,
    globals: &'s Globals<'a>,
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
    /// How many such instances lie side by side, with all around them.
    number: f64,
    nodes: Map<&'a str, NodeId>,
    /// The models used so far; `None` for a faulty one.
    models: Map<&'a str, Option<Model>>,
    instances: Map<&'a str, Span>,
}

impl<'s, 'a> Expansion<'s, 'a> {
    fn new(
        sources: &'a Sources,
        program: &'s Program<'a>,
        globals: &'s Globals<'a>,
        limit: usize,
        report: &'s mut Report,
    ) -> Expansion<'s, 'a> {
        let top = Frame {
            number: 1.0,
            ..Frame::default()
        };
        Expansion {
            sources,
            program,
            settings: Settings::default(),
            globals,
            tables: vec![Table::new(&program.scopes[TOP].parameters)],
            frames: vec![top],
            builder: CircuitBuilder::default(),
            places: Vec::new(),
            room: limit,
            limit,
            report,
        }
    }

    fn read_settings(&mut self) {
        let parameters = Parameters::new(&self.tables, self.globals);
        for words in &self.program.options {
            let outcome = self.settings.read_options(*words, parameters);
            self.report.note(outcome);
        }
        if let Some(words) = self.program.temperature {
            let outcome = self.settings.read_temperature(words, parameters);
            self.report.note(outcome);
        }
        // To the next thousandth: the sum has been rounded.
        let celsius = self.settings.temperature - ZERO_CELSIUS;
        let rounded = (celsius * 1e9).round() / 1e9;
        self.globals.set_temperature(rounded);
    }

    /// What the netlist's `.dc` asks for.
    fn sweep(&self) -> Option<Sweep> {
        let parameters = Parameters::new(&self.tables, self.globals);
        Sweep::read(self.program.sweep?, parameters)
    }

    /// Evaluates the parameters of the innermost frame, so that their faults are known.
    fn evaluate_parameters(&mut self) {
        let parameters = Parameters::new(&self.tables, self.globals);
        parameters.evaluate(&self.scope().parameters, self.report);
    }

    /// Warns of a title that could be an element or a statement.
    fn check_title(&mut self) {
        let Some(title) = self.sources.title_statement() else {
            return;
        };
        if self.is_statement(title) {
            let title_text = self.sources.original(title.span).text.to_owned();
            let caution = Caution::TitleIsStatement { title: title_text };
            self.report.warn(title.span, caution);
        }
    }

    fn is_statement(&mut self, line: Piece<'a>) -> bool {
        let (first, rest) = line.split_word();
        if first.text.starts_with('.') {
            return statements::find(first.text).is_some()
                || [".include", ".inc", ".lib"].contains(&first.text);
        }
        if first.text.starts_with('x') {
            let call = Call::read(line);
            return call.is_ok_and(|call| self.subcircuit(call.subcircuit).is_ok());
        }
        match self.read(line) {
            Ok(Some(_)) => true,
            Err(_) => false,
            // Of kinds that are not read: a letter and a digit, and three words at least.
            Ok(None) => {
                let has_number = first
                    .text
                    .chars()
                    .nth(1)
                    .is_some_and(|c| c.is_ascii_digit());
                first.text.starts_with(|c: char| c.is_ascii_lowercase())
                    && has_number
                    && rest.text.split_whitespace().count() >= 3
            }
        }
    }

    /// Faults of libraries that cannot be read if a name is missing, and else cautions.
    fn check_libraries(&mut self) {
        let needs = self.report.lacks_name();
        for (place, path) in self.sources.missing_libraries() {
            let path = path.clone();
            if needs {
                self.report.add(*place, Fault::MissingLibrary { path });
            } else {
                self.report.warn(*place, Caution::NoLibrary { path });
            }
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
        match self.read(line)? {
            Some(described) => self.add(line, described),
            None => Err(unsupported(line)),
        }
    }

    /// What the line of an element says.
    fn read(&mut self, line: Piece<'a>) -> Outcome<Option<Described<'a>>> {
        let context = Context {
            parameters: Parameters::new(&self.tables, self.globals),
            settings: &self.settings,
        };
        let mut models = Models {
            program: self.program,
            settings: &self.settings,
            globals: self.globals,
            tables: &self.tables,
            frames: &mut self.frames,
        };
        elements::read(line, context, &mut models)
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

    /// The node of a name in the innermost frame.
    fn node(&mut self, name: &'a str) -> NodeId {
        if is_ground(name) {
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
        let parameters = Parameters::new(&self.tables, self.globals);
        let scope_of_call = &self.program.scopes[scope];
        let number =
            self.frames[self.frames.len() - 1].number * call.number(scope_of_call, parameters)?;
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
            number,
            nodes,
            ..Frame::default()
        });
        self.evaluate_parameters();
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
            nearest: self.globals.nearest(name, names),
        }
    }

    /// The parameters of an instance. What the call gives is evaluated where the call stands.
    fn arguments(&mut self, call: &Call<'a>, scope: &Scope<'a>) -> Table<'a> {
        let mut table = Table::new(&scope.parameters);
        let of_scope = |(name, _): &&(Piece, Token)| !is_number(name.text, scope);
        for (name, token) in call.arguments.iter().filter(of_scope) {
            let parameters = Parameters::new(&self.tables, self.globals);
            let number = parameters.number(*token).and_then(|number| {
                self.check_known(*name, call, scope)?;
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
        let mut nodes = Map::default();
        for (port, node) in scope.ports.iter().zip(&call.nodes) {
            // As in ngspice, a port that is named as ground is ground.
            if is_ground(port) && !is_ground(node.text) {
                let caution = Caution::GroundPort {
                    subcircuit: call.subcircuit.text.to_owned(),
                    port: (*port).to_owned(),
                    node: node.text.to_owned(),
                };
                self.report.warn(node.span, caution);
            }
            nodes.insert(*port, self.node(node.text));
        }
        Ok(nodes)
    }

    /// Sees to it that a subcircuit has a parameter.
    fn check_known(&self, name: Piece, call: &Call, scope: &Scope) -> Outcome<()> {
        let names = || scope.parameters.iter().map(|parameter| parameter.name.text);
        if names().any(|known| known == name.text) {
            return Ok(());
        }
        let fault = Fault::SubcircuitParameter {
            subcircuit: call.subcircuit.text.to_owned(),
            name: name.text.to_owned(),
            nearest: self.globals.nearest(name.text, names()),
        };
        Err(Halt::new(name.span, fault))
    }

    /// The circuit, if nothing is wrong.
    fn finish(mut self) -> Option<Circuit> {
        if self.report.is_empty() && self.places.is_empty() && !self.program.notes.has_nodes {
            let subcircuits = self.program.scopes[1..].iter();
            let subcircuits = subcircuits.map(|scope| scope.name.to_owned()).collect();
            self.report
                .add(Span::default(), Fault::NoElement { subcircuits });
        }
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
                    CircuitError::Control { ref element, .. } => {
                        let mut names = builder.element_names().iter();
                        let at = names.position(|name| name == element);
                        let place = at.map_or(Span::default(), |k| self.places[k]);
                        self.report.add(place, error.into());
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
    globals: &'m Globals<'a>,
    tables: &'m [Table<'a>],
    frames: &'m mut [Frame<'a>],
}

impl<'a> elements::Models<'a> for Models<'_, '_, 'a> {
    fn has(&self, name: &str) -> bool {
        visible(self.frames).any(|k| self.scope(k).models.contains_key(name))
    }

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
        let parameters = Parameters::new(&self.tables[..=k], self.globals);
        let model = Model::read(words, note.filter(|_| k == 0), parameters, self.settings);
        let kept = model.as_ref().ok().copied();
        self.frames[k].models.insert(name.text, kept);
        model
    }
}

impl<'a> Models<'_, '_, 'a> {
    fn scope(&self, frame: usize) -> &Scope<'a> {
        &self.program.scopes[self.frames[frame].scope]
    }

    fn unknown(&self, name: Piece) -> Halt {
        let frames = visible(self.frames);
        let names = frames.flat_map(|k| self.scope(k).models.keys().copied());
        let fault = Fault::UnknownModel {
            name: name.text.to_owned(),
            nearest: self.globals.nearest(name.text, names),
        };
        Halt::new(name.span, fault)
    }
}

/// Whether a node is ground, which has two names.
fn is_ground(node: &str) -> bool {
    matches!(node, "0" | "gnd")
}

/// The frames whose definitions are visible in the last one: itself, the one that defines it, and so on.
fn visible<'f>(frames: &'f [Frame]) -> impl Iterator<Item = usize> + use<'f> {
    let outer = |k: &usize| (*k > 0).then(|| frames[*k].definer);
    std::iter::successors(Some(frames.len() - 1), outer)
}

fn unsupported(line: Piece) -> Halt {
    let (name, _) = line.split_word();
    let fault = Fault::UnsupportedElement {
        name: name.text.to_owned(),
        kind: statements::kind_of_element(name.text.chars().next().unwrap_or(' ')),
    };
    Halt::new(name.span, fault)
}
