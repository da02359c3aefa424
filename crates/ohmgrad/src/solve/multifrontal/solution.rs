//! The potentials that currents into a network's nodes raise, by its factorization.
//!
//! A pass from the leaves to the roots hands the current into each node on to the nodes that its removal
//! joined; a pass back sets each node's potential from theirs. Within a front both run over dense columns,
//! four at a time. Trees of fronts that form a task run side by side.

use std::ops::Range;

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::factor::Factor;
use super::plan::{Front, Plan};

/// Networks with fewer values in their factors are solved by one thread.
const PARALLEL: usize = 100_000;

/// Columns that are worked on together.
const QUAD: usize = 4;

/// One thread's memory for solutions.
#[derive(Default)]
pub(super) struct Scratch {
    /// The currents into a front's nodes, or their potentials.
    front: Vec<f64>,
    /// Currents for fronts that are still to come, the last one on top.
    stack: Vec<f64>,
    /// The fronts that left them.
    waiting: Vec<u32>,
}

/// The columns of a front: to each node, the share of the pivot's current.
struct Columns<'a> {
    height: usize,
    pivots: usize,
    shares: &'a [f64],
}

/// Consecutive fronts, and the nodes that they remove.
struct Share<'a> {
    fronts: Range<usize>,
    /// Currents into the nodes, then their potentials.
    nodes: &'a mut [f64],
}

impl Factor {
    /// Replaces the currents (ampere) into the nodes by their potentials (volt).
    pub(crate) fn solve(&mut self, plan: &Plan, currents: &mut [f64]) {
        let mut x = std::mem::take(&mut self.potentials);
        for (rank, current) in plan.ranks.iter().zip(&*currents) {
            x[*rank as usize] = *current;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        self.pass_currents_on(plan, &mut x, &mut scratch);
        self.set_potentials(plan, &mut x, &mut scratch);
        self.scratch = scratch;
        for (rank, potential) in plan.ranks.iter().zip(currents) {
            *potential = x[*rank as usize];
        }
        self.potentials = x;
    }

    /// From the leaves to the roots.
    fn pass_currents_on(&self, plan: &Plan, x: &mut [f64], scratch: &mut [Scratch]) {
        let (tasks, top) = split(plan, x);
        let (last, scratch) = scratch
            .split_last_mut()
            .expect("one scratch follows the tasks");
        let run = |share, scratch: &mut Scratch, tasks: &mut [Scratch]| {
            self.arch.dispatch(PassOn {
                factor: self,
                plan,
                share,
                scratch,
                tasks,
            });
        };
        for_each(plan, tasks, scratch, |(share, scratch)| {
            scratch.clear();
            run(share, scratch, &mut []);
        });
        last.clear();
        for share in top {
            run(share, last, scratch);
        }
    }

    /// From the roots to the leaves.
    fn set_potentials(&mut self, plan: &Plan, x: &mut [f64], scratch: &mut [Scratch]) {
        let mut later = std::mem::take(&mut self.later);
        let (last, scratch) = scratch
            .split_last_mut()
            .expect("one scratch follows the tasks");
        let (tasks, top) = split(plan, x);
        let run = |share: Share, scratch: &mut Scratch, later: &[f64]| {
            self.arch.dispatch(SetPotentials {
                factor: self,
                plan,
                share,
                scratch,
                later,
            });
        };
        for Share { fronts, nodes } in top.into_iter().rev() {
            let pivots = plan.pivots_of(&fronts);
            let share = Share {
                fronts,
                nodes: &mut *nodes,
            };
            run(share, last, &later);
            later[pivots].copy_from_slice(nodes);
        }
        for_each(plan, tasks, scratch, |(share, scratch)| {
            run(share, scratch, &later)
        });
        self.later = later;
    }

    fn columns(&self, front: &Front) -> Columns<'_> {
        let (height, pivots) = (front.rows.len(), front.pivots);
        Columns {
            height,
            pivots,
            shares: &self.shares[front.values..front.values + height * pivots],
        }
    }
}

/// The current into a removed node goes on to its neighbours, in proportion to the conductances.
struct PassOn<'a> {
    factor: &'a Factor,
    plan: &'a Plan,
    share: Share<'a>,
    scratch: &'a mut Scratch,
    /// What the tasks before have left.
    tasks: &'a mut [Scratch],
}

impl NullaryFnOnce for PassOn<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (plan, scratch, nodes) = (self.plan, self.scratch, self.share.nodes);
        let first = plan.pivots_of(&self.share.fronts).start;
        for f in self.share.fronts {
            let front = &plan.fronts[f];
            let own = front.first - first..front.first - first + front.pivots;
            let mut y = std::mem::take(&mut scratch.front);
            y.clear();
            y.extend_from_slice(&nodes[own.clone()]);
            y.resize(front.rows.len(), 0.0);
            for task in self.tasks.iter_mut() {
                task.hand_to_parent(plan, f, &mut y);
            }
            scratch.hand_to_parent(plan, f, &mut y);
            self.factor.columns(front).pass_on(&mut y);
            nodes[own].copy_from_slice(&y[..front.pivots]);
            scratch.push(f, &y[front.pivots..]);
            scratch.front = y;
        }
    }
}

/// A node's potential is the mean of its neighbours', and what its current adds.
struct SetPotentials<'a> {
    factor: &'a Factor,
    plan: &'a Plan,
    share: Share<'a>,
    scratch: &'a mut Scratch,
    /// The potentials of all nodes that are removed later, by rank.
    later: &'a [f64],
}

