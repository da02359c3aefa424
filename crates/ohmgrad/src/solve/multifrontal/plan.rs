//! What depends on the shape of the network alone: the order, and where every number goes.

use std::ops::Range;

use super::ordering::{Neighbours, minimum_degree};
use crate::presolve::GROUND;

/// No front, no node.
const NONE: u32 = u32::MAX;

/// Fronts of up to this many pivots are merged with their parents, at the cost of some zeros.
const SMALL: usize = 24;

/// Work of a part of the tree that one thread does on its own, in multiplications.
const TASK: f64 = 3e6;

/// The shape of a network, and the order in which its nodes are removed.
pub(crate) struct Plan {
    /// The place of every node in the order.
    pub(super) ranks: Vec<u32>,
    /// Groups of nodes that are removed together, children before parents.
    pub(super) fronts: Vec<Front>,
    /// Ranks of the nodes of each front.
    pub(super) rows: Vec<u32>,
    /// For each front, where its rows are in the parent's front.
    pub(super) in_parent: Vec<u32>,
    /// Where the conductance of each edge enters.
    pub(super) entries: Vec<Entry>,
    /// Edges to ground, (edge, rank).
    pub(super) to_ground: Vec<(u32, u32)>,
    /// All fronts, in order.
    pub(super) parts: Vec<Part>,
    /// Number of values in all fronts' columns.
    pub(super) values: usize,
    edges: usize,
    work: f64,
}

/// Pivots that are removed together, and the nodes that their removal joins.
pub(super) struct Front {
    /// Rank of the first pivot.
    pub(super) first: usize,
    /// Number of pivots.
    pub(super) pivots: usize,
    /// Its rows in `Plan::rows`: the pivots, then the nodes that they leave joined.
    pub(super) rows: Range<usize>,
    /// Its entries in `Plan::entries`.
    pub(super) entries: Range<usize>,
    /// Where its columns start in `Factor`'s values.
    pub(super) values: usize,
    /// The front that takes over what this one leaves, or `NONE`.
    pub(super) parent: u32,
}

/// Consecutive fronts.
pub(super) struct Part {
    pub(super) fronts: Range<usize>,
    /// Whether they form a whole tree, and can be worked on beside the other tasks. The others need the results
    /// of the tasks before them.
    pub(super) is_task: bool,
}

/// Edge `edge` adds its conductance at `row`, `column` of its front.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) edge: u32,
    pub(super) row: u32,
    pub(super) column: u32,
}

impl Plan {
    /// Plans the removal of `nodes` nodes joined by `edges`, whose ends are nodes or [`GROUND`].
    pub(crate) fn new(nodes: usize, edges: &[[u32; 2]]) -> Plan {
        let inner = edges.iter().copied().filter(|ends| !ends.contains(&GROUND));
        let order = minimum_degree(&Neighbours::new(nodes, inner.clone()));
        let renamed = rename(nodes, &order, inner.clone());
        let tree = EliminationTree::new(&renamed);
        let order: Vec<u32> = tree.postorder().map(|k| order[k as usize]).collect();
        let renamed = rename(nodes, &order, inner);
        let tree = EliminationTree::new(&renamed);
        let groups = Groups::new(&tree, &renamed);
        let order: Vec<u32> = groups.order.iter().map(|k| order[*k as usize]).collect();
        let renamed = rename(
            nodes,
            &order,
            edges.iter().copied().filter(|ends| !ends.contains(&GROUND)),
        );
        Plan::from_groups(&order, &renamed, &groups, edges)
    }

    fn from_groups(
        order: &[u32],
        neighbours: &Neighbours,
        groups: &Groups,
        edges: &[[u32; 2]],
    ) -> Plan {
        let mut plan = Plan {
            ranks: inverse(order),
            fronts: Vec::with_capacity(groups.sizes.len()),
            rows: Vec::new(),
            in_parent: Vec::new(),
            entries: Vec::new(),
            to_ground: Vec::new(),
            parts: Vec::new(),
            values: 0,
            edges: edges.len(),
            work: 0.0,
        };
        plan.add_fronts(neighbours, groups);
        plan.add_entries(edges, groups);
        plan.place_in_parents(groups);
        plan.split_into_tasks(groups);
        plan
    }

