use std::fmt;

use ndarray::{Array, Dimension};

use crate::Float;
use crate::compiled::each;
use crate::isa::Isa;
use crate::lazy::{LazyMatrix, Numbers, in_parts_of};
use crate::pool::in_parts;
use crate::rows::add_scaled;

/// What a model learns: its parameters, in one fixed order.
///
/// A gradient is a value of the model's own type, and so is an optimizer's velocity. Nobody writes
/// this trait by hand: [`parameters!`](crate::parameters) does it from a list of the fields.
/// Arrays, [`LazyMatrix`], `Option` and `Vec` have it here.
///
/// ```
/// use longhand_tensor::{Parameters, ndarray::{Array1, array}, parameters};
///
/// #[derive(Clone)]
/// struct Line { slope: Array1<f32>, offset: Array1<f32> }
/// parameters!(Line: f32 { slope, offset });
///
/// let mut line = Line { slope: array![3., 5.], offset: array![4.] };
/// let names: Vec<String> = line.named_params().iter().map(ToString::to_string).collect();
/// assert_eq!((line.count(), names), (3, vec!["slope [2]".to_owned(), "offset [1]".to_owned()]));
///
/// let grad = line.clone();
/// Line::each([&mut line], [&grad], |[p], [g]| [p - 0.5 * g]); // gradient descent
/// assert_eq!(line.params(), [&[1.5, 2.5][..], &[2.0]]);
/// ```
///
/// An implementation by hand cannot leave out a part either, as no method has a default that could
/// be wrong:
///
/// ```compile_fail,E0046
/// # use longhand_tensor::{Float, Parameters, StepCounter, Visit, Walk};
/// #[derive(Clone)]
/// struct Container<L>(L);
/// impl<F: Float, L: Parameters<F>> Parameters<F> for Container<L> {
///     fn zip<const N: usize, const M: usize>(
///         changed: [&mut Self; N], read: [&Self; M], f: &mut Visit<'_, F, N, M>,
///     ) {
///         L::zip(changed.map(|c| &mut c.0), read.map(|r| &r.0), f);
///     }
///     fn walk<'a>(&'a self, walk: &mut Walk<'a, F>) { self.0.walk(walk) }
///     fn zeros_like(&self) -> Self { Container(self.0.zeros_like()) }
///     fn set_zero(&mut self) { self.0.set_zero() }
///     fn add_scaled(&mut self, a: F, other: &Self) { self.0.add_scaled(a, &other.0) }
/// } // not all trait items implemented, missing: `set_step`
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what its parameters are",
    label = "no parameters of type `{F}`",
    note = "list its fields: `parameters!({Self} {{ body, head }})`; a type for `f32` alone says `parameters!({Self}: f32 {{ .. }})`"
)]
pub trait Parameters<F: Float>: Clone {
    /// Calls `f` with each parameter of the models to be changed, as a flat slice, beside the same
    /// parameter of the models that are read.
    ///
    /// # Panics
    /// The models differ in their shapes.
    #[track_caller]
    fn zip<const N: usize, const M: usize>(
        changed: [&mut Self; N],
        read: [&Self; M],
        f: &mut Visit<'_, F, N, M>,
    );

    /// Shows each parameter, with its name and shape, to `walk`.
    fn walk<'a>(&'a self, walk: &mut Walk<'a, F>);

    /// A value of the same shapes whose parameters are all zero: a gradient to add to.
    fn zeros_like(&self) -> Self;

    /// Sets every parameter to zero.
    fn set_zero(&mut self);

    /// `θ ← θ + a·other`, the product and the sum rounded one after the other.
    ///
    /// # Panics
    /// The two differ in their shapes.
    #[track_caller]
    fn add_scaled(&mut self, a: F, other: &Self);

    /// Tells every [`StepCounter`] how many steps an optimizer has made.
    fn set_step(&mut self, step: u64);

