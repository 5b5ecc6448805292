//! The integration tests: the examples run as a user runs them, the homework's results, the project's own promises.

mod bad_input;
mod dependencies;
mod examples;
mod full_mnist;
mod homework;
mod readme;
mod run;
