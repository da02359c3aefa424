//! The statements of a netlist, sorted by what they belong to.

use super::analyses::TransferRequest;
use super::error::{Halt, Outcome, Report};
use super::fault::{Fault, nearest};
use super::functions::Function;
use super::lines::NOTE;
use super::notes::Notes;
use super::parameters::{Defined, Definition, definitions};
use super::source::{Piece, Sources, Span};
use super::statements::{self, Statement};
use super::token::Words;
use super::warning::{Caution, Ignored};
use super::{Map, Set};

/// The netlist itself, the outermost scope.
pub(super) const TOP: usize = 0;

const SUBCKT: &str = ".subckt NAME NODES.. [PARAMETER=VALUE ..]";
const MODEL: &str = ".model NAME D(PARAMETER=VALUE ..)";
const PARAM: &str = ".param NAME=VALUE ..";
const FUNC: &str = ".func NAME(ARGUMENTS) {EXPRESSION}";
/// What may stand before the parameters of a subcircuit.
pub(super) const PARAMETERS_FOLLOW: [&str; 3] = ["params:", "param:", "optional:"];

/// What a netlist says.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) title: Option<&'a str>,
    /// The netlist itself, and its subcircuits.
    pub(super) scopes: Vec<Scope<'a>>,
    /// Nodes that have one meaning in all subcircuits.
    pub(super) globals: Set<&'a str>,
    /// The lines of options, after their first words.
    pub(super) options: Vec<Words<'a>>,
    /// The line of the temperature, after its first word.
    pub(super) temperature: Option<Words<'a>>,
    pub(super) notes: Notes<'a>,
    /// Functions that the netlist defines, by name.
    pub(super) functions: Map<&'a str, Function<'a>>,
    /// The last `.dc`.
    pub(super) sweep: Option<Piece<'a>>,
    /// The last `.tf`.
    pub(super) transfer: Option<TransferRequest>,
    /// What was left out, by the words with which it starts.
    pub(super) ignored: Vec<Ignored>,
}

impl Program<'_> {
    fn ignore(&mut self, statement: &str) {
        match self
            .ignored
            .iter_mut()
            .find(|other| other.statement == statement)
        {
            Some(known) => known.count += 1,
            None => self.ignored.push(Ignored {
                statement: statement.to_owned(),
                count: 1,
            }),
        }
    }
}

/// The netlist itself, or the definition of a subcircuit.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    pub(super) name: &'a str,
    /// Where the definition starts.
    start: Span,
    /// The nodes of a subcircuit.
    pub(super) ports: Vec<&'a str>,
    pub(super) parameters: Vec<Definition<'a>>,
    /// Models by name: their lines after the name.
    pub(super) models: Map<&'a str, Words<'a>>,
    pub(super) subcircuits: Map<&'a str, usize>,
    pub(super) elements: Vec<Piece<'a>>,
    /// Where the names of parameters, models and subcircuits are defined.
    places: Map<(&'static str, &'a str), Span>,
}

/// Sorts the statements of a netlist.
pub(super) fn read<'a>(sources: &'a Sources, report: &mut Report) -> Program<'a> {
    let mut reader = Reader::new(sources, report);
    for statement in sources.statements() {
        if reader.ended {
            break;
        }
        let outcome = reader.statement(statement);
        reader.report.note(outcome);
    }
    let outcome = reader.close();
    reader.report.note(outcome);
    reader.program
}

struct Reader<'a, 'r> {
    sources: &'a Sources,
    report: &'r mut Report,
    program: Program<'a>,
    /// The subcircuits that are being defined, the innermost last, with their first lines.
    open: Vec<(usize, Piece<'a>)>,
    in_control: bool,
    ended: bool,
}

impl<'a, 'r> Reader<'a, 'r> {
    fn new(sources: &'a Sources, report: &'r mut Report) -> Reader<'a, 'r> {
        let program = Program {
            title: None,
            scopes: vec![Scope::default()],
            globals: Set::default(),
            options: Vec::new(),
            temperature: None,
            notes: Notes::default(),
            functions: Map::default(),
            sweep: None,
            transfer: None,
            ignored: Vec::new(),
        };
        Reader {
            sources,
            report,
            program,
            open: Vec::new(),
            in_control: false,
            ended: false,
        }
    }

    /// The scope to which statements belong now.
    fn current(&self) -> usize {
        self.open.last().map_or(TOP, |(scope, _)| *scope)
    }

