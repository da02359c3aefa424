//! Analyses that say which operating points are wanted.

use super::error::Outcome;
use super::parameters::Parameters;
use super::source::Piece;
use super::token::Words;

/// What a `.dc` statement asks for: the operating points along the values of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The source, by its name.
    pub source: String,
    /// The first value, in volt or ampere.
    pub start: f64,
    /// The value at or before which it ends.
    pub stop: f64,
    /// The distance of the values; not 0.
    pub step: f64,
}

impl Sweep {
    /// Reads `.dc SOURCE START STOP STEP`; further sources are those of further sweeps. `None` if it is of another form.
    pub(super) fn read(statement: Piece, parameters: Parameters) -> Option<Sweep> {
        let mut words = Words::new(statement, ".dc SOURCE START STOP STEP");
        let mut read = || -> Outcome<Sweep> {
            words.name("statement")?;
            words.keyword(&["lin"])?;
            let source = words.name("source")?.text.to_owned();
            let mut number = |what| {
                let token = words.expect(what)?;
                Ok(parameters.number(token)?.value)
            };
            Ok(Sweep {
                source,
                start: number("first value")?,
                stop: number("last value")?,
                step: number("step")?,
            })
        };
        read().ok().filter(|sweep| sweep.count() > 0)
    }

    /// How many values there are; 0 if the step leads away from the last, or there are more than 10 million.
    pub fn count(&self) -> usize {
        const LIMIT: f64 = 1e7;
        // The last value belongs to it, however the quotient is rounded.
        let steps = (self.stop - self.start) / self.step * (1.0 + 4.0 * f64::EPSILON) + 1e-9;
        match steps {
            steps if (0.0..LIMIT).contains(&steps) => steps as usize + 1,
            _ => 0,
        }
    }

    /// The values.
    pub fn values(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        (0..self.count()).map(|k| self.start + k as f64 * self.step)
    }
}

/// What a `.tf` statement asks for: how a voltage or current answers to a source, around the operating point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRequest {
    /// The voltage or current: `v(NODE)`, `v(NODE,NODE)` or `i(SOURCE)`.
    pub output: String,
    /// The source, by its name.
    pub source: String,
}

impl TransferRequest {
    /// Reads `.tf OUTPUT SOURCE`; `None` if it is of another form.
    pub(super) fn read(statement: Piece) -> Option<TransferRequest> {
        let mut words = Words::new(statement, ".tf OUTPUT SOURCE");
        let mut names = Vec::new();
        while !words.is_empty().ok()? {
            names.push(words.name("name").ok()?.text);
        }
        let (output, source) = match names[..] {
            [_, kind @ ("v" | "i"), name, source] => (format!("{kind}({name})"), source),
            [_, "v", a, b, source] => (format!("v({a},{b})"), source),
            _ => return None,
        };
        Some(TransferRequest {
            output,
            source: source.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn transfers_are_read() {
        let read = |tf: &str| {
            let netlist = parse(&format!("t\nv1 a 0 1\n{tf}"), "t.cir").expect("a netlist");
            let ignored = netlist.ignored.len();
            (netlist.transfer.map(|t| (t.output, t.source)), ignored)
        };
        let expected = |output: &str| (Some((output.to_owned(), "v1".to_owned())), 0);
        assert_eq!(read(".tf V(out) V1"), expected("v(out)"));
        assert_eq!(read(".TF v(a, b) v1"), expected("v(a,b)"));
        assert_eq!(read(".tf i(vx) v1"), expected("i(vx)"));
        assert_eq!(read(".tf v1"), (None, 1));
    }

    #[test]
    fn sweeps_are_read() {
        let values = |dc: &str| {
            let netlist =
                parse(&format!("t\nr1 a 0 1\n.param k=2\n{dc}"), "t.cir").expect("a netlist");
            let sweep = netlist.sweep;
            sweep.map(|sweep| (sweep.source.clone(), sweep.values().collect::<Vec<_>>()))
        };
        let expected = |values: &[f64]| Some(("v1".to_owned(), values.to_vec()));
        assert_eq!(values(".dc V1 0 1 500m"), expected(&[0.0, 0.5, 1.0]));
        assert_eq!(
            values(".dc V1 1 {-k} -1 V2 0 1 1"),
            expected(&[1.0, 0.0, -1.0, -2.0])
        );
        assert_eq!(values(".dc v1 0 1 0.3").expect("a sweep").1.len(), 4);
        assert_eq!(values(".dc v1 0 0.3 0.1").expect("a sweep").1.len(), 4);
        for none in [
            ".dc v1 0 1 -1",
            ".dc v1 0 1 0",
            ".dc v1 list 1 2",
            ".dc",
            ".dc v1 0 1 1e-30",
            "",
        ] {
            assert_eq!(values(none), None, "{none}");
        }
    }
}