    /// Number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.ranks.len()
    }

    /// Number of edges.
    pub(crate) fn edges(&self) -> usize {
        self.edges
    }

    /// Number of tasks.
    pub(super) fn tasks(&self) -> usize {
        self.parts.iter().filter(|part| part.is_task).count()
    }

    /// Ranks of the pivots of consecutive fronts.
    pub(super) fn pivots_of(&self, fronts: &Range<usize>) -> Range<usize> {
        let first = |f: usize| self.fronts.get(f).map_or(self.nodes(), |front| front.first);
        first(fronts.start)..first(fronts.end)
    }

    /// Places of the values of consecutive fronts.
    pub(super) fn values_of(&self, fronts: &Range<usize>) -> Range<usize> {
        let first = |f: usize| self.fronts.get(f).map_or(self.values, |front| front.values);
        first(fronts.start)..first(fronts.end)
    }

    /// Multiplications of a factorization.
    pub(crate) fn work(&self) -> f64 {
        self.work
    }

    /// The rows of a front: its pivots, its neighbours, and those that its children leave joined to it.
    fn add_fronts(&mut self, neighbours: &Neighbours, groups: &Groups) {
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); groups.sizes.len()];
        let mut seen = vec![NONE; neighbours.starts.len() - 1];
        let mut first = 0;
        for (f, &pivots) in groups.sizes.iter().enumerate() {
            let start = self.rows.len();
            let end = first + pivots;
            self.rows.extend(first as u32..end as u32);
            seen[first..end].fill(f as u32);
            let mut add = |row: u32, rows: &mut Vec<u32>| {
                if row as usize >= end && seen[row as usize] != f as u32 {
                    seen[row as usize] = f as u32;
                    rows.push(row);
                }
            };
            for pivot in first..end {
                for &row in neighbours.of(pivot) {
                    add(row, &mut self.rows);
                }
            }
            for &child in &children[f] {
                for k in self.fronts[child as usize].rows.clone() {
                    add(self.rows[k], &mut self.rows);
                }
            }
            self.rows[start + pivots..].sort_unstable();
            let rows = start..self.rows.len();
            let height = rows.len();
            self.fronts.push(Front {
                first,
                pivots,
                rows,
                entries: 0..0,
                values: self.values,
                parent: groups.parents[f],
            });
            self.values += height * pivots;
            if let Some(parent) = children.get_mut(groups.parents[f] as usize) {
                parent.push(f as u32);
            }
            children[f] = Vec::new();
            first = end;
        }
    }

    fn add_entries(&mut self, edges: &[[u32; 2]], groups: &Groups) {
        let mut counts = vec![0; groups.sizes.len() + 1];
        let group_of = groups.group_of();
        let ranked = |ends: &[u32; 2]| {
            let rank = |end: u32| self.ranks.get(end as usize).copied().unwrap_or(GROUND);
            let [a, b] = ends.map(rank);
            [a.min(b), a.max(b)]
        };
        let is_inner = |[low, high]: [u32; 2]| high != GROUND && low != high;
        for ends in edges.iter().map(ranked).filter(|ends| is_inner(*ends)) {
            counts[group_of[ends[0] as usize] as usize + 1] += 1;
        }
        for f in 0..groups.sizes.len() {
            counts[f + 1] += counts[f];
            self.fronts[f].entries = counts[f]..counts[f + 1];
        }
        let empty = Entry {
            edge: NONE,
            row: 0,
            column: 0,
        };
        let mut entries = vec![empty; counts[groups.sizes.len()]];
        let mut to_ground = Vec::new();
        for (edge, ends) in edges.iter().enumerate() {
            let [low, high] = ranked(ends);
            if is_inner([low, high]) {
                let f = group_of[low as usize] as usize;
                let front = &self.fronts[f];
                let row = self.rows[front.rows.clone()].binary_search(&high);
                entries[counts[f]] = Entry {
                    edge: edge as u32,
                    row: row.expect("a neighbour of a pivot is a row") as u32,
                    column: low - front.first as u32,
                };
                counts[f] += 1;
            } else if high == GROUND && low != GROUND {
                to_ground.push((edge as u32, low));
            }
        }
        self.entries = entries;
        self.to_ground = to_ground;
    }

    fn place_in_parents(&mut self, groups: &Groups) {
        let mut place = vec![0u32; self.ranks.len()];
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); self.fronts.len()];
        for (f, &parent) in groups.parents.iter().enumerate() {
            if let Some(parent) = children.get_mut(parent as usize) {
                parent.push(f as u32);
            }
        }
        self.in_parent = vec![0; self.rows.len()];
        for (f, front) in self.fronts.iter().enumerate() {
            for (k, &row) in self.rows[front.rows.clone()].iter().enumerate() {
                place[row as usize] = k as u32;
            }
            for &child in &children[f] {
                let child = &self.fronts[child as usize];
                for k in child.rows.start + child.pivots..child.rows.end {
                    self.in_parent[k] = place[self.rows[k] as usize];
                }
            }
        }
    }

    /// Whole subtrees of moderate work become tasks.
    fn split_into_tasks(&mut self, groups: &Groups) {
        let count = self.fronts.len();
        let mut below: Vec<f64> = self.fronts.iter().map(Front::work).collect();
        let mut first: Vec<usize> = (0..count).collect();
        for f in 0..count {
            if let Some(&parent) = groups.parents.get(f).filter(|p| **p != NONE) {
                below[parent as usize] += below[f];
                first[parent as usize] = first[parent as usize].min(first[f]);
            }
        }
        self.work = self.fronts.iter().map(Front::work).sum();
        let limit = TASK.max(self.work / 16.0);
        let mut next = 0;
        let mut add = |fronts: Range<usize>, is_task: bool| {
            if !fronts.is_empty() {
                self.parts.push(Part { fronts, is_task });
            }
        };
        for f in 0..count {
            let parent = groups.parents[f];
            let is_root = parent == NONE || below[parent as usize] > limit;
            if below[f] <= limit && is_root {
                add(next..first[f], false);
                add(first[f]..f + 1, true);
                next = f + 1;
            }
        }
        add(next..count, false);
    }
}

