//! Finding things by name.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The numbers of things by their names, which the owner of the things holds.
///
/// Half the size of a map from strings to numbers, and built without an allocation for each name.
#[derive(Clone, Debug, Default)]
pub(super) struct NameIndex {
    numbers: HashTable<u32>,
}

impl NameIndex {
    pub(super) fn with_capacity(names: usize) -> NameIndex {
        let numbers = HashTable::with_capacity(names);
        NameIndex { numbers }
    }

    /// The number of a name; `name_of` is the name of a number.
    pub(super) fn find<'n>(&self, name: &str, name_of: impl Fn(u32) -> &'n str) -> Option<u32> {
        let is_it = |number: &u32| name_of(*number) == name;
        self.numbers.find(hash(name), is_it).copied()
    }

    /// Adds the number of a name, unless another has the name; whether it did.
    pub(super) fn insert<'n>(&mut self, number: u32, name_of: impl Fn(u32) -> &'n str) -> bool {
        let name = name_of(number);
        let is_it = |number: &u32| name_of(*number) == name;
        let rehash = |number: &u32| hash(name_of(*number));
        match self.numbers.entry(hash(name), is_it, rehash) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(number);
                true
            }
        }
    }
}

fn hash(name: &str) -> u64 {
    FixedState::default().hash_one(name)
}

/// The number of the name that SPICE takes for this one; `number` is that of a name that is spelled so.
pub(super) fn find_as_spice(
    name: &str,
    names: &[String],
    number: impl Fn(&str) -> Option<u32>,
) -> Option<u32> {
    let same = |other: &String| other.to_lowercase() == name.to_lowercase();
    let exact = number(name).or_else(|| number(&name.to_lowercase()));
    exact.or_else(|| names.iter().position(same).map(|k| k as u32))
}

/// What may be meant by a name that there is not, and the first of those that there are.
pub(super) fn hint(what: &str, name: &str, names: &[String]) -> String {
    const LISTED: usize = 10;
    let name = name.to_lowercase();
    let edits = |other: &&String| strsim::damerau_levenshtein(&name, &other.to_lowercase());
    let nearest = names.iter().min_by_key(edits);
    let near = nearest.filter(|nearest| edits(nearest) <= 1 + name.len() / 4);
    let near = near.map_or_else(String::new, |nearest| format!(" did you mean {nearest}?"));
    let more = if names.len() > LISTED { ", ..." } else { "" };
    let listed = names[..names.len().min(LISTED)].join(", ");
    format!(":{near} the {what}s are {listed}{more}")
}
