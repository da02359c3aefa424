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