impl Front {
    /// Multiplications of removing its pivots.
    fn work(&self) -> f64 {
        let (rows, pivots) = (self.rows.len() as f64, self.pivots as f64);
        let left = rows - pivots;
        // The integral of x^2 / 2 over the sizes of the front as it shrinks.
        (rows.powi(3) - left.powi(3)) / 6.0
    }
}

/// Which node is the next to be removed among those that a node's removal joins.
struct EliminationTree {
    parents: Vec<u32>,
}

impl EliminationTree {
    /// Of nodes that are removed in the order of their numbers (Liu, 1986).
    fn new(neighbours: &Neighbours) -> EliminationTree {
        let nodes = neighbours.starts.len() - 1;
        let mut parents = vec![NONE; nodes];
        let mut ancestors = vec![NONE; nodes];
        for node in 0..nodes {
            for &lower in neighbours.of(node).iter().filter(|k| (**k as usize) < node) {
                let mut k = lower;
                while ancestors[k as usize] != node as u32 {
                    let next = ancestors[k as usize];
                    ancestors[k as usize] = node as u32;
                    if next == NONE {
                        parents[k as usize] = node as u32;
                        break;
                    }
                    k = next;
                }
            }
        }
        EliminationTree { parents }
    }

    fn postorder(&self) -> impl Iterator<Item = u32> + use<> {
        postorder(&self.parents).into_iter()
    }

    /// Number of nodes that the removal of each node joins, itself included.
    fn column_counts(&self, neighbours: &Neighbours) -> Vec<u32> {
        let nodes = self.parents.len();
        let mut counts = vec![1; nodes];
        let mut marks = vec![NONE; nodes];
        for node in 0..nodes {
            marks[node] = node as u32;
            for &lower in neighbours.of(node).iter().filter(|k| (**k as usize) < node) {
                let mut k = lower as usize;
                while marks[k] != node as u32 {
                    marks[k] = node as u32;
                    counts[k] += 1;
                    k = self.parents[k] as usize;
                }
            }
        }
        counts
    }
}

/// Children before parents, subtrees together.
fn postorder(parents: &[u32]) -> Vec<u32> {
    let count = parents.len();
    let (mut heads, mut nexts) = (vec![NONE; count], vec![NONE; count]);
    let mut stack = Vec::new();
    for k in (0..count).rev() {
        match heads.get_mut(parents[k] as usize) {
            Some(head) => nexts[k] = std::mem::replace(head, k as u32),
            None => stack.push(k as u32),
        }
    }
    let mut order = Vec::with_capacity(count);
    while let Some(&k) = stack.last() {
        let child = heads[k as usize];
        if child == NONE {
            order.push(k);
            stack.pop();
        } else {
            heads[k as usize] = nexts[child as usize];
            stack.push(child);
        }
    }
    order
}

/// Nodes that are removed together.
struct Groups {
    /// Old numbers of the nodes in the new order, group after group.
    order: Vec<u32>,
    sizes: Vec<usize>,
    /// The group that follows, or `NONE`.
    parents: Vec<u32>,
}