    /// Replaces the numbers at each place of the models to be changed by what `f` makes of them and
    /// of those of the models that are read. This is how an optimizer is its formula.
    ///
    /// A result that is denormal, that is smaller than the smallest normal number (1.2e-38 in f32),
    /// is replaced by zero. Numbers that shrink by a factor in each step end there, and arithmetic
    /// with them is many times slower.
    ///
    /// # Panics
    /// The models differ in their shapes.
    #[track_caller]
    fn each<const N: usize, const M: usize>(
        changed: [&mut Self; N],
        read: [&Self; M],
        f: impl Fn([F; N], [F; M]) -> [F; N] + Copy + Sync,
    ) {
        Self::zip(changed, read, &mut |changed, read| {
            in_parts_of(changed, read, |changed, read| pass(changed, read, f));
        });
    }

    /// The parameters with names and shapes, for files and messages. `0.weight [784, 30]` is the
    /// weight of the first of several layers in a row.
    fn named_params(&self) -> Vec<NamedParam<'_, F>> {
        let mut walk = Walk { path: String::new(), next: None, found: vec![] };
        self.walk(&mut walk);
        walk.found
    }

    /// The parameters as flat slices, in their order.
    fn params(&self) -> Vec<&[F]> {
        self.named_params().into_iter().map(|param| param.values).collect()
    }

    /// How many numbers the parameters are.
    fn count(&self) -> usize {
        self.params().iter().map(|p| p.len()).sum()
    }
}

/// What [`Parameters::each`] does to slices of a parameter.
#[doc(hidden)]
pub fn pass<F: Float, const N: usize, const M: usize>(
    changed: [&mut [F]; N],
    read: [&[F]; M],
    f: impl Fn([F; N], [F; M]) -> [F; N] + Copy,
) {
    each(Isa::detect(), changed, read, f);
}

/// What [`Parameters::zip`] calls with each parameter of the models that are changed and of those that are read. It
/// is a `dyn` function: a model's traversal is then compiled once, and not for every formula.
pub type Visit<'a, F, const N: usize, const M: usize> =
    dyn FnMut([&mut [F]; N], [Numbers<'_, F>; M]) + 'a;

/// A parameter with its name and its shape. Displayed as `0.weight [784, 30]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedParam<'a, F> {
    /// The fields on the way to the parameter and the numbers of layers in a row, joined by dots.
    pub name: String,
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// The values, last dimension fastest.
    pub values: &'a [F],
}

impl<F> fmt::Display for NamedParam<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.name, self.shape)
    }
}

/// Collects the parameters of a model, and keeps the path to where it is.
#[derive(Debug)]
pub struct Walk<'a, F> {
    path: String,
    /// The number of the next part, inside a sequence.
    next: Option<usize>,
    found: Vec<NamedParam<'a, F>>,
}

impl<'a, F: Float> Walk<'a, F> {
    /// Walks through something that has a name of its own, such as a layer: in a sequence, that is
    /// the next number.
    pub fn part(&mut self, inside: impl FnOnce(&mut Self)) {
        match self.next {
            Some(number) => {
                self.named(&number.to_string(), inside);
                self.next = Some(number + 1);
            }
            None => inside(self),
        }
    }

    /// Walks through parts that are numbered from 0. A sequence inside a sequence goes on counting.
    pub fn sequence(&mut self, inside: impl FnOnce(&mut Self)) {
        let outside = self.next;
        self.next = outside.or(Some(0));
        inside(self);
        self.next = outside.and(self.next);
    }

    /// Walks through a field.
    pub fn field(&mut self, name: &str, field: &'a impl Parameters<F>) {
        self.named(name, |walk| field.walk(walk));
    }

    /// Notes a parameter.
    pub fn parameter(&mut self, shape: &[usize], values: &'a [F]) {
        self.part(|walk| {
            let (name, shape) = (walk.path.clone(), shape.to_vec());
            walk.found.push(NamedParam { name, shape, values });
        });
    }

    fn named(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        let (length, next) = (self.path.len(), self.next.take());
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        inside(self);
        self.path.truncate(length);
        self.next = next;
    }
}

