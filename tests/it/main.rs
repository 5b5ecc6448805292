//! The integration tests: the examples run as a user runs them, the homework's results, the
//! project's own promises.

mod allocations;
mod bad_input;
mod bits;
mod browser;
mod dependencies;
mod docs;
mod elsewhere;
mod examples;
mod full_mnist;
mod gradients;
mod homework;
mod keep;
mod numbers;
mod panics;
mod pytorch;
mod readme;
mod run;
mod runs;
mod save;
mod statistics;
mod training;
mod wasm;
