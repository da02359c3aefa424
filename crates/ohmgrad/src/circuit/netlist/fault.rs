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
    /// A file that another tool reads, and that is no netlist.
    #[error("this is {tool}, not a netlist: {remedy}")]
    OtherTool {
        /// What it is.
        tool: &'static str,
        /// What to do with it.
        remedy: &'static str,
    },
    /// A library that cannot be read, while something is missing that it may define.
    #[error("{path} cannot be read: what is missing may be in this library")]
    MissingLibrary {
        /// The file.
        path: String,
    },
    /// A section that a library does not have.
    #[error("{path} has no section `{section}`: a section is between `.lib {section}` and `.endl`")]
    UnknownSection {
        /// The section.
        section: String,
        /// The library.
        path: String,
    },
    /// Nothing to solve.
    #[error("the netlist has no element{}", uncalled(subcircuits))]
    NoElement {
        /// The subcircuits, which nobody calls.
        subcircuits: Vec<String>,
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
        "`{name}` is {kind}, which is not supported: elements are R, C (open), L (short), V, I, D, sidiodes (A), E, F, G, H, B and X"
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
    /// Arithmetic where a number should stand.
    #[error("`{text}` is no number: write arithmetic in braces, {{{text}}}")]
    BareArithmetic {
        /// The arithmetic.
        text: String,
    },
    /// A digit after a unit that cannot stand for the point.
    #[error("`{text}` has digits after its unit: write 4.7k or 4k7, without a further point")]
    DigitsAfterUnit {
        /// The number.
        text: String,
    },
    /// A number in which `m` stands for the point.
    #[error("`{text}` may be milli or mega: write 4.7m or 4.7meg in place of 4m7")]
    MilliOrMega {
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
    /// A function of chance.
    #[error("`{name}` is a random number: write its nominal value")]
    Random {
        /// The function.
        name: String,
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
    #[error(
        "a voltage is no number: only the current of a B or G line depends on V(..), and on its own"
    )]
    Voltage,
    /// A behavioural source of another kind.
    #[error(
        "this current is not supported: with u = V(a,b) of the element's own nodes, write a sum of I, g*u, k*f(u/s+x) with f = tanh, sinh, asinh, atan or exp, k*pwr(u/s,p), u*u*u and odd powers, or pwl(u, x1,y1, x2,y2, ..)"
    )]
    Behaviour,
    /// The voltages of both nodes, not their difference.
    #[error(
        "an element depends on the voltage between its nodes only, not on their potentials apart"
    )]
    SeparateVoltages,
    /// A conductance below 0.
    #[error(
        "a conductance of {siemens} S is not supported: the current must not fall as the voltage rises"
    )]
    NegativeConductance {
        /// The conductance.
        siemens: f64,
    },
    /// Functions that call functions too often.
    #[error("functions are called more than {limit} times: do they multiply each other?")]
    FunctionCalls {
        /// How often they may.
        limit: usize,
    },
    /// A current of another element in a formula.
    #[error("an element depends on its own voltage only, not on the current of another element")]
    ForeignCurrent,
    /// An even power of a voltage.
    #[error("an even power of a voltage falls on one side of 0: for sign(u) |u|^p, write pwr(u,p)")]
    EvenPower,
    /// A controlled source that is not linear.
    #[error(
        "a source that other voltages or currents control must be linear in them: a constant and multiples of V(a,b) and I(v1); products, powers and functions of them are not supported"
    )]
    NotLinear,
    /// A controlled source of another kind.
    #[error(
        "{kind} is not supported: a controlled source must be linear and the same at all times, so write its gain"
    )]
    ControlledKind {
        /// The kind.
        kind: String,
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
    #[error(
        "models of the kind `{kind}` are not supported here: diodes are D or sidiode, resistors R or RES"
    )]
    ModelKind {
        /// The kind.
        kind: String,
    },
    /// A model of another kind than the element takes.
    #[error("the model `{model}` is not {wanted}")]
    OtherModel {
        /// The model.
        model: String,
        /// What the element takes.
        wanted: &'static str,
    },
    /// A parameter of a model that changes the operating point and is not supported.
    #[error("{}, {meaning}, is not supported: {remedy}", name.to_uppercase())]
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
        "`{junction}` belongs to a junction, other parameters to an idealised diode: use either kind"
    )]
    MixedModel {
        /// The parameter of a junction.
        junction: String,
    },
    /// A resistance beside a model with another one.
    #[error(
        "the model has a resistance R as well: it is only a default in ngspice, and a factor in PSpice; remove it there, or multiply"
    )]
    ResistorFactor,
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
    /// A subcircuit that stands for too many elements.
    #[error(
        "the circuit has more than {limit} elements and subcircuits with those of `{name}`: do subcircuits multiply each other?"
    )]
    Multiplied {
        /// The subcircuit with which they are too many.
        name: String,
        /// How many it may have.
        limit: usize,
    },
    /// The circuit cannot be built.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
}

impl Fault {
    /// Whether a name is missing that a library could define.
    pub(super) fn is_unknown_name(&self) -> bool {
        matches!(
            self,
            Fault::UnknownModel { .. }
                | Fault::UnknownSubcircuit { .. }
                | Fault::UnknownParameter { .. }
                | Fault::UnknownFunction { .. }
                | Fault::NotANumber { .. }
        )
    }
}

/// The subcircuits that nobody calls, as part of a message.
fn uncalled(subcircuits: &[String]) -> String {
    const NAMED: usize = 5;
    let named = subcircuits[..subcircuits.len().min(NAMED)].join(", ");
    let and_others = match subcircuits.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} others"),
    };
    match subcircuits.len() {
        0 => String::new(),
        1 => format!("; nothing calls its subcircuit {named}"),
        _ => format!("; nothing calls its subcircuits {named}{and_others}"),
    }
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
    let edits = |candidate| {
        #[cfg(test)]
        DISTANCES.set(DISTANCES.get() + 1);
        (strsim::damerau_levenshtein(name, candidate), candidate)
    };
    let near = candidates.into_iter().filter(short).map(edits).min()?;
    (name.len() <= LONGEST && near.0 <= allowed).then(|| near.1.to_owned())
}

#[cfg(test)]
thread_local! {
    /// How many names have been compared.
    static DISTANCES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many names some work compares.
#[cfg(test)]
pub(super) fn count_distances(work: impl FnOnce()) -> usize {
    let before = DISTANCES.get();
    work();
    DISTANCES.get() - before
}