/// Implements [`Parameters`] for a type from a list of its fields.
///
/// | declaration | for |
/// |---|---|
/// | `parameters!(Linear<F> { weight, bias });` | a struct of the number type `F`, which stands first |
/// | `parameters!(Net: f32 { body, head });` | a struct of `f32` alone |
/// | `parameters!(Dropout { step } without { seed });` | a struct with fields that are no parameters: these are cloned |
/// | `parameters!(Chain<A, B> [first, second]);` | parts in a row, which have numbers instead of names |
/// | `parameters!(Relu {});`, `parameters!(enum Gelu { Exact, Tanh });` | a type without parameters |
///
/// A field that is left out does not compile:
///
/// ```compile_fail,E0063
/// # use longhand_tensor::{ndarray::Array1, parameters};
/// #[derive(Clone)]
/// struct Line { slope: Array1<f32>, offset: Array1<f32> }
/// parameters!(Line: f32 { slope }); // missing field `offset` in initializer of `Line`
/// ```
#[macro_export]
macro_rules! parameters {
    (enum $type:ident { $($variant:ident),+ $(,)? }) => {
        impl<F: $crate::Float> $crate::Parameters<F> for $type {
            fn zeros_like(&self) -> Self {
                match self { $(Self::$variant => Self::$variant),+ }
            }
            fn walk<'a>(&'a self, walk: &mut $crate::Walk<'a, F>) {
                walk.part(|_| {});
            }
            $crate::parameters!(@each F);
        }
    };
    (@all $F:ident { $($field:tt),* $(,)? } $(without { $($other:tt),* $(,)? })?) => {
        fn zeros_like(&self) -> Self {
            Self {
                $($field: $crate::Parameters::<$F>::zeros_like(&self.$field),)*
                $($($other: ::core::clone::Clone::clone(&self.$other),)*)?
            }
        }
        fn walk<'a>(&'a self, walk: &mut $crate::Walk<'a, $F>) {
            walk.part(|_walk| { $(_walk.field(stringify!($field), &self.$field);)* });
        }
        $crate::parameters!(@each $F $($field)*);
    };
    (@all $F:ident [ $($field:tt),* $(,)? ]) => {
        fn zeros_like(&self) -> Self {
            Self { $($field: $crate::Parameters::<$F>::zeros_like(&self.$field)),* }
        }
        fn walk<'a>(&'a self, walk: &mut $crate::Walk<'a, $F>) {
            walk.sequence(|walk| { $($crate::Parameters::<$F>::walk(&self.$field, walk);)* });
        }
        $crate::parameters!(@each $F $($field)*);
    };
    (@each $F:ident $($field:tt)*) => {
        #[track_caller]
        fn zip<const N: usize, const M: usize>(
            mut _changed: [&mut Self; N],
            _read: [&Self; M],
            _f: &mut $crate::Visit<'_, $F, N, M>,
        ) {
            $($crate::Parameters::zip(
                _changed.each_mut().map(|x| &mut x.$field),
                _read.map(|x| &x.$field),
                _f,
            );)*
        }
        fn set_zero(&mut self) {
            $($crate::Parameters::<$F>::set_zero(&mut self.$field);)*
        }
        #[track_caller]
        fn add_scaled(&mut self, _a: $F, _other: &Self) {
            $($crate::Parameters::add_scaled(&mut self.$field, _a, &_other.$field);)*
        }
        fn set_step(&mut self, _step: u64) {
            $($crate::Parameters::<$F>::set_step(&mut self.$field, _step);)*
        }
    };
    ($type:ident<F $(, $part:ident)*> $($fields:tt)*) => {
        impl<F: $crate::Float, $($part: $crate::Parameters<F>),*> $crate::Parameters<F> for $type<F, $($part),*> {
            $crate::parameters!(@all F $($fields)*);
        }
    };
    ($type:ident<$($part:ident),+> $($fields:tt)*) => {
        impl<F: $crate::Float, $($part: $crate::Parameters<F>),+> $crate::Parameters<F> for $type<$($part),+> {
            $crate::parameters!(@all F $($fields)*);
        }
    };
    ($type:ident: $float:ident $($fields:tt)*) => {
        impl $crate::Parameters<$float> for $type {
            $crate::parameters!(@all $float $($fields)*);
        }
    };
    ($type:ident $($fields:tt)*) => {
        impl<F: $crate::Float> $crate::Parameters<F> for $type {
            $crate::parameters!(@all F $($fields)*);
        }
    };
}

