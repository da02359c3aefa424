//! Whether a descent has come to the operating point: the current law, and the currents of ideal diodes.

use super::super::newton::worse;
use super::{NO_DIODE, TIGHT, Walk};

/// What a check finds.
pub(super) struct Checked {
    /// Whether all laws hold.
    pub(super) converged: bool,
    /// The largest current that a node misses, relative to the largest current.
    pub(super) missed: f64,
    /// Welds that were undone.
    pub(super) switched: usize,
}

impl Walk<'_, '_> {
    /// Finds the currents of ideal diodes, and undoes welds whose currents are negative.
    pub(super) fn check(&mut self, tolerance: f64) -> Checked {
        let largest = self.find_residual();
        self.diode_currents.fill(0.0);
        self.push_to_ground();
        let largest = largest.max(self.flow_along_welds());
        let rounding = 2.0 * f64::EPSILON * self.voltage * self.network.largest_conductance;
        let scale = largest.max(rounding);
        self.negligible = tolerance * scale;
        let switched = self.split();
        let missed = self.residual.iter().fold(0.0, |max, r| worse(max, r.abs()));
        Checked {
            converged: switched == 0 && missed <= self.negligible && self.within_bounds(),
            missed: if missed == 0.0 { 0.0 } else { missed / scale },
            switched,
        }
    }

    /// The current into each node from all but ideal diodes; the largest current.
    fn find_residual(&mut self) -> f64 {
        let mut largest = 0.0;
        for node in 0..self.network.nodes as u32 {
            let x = self.potentials[node as usize];
            let injection = self.network.injections[node as usize];
            let mut sum = injection;
            largest = worse(largest, injection.abs());
            for wire in self.wires.at(node) {
                let across = self.potentials[wire.other as usize] - x + wire.offset;
                sum += wire.conductance * across;
                largest = worse(largest, (wire.conductance * across).abs());
            }
            for bend in self.nonlinear_branches.at(node) {
                let (current, _) = self.law(bend, x);
                sum -= current;
                largest = worse(largest, current.abs());
            }
            self.residual[node as usize] = sum;
        }
        largest
    }

    /// Lets each cluster that a diode at ground stops send its surplus there.
    fn push_to_ground(&mut self) {
        let ground = self.network.nodes as u32;
        for leader in 0..ground {
            if self.clusters.labels[leader as usize] != leader {
                continue;
            }
            let members = self.clusters.members(leader);
            let surplus: f64 = members.map(|node| self.residual[node as usize]).sum();
            let [low, high] = self.room(leader);
            let stop = if surplus > 0.0 { high } else { low };
            if stop.diode != NO_DIODE
                && stop.other == ground
                && stop.shift.abs() <= TIGHT * self.voltage
            {
                self.diode_currents[stop.diode as usize] = surplus.abs();
                self.residual[stop.node as usize] -= surplus;
            }
        }
    }

    /// Sends what nodes have left along the welds, from the leaves of each tree on; the largest current of a diode.
    fn flow_along_welds(&mut self) -> f64 {
        self.links.fill((0, 0));
        for &weld in &self.welds {
            for end in self.network.diodes[weld as usize].ends {
                let (count, which) = &mut self.links[end as usize];
                *count += 1;
                *which ^= weld;
            }
        }
        for node in 0..self.network.nodes {
            let mut leaf = node;
            while let (1, weld) = self.links[leaf] {
                leaf = self.flow_along(weld, leaf);
            }
        }
        let currents = self.diode_currents.iter();
        currents.fold(0.0, |max, i| worse(max, i.abs()))
    }

    /// Sends what a leaf has left along its only weld, and takes both off the tree; the node on the other side.
    fn flow_along(&mut self, weld: u32, leaf: usize) -> usize {
        let [a, b] = self.network.diodes[weld as usize]
            .ends
            .map(|end| end as usize);
        let (other, sign) = if a == leaf { (b, 1.0) } else { (a, -1.0) };
        let surplus = std::mem::take(&mut self.residual[leaf]);
        self.residual[other] += surplus;
        self.diode_currents[weld as usize] = sign * surplus;
        self.links[leaf] = (0, 0);
        self.links[other].0 -= 1;
        self.links[other].1 ^= weld;
        other
    }

    /// Undoes welds with negative currents; how many there were.
    fn split(&mut self) -> usize {
        let (currents, negligible) = (&mut self.diode_currents, self.negligible);
        let before = self.welds.len();
        self.welds
            .retain(|weld| currents[*weld as usize] >= -negligible);
        let undone = before - self.welds.len();
        currents.iter_mut().for_each(|i| *i = i.max(0.0));
        if undone > 0 {
            self.clusters.reset();
            for &weld in &self.welds {
                let [a, b] = self.network.diodes[weld as usize].ends;
                self.clusters.join(a, b);
            }
        }
        undone
    }

    /// Whether all ideal diodes are within their bounds.
    pub(super) fn within_bounds(&self) -> bool {
        let ground = self.network.nodes;
        let mut ideal = self.network.diodes.iter().filter(|d| d.resistance == 0.0);
        ideal.all(|diode| {
            let [a, b] = diode
                .ends
                .map(|end| self.potentials[(end as usize).min(ground)]);
            a - b - diode.bound <= 10.0 * TIGHT * self.voltage.max(a.abs())
        })
    }
}
