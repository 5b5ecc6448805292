//! Models and whole training runs in files.
//!
//! | what | by |
//! |---|---|
//! | a net of this workspace's layers, with what its inputs and outputs mean | [`Model::save`], [`Model::load`] |
//! | the parameters of a type of your own, or of a file that PyTorch has written | [`save`], [`load_into`] |
//! | a run that is to be taken up again, to the bit | [`save_checkpoint`], [`Checkpoint`] |
//! | a net for ONNX runtimes | [`Model::onnx`] |
//! | a small net as Rust source, for targets without an allocator | [`Model::rust_source`] |
//!
//! Models and checkpoints are [safetensors](https://github.com/huggingface/safetensors) files, which
//! PyTorch, JAX, candle and burn read, too. Names are those of
//! [`named_params`](longhand_tensor::Parameters::named_params), which a `torch.nn.Sequential` of the
//! same layers has as well, and a `weight` matrix is stored as `[out, in]`, as PyTorch has it. What a
//! net consists of stands in one key of the metadata, `longhand`, as JSON.
//!
//! A file is written beside its place and renamed: it is never there in part. A file that is read is
//! checked before anything is changed: names, shapes, types, and that every number is finite. The
//! message says which tensor is wrong. Nothing is allocated on the word of a header.

mod any_layer;
mod checkpoint;
mod error;
mod model;
mod onnx;
mod parameters;
mod rust_source;
mod tensors;
mod whole;

pub use any_layer::{AnyLayer, AnyLayerCache, Layers};
pub use checkpoint::{Checkpoint, Measured, Record, save_checkpoint};
pub use error::{Error, ErrorKind};
pub use model::{Feature, Input, Model, Output, load_into, save};
pub use rust_source::NotSmall;
pub use tensors::Stored;
pub use whole::write_whole;

/// The program of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