impl Groups {
    /// Groups nodes in a chain whose removals join the same nodes, and small groups with their parents.
    fn new(tree: &EliminationTree, neighbours: &Neighbours) -> Groups {
        let counts = tree.column_counts(neighbours);
        let nodes = counts.len();
        // Every node starts a group of its own; `head[g]` is the last node of a group, its name.
        let mut group: Vec<u32> = (0..nodes as u32).collect();
        let mut sizes = vec![1usize; nodes];
        let mut heights: Vec<usize> = counts.iter().map(|c| *c as usize).collect();
        let mut zeros = vec![0usize; nodes];
        for child in 0..nodes {
            let parent = tree.parents[child];
            if parent == NONE {
                continue;
            }
            let parent = parent as usize;
            // At this point `child` is the last node of its group, and `parent` of the one it grows.
            let (ours, theirs) = (sizes[child], sizes[parent]);
            let merged_height = ours + heights[parent];
            let ours_filled = heights[child] * ours - ours * (ours - 1) / 2;
            let merged = merged_height * ours - ours * (ours - 1) / 2;
            let new_zeros = zeros[child] + zeros[parent] + merged - ours_filled;
            let total = merged + heights[parent] * theirs - theirs * (theirs - 1) / 2;
            if new_zeros == 0 || worth_merging(ours, theirs, new_zeros, total) {
                group[child] = parent as u32;
                sizes[parent] += ours;
                heights[parent] = merged_height;
                zeros[parent] = new_zeros;
            }
        }
        Groups::ordered(&group, tree)
    }

    /// Values the groups children first, and the nodes group by group.
    fn ordered(group: &[u32], tree: &EliminationTree) -> Groups {
        let nodes = group.len();
        let mut name = group.to_vec();
        for node in (0..nodes).rev() {
            name[node] = name[name[node] as usize];
        }
        // The tree of groups, on the nodes that name them.
        let parents: Vec<u32> = (0..nodes)
            .map(|node| match tree.parents[node] {
                NONE => NONE,
                parent => name[parent as usize],
            })
            .collect();
        let is_name = |node: usize| name[node] as usize == node;
        let names: Vec<u32> = postorder(&parents_of_names(&name, &parents))
            .into_iter()
            .filter(|node| is_name(*node as usize))
            .collect();
        let mut numbers = vec![NONE; nodes];
        for (number, node) in names.iter().enumerate() {
            numbers[*node as usize] = number as u32;
        }
        let mut members = vec![Vec::new(); names.len()];
        for node in 0..nodes {
            members[numbers[name[node] as usize] as usize].push(node as u32);
        }
        let number_of = |parent: u32| numbers.get(parent as usize).copied().unwrap_or(NONE);
        Groups {
            sizes: members.iter().map(Vec::len).collect(),
            parents: names
                .iter()
                .map(|node| number_of(parents[*node as usize]))
                .collect(),
            order: members.concat(),
        }
    }

    fn group_of(&self) -> Vec<u32> {
        let sizes = self.sizes.iter().enumerate();
        sizes
            .flat_map(|(g, size)| std::iter::repeat_n(g as u32, *size))
            .collect()
    }
}

/// Parents for [`postorder`]: nodes that name no group hang below the one that names theirs.
fn parents_of_names(name: &[u32], parents: &[u32]) -> Vec<u32> {
    let nodes = name.iter().enumerate();
    nodes
        .map(|(node, &name)| match name as usize == node {
            true => parents[node],
            false => name,
        })
        .collect()
}

/// Whether zeros are worth a larger group.
fn worth_merging(ours: usize, theirs: usize, zeros: usize, total: usize) -> bool {
    let share = zeros as f64 / total as f64;
    match ours + theirs {
        0..=4 => true,
        5..=16 => share < 0.5,
        17..=SMALL => share < 0.2,
        _ => share < 0.05,
    }
}

/// Neighbours by place in the order.
fn rename(
    nodes: usize,
    order: &[u32],
    pairs: impl Iterator<Item = [u32; 2]> + Clone,
) -> Neighbours {
    let ranks = inverse(order);
    Neighbours::new(nodes, pairs.map(|ends| ends.map(|end| ranks[end as usize])))
}

fn inverse(order: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; order.len()];
    for (rank, node) in order.iter().enumerate() {
        ranks[*node as usize] = rank as u32;
    }
    ranks
}
