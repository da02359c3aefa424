//! Diodes.

use super::super::error::{Halt, Outcome};
use super::super::fault::Fault;
use super::super::models::Model;
use super::super::source::Piece;
use super::super::token::Words;
use super::{Context, Described, Head, Models, Temperature, multiplier, unsupported};

const DIODE: &str = "D1 anode cathode MODEL [AREA] [m=NUMBER]";
const CODE_MODEL: &str = "A1 anode cathode MODEL";

pub(super) fn read<'a>(
    line: Piece<'a>,
    context: Context<'_, 'a>,
    models: &mut impl Models<'a>,
) -> Outcome<Described<'a>> {
    let parameters = context.parameters;
    let mut words = Words::new(line, DIODE);
    let head = Head::read(&mut words)?;
    let name = words.name("model")?;
    let model = models.find(name)?;
    let mut area = None;
    let mut number = 1.0;
    let mut temperature = Temperature::OF_CIRCUIT;
    while let Some(token) = words.peek()? {
        if let Some((name, value)) = words.assignment()? {
            match name.text {
                "area" => area = Some(value),
                "m" => number = multiplier(value, parameters)?,
                // Where an iteration starts.
                "ic" | "off" | "on" => {}
                "pj" | "perim" if parameters.number(value)?.value == 0.0 => {}
                "n" | "scale" if parameters.number(value)?.value == 1.0 => {}
                other if temperature.read(other, value, parameters)? => {}
                _ => return Err(unsupported(name, &words)),
            }
        } else if words.keyword(&["off", "on"])?.is_none() {
            words.next()?;
            if area.replace(token).is_some() {
                return Err(words.unexpected(token.piece));
            }
        }
    }
    let area = match area {
        Some(area) => multiplier(area, parameters)?,
        None => 1.0,
    };
    let temperature = temperature.at(context.settings);
    let law = match model {
        Model::Idealised(_) if area != 1.0 => Err(Fault::Area),
        Model::Idealised(model) => model.law(number),
        Model::Junction(model) => model.law(area, number, temperature),
        Model::Resistor(_) => Err(Fault::OtherModel {
            model: name.text.to_owned(),
            wanted: "one of a diode, D or sidiode",
        }),
    };
    let law = law.map_err(|fault| Halt::new(line.span, fault))?;
    Ok(head.with(law))
}

pub(super) fn code_model<'a>(
    line: Piece<'a>,
    models: &mut impl Models<'a>,
) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, CODE_MODEL);
    let name = words.name("name")?;
    words.keyword(&["%gd"])?;
    let nodes = [words.name("anode")?, words.name("cathode")?];
    let head = Head { name, nodes };
    let name = words.name("model")?;
    words.finish()?;
    let law = match models.find(name)? {
        Model::Idealised(model) if model.is_sidiode => model.law(1.0),
        _ => Err(Fault::OtherModel {
            model: name.text.to_owned(),
            wanted: "a sidiode, which an A line takes: use a D line",
        }),
    };
    let law = law.map_err(|fault| Halt::new(name.span, fault))?;
    Ok(head.with(law))
}
