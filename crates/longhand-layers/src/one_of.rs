//! Layers of different types in one list.

/// Writes an enum whose variants are layers, so that which layer it is can be chosen at run time:
/// the enum, an enum of the layers' caches, and `From`, `Display`,
/// [`Parameters`](crate::Parameters) and [`Layer`](crate::Layer) for it.
///
/// ```
/// use longhand_layers::{Dropout, Layer, Linear, Parameters, Relu, ndarray::array, one_of};
///
/// one_of! {
///     /// A layer of our nets.
///     #[derive(Clone, Debug)]
///     pub enum Any<F>, AnyCache { Linear(Linear<F>), Relu(Relu), Dropout(Dropout) }
/// }
///
/// let mut net: Vec<Any<f64>> = vec![Linear::from_arrays(array![[2.], [3.]], None).into(), Relu.into()];
/// net.push(Dropout::new(0.5, 1).into());
/// assert_eq!(net.infer(&array![[1., 1.], [-1., -1.]]), array![[5.], [0.]]);
/// assert_eq!(net.named_params()[0].to_string(), "0.weight [2, 1]");
/// assert_eq!(net[2].to_string(), "Dropout(0.5)");
/// ```
///
/// An enum whose layers do not depend on the number type leaves `<F>` out.
///
/// # Panics
/// `backward` panics where layer, cache and gradient are not of one variant.
#[macro_export]
macro_rules! one_of {
    ($(#[$meta:meta])* $vis:vis enum $type:ident<F>, $cache:ident { $($(#[$doc:meta])* $variant:ident($layer:ty)),+ $(,)? }) => {
        $(#[$meta])*
        $vis enum $type<F: $crate::Float> {
            $($(#[$doc])* $variant($layer)),+
        }
        $(impl<F: $crate::Float> From<$layer> for $type<F> {
            fn from(layer: $layer) -> Self {
                Self::$variant(layer)
            }
        })+
        impl<F: $crate::Float> ::std::fmt::Display for $type<F> {
            $crate::one_of!(@display $($variant)+);
        }
        $crate::one_of!(@layer $vis $type ($type<F>) $cache { $($variant($layer)),+ });
    };
    ($(#[$meta:meta])* $vis:vis enum $type:ident, $cache:ident { $($(#[$doc:meta])* $variant:ident($layer:ty)),+ $(,)? }) => {
        $(#[$meta])*
        $vis enum $type {
            $($(#[$doc])* $variant($layer)),+
        }
        $(impl From<$layer> for $type {
            fn from(layer: $layer) -> Self {
                Self::$variant(layer)
            }
        })+
        impl ::std::fmt::Display for $type {
            $crate::one_of!(@display $($variant)+);
        }
        $crate::one_of!(@layer $vis $type ($type) $cache { $($variant($layer)),+ });
    };
    (@display $($variant:ident)+) => {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            match self {
                $(Self::$variant(layer) => ::std::fmt::Display::fmt(layer, f)),+
            }
        }
    };
    (@layer $vis:vis $name:ident ($type:ty) $cache:ident { $($variant:ident($layer:ty)),+ }) => {
        #[doc = concat!("What [`", stringify!($name), "`] remembers of a forward pass.")]
        #[allow(missing_docs)]
        $vis enum $cache<F: $crate::Float> {
            $($variant(<$layer as $crate::Layer<F>>::Cache)),+
        }

        #[allow(unreachable_patterns)] // where there is one variant
        impl<F: $crate::Float> $crate::Parameters<F> for $type {
            #[track_caller]
            fn zip<const N: usize, const M: usize>(
                changed: [&mut Self; N],
                read: [&Self; M],
                f: &mut $crate::Visit<'_, F, N, M>,
            ) {
                $(if changed.iter().all(|l| matches!(l, Self::$variant(_)))
                    && read.iter().all(|l| matches!(l, Self::$variant(_)))
                {
                    return $crate::Parameters::zip(
                        changed.map(|l| match l { Self::$variant(l) => l, _ => unreachable!() }),
                        read.map(|l| match l { Self::$variant(l) => l, _ => unreachable!() }),
                        f,
                    );
                })+
                $crate::one_of!(@unlike $name)
            }
            fn walk<'a>(&'a self, walk: &mut $crate::Walk<'a, F>) {
                match self {
                    $(Self::$variant(layer) => $crate::Parameters::walk(layer, walk)),+
                }
            }
            fn zeros_like(&self) -> Self {
                match self {
                    $(Self::$variant(layer) => Self::$variant($crate::Parameters::<F>::zeros_like(layer))),+
                }
            }
            fn set_zero(&mut self) {
                match self {
                    $(Self::$variant(layer) => $crate::Parameters::<F>::set_zero(layer)),+
                }
            }
            #[track_caller]
            fn add_scaled(&mut self, a: F, other: &Self) {
                match (self, other) {
                    $((Self::$variant(layer), Self::$variant(other)) => $crate::Parameters::add_scaled(layer, a, other),)+
                    _ => $crate::one_of!(@unlike $name),
                }
            }
            fn set_step(&mut self, step: u64) {
                match self {
                    $(Self::$variant(layer) => $crate::Parameters::<F>::set_step(layer, step)),+
                }
            }
        }

        #[allow(unreachable_patterns)] // where there is one variant
        impl<F: $crate::Float> $crate::Layer<F> for $type {
            type Cache = $cache<F>;

            #[track_caller]
            fn infer(&self, x: &$crate::ndarray::ArrayRef2<F>) -> $crate::ndarray::Array2<F> {
                match self {
                    $(Self::$variant(layer) => layer.infer(x)),+
                }
            }
            #[track_caller]
            fn infer_owned(&self, x: $crate::ndarray::Array2<F>) -> $crate::ndarray::Array2<F> {
                match self {
                    $(Self::$variant(layer) => layer.infer_owned(x)),+
                }
            }
            #[track_caller]
            fn forward(&self, x: $crate::ndarray::Array2<F>) -> ($crate::ndarray::Array2<F>, Self::Cache) {
                match self {
                    $(Self::$variant(layer) => {
                        let (y, cache) = layer.forward(x);
                        (y, $cache::$variant(cache))
                    })+
                }
            }
            #[track_caller]
            fn backward(
                &self,
                cache: Self::Cache,
                dy: $crate::ndarray::Array2<F>,
                grad: &mut Self,
            ) -> $crate::ndarray::Array2<F> {
                match (self, cache, grad) {
                    $((Self::$variant(layer), $cache::$variant(cache), Self::$variant(grad)) => layer.backward(cache, dy, grad),)+
                    _ => $crate::one_of!(@unlike $name),
                }
            }
            #[track_caller]
            fn backward_params(&self, cache: Self::Cache, dy: $crate::ndarray::Array2<F>, grad: &mut Self) {
                match (self, cache, grad) {
                    $((Self::$variant(layer), $cache::$variant(cache), Self::$variant(grad)) => layer.backward_params(cache, dy, grad),)+
                    _ => $crate::one_of!(@unlike $name),
                }
            }
        }
    };
    (@unlike $name:ident) => {
        panic!(concat!(stringify!($name), ": layer, cache, gradient and optimizer state are not of one variant"))
    };
}
