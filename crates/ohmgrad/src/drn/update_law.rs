//! What one training step does to a parameter, from its gradient and the registers that go with it.
//!
//! ```text
//! descent   p <- clamp(p - rate (g + decay p))
//! momentum  v <- momentum v + g + decay p              p <- clamp(p - rate v)
//! Adam      m <- b1 m + (1 - b1) (g + decay p)         s <- b2 s + (1 - b2) (g + decay p)^2
//!           p <- clamp(p - rate_t m / (sqrt(s) + epsilon_t))
//! ```
//!
//! Adam is that of Kingma and Ba (ICLR 2015); its bias corrections after t steps are in rate_t = rate sqrt(1 - b2^t) /
//! (1 - b1^t) and epsilon_t = epsilon sqrt(1 - b2^t), which is the same as correcting m and s. The projection onto the
//! window of the conductances comes last.

// `t` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use num_traits::Float;
use pulp::Simd;

use super::simd::{BLOCK, Row, strip, strip_mut};

/// The law of one parameter array in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum UpdateLaw {
    /// Gradient descent.
    Descent {
        /// Learning rate.
        rate: f32,
        /// Weight decay.
        decay: f32,
    },
    /// Gradient descent with momentum; one register, the velocity.
    Momentum {
        /// Learning rate.
        rate: f32,
        /// Share of the velocity that is kept.
        momentum: f32,
        /// Weight decay.
        decay: f32,
    },
    /// Adam; two registers, the moments.
    Adam {
        /// Learning rate, with the corrections of this step.
        rate: f32,
        /// Share of the first moment that is kept.
        beta1: f32,
        /// Share of the second moment that is kept.
        beta2: f32,
        /// What keeps the division finite, with the correction of this step.
        epsilon: f32,
        /// Weight decay.
        decay: f32,
    },
}

/// The most registers that a law has.
pub(crate) const REGISTERS: usize = 2;

impl UpdateLaw {
    /// What the gradient of a matrix is multiplied with before it reaches the law: in descent the rate is folded into
    /// it, so that the inner loop need not apply it.
    pub(crate) fn gradient_scale(&self) -> f32 {
        match *self {
            UpdateLaw::Descent { rate, .. } => rate,
            UpdateLaw::Momentum { .. } | UpdateLaw::Adam { .. } => 1.0,
        }
    }

    /// One step of parameters that lie in a window, such as biases. Registers that the law does not have may be empty.
    pub(crate) fn apply<T: Float>(
        &self,
        parameters: &mut [T],
        gradients: &[T],
        registers: [&mut [T]; REGISTERS],
        window: [f32; 2],
    ) {
        self.step(parameters, gradients, registers);
        let [least, largest] = window.map(|value| T::from(value).unwrap_or_else(T::nan));
        if window != [f32::NEG_INFINITY, f32::INFINITY] {
            for p in parameters {
                *p = num_traits::clamp(*p, least, largest);
            }
        }
    }

    /// One step of parameters without a window.
    fn step<T: Float>(
        &self,
        parameters: &mut [T],
        gradients: &[T],
        [first, second]: [&mut [T]; REGISTERS],
    ) {
        let of = |value: f32| T::from(value).unwrap_or_else(T::nan);
        let steps = parameters.iter_mut().zip(gradients);
        match *self {
            UpdateLaw::Descent { rate, decay } => {
                let (rate, decay) = (of(rate), of(decay));
                for (p, g) in steps {
                    *p = *p - rate * (*g + decay * *p);
                }
            }
            UpdateLaw::Momentum {
                rate,
                momentum,
                decay,
            } => {
                let (rate, momentum, decay) = (of(rate), of(momentum), of(decay));
                for ((p, g), v) in steps.zip(first) {
                    *v = momentum * *v + *g + decay * *p;
                    *p = *p - rate * *v;
                }
            }
            UpdateLaw::Adam {
                rate,
                beta1,
                beta2,
                epsilon,
                decay,
            } => {
                let (rate, epsilon, decay) = (of(rate), of(epsilon), of(decay));
                let (beta1, beta2, one) = (of(beta1), of(beta2), T::one());
                for (((p, g), m), s) in steps.zip(first).zip(second) {
                    let force = *g + decay * *p;
                    *m = beta1 * *m + (one - beta1) * force;
                    *s = beta2 * *s + (one - beta2) * force * force;
                    *p = *p - rate * *m / (s.sqrt() + epsilon);
                }
            }
        }
    }
}