impl NullaryFnOnce for SetPotentials<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (plan, nodes, y) = (self.plan, self.share.nodes, &mut self.scratch.front);
        let Range { start, end } = plan.pivots_of(&self.share.fronts);
        for f in self.share.fronts.rev() {
            let front = &plan.fronts[f];
            y.clear();
            let rows = plan.rows[front.rows.clone()].iter();
            y.extend(rows.map(|row| match *row as usize {
                row if row < end => nodes[row - start],
                row => self.later[row],
            }));
            let pivots = front.first..front.first + front.pivots;
            let resistances = &self.factor.resistances[pivots.clone()];
            self.factor.columns(front).set(y, resistances);
            nodes[pivots.start - start..pivots.end - start].copy_from_slice(&y[..front.pivots]);
        }
    }
}

/// Tasks, on all threads if that is worth it.
fn for_each<'a, 's>(
    plan: &Plan,
    tasks: Vec<Share<'a>>,
    scratch: &'s mut [Scratch],
    run: impl Fn((Share<'a>, &'s mut Scratch)) + Sync + Send,
) {
    if tasks.len() > 1 && plan.values >= PARALLEL {
        tasks.into_par_iter().zip(scratch).for_each(run);
    } else {
        tasks.into_iter().zip(scratch).for_each(run);
    }
}

impl Columns<'_> {
    fn column(&self, k: usize) -> &[f64] {
        &self.shares[k * self.height..(k + 1) * self.height]
    }

    /// y_i += sum_k share_ik y_k over the pivots k, one after the other.
    #[inline(always)]
    fn pass_on(&self, y: &mut [f64]) {
        let quads = self.pivots - self.pivots % QUAD;
        for k in (0..quads).step_by(QUAD) {
            let columns: [&[f64]; QUAD] = std::array::from_fn(|q| self.column(k + q));
            for q in 0..QUAD {
                for r in q + 1..QUAD {
                    y[k + r] += columns[q][k + r] * y[k + q];
                }
            }
            let currents: [f64; QUAD] = std::array::from_fn(|q| y[k + q]);
            let y = &mut y[k + QUAD..];
            let [c0, c1, c2, c3] = columns.map(|c| &c[k + QUAD..][..y.len()]);
            for (i, y) in y.iter_mut().enumerate() {
                *y += (currents[0] * c0[i] + currents[1] * c1[i])
                    + (currents[2] * c2[i] + currents[3] * c3[i]);
            }
        }
        for k in quads..self.pivots {
            let current = y[k];
            for (y, share) in y[k + 1..].iter_mut().zip(&self.column(k)[k + 1..]) {
                *y += current * share;
            }
        }
    }

    /// y_k = resistance_k y_k + sum_i share_ik y_i, for the pivots k from the last to the first.
    #[inline(always)]
    fn set(&self, y: &mut [f64], resistances: &[f64]) {
        let quads = self.pivots - self.pivots % QUAD;
        for k in (quads..self.pivots).rev() {
            let mean = dot(&self.column(k)[k + 1..], &y[k + 1..]);
            y[k] = y[k] * resistances[k] + mean;
        }
        for k in (0..quads).step_by(QUAD).rev() {
            let columns: [&[f64]; QUAD] = std::array::from_fn(|q| self.column(k + q));
            let means = columns.map(|c| dot(&c[k + QUAD..], &y[k + QUAD..]));
            for q in (0..QUAD).rev() {
                let mut mean = means[q];
                for r in q + 1..QUAD {
                    mean += columns[q][k + r] * y[k + r];
                }
                y[k + q] = y[k + q] * resistances[k + q] + mean;
            }
        }
    }
}

/// sum_i a_i b_i, in eight sums side by side.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    let [s0, s1, s2, s3] = std::array::from_fn(|i| sums[i] + sums[i + 4]);
    (s0 + s2) + (s1 + s3) + rest
}

impl Scratch {
    fn clear(&mut self) {
        self.stack.clear();
        self.waiting.clear();
    }

    /// Adds what the waiting children of front `parent` left to its currents.
    fn hand_to_parent(&mut self, plan: &Plan, parent: usize, y: &mut [f64]) {
        while let Some(&child) = self.waiting.last() {
            let child = &plan.fronts[child as usize];
            if child.parent != parent as u32 {
                break;
            }
            let places = &plan.in_parent[child.rows.start + child.pivots..child.rows.end];
            let start = self.stack.len() - places.len();
            for (place, current) in places.iter().zip(&self.stack[start..]) {
                y[*place as usize] += current;
            }
            self.stack.truncate(start);
            self.waiting.pop();
        }
    }

    fn push(&mut self, f: usize, left: &[f64]) {
        if !left.is_empty() {
            self.stack.extend_from_slice(left);
            self.waiting.push(f as u32);
        }
    }
}

/// The nodes by part: those of the tasks, and those of the fronts between and after them.
fn split<'a>(plan: &Plan, nodes: &'a mut [f64]) -> (Vec<Share<'a>>, Vec<Share<'a>>) {
    let mut rest = nodes;
    let mut shares = Vec::with_capacity(plan.parts.len());
    for part in &plan.parts {
        let nodes = rest.split_off_mut(..plan.pivots_of(&part.fronts).len());
        let nodes = nodes.expect("the pivots of the fronts are the nodes");
        let fronts = part.fronts.clone();
        shares.push((part.is_task, Share { fronts, nodes }));
    }
    let (tasks, top): (Vec<_>, Vec<_>) = shares.into_iter().partition(|(is_task, _)| *is_task);
    let shares =
        |parts: Vec<(bool, Share<'a>)>| parts.into_iter().map(|(_, share)| share).collect();
    (shares(tasks), shares(top))
}
