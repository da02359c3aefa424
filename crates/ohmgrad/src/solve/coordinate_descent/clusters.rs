//! Nodes that move as one.

/// Nodes that move as one: a label for each, and a ring through each cluster.
pub(super) struct Clusters {
    pub(super) labels: Vec<u32>,
    next: Vec<u32>,
}

impl Clusters {
    pub(super) fn new(nodes: usize) -> Clusters {
        let alone: Vec<u32> = (0..nodes as u32).collect();
        Clusters {
            labels: alone.clone(),
            next: alone,
        }
    }

    /// Every node alone.
    pub(super) fn reset(&mut self) {
        for (node, (label, next)) in self.labels.iter_mut().zip(&mut self.next).enumerate() {
            (*label, *next) = (node as u32, node as u32);
        }
    }

    pub(super) fn members(&self, leader: u32) -> impl Iterator<Item = u32> {
        let after =
            move |node: &u32| Some(self.next[*node as usize]).filter(|next| *next != leader);
        std::iter::successors(Some(leader), after)
    }

    /// Joins the clusters of two nodes into one; its label.
    pub(super) fn join(&mut self, a: u32, b: u32) -> u32 {
        let label = self.labels[a as usize];
        let mut node = b;
        while self.labels[node as usize] != label {
            self.labels[node as usize] = label;
            node = self.next[node as usize];
        }
        self.next.swap(a as usize, b as usize);
        label
    }
}
