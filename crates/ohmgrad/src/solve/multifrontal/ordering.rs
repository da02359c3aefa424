//! The order in which nodes are removed.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::SymbolicSparseColMatRef;
use faer::sparse::linalg::amd;

/// Neighbours of every node, each neighbour once: those of node i are `list[starts[i]..starts[i + 1]]`.
pub(super) struct Neighbours {
    pub(super) starts: Vec<u32>,
    pub(super) list: Vec<u32>,
}

impl Neighbours {
    /// Of `nodes` nodes joined by `pairs`; a pair of a node with itself counts for nothing.
    pub(super) fn new(nodes: usize, pairs: impl Iterator<Item = [u32; 2]> + Clone) -> Neighbours {
        let mut starts = vec![0; nodes + 1];
        for [a, b] in pairs.clone().filter(|[a, b]| a != b) {
            starts[a as usize + 1] += 1;
            starts[b as usize + 1] += 1;
        }
        for i in 0..nodes {
            starts[i + 1] += starts[i];
        }
        let mut list = vec![0; starts[nodes] as usize];
        let mut ends = starts.clone();
        for [a, b] in pairs.filter(|[a, b]| a != b) {
            for [from, to] in [[a, b], [b, a]] {
                list[ends[from as usize] as usize] = to;
                ends[from as usize] += 1;
            }
        }
        Neighbours { starts, list }.without_duplicates()
    }

    pub(super) fn of(&self, node: usize) -> &[u32] {
        &self.list[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    fn without_duplicates(mut self) -> Neighbours {
        let mut end = 0;
        let mut from = 0;
        for i in 0..self.starts.len() - 1 {
            let to = self.starts[i + 1] as usize;
            self.list[from..to].sort_unstable();
            let start = end;
            for k in from..to {
                if end == start || self.list[end - 1] != self.list[k] {
                    self.list[end] = self.list[k];
                    end += 1;
                }
            }
            from = to;
            self.starts[i + 1] = end as u32;
        }
        self.list.truncate(end);
        self
    }
}

/// Approximate minimum degree (Amestoy, Davis and Duff, 1996): `order[k]` is the node to remove k-th.
pub(super) fn minimum_degree(neighbours: &Neighbours) -> Vec<u32> {
    let nodes = neighbours.starts.len() - 1;
    let mut order = vec![0; nodes];
    let mut ranks = vec![0; nodes];
    let (starts, list) = (&neighbours.starts, &neighbours.list);
    let pattern = SymbolicSparseColMatRef::new_checked(nodes, nodes, starts, None, list);
    let scratch = amd::order_scratch::<u32>(nodes, list.len());
    amd::order(
        &mut order,
        &mut ranks,
        pattern,
        amd::Control::default(),
        MemStack::new(&mut MemBuffer::new(scratch)),
    )
    .expect("the pattern's indices fit, as the neighbour list does");
    order
}
