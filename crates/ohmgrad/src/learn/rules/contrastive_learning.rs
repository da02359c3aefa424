//! Contrastive learning (Movellan 1991): the outputs are held at the target.

use super::{Push, States};

pub(super) fn states() -> States {
    States {
        pushes: vec![Push::Clamp(1.0)],
        first: 0,
        second: 1,
        span: 1.0,
    }
}
