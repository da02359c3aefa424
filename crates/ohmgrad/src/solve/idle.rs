//! Nonlinear elements that carry no current since nothing behind them drives any.
//!
//! An element is a bridge if nothing else joins what lies behind it to the rest of the network. It carries what the sources
//! behind it drive; where that is nothing in all, no current at all, to the last digit. At its foot a curve may have no slope, or
//! an endless one, and no digits of a current tell where the foot is: its voltage is set instead, as a conducting
//! diode's is. (Bridges by depth-first search: Tarjan, 1974.)

use super::newton::Response;
use crate::device::Characteristic;
use crate::presolve::{Double, GROUND, Network};

/// The places of the idle ones among the network's nonlinear elements, with the diodes that conduct among `responses`.
pub(super) fn idle_curves(network: &Network, responses: &[Response]) -> Vec<usize> {
    if network.nonlinear.is_empty() {
        return Vec::new();
    }
    let resistors = network.resistors.iter().filter(|r| r.conductance > 0.0);
    let (diodes, nonlinear) = responses.split_at(network.diodes.len());
    let conducting = diodes.iter().filter(|diode| diode.conductance > 0.0);
    let others: Vec<[u32; 2]> = resistors
        .map(|resistor| resistor.ends)
        .chain(conducting.map(|diode| diode.ends))
        .collect();
    let curves = nonlinear.iter().map(|curve| curve.ends);
    let edges: Vec<[u32; 2]> = others.iter().copied().chain(curves).collect();
    let mut search = Search::new(network, &edges);
    let ground = network.nodes;
    for root in std::iter::once(ground).chain(0..ground) {
        search.visit_from(root);
    }
    let first = others.len();
    let bridges = search.bridges.into_iter().filter(|edge| *edge >= first);
    bridges.map(|edge| edge - first).collect()
}

/// The voltage nearest to `voltage` at which a law carries no current.
pub(super) fn foot(law: &dyn Characteristic, voltage: f64) -> Option<f64> {
    let nearest = |at: f64| {
        let (low, high) = law.flat(at);
        voltage.max(low).min(high)
    };
    let current = |u: f64| law.current(u).0;
    if current(0.0) == 0.0 {
        return Some(nearest(0.0));
    }
    let sign = -current(0.0).signum();
    let ends = std::iter::successors(Some(sign * 1e-3), |u| Some(2.0 * u));
    let end = ends.take(60).find(|u| current(*u) * sign >= 0.0)?;
    let (mut before, mut beyond) = (0.0, end);
    loop {
        let middle = 0.5 * (before + beyond);
        if middle == before || middle == beyond {
            return Some(nearest(beyond));
        }
        match current(middle) * sign >= 0.0 {
            true => beyond = middle,
            false => before = middle,
        }
    }
}

/// A depth-first search for bridges without a source behind them.
struct Search<'n> {
    edges: &'n [[u32; 2]],
    /// The edges at each node, ground last.
    at: Vec<Vec<usize>>,
    injections: &'n [f64],
    /// When each node was found, from 1.
    found: Vec<usize>,
    /// The earliest node that what lies behind each node leads back to.
    earliest: Vec<usize>,
    /// What sources feed into all that lies behind each node, and the sum of the magnitudes, in ampere.
    fed: Vec<(Double, f64)>,
    time: usize,
    bridges: Vec<usize>,
}

impl<'n> Search<'n> {
    fn new(network: &'n Network, edges: &'n [[u32; 2]]) -> Search<'n> {
        let nodes = network.nodes + 1;
        let mut search = Search {
            edges,
            at: vec![Vec::new(); nodes],
            injections: &network.injections,
            found: vec![0; nodes],
            earliest: vec![0; nodes],
            fed: vec![(Double::default(), 0.0); nodes],
            time: 0,
            bridges: Vec::new(),
        };
        for (k, ends) in edges.iter().enumerate() {
            ends.iter().for_each(|end| {
                let node = search.place(*end);
                search.at[node].push(k);
            });
        }
        search
    }

    fn place(&self, end: u32) -> usize {
        match end {
            GROUND => self.injections.len(),
            node => node as usize,
        }
    }

    fn visit_from(&mut self, root: usize) {
        if self.found[root] > 0 {
            return;
        }
        self.enter(root);
        // Nodes on the way from the root, the edge by which each was found, and how many of its edges are done.
        let mut way = vec![(root, usize::MAX, 0)];
        while let Some((node, by, done)) = way.last_mut() {
            let (here, came_by) = (*node, *by);
            let Some(&edge) = self.at[here].get(*done) else {
                way.pop();
                if let Some((parent, ..)) = way.last() {
                    self.leave(here, came_by, *parent);
                }
                continue;
            };
            *done += 1;
            let [a, b] = self.edges[edge].map(|end| self.place(end));
            let there = a + b - here;
            if edge == came_by || there == here {
                continue;
            }
            if self.found[there] > 0 {
                self.earliest[here] = self.earliest[here].min(self.found[there]);
            } else {
                self.enter(there);
                way.push((there, edge, 0));
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.time += 1;
        self.found[node] = self.time;
        self.earliest[node] = self.time;
        let injection = self.injections.get(node).copied().unwrap_or(0.0);
        self.fed[node] = (Double::from(injection), injection.abs());
    }

    fn leave(&mut self, node: usize, by: usize, parent: usize) {
        let (sum, size) = self.fed[node];
        // Sources that feed one part from both sides cancel, to 32 digits.
        if self.earliest[node] == self.found[node] && sum.high.abs() <= 1e-30 * size {
            self.bridges.push(by);
        }
        self.earliest[parent] = self.earliest[parent].min(self.earliest[node]);
        self.fed[parent].0 += sum;
        self.fed[parent].1 += size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{IvCurve, PowerLaw, Shockley};

    #[test]
    fn feet_are_where_no_current_flows() {
        let power = PowerLaw {
            coefficient: 1.0,
            exponent: 0.5,
        };
        assert_eq!(foot(&power, 0.3), Some(0.0));
        assert_eq!(foot(&Shockley::new(1e-14), -2.0), Some(0.0));
        let flat = IvCurve::new([(-1.0, -0.1), (0.0, 0.0), (0.5, 0.0), (0.7, 1.0)]);
        let flat = flat.expect("rising points");
        assert_eq!(
            [foot(&flat, -0.2), foot(&flat, 0.3), foot(&flat, 2.0)],
            [Some(0.0), Some(0.3), Some(0.5)]
        );
        let raised = IvCurve::new([(0.0, 1.0), (1.0, 2.0)]).expect("rising points");
        assert_eq!(foot(&raised, 0.0), Some(-1.0));
        let never = IvCurve::new([(0.0, 1.0), (1.0, 1.0)]).expect("rising points");
        assert_eq!(foot(&never, 0.0), None);
    }
}