/// Window of the parameters of each column of a block; columns beyond the layer's width have [0, 0].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    least: Row,
    largest: Row,
    /// Whether it is [0, inf) within the width.
    only_positive: bool,
    /// Columns within the layer's width.
    columns: usize,
}

impl Window {
    /// The same for the first `columns` of a block.
    pub(crate) fn new([least, largest]: [f32; 2], columns: usize) -> Self {
        let each = |value: f32| {
            Row(std::array::from_fn(
                |c| if c < columns { value } else { 0.0 },
            ))
        };
        Self {
            least: each(least),
            largest: each(largest),
            only_positive: (least, largest) == (0.0, f32::INFINITY),
            columns: columns.min(BLOCK),
        }
    }

    /// Columns within the layer's width, at most 64.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Whether it is [0, inf), also in `padded` columns if that matters.
    fn is_non_negative(&self, padded: bool) -> bool {
        self.only_positive && (!padded || self.largest.0[BLOCK - 1] == f32::INFINITY)
    }

    /// Whether there are no limits.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.least.0[0] == f32::NEG_INFINITY && self.largest.0[0] == f32::INFINITY
    }
}

/// Work on the rows of a block that ends in one step of each.
pub(crate) trait WithUpdate {
    /// Does it with this law.
    fn run<U: SimdUpdate>(self, update: U);
}

impl UpdateLaw {
    /// Does some work with the SIMD form of the law. `padded` says that the work may raise columns beyond the layer's
    /// width, which their window [0, 0] must then hold.
    #[inline(always)]
    pub(crate) fn on(self, window: &Window, padded: bool, work: impl WithUpdate) {
        match self {
            UpdateLaw::Descent { decay: 0.0, .. } if window.is_unlimited() => work.run(Unlimited),
            UpdateLaw::Descent { decay: 0.0, .. } if window.is_non_negative(padded) => {
                work.run(NonNegative);
            }
            UpdateLaw::Descent { rate, decay } => work.run(Descent {
                keep: 1.0 - rate * decay,
                window,
            }),
            UpdateLaw::Momentum {
                rate,
                momentum,
                decay,
            } => work.run(Momentum {
                rate,
                momentum,
                decay,
                window,
            }),
            UpdateLaw::Adam {
                rate,
                beta1,
                beta2,
                epsilon,
                decay,
            } => work.run(Adam {
                rate,
                beta1,
                beta2,
                epsilon,
                decay,
                window,
            }),
        }
    }
}

/// Registers of the rows of a block, as many as the law has; the others are empty.
pub(crate) type RegisterRows<'a> = [&'a mut [Row]; REGISTERS];

/// A law on a strip of a row: `T` registers of the processor.
pub(crate) trait SimdUpdate: Copy {
    /// One step of the strip `s` of row `i`; `ascent` is minus the gradient times its scale.
    fn apply<S: Simd, const T: usize>(
        self,
        simd: S,
        g: &mut [S::f32s; T],
        ascent: &[S::f32s; T],
        registers: &mut RegisterRows,
        at: (usize, usize),
    );
}

/// g <- g + ascent: descent without decay and window.
#[derive(Clone, Copy)]
pub(crate) struct Unlimited;

impl SimdUpdate for Unlimited {
    #[inline(always)]
    fn apply<S: Simd, const T: usize>(
        self,
        simd: S,
        g: &mut [S::f32s; T],
        ascent: &[S::f32s; T],
        _: &mut RegisterRows,
        _: (usize, usize),
    ) {
        for t in 0..T {
            g[t] = simd.add_f32s(g[t], ascent[t]);
        }
    }
}

