//! The largest flow through a directed graph, exactly, by shortest augmenting paths (Edmonds and Karp, 1972).

use std::collections::VecDeque;

use num_bigint::BigInt;

use crate::interrupt::{self, Interrupted};

/// Arcs between nodes; every arc is followed by its reverse.
pub(super) struct Flow {
    /// Places of the arcs that leave each node.
    leaving: Vec<Vec<usize>>,
    heads: Vec<usize>,
    /// What each arc can still carry; `None` is no limit.
    room: Vec<Option<BigInt>>,
}

impl Flow {
    pub(super) fn new(nodes: usize) -> Flow {
        Flow {
            leaving: vec![Vec::new(); nodes],
            heads: Vec::new(),
            room: Vec::new(),
        }
    }

    /// Adds an arc from `a` to `b` with a capacity; `None` is no limit.
    pub(super) fn add(&mut self, a: usize, b: usize, capacity: Option<BigInt>) {
        for (tail, head, room) in [(a, b, capacity), (b, a, Some(BigInt::ZERO))] {
            self.leaving[tail].push(self.heads.len());
            self.heads.push(head);
            self.room.push(room);
        }
    }

    /// Sends as much as possible from `source` to `sink`; how much it is.
    pub(super) fn send(&mut self, source: usize, sink: usize) -> Result<BigInt, Interrupted> {
        let mut sent = BigInt::ZERO;
        while let Some(path) = self.path(source, sink) {
            interrupt::check()?;
            let rooms = path.iter().filter_map(|arc| self.room[*arc].as_ref());
            // The arcs at the source have limits.
            let Some(least) = rooms.min().cloned() else {
                break;
            };
            for arc in path {
                if let Some(room) = &mut self.room[arc] {
                    *room -= &least;
                }
                if let Some(room) = &mut self.room[arc ^ 1] {
                    *room += &least;
                }
            }
            sent += least;
        }
        Ok(sent)
    }

    /// The arcs of a shortest path with room.
    fn path(&self, source: usize, sink: usize) -> Option<Vec<usize>> {
        let mut into = vec![usize::MAX; self.leaving.len()];
        let mut next = VecDeque::from([source]);
        while let Some(node) = next.pop_front() {
            for &arc in &self.leaving[node] {
                let head = self.heads[arc];
                if head != source && into[head] == usize::MAX && self.has_room(arc) {
                    into[head] = arc;
                    next.push_back(head);
                }
            }
            if into[sink] != usize::MAX {
                break;
            }
        }
        let mut path = Vec::new();
        let mut node = sink;
        while node != source {
            let arc = into[node];
            if arc == usize::MAX {
                return None;
            }
            path.push(arc);
            node = self.heads[arc ^ 1];
        }
        Some(path)
    }

    fn has_room(&self, arc: usize) -> bool {
        self.room[arc]
            .as_ref()
            .is_none_or(|room| *room > BigInt::ZERO)
    }

    /// The nodes that more could be sent to from `start`, or, `against` the arcs, from which more could be sent to it.
    pub(super) fn reach(&self, start: usize, against: bool) -> Vec<bool> {
        let mut seen = vec![false; self.leaving.len()];
        seen[start] = true;
        let mut next = vec![start];
        while let Some(node) = next.pop() {
            for &arc in &self.leaving[node] {
                let along = if against { arc ^ 1 } else { arc };
                let head = self.heads[arc];
                if self.has_room(along) && !std::mem::replace(&mut seen[head], true) {
                    next.push(head);
                }
            }
        }
        seen
    }
}