/// Keeps the number of steps that the optimizer has made. A field of what depends on it, such as
/// the masks of a dropout layer.
///
/// ```
/// use longhand_tensor::{Parameters, StepCounter, parameters};
///
/// #[derive(Clone)]
/// struct Noise { step: StepCounter, seed: u64 }
/// parameters!(Noise { step } without { seed });
///
/// let mut noises = vec![Noise { step: StepCounter(0), seed: 1 }, Noise { step: StepCounter(0), seed: 2 }];
/// Parameters::<f32>::set_step(&mut noises, 7); // what an optimizer does
/// assert_eq!(noises.iter().map(|n| n.step.0).collect::<Vec<_>>(), [7, 7]);
/// # assert_eq!(noises[1].seed, 2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCounter(pub u64);

impl<F: Float> Parameters<F> for StepCounter {
    fn zip<const N: usize, const M: usize>(
        _: [&mut Self; N],
        _: [&Self; M],
        _: &mut Visit<'_, F, N, M>,
    ) {
    }
    fn walk<'a>(&'a self, _: &mut Walk<'a, F>) {}
    fn zeros_like(&self) -> Self {
        *self
    }
    fn set_zero(&mut self) {}
    fn add_scaled(&mut self, _: F, _: &Self) {}
    fn set_step(&mut self, step: u64) {
        self.0 = step;
    }
}

/// One parameter.
///
/// # Panics
/// The array is not in standard layout, as that of a transposed view is:
/// `as_standard_layout().into_owned()` makes it so.
impl<F: Float, D: Dimension> Parameters<F> for Array<F, D> {
    #[track_caller]
    fn zip<const N: usize, const M: usize>(
        changed: [&mut Self; N],
        read: [&Self; M],
        f: &mut Visit<'_, F, N, M>,
    ) {
        let expected = changed.first().map(|c| c.shape()).or(read.first().map(|r| r.shape()));
        for c in &changed {
            expect_shape(c.shape(), expected);
        }
        for r in read {
            expect_shape(r.shape(), expected);
        }
        f(
            changed.map(|c| c.as_slice_mut().expect(STANDARD)),
            read.map(|r| Numbers::of_slice(r.as_slice().expect(STANDARD))),
        );
    }
    #[track_caller]
    fn walk<'a>(&'a self, walk: &mut Walk<'a, F>) {
        walk.parameter(self.shape(), self.as_slice().expect(STANDARD));
    }
    fn zeros_like(&self) -> Self {
        Array::zeros(self.raw_dim())
    }
    #[track_caller]
    fn set_zero(&mut self) {
        in_parts(self.as_slice_mut().expect(STANDARD), 1, |_, part| part.fill(F::zero()));
    }
    #[track_caller]
    fn add_scaled(&mut self, a: F, other: &Self) {
        expect_shape(other.shape(), Some(self.shape()));
        let other = other.as_slice().expect(STANDARD);
        add_scaled(self.as_slice_mut().expect(STANDARD), a, other);
    }
    fn set_step(&mut self, _: u64) {}
}

const STANDARD: &str = "an array of parameters is in standard layout";

impl<F: Float> Parameters<F> for LazyMatrix<F> {
    #[track_caller]
    fn zip<const N: usize, const M: usize>(
        changed: [&mut Self; N],
        read: [&Self; M],
        f: &mut Visit<'_, F, N, M>,
    ) {
        let expected = changed.first().map(|c| c.dim()).or(read.first().map(|r| r.dim()));
        for c in &changed {
            expect_dim(c.dim(), expected);
        }
        for r in read {
            expect_dim(r.dim(), expected);
        }
        f(changed.map(|c| c.get_mut().as_slice_mut().expect(STANDARD)), read.map(Numbers::of_lazy));
    }
    fn walk<'a>(&'a self, walk: &mut Walk<'a, F>) {
        self.get().walk(walk);
    }
    fn zeros_like(&self) -> Self {
        LazyMatrix::zeros(self.dim().0, self.dim().1)
    }
    fn set_zero(&mut self) {
        LazyMatrix::set_zero(self);
    }
    #[track_caller]
    fn add_scaled(&mut self, a: F, other: &Self) {
        expect_dim(other.dim(), Some(self.dim()));
        LazyMatrix::add_scaled(self, a, other);
    }
    fn set_step(&mut self, _: u64) {}
}

