//! What can be wrong with a netlist.

use std::io;

use crate::circuit::CircuitError;
use crate::device::IvCurveError;

/// What is wrong at a place of a netlist, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A file that cannot be read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// Files too large together.
    #[error("the files have more than {limit} bytes together")]
    TooMuchText {
        /// How many they may have.
        limit: usize,
    },
    /// An include without a file.
    #[error("the file's name is missing: write `.include \"FILE\"`")]
    FileName,
    /// A file that includes itself, perhaps through others.
    #[error("{path} is being read already: it includes itself")]
    CyclicInclude {
        /// The file.
        path: String,
    },
    /// Files that include files too deep.
    #[error("files include files more than {limit} deep")]
    IncludeDepth {
        /// How deep they may.
        limit: usize,
    },
    /// A `+` before any statement.
    #[error("there is no statement above that `+` could continue; the first line is the title")]
    NothingToContinue,
    /// A quote or a brace that does not end.
    #[error("`{open}` has no `{close}` on this line")]
    Unclosed {
        /// What begins.
        open: char,
        /// What should end it.
        close: char,
    },
    /// A character that starts no statement.
    #[error("no statement starts with `{start}`: comments start with `*`, elements with a letter")]
    NoStatement {
        /// The character.
        start: char,
    },
    /// A kind of element that is not supported.
    #[error(
        "`{name}` is {kind}, which is not supported: elements are R, C (open), L (short), V, I, D, sidiodes (A), TABLE (G), I = tanh, pwr or pwl (B), and X"
    )]
    UnsupportedElement {
        /// The element.
        name: String,
        /// What its first letter stands for.
        kind: &'static str,
    },
    /// A statement that is not supported.
    #[error("`{statement}` is not supported: {remedy}")]
    UnsupportedStatement {
        /// The statement.
        statement: String,
        /// What to do instead.
        remedy: &'static str,
    },
    /// A statement that SPICE does not know.
    #[error("`{statement}` is no statement{}", hint(nearest))]
    UnknownStatement {
        /// The statement.
        statement: String,
        /// A similar one.
        nearest: Option<String>,
    },
    /// A command that could change the circuit.
    #[error(
        "commands are not run, and `{command}` may change the result: make the change in the netlist itself"
    )]
    Command {
        /// The command.
        command: String,
    },
    /// A note for this reader that it does not understand.
    #[error(
        "this note is not understood: write `*!ohmgrad nodes NODES..`, `*!ohmgrad node NAME MEANT`, `*!ohmgrad element NAME MEANT` or `*!ohmgrad model NAME PARAMETER=VALUE ..`"
    )]
    Note,
    /// Something missing.
    #[error("the {what} is missing: write `{form}`")]
    Missing {
        /// What.
        what: &'static str,
        /// The whole statement.
        form: &'static str,
    },
    /// Something that does not belong there.
    #[error("`{text}` does not belong here: write `{form}`")]
    Unexpected {
        /// The text.
        text: String,
        /// The whole statement.
        form: &'static str,
    },
    /// A word that should be a number.
    #[error("`{text}` is no number")]
    NotANumber {
        /// The word.
        text: String,
    },
    /// A parameter where a number should stand.
    #[error("`{name}` is no number: for the value of the parameter, write {{{name}}}")]
    BareParameter {
        /// The parameter.
        name: String,
    },
    /// Arithmetic where a number should stand.
    #[error("`{text}` is no number: write arithmetic in braces, {{{text}}}")]
    BareArithmetic {
        /// The arithmetic.
        text: String,
    },
    /// A digit after a unit.
    #[error("`{text}` has digits after its unit: 4k7 is written 4.7k")]
    DigitsAfterUnit {
        /// The number.
        text: String,
    },
    /// A number too large or too small for 64 bits.
    #[error("`{text}` is out of range: numbers are 0, or between 5e-324 and 1.8e308")]
    NumberRange {
        /// The number.
        text: String,
    },
    /// Arithmetic without a finite result.
    #[error("`{text}` is {value}: check for a division by 0 or a root of a negative number")]
    NotFinite {
        /// The arithmetic.
        text: String,
        /// Its result.
        value: f64,
    },
    /// A parameter that is not defined.
    #[error("there is no parameter `{name}`{}", hint(nearest))]
    UnknownParameter {
        /// The parameter.
        name: String,
        /// A similar one.
        nearest: Option<String>,
    },
    /// A parameter defined through itself.
    #[error("the parameter `{name}` is defined through itself")]
    CyclicParameter {
        /// The parameter.
        name: String,
    },
    /// Too many brackets in brackets, or definitions through definitions further down.
    #[error(
        "more than {limit} brackets, signs or definitions lie inside each other: name parts of it with .param, each above its use"
    )]
    Depth {
        /// How many may.
        limit: usize,
    },
    /// Something wrong in the grammar of an expression.
    #[error("{what} is expected here")]
    Expected {
        /// What.
        what: &'static str,
    },
    /// A function that is not known.
    #[error("there is no function `{name}`{}", hint(nearest))]
    UnknownFunction {
        /// The function.
        name: String,
        /// A similar one.
        nearest: Option<String>,
    },
    /// A function with too many or too few arguments.
    #[error("`{function}` takes {expected} arguments, here are {found}")]
    ArgumentCount {
        /// The function.
        function: String,
        /// How many it takes.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A power of a negative number.
    #[error(
        "a power of the negative number {base}: SPICE programs differ here; write pow(x,n), or abs(x)**n"
    )]
    NegativeBase {
        /// The number.
        base: f64,
    },
    /// A voltage where a number should stand.
    #[error("a voltage is no number: only the current of a B line depends on V(..)")]
    Voltage,
    /// A behavioural source of another kind.
    #[error(
        "this current is not supported: with u = V(a,b) of the element's own nodes, write k*tanh(u/s), k*pwr(u,p) or pwl(u, x1,y1, x2,y2, ..)"
    )]
    Behaviour,
    /// A controlled current source without a table of its own voltage.
    #[error(
        "of the controlled sources (G), only tables of the own voltage are supported: write `{form}`"
    )]
    Table {
        /// The whole statement.
        form: &'static str,
    },
    /// A voltage that is not the element's own.
    #[error("an element depends on its own voltage only: write V({a},{b})")]
    ForeignVoltage {
        /// The element's first node.
        a: String,
        /// The element's second node.
        b: String,
    },
    /// Points of a curve that make no curve.
    #[error(transparent)]
    Curve(#[from] IvCurveError),
    /// A table in which a number lacks its partner.
    #[error("a table has pairs (voltage, current), here are {found} numbers")]
    Pairs {
        /// How many numbers there are.
        found: usize,
    },
    /// A number that the law of an element does not allow.
    #[error("{fault}")]
    Law {
        /// What is wrong.
        fault: String,
    },
    /// A resistance that no element of the network may have.
    #[error("a resistance of {ohm} ohm is not supported: resistances are at least 0")]
    Resistance {
        /// The resistance.
        ohm: f64,
    },
    /// A source with a function of time that has no clear value at t = 0.
    #[error(
        "the value of {function} at t = 0 is not clear: write `DC value` before it (SIN, PULSE, EXP and PWL start at t = 0)"
    )]
    SourceFunction {
        /// The function.
        function: String,
    },
    /// A parameter of an element that is not supported.
    #[error("the parameter `{name}` is not supported: write `{form}`")]
    ElementParameter {
        /// The parameter.
        name: String,
        /// The whole statement.
        form: &'static str,
    },
    /// A model that is not defined.
    #[error("there is no model `{name}`{}", hint(nearest))]
    UnknownModel {
        /// The model.
        name: String,
        /// A similar one.
        nearest: Option<String>,
    },
    /// A model of an unsupported kind.
    #[error("models of the kind `{kind}` are not supported: diodes are D or sidiode")]
    ModelKind {
        /// The kind.
        kind: String,
    },
    /// A model of another kind than the element takes.
    #[error("an A line takes a model of the kind sidiode, `{model}` is none: use a D line")]
    NoSidiode {
        /// The model.
        model: String,
    },
    /// A parameter of a model that changes the operating point and is not supported.
    #[error("{} of a diode, {meaning}, is not supported: {remedy}", name.to_uppercase())]
    UnsupportedModelParameter {
        /// The parameter.
        name: String,
        /// What it does.
        meaning: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A parameter of a model that is not known.
    #[error("`{name}` is no parameter of a {kind} model{}", hint(nearest))]
    UnknownModelParameter {
        /// The parameter.
        name: String,
        /// The kind of model.
        kind: &'static str,
        /// A similar one.
        nearest: Option<String>,
    },
    /// A model with parameters of two kinds of diodes.
    #[error(
        "`{ideal}` belongs to an idealised diode and `{junction}` to a junction: use either kind"
    )]
    MixedModel {
        /// A parameter of the one.
        ideal: String,
        /// A parameter of the other.
        junction: String,
    },
    /// An area factor of an idealised diode.
    #[error("an idealised diode has no area: give Ron and Roff of the whole diode")]
    Area,
    /// A temperature below the absolute zero.
    #[error("{celsius} degrees Celsius is no temperature above -273.15")]
    Temperature {
        /// The temperature.
        celsius: f64,
    },
    /// A subcircuit that is not defined.
    #[error("there is no subcircuit `{name}`{}", hint(nearest))]
    UnknownSubcircuit {
        /// The subcircuit.
        name: String,
        /// A similar one.
        nearest: Option<String>,
    },
    /// A call with too many or too few nodes.
    #[error("`{name}` has {} nodes ({}), here are {found}", ports.len(), ports.join(" "))]
    Ports {
        /// The subcircuit.
        name: String,
        /// Its nodes.
        ports: Vec<String>,
        /// How many nodes are connected.
        found: usize,
    },
    /// A parameter that the subcircuit does not have.
    #[error(
        "the subcircuit `{subcircuit}` has no parameter `{name}`{}",
        hint(nearest)
    )]
    SubcircuitParameter {
        /// The subcircuit.
        subcircuit: String,
        /// The parameter.
        name: String,
        /// A similar one.
        nearest: Option<String>,
    },
    /// A subcircuit that contains itself.
    #[error("the subcircuit `{name}` contains itself")]
    RecursiveSubcircuit {
        /// The subcircuit.
        name: String,
    },
    /// Subcircuits in subcircuits too deep.
    #[error("subcircuits lie more than {limit} deep inside each other")]
    SubcircuitDepth {
        /// How deep they may.
        limit: usize,
    },
    /// A definition that does not end.
    #[error("the subcircuit `{name}` has no .ends")]
    UnclosedSubcircuit {
        /// The subcircuit.
        name: String,
    },
    /// An end without a beginning.
    #[error(".ends without .subckt")]
    NoSubcircuit,
    /// An end of another subcircuit.
    #[error("`{found}` ends here, but the open subcircuit is `{open}`")]
    OtherSubcircuit {
        /// What the line says.
        found: String,
        /// What is open.
        open: String,
    },
    /// A node of a subcircuit that cannot be one.
    #[error("`{name}` is ground everywhere: give the node of the subcircuit another name")]
    GroundPort {
        /// The node.
        name: String,
    },
    /// Two things of one name.
    #[error("{what} `{name}` is there already, on line {line} of {file}: rename one")]
    Duplicate {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
        /// The file of the first.
        file: String,
        /// The line of the first.
        line: usize,
    },
    /// Too many elements.
    #[error(
        "the circuit has more than {limit} elements and subcircuits: do subcircuits multiply each other?"
    )]
    TooLarge {
        /// How many it may have.
        limit: usize,
    },
    /// The circuit cannot be built.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
}

/// A similar name as part of a message.
fn hint(nearest: &Option<String>) -> String {
    let hint = |name| format!("; did you mean `{name}`?");
    nearest.as_ref().map(hint).unwrap_or_default()
}

/// The name that is the fewest edits away, if it is not quite another one.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    const LONGEST: usize = 40;
    let short = |name: &&str| name.len() <= LONGEST;
    let allowed = 1 + name.len().min(LONGEST) / 3;
    let edits = |candidate| (strsim::damerau_levenshtein(name, candidate), candidate);
    let near = candidates.into_iter().filter(short).map(edits).min()?;
    (name.len() <= LONGEST && near.0 <= allowed).then(|| near.1.to_owned())
}