    fn scope(&mut self) -> &mut Scope<'a> {
        let current = self.current();
        &mut self.program.scopes[current]
    }

    fn statement(&mut self, statement: Piece<'a>) -> Outcome<()> {
        let start = statement.text.chars().next().unwrap_or('.');
        match start {
            _ if self.in_control => self.command(statement),
            // Inductors are shorts at the operating point, coupled or not.
            'k' => {
                self.program.ignore("K");
                Ok(())
            }
            'a'..='z' => {
                self.scope().elements.push(statement);
                Ok(())
            }
            '.' => self.point(statement),
            _ if statement.text.starts_with(NOTE) => {
                self.program.notes.read(statement, self.sources)
            }
            '+' => Err(Halt::new(statement.span, Fault::NothingToContinue)),
            _ => Err(Halt::new(statement.span, Fault::NoStatement { start })),
        }
    }

    /// A statement that starts with a point.
    fn point(&mut self, statement: Piece<'a>) -> Outcome<()> {
        let (name, rest) = statement.split_word();
        let Some(kind) = statements::find(name.text) else {
            return Err(Halt::new(name.span, unknown(name.text)));
        };
        match kind {
            Statement::Title => {
                self.program.title = Some(self.sources.original(rest.span).text);
                Ok(())
            }
            Statement::Parameters => self.parameters(statement, rest),
            Statement::Function => self.function(statement, rest),
            Statement::Subcircuit => self.begin(statement),
            Statement::Ends => self.end(statement, rest),
            Statement::Model => self.model(statement),
            Statement::Global => self.globals(statement),
            Statement::Options => self.options(statement),
            Statement::Temperature => self.temperature(statement),
            Statement::Control => {
                self.program.ignore(name.text);
                self.in_control = true;
                Ok(())
            }
            Statement::End => {
                self.ended = statement.span.is_in_main_file();
                Ok(())
            }
            Statement::Ignored => {
                if name.text == ".tf"
                    && let Some(request) = TransferRequest::read(statement)
                {
                    self.program.transfer = Some(request);
                    return Ok(());
                }
                if name.text == ".dc" {
                    self.program.sweep = Some(statement);
                }
                self.program.ignore(name.text);
                Ok(())
            }
            Statement::Silent | Statement::EndOfControl | Statement::EndOfSection => Ok(()),
            Statement::Unsupported(remedy) => {
                let statement = name.text.to_owned();
                let fault = Fault::UnsupportedStatement { statement, remedy };
                Err(Halt::new(name.span, fault))
            }
        }
    }

    /// A line between `.control` and `.endc`.
    fn command(&mut self, statement: Piece<'a>) -> Outcome<()> {
        let (command, rest) = statement.split_word();
        if command.text == ".endc" {
            self.in_control = false;
            return Ok(());
        }
        if !statements::changes_circuit(command.text, rest.text.trim()) {
            return Ok(());
        }
        let fault = Fault::Command {
            command: command.text.to_owned(),
        };
        Err(Halt::new(command.span, fault))
    }

    fn parameters(&mut self, statement: Piece<'a>, assignments: Piece<'a>) -> Outcome<()> {
        for (definition, cut) in definitions(assignments, Words::new(statement, PARAM))? {
            if let Some(caution) = cut {
                self.report.warn(definition.name().span, caution);
            }
            match definition {
                Defined::Parameter(definition) => self.parameter(definition),
                Defined::Function(definition) => self.function(statement, definition)?,
            }
        }
        Ok(())
    }

    fn function(&mut self, statement: Piece<'a>, definition: Piece<'a>) -> Outcome<()> {
        let (name, function) = Function::read(definition, Words::new(statement, FUNC))?;
        self.claim("the function", name)?;
        self.program.functions.insert(name.text, function);
        Ok(())
    }

    /// Of two definitions the last counts, as in ngspice.
    fn parameter(&mut self, definition: Definition<'a>) {
        let name = definition.name;
        let place = ("the parameter", name.text);
        if let Some(first) = self.scope().places.insert(place, name.span) {
            let (file, line) = self.sources.line(first);
            let name_text = name.text.to_owned();
            let caution = Caution::Redefined {
                name: name_text,
                file,
                line,
            };
            self.report.warn(name.span, caution);
        }
        self.scope().parameters.push(definition);
    }

