//! From what a line says to elements of the circuit.

use super::super::elements::{Control, Described, Part};
use super::super::error::{Halt, Outcome};
use super::super::fault::Fault;
use super::super::multiples::{controlled_side_by_side, side_by_side};
use super::super::source::Piece;
use super::Expansion;
use crate::circuit::NodeId;
use crate::circuit::builder::Controller;
use crate::device::Law;

impl<'a> Expansion<'_, 'a> {
    pub(super) fn add(&mut self, line: Piece<'a>, described: Described<'a>) -> Outcome<()> {
        let number = self.frame().number;
        let mut nodes = described.nodes.map(|node| self.node(node.text));
        let name = self.full_name(described.name.text);
        if described.parallel > 0.0 {
            let conductance = number * described.parallel;
            self.push(
                line,
                [&name, "(rpar)"].concat(),
                nodes,
                Law::Resistor { conductance },
            );
        }
        if described.series.is_finite() {
            // Brackets end a name, so that no element or node has this one.
            let inner = [&name, "(rser)"].concat();
            let conductance = number * described.series;
            let between = [nodes[0], self.builder.node(&inner)];
            self.push(line, inner, between, Law::Resistor { conductance });
            nodes[0] = between[1];
        }
        // Further sources stand before the first, in series if they set voltages.
        for (k, part) in described.more.into_iter().enumerate() {
            let inner = format!("{name}({})", k + 2);
            let mut between = nodes;
            if matches!(
                described.law,
                Law::ControlledVoltage { .. } | Law::VoltageSource { .. }
            ) {
                between[1] = self.builder.node(&inner);
                nodes[0] = between[1];
            }
            self.add_part(line, inner, between, part)?;
        }
        let (law, control) = (described.law, described.control);
        self.add_part(line, name, nodes, Part { law, control })
    }

    /// The name of an element of the innermost frame.
    fn full_name(&self, name: &str) -> String {
        match self.frames.last() {
            Some(frame) if self.frames.len() > 1 => [&name[..1], &frame.path, name].join("."),
            _ => {
                let names = &self.program.notes.element_names;
                names.get(name).copied().unwrap_or(name).to_owned()
            }
        }
    }

    fn add_part(
        &mut self,
        line: Piece<'a>,
        name: String,
        nodes: [NodeId; 2],
        part: Part<'a>,
    ) -> Outcome<()> {
        let number = self.frame().number;
        let fault = |fault| Halt::new(line.span, fault);
        let law = match part.control {
            Some(control) => {
                let is_by_voltage = matches!(control, Control::Voltage(_));
                controlled_side_by_side(part.law, is_by_voltage, number)
            }
            None => side_by_side(part.law, number).map_err(fault)?,
        };
        if let Some(wrong) = law.fault() {
            return Err(fault(Fault::Law { fault: wrong }));
        }
        match part.control {
            Some(control) => {
                let control = match control {
                    Control::Voltage(nodes) => Controller::Voltage(nodes.map(|n| self.node(n))),
                    Control::Current(source) => Controller::Current(self.full_name(source)),
                };
                self.builder.push_controlled(name, nodes, law, control);
                self.places.push(line.span);
            }
            None => self.push(line, name, nodes, law),
        }
        Ok(())
    }

    fn push(&mut self, line: Piece<'a>, name: String, nodes: [NodeId; 2], law: Law) {
        self.builder.push_between(name, nodes, law);
        self.places.push(line.span);
    }
}