/// g <- max(g + ascent, 0): descent without decay, in the window [0, inf).
#[derive(Clone, Copy)]
pub(crate) struct NonNegative;

impl SimdUpdate for NonNegative {
    #[inline(always)]
    fn apply<S: Simd, const T: usize>(
        self,
        simd: S,
        g: &mut [S::f32s; T],
        ascent: &[S::f32s; T],
        _: &mut RegisterRows,
        _: (usize, usize),
    ) {
        for t in 0..T {
            g[t] = simd.max_f32s(simd.add_f32s(ascent[t], g[t]), simd.splat_f32s(0.0));
        }
    }
}

/// Descent in any window: g <- clamp(keep g + ascent), keep = 1 - rate decay.
#[derive(Clone, Copy)]
pub(crate) struct Descent<'a> {
    pub(crate) keep: f32,
    pub(crate) window: &'a Window,
}

impl SimdUpdate for Descent<'_> {
    #[inline(always)]
    fn apply<S: Simd, const T: usize>(
        self,
        simd: S,
        g: &mut [S::f32s; T],
        ascent: &[S::f32s; T],
        _: &mut RegisterRows,
        (_, s): (usize, usize),
    ) {
        let keep = simd.splat_f32s(self.keep);
        for t in 0..T {
            g[t] = simd.mul_add_e_f32s(keep, g[t], ascent[t]);
        }
        project(simd, g, self.window, s);
    }
}

/// Momentum in any window.
#[derive(Clone, Copy)]
pub(crate) struct Momentum<'a> {
    pub(crate) rate: f32,
    pub(crate) momentum: f32,
    pub(crate) decay: f32,
    pub(crate) window: &'a Window,
}

impl SimdUpdate for Momentum<'_> {
    #[inline(always)]
    fn apply<S: Simd, const T: usize>(
        self,
        simd: S,
        g: &mut [S::f32s; T],
        ascent: &[S::f32s; T],
        [velocity, _]: &mut RegisterRows,
        (i, s): (usize, usize),
    ) {
        let velocity = strip_mut::<S, T>(&mut velocity[i], s);
        let [momentum, decay, minus_rate] =
            [self.momentum, self.decay, -self.rate].map(|x| simd.splat_f32s(x));
        for t in 0..T {
            let force = simd.mul_add_e_f32s(decay, g[t], simd.neg_f32s(ascent[t]));
            velocity[t] = flushed(simd, simd.mul_add_e_f32s(momentum, velocity[t], force));
            g[t] = simd.mul_add_e_f32s(minus_rate, velocity[t], g[t]);
        }
        project(simd, g, self.window, s);
    }
}

/// Adam in any window.
#[derive(Clone, Copy)]
pub(crate) struct Adam<'a> {
    pub(crate) rate: f32,
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    pub(crate) epsilon: f32,
    pub(crate) decay: f32,
    pub(crate) window: &'a Window,
}

impl SimdUpdate for Adam<'_> {
    #[inline(always)]
    fn apply<S: Simd, const T: usize>(
        self,
        simd: S,
        g: &mut [S::f32s; T],
        ascent: &[S::f32s; T],
        [first, second]: &mut RegisterRows,
        (i, s): (usize, usize),
    ) {
        let (first, second) = (
            strip_mut::<S, T>(&mut first[i], s),
            strip_mut::<S, T>(&mut second[i], s),
        );
        let [beta1, beta2, epsilon, decay, minus_rate] =
            [self.beta1, self.beta2, self.epsilon, self.decay, -self.rate]
                .map(|x| simd.splat_f32s(x));
        let [rest1, rest2] = [1.0 - self.beta1, 1.0 - self.beta2].map(|x| simd.splat_f32s(x));
        for t in 0..T {
            let force = simd.mul_add_e_f32s(decay, g[t], simd.neg_f32s(ascent[t]));
            let square = simd.mul_f32s(force, force);
            let next = simd.mul_add_e_f32s(beta1, first[t], simd.mul_f32s(rest1, force));
            first[t] = flushed(simd, next);
            let next = simd.mul_add_e_f32s(beta2, second[t], simd.mul_f32s(rest2, square));
            second[t] = flushed(simd, next);
            let scale = simd.add_f32s(simd.sqrt_f32s(second[t]), epsilon);
            let way = simd.div_f32s(first[t], scale);
            g[t] = simd.mul_add_e_f32s(minus_rate, way, g[t]);
        }
        project(simd, g, self.window, s);
    }
}

