//! Ctrl-C: the step that is being made is ended, and a checkpoint written. Pressed again, the program
//! ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// Whether Ctrl-C was pressed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. Where the system has no such signal, it never comes.
    pub fn listen() -> Interrupt {
        let pressed = Arc::new(AtomicBool::new(false));
        // In this order: only what was pressed before ends the program.
        let _ = flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&pressed));
        let _ = flag::register(SIGINT, Arc::clone(&pressed));
        Interrupt(pressed)
    }

    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
