//! Options that change the operating point.

use super::error::{Halt, Outcome};
use super::fault::Fault;
use super::parameters::Parameters;
use super::source::Piece;
use super::token::{Token, Words};

/// 0 degrees Celsius in kelvin.
pub(super) const ZERO_CELSIUS: f64 = 273.15;
/// 27 degrees Celsius in kelvin.
pub(super) const ROOM: f64 = 300.15;

/// What `.options` and `.temp` set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// The temperature of the circuit in kelvin.
    pub(super) temperature: f64,
    /// The temperature at which the models' parameters hold, in kelvin.
    pub(super) nominal_temperature: f64,
    /// The conductance beside every junction, in siemens.
    pub(super) gmin: f64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            temperature: ROOM,
            nominal_temperature: ROOM,
            gmin: 1e-12,
        }
    }
}

impl Settings {
    /// Reads a line of options after its first word.
    pub(super) fn read_options(&mut self, mut words: Words, parameters: Parameters) -> Outcome<()> {
        while !words.is_empty()? {
            match words.assignment()? {
                Some((name, value)) => self.set(name, value, parameters)?,
                None => _ = words.next()?,
            }
        }
        Ok(())
    }

    fn set(&mut self, name: Piece, value: Token, parameters: Parameters) -> Outcome<()> {
        match name.text {
            "temp" => self.temperature = kelvin(value, parameters)?,
            "tnom" => self.nominal_temperature = kelvin(value, parameters)?,
            "gmin" => self.gmin = conductance(value, parameters)?,
            "rshunt" | "gshunt" => {
                let fault = Fault::UnsupportedStatement {
                    statement: name.text.to_owned(),
                    remedy: "write the resistors from the nodes to ground",
                };
                return Err(Halt::new(name.span, fault));
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads a `.temp` line after its first word.
    pub(super) fn read_temperature(
        &mut self,
        mut words: Words,
        parameters: Parameters,
    ) -> Outcome<()> {
        let value = words.expect("temperature")?;
        self.temperature = kelvin(value, parameters)?;
        words.finish()
    }
}

/// A temperature in kelvin from one in degrees Celsius.
pub(super) fn kelvin(token: Token, parameters: Parameters) -> Outcome<f64> {
    let celsius = parameters.number(token)?.value;
    let kelvin = celsius + ZERO_CELSIUS;
    if kelvin > 0.0 {
        return Ok(kelvin);
    }
    Err(Halt::new(token.piece.span, Fault::Temperature { celsius }))
}

fn conductance(token: Token, parameters: Parameters) -> Outcome<f64> {
    let siemens = parameters.number(token)?.value;
    if siemens >= 0.0 {
        return Ok(siemens);
    }
    let fault = format!("a conductance of {siemens} S is not supported, it must be at least 0");
    Err(Halt::new(token.piece.span, Fault::Law { fault }))
}
