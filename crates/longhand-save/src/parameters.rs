//! The parameters of a model as tensors, and back.
//!
//! A matrix called `weight` is `[in, out]` here and `[out, in]` in files, as PyTorch has it. All else
//! is stored as it is.

use std::collections::BTreeSet;

use longhand_tensor::{NamedParam, Parameters};
use ndarray::ArrayView2;

use crate::error::ErrorKind;
use crate::tensors::{Stored, Tensor, Tensors};

fn is_transposed<F>(param: &NamedParam<'_, F>) -> bool {
    param.shape.len() == 2 && param.name.rsplit('.').next() == Some("weight")
}

/// The shape in a file.
pub(crate) fn stored_shape<F>(param: &NamedParam<'_, F>) -> Vec<usize> {
    let mut shape = param.shape.clone();
    if is_transposed(param) {
        shape.reverse();
    }
    shape
}

/// Appends the parameters of a model under a prefix.
pub(crate) fn append<F: Stored>(
    tensors: &mut Vec<(String, Tensor)>,
    prefix: &str,
    model: &impl Parameters<F>,
) -> Result<(), ErrorKind> {
    for param in model.named_params() {
        let name = format!("{prefix}{}", param.name);
        if let Some(at) = param.values.iter().position(|value| !value.is_finite()) {
            let reason = format!(
                "expected finite numbers, found {} at position {at}; nothing is written",
                param.values[at]
            );
            return Err(ErrorKind::tensor(&name, reason));
        }
        let shape = stored_shape(&param);
        let tensor = if is_transposed(&param) {
            let matrix = ArrayView2::from_shape((param.shape[0], param.shape[1]), param.values);
            Tensor::new(shape, matrix.expect("as many values as the shape has").t().iter().copied())
        } else {
            Tensor::new(shape, param.values.iter().copied())
        };
        tensors.push((name, tensor));
    }
    Ok(())
}

/// Checks that a file has the parameters of a model under a prefix, and no others there. Returns their
/// names.
pub(crate) fn check<F: Stored>(
    file: &Tensors,
    prefix: &str,
    model: &impl Parameters<F>,
) -> Result<BTreeSet<String>, ErrorKind> {
    let mut names = BTreeSet::new();
    for param in model.named_params() {
        let name = format!("{prefix}{}", param.name);
        file.check::<F>(&name, &stored_shape(&param))?;
        names.insert(name);
    }
    file.check_no_more(prefix, &names)?;
    Ok(names)
}

/// Gives a model the parameters that have been checked.
pub(crate) fn fill<F: Stored, M: Parameters<F>>(file: &Tensors, prefix: &str, model: &mut M) {
    let stored: Vec<(String, Vec<usize>, bool)> = model
        .named_params()
        .into_iter()
        .map(|param| {
            let transposed = is_transposed(&param);
            (format!("{prefix}{}", param.name), param.shape, transposed)
        })
        .collect();
    let mut stored = stored.into_iter();
    M::zip([model], [], &mut |[values], []| {
        let (name, shape, transposed) = stored.next().expect("as many parameters as were named");
        if transposed {
            let [rows, columns] = [shape[0], shape[1]];
            let mut values = ndarray::ArrayViewMut2::from_shape((rows, columns), values)
                .expect("as many values as the shape has");
            values.swap_axes(0, 1);
            values.iter_mut().zip(file.values(&name)).for_each(|(to, from)| *to = from);
        } else {
            values.iter_mut().zip(file.values(&name)).for_each(|(to, from)| *to = from);
        }
    });
}