/// The parameters of what is there. It needs no name and no number of its own.
impl<F: Float, P: Parameters<F>> Parameters<F> for Option<P> {
    #[track_caller]
    fn zip<const N: usize, const M: usize>(
        changed: [&mut Self; N],
        read: [&Self; M],
        f: &mut Visit<'_, F, N, M>,
    ) {
        let mut there = 0;
        for c in &changed {
            there += usize::from(c.is_some());
        }
        for r in read {
            there += usize::from(r.is_some());
        }
        assert!(there == 0 || there == N + M, "{NOT_ALIKE}: one has a part that another lacks");
        if there > 0 {
            let both = "all are there";
            P::zip(
                changed.map(|c| c.as_mut().expect(both)),
                read.map(|r| r.as_ref().expect(both)),
                f,
            );
        }
    }
    fn walk<'a>(&'a self, walk: &mut Walk<'a, F>) {
        if let Some(part) = self {
            part.walk(walk);
        }
    }
    fn zeros_like(&self) -> Self {
        self.as_ref().map(P::zeros_like)
    }
    fn set_zero(&mut self) {
        if let Some(part) = self {
            part.set_zero();
        }
    }
    #[track_caller]
    fn add_scaled(&mut self, a: F, other: &Self) {
        match (self, other) {
            (Some(part), Some(other)) => part.add_scaled(a, other),
            (None, None) => {}
            _ => panic!("{NOT_ALIKE}: one has a part that another lacks"),
        }
    }
    fn set_step(&mut self, step: u64) {
        if let Some(part) = self {
            part.set_step(step);
        }
    }
}

/// The parameters of all elements, one after the other.
impl<F: Float, P: Parameters<F>> Parameters<F> for Vec<P> {
    #[track_caller]
    fn zip<const N: usize, const M: usize>(
        mut changed: [&mut Self; N],
        read: [&Self; M],
        f: &mut Visit<'_, F, N, M>,
    ) {
        let length = changed.first().map(|c| c.len()).or(read.first().map(|r| r.len()));
        let length = length.unwrap_or(0);
        for c in &changed {
            expect_parts(c.len(), length);
        }
        for r in read {
            expect_parts(r.len(), length);
        }
        for i in 0..length {
            P::zip(changed.each_mut().map(|c| &mut c[i]), read.map(|r| &r[i]), f);
        }
    }
    fn walk<'a>(&'a self, walk: &mut Walk<'a, F>) {
        walk.sequence(|walk| self.iter().for_each(|part| part.walk(walk)));
    }
    fn zeros_like(&self) -> Self {
        self.iter().map(P::zeros_like).collect()
    }
    fn set_zero(&mut self) {
        self.iter_mut().for_each(P::set_zero);
    }
    #[track_caller]
    fn add_scaled(&mut self, a: F, other: &Self) {
        expect_parts(other.len(), self.len());
        for (part, other) in self.iter_mut().zip(other) {
            part.add_scaled(a, other);
        }
    }
    fn set_step(&mut self, step: u64) {
        self.iter_mut().for_each(|part| part.set_step(step));
    }
}

const NOT_ALIKE: &str = "models whose parameters are not alike";

/// Panics if a shape is not the one that is expected.
#[track_caller]
fn expect_shape(found: &[usize], expected: Option<&[usize]>) {
    if let Some(expected) = expected
        && found != expected
    {
        panic!("{NOT_ALIKE}: a parameter of shape {found:?}, expected {expected:?}");
    }
}

/// The same of rows and columns.
#[track_caller]
fn expect_dim((rows, columns): (usize, usize), expected: Option<(usize, usize)>) {
    let expected = expected.map(|(rows, columns)| [rows, columns]);
    expect_shape(&[rows, columns], expected.as_ref().map(|dim| &dim[..]));
}

