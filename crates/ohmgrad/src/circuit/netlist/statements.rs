//! Statements that start with a point, and commands.

/// What to do with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    Title,
    Parameters,
    Function,
    Subcircuit,
    Ends,
    Model,
    Global,
    Options,
    Temperature,
    Control,
    EndOfControl,
    End,
    /// The end of a section of a library.
    EndOfSection,
    /// It asks for the operating point, or for nothing at all.
    Silent,
    /// It does not change the operating point, and is told as left out.
    Ignored,
    /// It is not supported; with a remedy.
    Unsupported(&'static str),
}

const WRITE_IT_OUT: &str = "write out the lines that should be read";
const A_NETLIST_EACH: &str = "write a netlist for each case";

/// Statements that mean something, by name.
const STATEMENTS: [(&str, Statement); 42] = [
    (".title", Statement::Title),
    (".param", Statement::Parameters),
    (".params", Statement::Parameters),
    (".parameter", Statement::Parameters),
    (".global_param", Statement::Parameters),
    (".globalparam", Statement::Parameters),
    (".globalparams", Statement::Parameters),
    (".func", Statement::Function),
    (".function", Statement::Function),
    (".subckt", Statement::Subcircuit),
    (".macro", Statement::Subcircuit),
    (".ends", Statement::Ends),
    (".eom", Statement::Ends),
    (".model", Statement::Model),
    (".global", Statement::Global),
    (".option", Statement::Options),
    (".options", Statement::Options),
    (".opt", Statement::Options),
    (".opts", Statement::Options),
    (".temp", Statement::Temperature),
    (".temperature", Statement::Temperature),
    (".control", Statement::Control),
    (".endc", Statement::EndOfControl),
    (".end", Statement::End),
    (".endl", Statement::EndOfSection),
    (".op", Statement::Silent),
    (".backanno", Statement::Silent),
    (".nodeset", Statement::Silent),
    (".ic", Statement::Silent),
    (".if", Statement::Unsupported(WRITE_IT_OUT)),
    (".elseif", Statement::Unsupported(WRITE_IT_OUT)),
    (".else", Statement::Unsupported(WRITE_IT_OUT)),
    (".endif", Statement::Unsupported(WRITE_IT_OUT)),
    (".alter", Statement::Unsupported(A_NETLIST_EACH)),
    (".data", Statement::Unsupported(A_NETLIST_EACH)),
    (".enddata", Statement::Unsupported(A_NETLIST_EACH)),
    (".alias", Statement::Unsupported("write the name itself")),
    (".prot", Statement::Silent),
    (".unprot", Statement::Silent),
    (".hdl", Statement::Unsupported("write the element itself")),
    (
        ".machine",
        Statement::Unsupported("state machines have no operating point"),
    ),
    (
        ".connect",
        Statement::Unsupported("join nodes with a resistor of 0 ohm"),
    ),
];

/// Analyses and outputs, on which no operating point depends.
const IGNORED: [&str; 44] = [
    ".ac",
    ".csparam",
    ".dc",
    ".disto",
    ".distortion",
    ".ferret",
    ".fft",
    ".four",
    ".fourier",
    ".graph",
    ".hb",
    ".lin",
    ".loadbias",
    ".mc",
    ".meas",
    ".measure",
    ".mosra",
    ".net",
    ".noise",
    ".pac",
    ".plot",
    ".print",
    ".probe",
    ".probe64",
    ".pss",
    ".pz",
    ".save",
    ".savebias",
    ".sens",
    ".sp",
    ".step",
    ".stim",
    ".stimulus",
    ".store",
    ".text",
    ".tf",
    ".tran",
    ".transient",
    ".vector",
    ".view",
    ".watch",
    ".wave",
    ".wcase",
    ".width",
];

/// The statement of a name such as `.model`.
pub(super) fn find(name: &str) -> Option<Statement> {
    let found = STATEMENTS.iter().find(|(known, _)| *known == name);
    let ignored = || IGNORED.contains(&name).then_some(Statement::Ignored);
    found.map(|(_, statement)| *statement).or_else(ignored)
}

/// The names of all statements.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let meaning = STATEMENTS.iter().map(|(name, _)| *name);
    meaning.chain(IGNORED).chain([".include", ".lib"])
}

/// Commands between `.control` and `.endc` that may change the circuit.
const CHANGES: [&str; 6] = [
    "alter",
    "altermod",
    "alterparam",
    "circbyline",
    "mc_source",
    "source",
];
/// Variables and options that change the operating point, if a command sets them.
const SETTINGS: [&str; 6] = ["temp", "tnom", "gmin", "gshunt", "rshunt", "scale"];

/// Whether a command may change the circuit; `rest` is what follows it.
pub(super) fn changes_circuit(command: &str, rest: &str) -> bool {
    let variable = || rest.split(['=', ' ', '\t']).next().unwrap_or_default();
    match command {
        "set" | "option" | "options" => SETTINGS.contains(&variable()),
        "let" => rest.starts_with('@'),
        _ => CHANGES.contains(&command),
    }
}

/// What the first letter of an unsupported element stands for.
pub(super) fn kind_of_element(letter: char) -> &'static str {
    match letter {
        'j' => "a junction field-effect transistor",
        'k' => "a coupling of inductors",
        'm' => "a MOSFET",
        'n' => "a device of Verilog-A",
        'o' => "a lossy transmission line",
        'p' => "a coupled transmission line",
        'q' => "a bipolar transistor",
        's' => "a switch controlled by a voltage",
        't' => "a transmission line",
        'u' => "a distributed RC line or a digital device",
        'w' => "a switch controlled by a current",
        'y' => "a lossy line, or a device of another simulator",
        'z' => "a MESFET",
        _ => "an element of another kind",
    }
}