/// 0 instead of what is too small to be a normal number. The registers of parameters that do not change any more would end
/// there and stay, since rounding stops their decay, and processors are a hundred times slower with such numbers.
#[inline(always)]
fn flushed<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    let normal = simd.splat_f32s(f32::MIN_POSITIVE);
    let tiny = simd.less_than_f32s(simd.abs_f32s(value), normal);
    simd.select_f32s(tiny, simd.splat_f32s(0.0), value)
}

/// Back into the window.
#[inline(always)]
fn project<S: Simd, const T: usize>(simd: S, g: &mut [S::f32s; T], window: &Window, s: usize) {
    let (least, largest) = (
        strip::<S, T>(&window.least, s),
        strip::<S, T>(&window.largest, s),
    );
    for t in 0..T {
        g[t] = simd.min_f32s(simd.max_f32s(g[t], least[t]), largest[t]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drn::simd::Kernel;
    use crate::drn::tests::levels;

    struct Idle<'a>(UpdateLaw, &'a Window, &'a mut [Row; 1], RegisterRows<'a>);

    struct Apply<'a, S, const N: usize>(S, &'a mut [Row; 1], RegisterRows<'a>);

    impl<S: Simd, const N: usize> WithUpdate for Apply<'_, S, N> {
        #[inline(always)]
        fn run<U: SimdUpdate>(self, update: U) {
            let Self(simd, row, mut registers) = self;
            let none = [simd.splat_f32s(0.0); N];
            for s in 0..BLOCK / (S::F32_LANES * N) {
                let g = strip_mut::<S, N>(&mut row[0], s);
                update.apply(simd, g, &none, &mut registers, (0, s));
            }
        }
    }

    impl Kernel for Idle<'_> {
        #[inline(always)]
        fn run<S: Simd, const N: usize>(self, simd: S) {
            self.0.on(self.1, true, Apply::<S, N>(simd, self.2, self.3));
        }
    }

    /// What remembers a parameter that has stopped to change forgets it: no number stays where processors are slow.
    #[test]
    fn registers_decay_to_zero() {
        let laws = [
            UpdateLaw::Momentum {
                rate: 0.1,
                momentum: 0.9,
                decay: 0.0,
            },
            UpdateLaw::Adam {
                rate: 0.1,
                beta1: 0.9,
                beta2: 0.95,
                epsilon: 1e-8,
                decay: 0.0,
            },
        ];
        let window = Window::new([0.0, f32::INFINITY], BLOCK);
        for (law, arch) in laws
            .into_iter()
            .flat_map(|l| levels().into_iter().map(move |a| (l, a)))
        {
            let mut values = [Row([1.0; BLOCK])];
            let (mut first, mut second) = ([Row([1e-3; BLOCK])], [Row([1e-6; BLOCK])]);
            for _ in 0..2000 {
                Idle(law, &window, &mut values, [&mut first, &mut second]).run_on(arch);
            }
            assert_eq!(first[0].0, [0.0; BLOCK], "{law:?}, {arch:?}");
            if matches!(law, UpdateLaw::Adam { .. }) {
                assert_eq!(second[0].0, [0.0; BLOCK], "{arch:?}");
            }
        }
    }
}