/// The same of how many parts there are.
#[track_caller]
fn expect_parts(found: usize, expected: usize) {
    assert!(found == expected, "{NOT_ALIKE}: {found} parts, expected {expected}");
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, array};

    use super::*;

    #[derive(Clone, PartialEq, Debug)]
    struct Dense<F: Float> {
        weight: LazyMatrix<F>,
        bias: Option<Array1<F>>,
    }
    parameters!(Dense<F> { weight, bias });

    #[derive(Clone, PartialEq, Debug)]
    struct Nothing;
    parameters!(Nothing {});

    #[derive(Clone, PartialEq, Debug)]
    struct Row<A, B> {
        first: A,
        second: B,
    }
    parameters!(Row < A, B > [first, second]);

    #[derive(Clone, PartialEq, Debug)]
    struct Net<F: Float> {
        body: Vec<Row<Dense<F>, Nothing>>,
        head: Dense<F>,
        step: StepCounter,
        name: &'static str,
    }
    parameters!(Net<F> { body, head, step } without { name });

    fn dense(n: usize, m: usize, bias: bool) -> Dense<f64> {
        let weight = LazyMatrix::new(Array2::from_elem((n, m), 1.0));
        Dense { weight, bias: bias.then(|| Array1::ones(m)) }
    }

    fn net() -> Net<f64> {
        let row = |n, m| Row { first: dense(n, m, true), second: Nothing };
        Net {
            body: vec![row(2, 3), row(3, 4)],
            head: dense(4, 1, false),
            step: StepCounter(5),
            name: "net",
        }
    }

    fn names<M: Parameters<f64>>(model: &M) -> Vec<String> {
        model.named_params().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_fields_and_numbers() {
        assert_eq!(names(&dense(2, 3, true)), ["weight [2, 3]", "bias [3]"]);
        assert_eq!(
            names(&net()),
            [
                "body.0.weight [2, 3]",
                "body.0.bias [3]",
                "body.2.weight [3, 4]",
                "body.2.bias [4]",
                "head.weight [4, 1]"
            ]
        );
        let row = Row { first: net().body, second: dense(4, 1, false) };
        assert_eq!(names(&row)[4], "4.weight [4, 1]");
        assert_eq!(names(&vec![net(), net()])[5], "1.body.0.weight [2, 3]");
        assert_eq!(names(&vec![array![1.0], array![2.0]]), ["0 [1]", "1 [1]"]);
        assert_eq!(net().count(), 6 + 3 + 12 + 4 + 4);
    }

    #[test]
    fn what_is_done_to_a_model_is_done_to_all_of_it() {
        let (mut model, grad) = (net(), net());
        Net::each([&mut model], [&grad], |[p], [g]| [p + 2.0 * g]);
        assert!(model.params().concat().iter().all(|p| *p == 3.0));
        model.add_scaled(-0.5, &grad);
        assert!(model.params().concat().iter().all(|p| *p == 2.5));
        Parameters::<f64>::set_step(&mut model, 9);
        assert_eq!((model.step, model.name), (StepCounter(9), "net"));
        let zeros = model.zeros_like();
        model.set_zero();
        assert_eq!(model, zeros);
        assert!(model.params().concat().iter().all(|p| *p == 0.0));
        let mut slices = 0;
        Net::zip([], [&model, &grad], &mut |[], [a, b]| slices += usize::from(a.len() == b.len()));
        assert_eq!(slices, 5);
    }

    #[test]
    fn models_that_are_not_alike_are_refused() {
        let message = |f: &dyn Fn()| {
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
            *panic.downcast::<String>().unwrap()
        };
        let pairs = [
            (
                vec![dense(2, 3, true)],
                vec![dense(3, 2, true)],
                "a parameter of shape [3, 2], expected [2, 3]",
            ),
            (
                vec![dense(2, 3, true)],
                vec![dense(2, 3, false)],
                "one has a part that another lacks",
            ),
            (vec![dense(2, 3, true)], vec![], "0 parts, expected 1"),
        ];
        for (one, other, expected) in pairs {
            let zipped =
                message(&|| Parameters::each([&mut one.clone()], [&other], |p, [_]: [f64; 1]| p));
            let added = message(&|| one.clone().add_scaled(1.0, &other));
            for message in [zipped, added] {
                assert_eq!(message, format!("{NOT_ALIKE}: {expected}"));
            }
        }
    }
}