    fn model(&mut self, statement: Piece<'a>) -> Outcome<()> {
        let mut words = Words::new(statement, MODEL);
        words.name("statement")?;
        let name = words.name("name")?;
        if let Some(first) = self.scope().models.get(name.text) {
            let first = first.statement();
            if first.text != statement.text {
                self.twice("the model", name, first.span);
            }
            return Ok(());
        }
        self.scope().models.insert(name.text, words);
        Ok(())
    }

    fn globals(&mut self, statement: Piece<'a>) -> Outcome<()> {
        let mut words = Words::new(statement, ".global NODES..");
        words.name("statement")?;
        while !words.is_empty()? {
            let node = words.name("node")?;
            self.program.globals.insert(node.text);
        }
        Ok(())
    }

    fn options(&mut self, statement: Piece<'a>) -> Outcome<()> {
        let mut words = Words::new(statement, ".options NAME=VALUE ..");
        words.name("statement")?;
        self.program.options.push(words);
        Ok(())
    }

    fn temperature(&mut self, statement: Piece<'a>) -> Outcome<()> {
        let mut words = Words::new(statement, ".temp CELSIUS");
        words.name("statement")?;
        self.program.temperature = Some(words);
        Ok(())
    }

    /// The first line of a subcircuit. The subcircuit is open even if the line has a fault, so that
    /// the lines that follow are not taken for the netlist's own.
    fn begin(&mut self, statement: Piece<'a>) -> Outcome<()> {
        let scope = self.program.scopes.len();
        self.program.scopes.push(Scope::default());
        let mut words = Words::new(statement, SUBCKT);
        words.name("statement")?;
        let name = words.name("name");
        if let Ok(name) = name {
            self.program.scopes[scope].name = name.text;
        }
        if let Ok(name) = name {
            match self.scope().subcircuits.get(name.text).copied() {
                Some(first) => {
                    let first = self.program.scopes[first].start;
                    self.twice("the subcircuit", name, first);
                }
                None => _ = self.scope().subcircuits.insert(name.text, scope),
            }
        }
        self.program.scopes[scope].start = statement.span;
        self.open.push((scope, statement));
        name?;
        self.header(words)
    }

    /// Warns of a second thing of a name, which is left out.
    fn twice(&mut self, what: &'static str, name: Piece<'a>, first: Span) {
        let (file, line) = self.sources.line(first);
        let caution = Caution::Twice {
            what,
            name: name.text.to_owned(),
            file,
            line,
        };
        self.report.warn(name.span, caution);
    }

    /// The nodes and parameters of the subcircuit that is open.
    fn header(&mut self, mut words: Words<'a>) -> Outcome<()> {
        while !words.at_assignment()? && !words.is_empty()? {
            if words.keyword(&PARAMETERS_FOLLOW)?.is_some() {
                break;
            }
            let port = words.node("node")?;
            self.claim("the node", port)?;
            self.scope().ports.push(port.text);
        }
        loop {
            while let Some((name, value)) = words.assignment()? {
                let value = value.piece;
                self.parameter(Definition { name, value });
            }
            if words.keyword(&PARAMETERS_FOLLOW)?.is_none() {
                return words.finish();
            }
        }
    }

    fn end(&mut self, statement: Piece<'a>, name: Piece<'a>) -> Outcome<()> {
        let Some((scope, _)) = self.open.pop() else {
            return Err(Halt::new(statement.span, Fault::NoSubcircuit));
        };
        let open = self.program.scopes[scope].name;
        if name.text.is_empty() || name.text == open {
            return Ok(());
        }
        let (found, open) = (name.text.to_owned(), open.to_owned());
        let caution = Caution::OtherSubcircuit { found, open };
        self.report.warn(name.span, caution);
        Ok(())
    }

    /// Sees to it that no subcircuit is open at the end.
    fn close(&mut self) -> Outcome<()> {
        let Some((scope, statement)) = self.open.pop() else {
            return Ok(());
        };
        let name = self.program.scopes[scope].name.to_owned();
        Err(Halt::new(
            statement.span,
            Fault::UnclosedSubcircuit { name },
        ))
    }

    /// Takes a name for a thing in the current scope.
    fn claim(&mut self, what: &'static str, name: Piece<'a>) -> Outcome<()> {
        let Some(first) = self.scope().places.insert((what, name.text), name.span) else {
            return Ok(());
        };
        Err(Halt::new(
            name.span,
            self.sources.duplicate(what, name.text, first),
        ))
    }
}

fn unknown(statement: &str) -> Fault {
    Fault::UnknownStatement {
        statement: statement.to_owned(),
        nearest: nearest(statement, statements::names()),
    }
}
