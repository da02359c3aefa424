//! The numbers of a factorization.

use std::ops::Range;

use pulp::Arch;
use rayon::prelude::*;

use super::front::{Mesh, Removal, Removed};
use super::plan::{Front, Plan};
use super::solution::Scratch;

/// A network with all its nodes removed, ready for solutions.
pub(crate) struct Factor {
    pub(super) arch: Arch,
    /// For each pivot, the share of its current that each row of its front receives.
    pub(super) shares: Vec<f64>,
    /// 1 / (sum of conductances) of each pivot when it is removed.
    pub(super) resistances: Vec<f64>,
    /// Conductance from each node to ground, by rank.
    ground: Vec<f64>,
    /// One workspace per task, and one for the fronts after them.
    workspaces: Vec<Workspace>,
    /// Potentials by rank.
    pub(super) potentials: Vec<f64>,
    /// The same, of the fronts that are no task.
    pub(super) later: Vec<f64>,
    /// As many as workspaces.
    pub(super) scratch: Vec<Scratch>,
}

/// Fronts on their way to their parents.
#[derive(Default)]
struct Workspace {
    front: Vec<f64>,
    front_ground: Vec<f64>,
    /// Meshes left by fronts whose parents are still to come, the last one on top.
    stack: Vec<f64>,
    /// The front numbers of those.
    waiting: Vec<u32>,
}

impl Factor {
    /// Room for factorizations by a plan.
    pub(crate) fn new(plan: &Plan) -> Factor {
        let threads = plan.tasks() + 1;
        Factor {
            arch: Arch::new(),
            shares: vec![0.0; plan.values],
            resistances: vec![0.0; plan.nodes()],
            ground: vec![0.0; plan.nodes()],
            workspaces: (0..threads).map(|_| Workspace::default()).collect(),
            potentials: vec![0.0; plan.nodes()],
            later: vec![0.0; plan.nodes()],
            scratch: (0..threads).map(|_| Scratch::default()).collect(),
        }
    }

    /// Removes all nodes of the network with these conductances (siemens, at least 0), one per edge of the plan.
    ///
    /// Each part of the network that has no path to ground gets a conductance `leak` to ground at its last node.
    pub(crate) fn factorize(&mut self, plan: &Plan, conductances: &[f64], leak: f64) {
        assert_eq!(conductances.len(), plan.edges(), "one conductance per edge");
        self.ground.fill(0.0);
        for &(edge, rank) in &plan.to_ground {
            self.ground[rank as usize] += conductances[edge as usize];
        }
        let job = Job {
            plan,
            conductances,
            ground: &self.ground,
            leak,
            arch: self.arch,
        };
        let mut shares = &mut self.shares[..];
        let mut resistances = &mut self.resistances[..];
        let (mut tasks, mut top) = (Vec::with_capacity(plan.tasks()), Vec::new());
        for part in &plan.parts {
            let fronts = part.fronts.clone();
            let columns = shares.split_off_mut(..plan.values_of(&fronts).len());
            let pivots = resistances.split_off_mut(..plan.pivots_of(&fronts).len());
            let list = if part.is_task { &mut tasks } else { &mut top };
            list.push(Slices {
                fronts,
                shares: columns.expect("the parts' columns are the values"),
                resistances: pivots.expect("the parts' pivots are the nodes"),
            });
        }
        let (last, spaces) = self
            .workspaces
            .split_last_mut()
            .expect("one workspace follows the tasks");
        let run = |(mut slices, space): (Slices, &mut Workspace)| {
            space.clear();
            for f in slices.fronts.clone() {
                job.remove_front(f, &mut slices, space, &mut [], false);
            }
        };
        if tasks.len() > 1 {
            tasks.into_par_iter().zip(&mut *spaces).for_each(run);
        } else {
            tasks.into_iter().zip(&mut *spaces).for_each(run);
        }
        last.clear();
        for mut slices in top {
            for f in slices.fronts.clone() {
                job.remove_front(f, &mut slices, last, spaces, true);
            }
        }
    }
}

/// Parts of the factor that belong to consecutive fronts.
struct Slices<'a> {
    fronts: Range<usize>,
    shares: &'a mut [f64],
    resistances: &'a mut [f64],
}

