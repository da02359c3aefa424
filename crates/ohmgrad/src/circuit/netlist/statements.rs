//! Statements that start with a point.

/// What to do with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    Title,
    Parameters,
    Subcircuit,
    Ends,
    Model,
    Global,
    Options,
    Temperature,
    Control,
    EndOfControl,
    End,
    /// It does not change the operating point.
    Ignored,
    /// It is not supported; with a remedy.
    Unsupported(&'static str),
}

const OPERATING_POINT_ONLY: &str = "the operating point (.op) is what is computed; remove the line";
const WRITE_IT_OUT: &str = "write out the lines that should be read";

/// Statements by name.
const STATEMENTS: [(&str, Statement); 48] = [
    (".title", Statement::Title),
    (".param", Statement::Parameters),
    (".params", Statement::Parameters),
    (".subckt", Statement::Subcircuit),
    (".ends", Statement::Ends),
    (".eom", Statement::Ends),
    (".model", Statement::Model),
    (".global", Statement::Global),
    (".option", Statement::Options),
    (".options", Statement::Options),
    (".opt", Statement::Options),
    (".temp", Statement::Temperature),
    (".control", Statement::Control),
    (".endc", Statement::EndOfControl),
    (".end", Statement::End),
    (".op", Statement::Ignored),
    (".save", Statement::Ignored),
    (".print", Statement::Ignored),
    (".plot", Statement::Ignored),
    (".probe", Statement::Ignored),
    (".width", Statement::Ignored),
    (".nodeset", Statement::Ignored),
    (".ic", Statement::Ignored),
    (".backanno", Statement::Ignored),
    (".tran", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".ac", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".dc", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".noise", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".disto", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".pz", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".sens", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".tf", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".sp", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".pss", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".four", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".meas", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".measure", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (".step", Statement::Unsupported(OPERATING_POINT_ONLY)),
    (
        ".lib",
        Statement::Unsupported("write .include with the file of the models"),
    ),
    (
        ".func",
        Statement::Unsupported("write the formula where it is used"),
    ),
    (".csparam", Statement::Unsupported("write .param")),
    (".if", Statement::Unsupported(WRITE_IT_OUT)),
    (".elseif", Statement::Unsupported(WRITE_IT_OUT)),
    (".else", Statement::Unsupported(WRITE_IT_OUT)),
    (".endif", Statement::Unsupported(WRITE_IT_OUT)),
    (
        ".alter",
        Statement::Unsupported("write a netlist for each case"),
    ),
    (
        ".data",
        Statement::Unsupported("write a netlist for each case"),
    ),
    (
        ".connect",
        Statement::Unsupported("join nodes with a resistor of 0 ohm"),
    ),
];

/// Commands between `.control` and `.endc` that leave the circuit as it is.
const COMMANDS: [&str; 19] = [
    "op",
    "run",
    "print",
    "show",
    "showmod",
    "echo",
    "quit",
    "exit",
    "write",
    "wrdata",
    "save",
    "plot",
    "display",
    "listing",
    "status",
    "rusage",
    "version",
    "destroy",
    "remzerovec",
];

/// The statement of a name such as `.model`.
pub(super) fn find(name: &str) -> Option<Statement> {
    let found = STATEMENTS.iter().find(|(known, _)| *known == name);
    found.map(|(_, statement)| *statement)
}

/// The names of all statements.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    STATEMENTS.iter().map(|(name, _)| *name)
}

/// Variables that `set` may set, which change what is printed and how.
const VARIABLES: [&str; 8] = [
    "appendwrite",
    "filetype",
    "noaskquit",
    "nomoremode",
    "numdgt",
    "width",
    "wr_singlescale",
    "wr_vecnames",
];

/// Whether a command leaves the circuit as it is; `rest` is what follows it.
pub(super) fn is_harmless(command: &str, rest: &str) -> bool {
    let variable = || rest.split(['=', ' ', '\t']).next().unwrap_or_default();
    COMMANDS.contains(&command) || (command == "set" && VARIABLES.contains(&variable()))
}

/// What the first letter of an unsupported element stands for.
pub(super) fn kind_of_element(letter: char) -> &'static str {
    match letter {
        'e' => "a voltage-controlled voltage source",
        'f' => "a current-controlled current source",
        'h' => "a current-controlled voltage source",
        'j' => "a junction field-effect transistor",
        'k' => "a coupling of inductors",
        'm' => "a MOSFET",
        'q' => "a bipolar transistor",
        's' => "a switch controlled by a voltage",
        'w' => "a switch controlled by a current",
        'z' => "a MESFET",
        'o' | 'p' | 't' | 'u' | 'y' => "a transmission line",
        _ => "an element of another kind",
    }
}
