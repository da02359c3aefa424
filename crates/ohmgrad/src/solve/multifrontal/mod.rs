//! Solving linear resistor networks by star-mesh transformations.
//!
//! A node with conductances c_1, c_2, ... to other nodes and c_0 to ground can be removed: every two
//! neighbours i, j get a conductance c_i c_j / (c_0 + c_1 + ...) between them, and every neighbour
//! i one of c_i c_0 / (c_0 + c_1 + ...) to ground. Removing node after node is Cholesky's
//! factorization of the network's Laplacian matrix. Written in conductances, it only adds, multiplies and divides
//! positive numbers. Nothing cancels: the factor is accurate in every entry, whatever the ratio of the
//! conductances (Alfa, Xue and Ye, "Accurate computation of the smallest eigenvalue of a diagonally
//! dominant M-matrix", Math. Comp. 71, 2002). A solver can therefore give a conducting diode 1e15
//! times the conductance of its neighbours, where Cholesky's factorization of the assembled matrix has
//! lost the conductances to ground.
//!
//! [`Plan`] chooses the order and holds everything that depends on the network's shape alone; [`Factor`]
//! holds the numbers. The factorization is multifrontal (Duff and Reid, 1983): the network left
//! around a group of nodes is a dense matrix of conductances, its front. `solution` finds potentials with it.

mod factor;
mod front;
mod ordering;
mod plan;
mod solution;
#[cfg(test)]
mod tests;

pub(crate) use factor::Factor;
pub(crate) use plan::Plan;
