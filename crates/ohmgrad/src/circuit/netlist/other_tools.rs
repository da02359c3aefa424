//! Files that are no netlists, known by how they start.

use super::fault::Fault;

const EXPORT_KICAD: &str =
    "export a netlist for SPICE from the schematic editor (File, Export, Netlist, SPICE)";
const EXPORT_LTSPICE: &str = "write a netlist with LTspice (View, SPICE Netlist, or -netlist)";
const EXPORT: &str = "export a netlist for SPICE";
const UNPACK: &str = "unpack it first";

/// How files start, what they are, and what to do with them.
const STARTS: [(&str, &str, &str); 19] = [
    ("(kicad_sch", "a schematic of KiCad", EXPORT_KICAD),
    ("(kicad_pcb", "a board of KiCad", EXPORT_KICAD),
    ("(export", "a netlist of KiCad for boards", EXPORT_KICAD),
    ("EESchema", "a schematic of KiCad", EXPORT_KICAD),
    ("Version 4\nSHEET", "a schematic of LTspice", EXPORT_LTSPICE),
    (
        "Version 4.1\nSHEET",
        "a schematic of LTspice",
        EXPORT_LTSPICE,
    ),
    (
        "Version 4\nSymbolType",
        "a symbol of LTspice",
        EXPORT_LTSPICE,
    ),
    ("<Qucs Schematic", "a schematic of Qucs", EXPORT),
    ("<QucsStudio Schematic", "a schematic of QucsStudio", EXPORT),
    ("\u{ab}schematic", "a schematic of QSPICE", EXPORT),
    ("v {xschem", "a schematic of xschem", EXPORT),
    ("# Qucs", "a netlist of Qucs", EXPORT),
    ("simulator lang=spectre", "a netlist of Spectre", EXPORT),
    ("`include \"", "a description in Verilog-A", EXPORT),
    ("<?xml", "a file in XML", EXPORT),
    ("<!DOCTYPE html", "a web page", "fetch the file itself"),
    ("%PDF", "a PDF document", EXPORT),
    ("PK\u{3}\u{4}", "a ZIP archive", UNPACK),
    ("\u{1f}\u{8b}", "a compressed file", UNPACK),
];
/// The fault of a text that another tool wrote for itself, if it is one.
pub(super) fn fault(text: &str) -> Option<Fault> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let is_comment = |line: &&str| line.is_empty() || line.starts_with("//");
    let mut lines = lines.skip_while(is_comment);
    let (first, second) = (lines.next()?, lines.next().unwrap_or(""));
    let start = [first, second].join("\n");
    let found = STARTS.iter().find(|(known, ..)| start.starts_with(known));
    found.map(|(_, tool, remedy)| Fault::OtherTool { tool, remedy })
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn files_of_other_tools_are_known() {
        for (text, tool) in [
            ("(kicad_sch (version 2021)", "KiCad"),
            ("\u{feff}Version 4\r\nSHEET 1 880 680\r\n", "LTspice"),
            ("// Cadence\n\nsimulator lang=spectre\n", "Spectre"),
        ] {
            let message = fault(text).expect("another tool").to_string();
            assert!(message.contains(tool), "{message}");
        }
        for text in ["", "a title", "Version 4 of the bridge\nV1 a 0 1"] {
            assert!(fault(text).is_none(), "{text}");
        }
    }
}
