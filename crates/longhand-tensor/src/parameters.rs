use crate::Float;
use crate::pool::in_parts;
use crate::rows::add_scaled;

/// The parameters of a model in one fixed order, each as a flat slice. Optimizers need no more.
///
/// A gradient is a value of the model's own type, and so is an optimizer's velocity: the same slices in the same order.
/// A layer without parameters returns empty vectors.
///
/// ```
/// use longhand_tensor::Parameters;
///
/// #[derive(Clone)]
/// struct Line { slope: [f32; 1], offset: [f32; 1] }
///
/// impl Parameters<f32> for Line {
///     fn params(&self) -> Vec<&[f32]> {
///         vec![&self.slope, &self.offset]
///     }
///     fn params_mut(&mut self) -> Vec<&mut [f32]> {
///         vec![&mut self.slope, &mut self.offset]
///     }
///     fn zeros_like(&self) -> Line {
///         Line { slope: [0.], offset: [0.] }
///     }
/// }
///
/// let mut line = Line { slope: [3.], offset: [4.] };
/// assert_eq!(line.count(), 2);
/// line.set_zero();
/// assert_eq!(line.params(), [[0.], [0.]]);
/// ```
pub trait Parameters<F: Float>: Clone {
    /// The parameters, in a fixed order.
    fn params(&self) -> Vec<&[F]>;

    /// The same slices in the same order, to be changed.
    fn params_mut(&mut self) -> Vec<&mut [F]>;

    /// A value of the same shapes whose parameters are all zero: a gradient to add to.
    fn zeros_like(&self) -> Self;

    /// Sets every parameter to zero.
    fn set_zero(&mut self) {
        for param in self.params_mut() {
            in_parts(param, 1, |_, part| part.fill(F::zero()));
        }
    }

    /// Adds `a·other`, the product and the sum rounded one after the other: `θ ← θ − η·g` is the step of gradient descent. What contains
    /// other layers passes it on, as it does [`set_zero`](Parameters::set_zero): some layers do it faster than slice by slice.
    ///
    /// # Panics
    /// `other` has parameters of other lengths.
    #[track_caller]
    fn add_scaled(&mut self, a: F, other: &Self) {
        let (params, others) = (self.params_mut(), other.params());
        assert_eq!(params.len(), others.len(), "add_scaled: as many parameters");
        for (param, other) in params.into_iter().zip(others) {
            add_scaled(param, a, other);
        }
    }

    /// Is told by an optimizer how many steps it has made. What depends on the step, such as the masks of a dropout layer,
    /// keeps the number; what contains other layers passes it on.
    fn set_step(&mut self, _step: u64) {}

    /// How many numbers the parameters are.
    fn count(&self) -> usize {
        self.params().iter().map(|p| p.len()).sum()
    }
}

/// The parameters of all elements, one after the other.
impl<F: Float, L: Parameters<F>> Parameters<F> for Vec<L> {
    fn params(&self) -> Vec<&[F]> {
        self.iter().flat_map(L::params).collect()
    }

    fn params_mut(&mut self) -> Vec<&mut [F]> {
        self.iter_mut().flat_map(L::params_mut).collect()
    }

    fn zeros_like(&self) -> Self {
        self.iter().map(L::zeros_like).collect()
    }

    fn set_zero(&mut self) {
        self.iter_mut().for_each(L::set_zero);
    }

    #[track_caller]
    fn add_scaled(&mut self, a: F, other: &Self) {
        assert_eq!(self.len(), other.len(), "add_scaled: as many elements");
        for (layer, other) in self.iter_mut().zip(other) {
            layer.add_scaled(a, other);
        }
    }

    fn set_step(&mut self, step: u64) {
        self.iter_mut().for_each(|layer| layer.set_step(step));
    }
}
