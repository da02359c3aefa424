//! Joining nodes whose potentials differ by fixed amounts.

use num_bigint::BigInt;

use super::decimal::Decimals;
use super::double::Double;

/// A connection that fixes the difference of two potentials: v(a) - v(b) = some voltage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) ends: [u32; 2],
    /// Which source of the difference this is.
    pub(super) id: u32,
}

/// Nodes in clusters. Within a cluster a tree of links fixes all differences of potentials; links that are
/// not in the tree close loops.
pub(super) struct Contraction {
    /// The cluster of every node; node 0 is in cluster 0.
    pub(super) clusters: Vec<u32>,
    pub(super) count: usize,
    /// The trees' links, each node after its parent.
    tree: Vec<Branch>,
    /// For each node, its place in `tree`; none for the roots.
    place: Vec<Option<u32>>,
    /// Links that close loops.
    closing: Vec<Link>,
}

/// A link of a tree.
#[derive(Clone, Copy)]
struct Branch {
    child: u32,
    parent: u32,
    link: u32,
    /// +1 if the child is the link's first end.
    sign: f64,
}

/// A loop of links whose voltages do not add up to zero.
pub(super) struct Contradiction {
    pub(super) links: Vec<u32>,
    pub(super) excess: f64,
}

impl Contraction {
    pub(super) fn new(nodes: usize, links: &[Link]) -> Contraction {
        let mut sets = petgraph::unionfind::UnionFind::new(nodes);
        let (in_tree, closing): (Vec<Link>, Vec<Link>) = links
            .iter()
            .partition(|link| sets.union(link.ends[0], link.ends[1]));
        let mut neighbours = vec![Vec::new(); nodes];
        for link in in_tree {
            let [a, b] = link.ends;
            neighbours[a as usize].push((b, link.id, -1.0));
            neighbours[b as usize].push((a, link.id, 1.0));
        }
        let mut contraction = Contraction {
            clusters: vec![u32::MAX; nodes],
            count: 0,
            tree: Vec::new(),
            place: vec![None; nodes],
            closing,
        };
        for root in 0..nodes {
            if contraction.clusters[root] == u32::MAX {
                contraction.add_tree(root as u32, &neighbours);
            }
        }
        contraction
    }

    fn add_tree(&mut self, root: u32, neighbours: &[Vec<(u32, u32, f64)>]) {
        let cluster = self.count as u32;
        self.count += 1;
        self.clusters[root as usize] = cluster;
        let mut next = vec![root];
        while let Some(parent) = next.pop() {
            for &(child, link, sign) in &neighbours[parent as usize] {
                if self.clusters[child as usize] == u32::MAX {
                    self.clusters[child as usize] = cluster;
                    self.place[child as usize] = Some(self.tree.len() as u32);
                    self.tree.push(Branch {
                        child,
                        parent,
                        link,
                        sign,
                    });
                    next.push(child);
                }
            }
        }
    }

    /// The potential of every node above its cluster's root (which is node 0 in its cluster).
    pub(super) fn offsets(&self, voltage: impl Fn(u32) -> Double) -> Vec<Double> {
        let mut offsets = vec![Double::default(); self.clusters.len()];
        for branch in &self.tree {
            let parent = offsets[branch.parent as usize];
            offsets[branch.child as usize] = match branch.sign > 0.0 {
                true => parent + voltage(branch.link),
                false => parent - voltage(branch.link),
            };
        }
        offsets
    }

    /// The links of the trees.
    pub(super) fn tree_links(&self) -> impl Iterator<Item = u32> {
        self.tree.iter().map(|branch| branch.link)
    }

    /// The offsets for `voltages` of [`tree_links`](Self::tree_links) in units of a decimal place, exactly.
    pub(super) fn exact_offsets(&self, voltages: &[BigInt]) -> Vec<BigInt> {
        let mut offsets = vec![BigInt::ZERO; self.clusters.len()];
        for (branch, voltage) in self.tree.iter().zip(voltages) {
            let parent = &offsets[branch.parent as usize];
            offsets[branch.child as usize] = match branch.sign > 0.0 {
                true => parent + voltage,
                false => parent - voltage,
            };
        }
        offsets
    }

    /// Finds a loop whose voltages, as written, do not add up to 0. `offsets` are those of these voltages.
    pub(super) fn check(
        &self,
        offsets: &[Double],
        voltage: impl Fn(u32) -> f64,
    ) -> Result<(), Contradiction> {
        let all_are_zero =
            !self.closing.is_empty() && offsets.iter().all(|offset| offset.high == 0.0);
        for link in &self.closing {
            if all_are_zero && voltage(link.id) == 0.0 {
                continue;
            }
            let [to_a, to_b] = link.ends.map(|end| self.path_from_root(end));
            let up = to_a.iter().map(|branch| branch.sign * voltage(branch.link));
            let down = to_b
                .iter()
                .map(|branch| -branch.sign * voltage(branch.link));
            let around = up.chain(down).chain([-voltage(link.id)]);
            let decimals = Decimals::new(around);
            let excess: BigInt = decimals.integers.iter().sum();
            if excess != BigInt::ZERO {
                return Err(Contradiction {
                    links: self.loop_of(link),
                    excess: decimals.value(&excess),
                });
            }
        }
        Ok(())
    }

    /// The links of the loop that `closing` closes.
    fn loop_of(&self, closing: &Link) -> Vec<u32> {
        let [to_a, to_b] = closing.ends.map(|end| self.path_from_root(end));
        let shared = to_a.iter().zip(&to_b);
        let common = shared.take_while(|(a, b)| a.link == b.link).count();
        let up = to_a[common..].iter().rev();
        let path = up.chain(&to_b[common..]).map(|branch| branch.link);
        std::iter::once(closing.id).chain(path).collect()
    }

    fn path_from_root(&self, node: u32) -> Vec<Branch> {
        let mut path = Vec::new();
        let mut node = node;
        while let Some(place) = self.place[node as usize] {
            let branch = &self.tree[place as usize];
            path.push(*branch);
            node = branch.parent;
        }
        path.reverse();
        path
    }

    /// The currents of the links that balance the nodes: `surplus` is the current that the other elements
    /// bring into each node. Links that close loops are left without current.
    pub(super) fn currents(&self, surplus: &mut [f64], mut set: impl FnMut(u32, f64)) {
        for branch in self.tree.iter().rev() {
            let current = surplus[branch.child as usize];
            set(branch.link, branch.sign * current);
            surplus[branch.parent as usize] += current;
            surplus[branch.child as usize] = 0.0;
        }
    }

    /// Moves what rounding has left at the root of each cluster to the node with the largest currents, where
    /// it is least: `sizes` are the sums of the currents' magnitudes at the nodes.
    pub(super) fn move_rest(
        &self,
        surplus: &mut [f64],
        sizes: &[f64],
        mut set: impl FnMut(u32, f64),
    ) {
        let mut largest: Vec<Option<u32>> = vec![None; self.count];
        for branch in &self.tree {
            let cluster = self.clusters[branch.child as usize] as usize;
            let best = largest[cluster].get_or_insert(branch.child);
            for node in [branch.child, branch.parent] {
                if sizes[node as usize] > sizes[*best as usize] {
                    *best = node;
                }
            }
        }
        for node in largest.into_iter().flatten() {
            let path = self.path_from_root(node);
            let Some(root) = path.first().map(|branch| branch.parent as usize) else {
                continue;
            };
            let rest = std::mem::take(&mut surplus[root]);
            for branch in path {
                set(branch.link, -branch.sign * rest);
            }
            surplus[node as usize] += rest;
        }
    }
}