/// A factorization in progress.
struct Job<'a> {
    plan: &'a Plan,
    conductances: &'a [f64],
    ground: &'a [f64],
    leak: f64,
    arch: Arch,
}

impl Job<'_> {
    /// Assembles front `f`, removes its pivots, and leaves the rest for its parent.
    fn remove_front(
        &self,
        f: usize,
        slices: &mut Slices,
        space: &mut Workspace,
        tasks: &mut [Workspace],
        parallel: bool,
    ) {
        let plan = self.plan;
        let front = &plan.fronts[f];
        let height = front.rows.len();
        space.clear_front(height);
        self.add_edges(front, &mut space.mesh(height));
        for space_of_task in tasks.iter_mut() {
            space_of_task.hand_to_parent(plan, f, &mut space.front, &mut space.front_ground);
        }
        space.collect_children(plan, f);
        let first = &plan.fronts[slices.fronts.start];
        let start = front.values - first.values;
        let pivot = front.first - first.first;
        let removed = Removed {
            shares: &mut slices.shares[start..start + height * front.pivots],
            resistances: &mut slices.resistances[pivot..pivot + front.pivots],
        };
        self.arch.dispatch(Removal {
            mesh: space.mesh(height),
            removed,
            leak: self.leak,
            parallel,
        });
        space.push(f, height, front.pivots);
    }

    fn add_edges(&self, front: &Front, mesh: &mut Mesh) {
        let height = front.rows.len();
        let pivots = front.first..front.first + front.pivots;
        mesh.ground[..front.pivots].copy_from_slice(&self.ground[pivots]);
        for entry in &self.plan.entries[front.entries.clone()] {
            let place = entry.column as usize * height + entry.row as usize;
            mesh.conductances[place] += self.conductances[entry.edge as usize];
        }
    }
}

impl Workspace {
    fn clear(&mut self) {
        self.stack.clear();
        self.waiting.clear();
    }

    fn clear_front(&mut self, height: usize) {
        self.front.clear();
        self.front.resize(height * height, 0.0);
        self.front_ground.clear();
        self.front_ground.resize(height, 0.0);
    }

    fn mesh(&mut self, height: usize) -> Mesh<'_> {
        Mesh {
            height,
            conductances: &mut self.front,
            ground: &mut self.front_ground,
        }
    }

    /// Adds the meshes left by the children of front `parent` to it.
    fn collect_children(&mut self, plan: &Plan, parent: usize) {
        let mut front = std::mem::take(&mut self.front);
        let mut ground = std::mem::take(&mut self.front_ground);
        self.hand_to_parent(plan, parent, &mut front, &mut ground);
        (self.front, self.front_ground) = (front, ground);
    }

    /// Adds the waiting meshes whose parent it is to the front of `parent`.
    fn hand_to_parent(
        &mut self,
        plan: &Plan,
        parent: usize,
        front: &mut [f64],
        ground: &mut [f64],
    ) {
        let height = ground.len();
        while let Some(&child) = self.waiting.last() {
            let child = &plan.fronts[child as usize];
            if child.parent != parent as u32 {
                break;
            }
            let places = &plan.in_parent[child.rows.start + child.pivots..child.rows.end];
            let left = places.len();
            let start = self.stack.len() - left * (left + 1);
            let (mesh, to_ground) = self.stack[start..].split_at(left * left);
            for (place, conductance) in places.iter().zip(to_ground) {
                ground[*place as usize] += conductance;
            }
            for (j, (column, place)) in mesh.chunks_exact(left).zip(places).enumerate() {
                let target = &mut front[*place as usize * height..][..height];
                for (row, conductance) in places[j + 1..].iter().zip(&column[j + 1..]) {
                    target[*row as usize] += conductance;
                }
            }
            self.stack.truncate(start);
            self.waiting.pop();
        }
    }

    /// Puts what is left of the front on the stack.
    fn push(&mut self, f: usize, height: usize, pivots: usize) {
        if height == pivots {
            return;
        }
        for column in self.front[pivots * height..].chunks_exact(height) {
            self.stack.extend_from_slice(&column[pivots..]);
        }
        self.stack.extend_from_slice(&self.front_ground[pivots..]);
        self.waiting.push(f as u32);
    }
}
