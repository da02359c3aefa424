//! Names of nodes and elements as SPICE can read them.

use super::{Map, Set};

/// Names as they are spelled in a netlist, each different from all others.
///
/// SPICE does not tell `A` from `a`, knows ground by two names, and knows an element's kind by its first
/// letter, which comes with the names here; nodes have none.
pub(super) fn spell(names: &[(&str, Option<char>)]) -> Vec<String> {
    let kept = names.iter().filter(|(name, letter)| is_kept(name, *letter));
    let mut speller = Speller {
        taken: kept.map(|(name, _)| (*name).to_owned()).collect(),
        latest: Map::default(),
    };
    let spelled = names.iter().map(|(name, letter)| match letter {
        _ if is_kept(name, *letter) => (*name).to_owned(),
        letter => speller.other(name, letter.unwrap_or('n')),
    });
    spelled.collect()
}

/// Whether a name is one in SPICE as well.
fn is_kept(name: &str, letter: Option<char>) -> bool {
    name != "gnd" && name.chars().all(is_plain) && letter.is_none_or(|c| name.starts_with(c))
}

fn is_plain(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '_' | '.')
}

struct Speller {
    taken: Set<String>,
    /// The number given last to names that would else be the same.
    latest: Map<String, usize>,
}

impl Speller {
    /// A new name that is like an old one and starts with a letter.
    fn other(&mut self, name: &str, letter: char) -> String {
        let lower = name.chars().map(|c| c.to_ascii_lowercase());
        let plain = lower.map(|c| if is_plain(c) { c } else { '_' });
        let like: String = std::iter::once(letter).chain(plain).collect();
        let mut new = like.clone();
        let latest = self.latest.entry(like.clone()).or_insert(1);
        while !self.taken.insert(new.clone()) {
            *latest += 1;
            new = format!("{like}_{latest}");
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_apart() {
        let nodes = ["0", "a", "A", "gnd", "n(1)", "n{1}", "nn_1_", "é"].map(|name| (name, None));
        let expected = ["0", "a", "na", "ngnd", "nn_1__2", "nn_1__3", "nn_1_", "n_"];
        assert_eq!(spell(&nodes), expected);
        let elements = [("r1", Some('r')), ("load", Some('r')), ("R1", Some('r'))];
        assert_eq!(spell(&elements), ["r1", "rload", "rr1"]);
    }
}
