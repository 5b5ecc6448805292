//! The threads on which large products are computed. They are persistent, and shared by the whole
//! program.
//!
//! A product is split into parts that write different elements, so its bits do not depend on how
//! many threads there are. A job that is too small to gain runs on the caller's thread. If the pool
//! is busy with another thread's job, the caller computes on its own thread, too: a program with
//! threads of its own is not slowed down by ours.

use std::any::Any;
use std::num::IntErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

use crate::tuning::{PASS_WORTH_THREADS, THREADS_ANYWHERE, WAITS_AWAKE, WAITS_IN_PLACE};

/// How many threads may compute, the caller's included. It is 0 until somebody asks.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// How many threads large products are computed on, the caller's included.
///
/// It is what [`set_threads`] set, else the environment variable `LONGHAND_THREADS`, else as many
/// as the program may run at once. The results are the same to the bit for any number.
///
/// ```
/// longhand_tensor::set_threads(1);
/// assert_eq!(longhand_tensor::threads(), 1);
/// ```
pub fn threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        0 => {
            let (threads, _) = asked_by(environment().as_deref(), available());
            // What a call of `set_threads` has set meanwhile stays.
            match THREADS.compare_exchange(0, threads, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => threads,
                Err(set) => set,
            }
        }
        threads => threads,
    }
}

/// Sets how many threads large products are computed on, the caller's included, for the whole
/// program and from the next product on.
///
/// More threads than the program may run at once gain nothing. A larger number is taken as that
/// many, or as 8 where the program may run fewer.
///
/// # Panics
/// `threads` is 0.
#[track_caller]
pub fn set_threads(threads: usize) {
    assert!(threads > 0, "set_threads: 0 threads, expected 1 or more");
    THREADS.store(threads.min(most_threads(available())), Ordering::Relaxed);
}

/// What is wrong with `LONGHAND_THREADS`, if its value is ignored or too large: a sentence for the
/// user of a program.
pub fn ignored_environment() -> Option<String> {
    let (text, available) = (environment()?, available());
    let (_, used_as_it_is) = asked_by(Some(&text), available);
    let most = most_threads(available);
    (!used_as_it_is).then(|| {
        format!(
            "LONGHAND_THREADS: expected a whole number from 1 to {most}, found `{text}`; using {}",
            threads()
        )
    })
}

/// The value of `LONGHAND_THREADS`, without the spaces around it.
fn environment() -> Option<String> {
    let text = std::env::var_os("LONGHAND_THREADS")?;
    Some(text.to_string_lossy().trim().to_owned())
}

/// How many threads the program may run at once.
fn available() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How many threads there may be where so many are available. At least 8, so that any machine can
/// try out several.
fn most_threads(available: usize) -> usize {
    available.max(THREADS_ANYWHERE)
}

/// The number of threads that `text` asks for, and whether that is the one it says. An empty text
/// asks for nothing.
fn asked_by(text: Option<&str>, available: usize) -> (usize, bool) {
    let most = most_threads(available);
    match text.unwrap_or_default() {
        "" => (available, true),
        text => match text.parse::<usize>() {
            Ok(0) => (available, false),
            Ok(threads) => (threads.min(most), threads <= most),
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => (most, false),
            Err(_) => (available, false),
        },
    }
}

type Work<'a> = dyn Fn(usize) + Sync + 'a;

struct Pool {
    /// Held by the thread whose job it is.
    owner: Mutex<()>,
    job: Mutex<Job>,
    /// Number of jobs so far, which idle workers look at.
    jobs: AtomicU64,
    /// For workers that have looked long enough.
    wake: Condvar,
    /// The part that nobody has taken yet.
    next: AtomicUsize,
    /// Workers that are at the present job.
    busy: AtomicUsize,
    /// Panics of the workers in the present job.
    panics: Mutex<Vec<Panic>>,
}

type Panic = Box<dyn Any + Send>;

struct Job {
    work: Option<&'static Work<'static>>,
    parts: usize,
    /// How many workers may still join.
    seats: usize,
    /// Workers that wait for `wake`.
    asleep: usize,
    /// Workers there are.
    workers: usize,
}

static POOL: Pool = Pool {
    owner: Mutex::new(()),
    job: Mutex::new(Job { work: None, parts: 0, seats: 0, asleep: 0, workers: 0 }),
    jobs: AtomicU64::new(0),
    wake: Condvar::new(),
    next: AtomicUsize::new(0),
    busy: AtomicUsize::new(0),
    panics: Mutex::new(vec![]),
};

/// Calls `work` with each of `0..parts`, on as many threads as [`threads`] says. Returns when all
/// calls have.
pub(crate) fn for_each_part(parts: usize, work: &Work<'_>) {
    let helpers = threads().min(parts).saturating_sub(1);
    if helpers == 0 {
        return (0..parts).for_each(work);
    }
    // A poisoned lock only tells that a part of an earlier job panicked.
    let _owner = match POOL.owner.try_lock() {
        Ok(owner) => owner,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return (0..parts).for_each(work),
    };
    POOL.next.store(0, Ordering::Relaxed);
    {
        let mut job = POOL.job();
        while job.workers < helpers {
            let worker = thread::Builder::new().name("longhand".to_owned());
            if worker.spawn(|| POOL.serve()).is_err() {
                break; // fewer threads, and the same result
            }
            job.workers += 1;
        }
        #[allow(unsafe_code)]
        // SAFETY: this only makes the reference's lifetime longer than it is. Workers get the
        // reference from `job.work`, under its lock, and count themselves busy under the same lock.
        // `finish` below takes `work` away, so that no further worker gets it, and waits until none
        // is busy. Nothing returns or panics between here and there: a panic in a part is caught.
        // So nobody has the reference after this function has returned.
        let work = unsafe { std::mem::transmute::<&Work<'_>, &'static Work<'static>>(work) };
        (job.work, job.parts, job.seats) = (Some(work), parts, helpers);
        POOL.jobs.fetch_add(1, Ordering::Release);
        if job.asleep > 0 {
            POOL.wake.notify_all();
        }
    }
    let own = catch_unwind(AssertUnwindSafe(|| POOL.take_parts(work, parts)));
    let others = POOL.finish();
    // One panic goes on. The others end here, with the job that they belong to.
    if let Some(panic) = own.err().into_iter().chain(others).next() {
        resume_unwind(panic);
    }
}

/// Whether the weights are spread over several cores' caches, as the last product of some size was
/// computed there. Where it was not, to update them there would only move them to and fro.
static SPREAD: AtomicBool = AtomicBool::new(true);

/// Tells on how many threads a product was computed.
pub(crate) fn spread(threads: usize) {
    SPREAD.store(threads > 1, Ordering::Relaxed);
}

/// Calls `f` with parts of `changed` and where each begins, a multiple of `unit`; on several
/// threads where they are long enough.
///
/// # Panics
/// `unit` is 0.
///
/// ```
/// let mut table = [0; 6];
/// longhand_tensor::in_parts(&mut table, 3, |at, rows| {
///     for (row, number) in rows.chunks_mut(3).zip(at / 3..) {
///         row.fill(number);
///     }
/// });
/// assert_eq!(table, [0, 0, 0, 1, 1, 1]);
/// ```
#[track_caller]
pub fn in_parts<T: Send>(changed: &mut [T], unit: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    assert!(unit > 0, "in_parts: a unit of 0 elements");
    split(changed, unit, &f);
}

/// (With a function that is not of a type of its own, as this would be compiled for each.)
fn split<T: Send>(changed: &mut [T], unit: usize, f: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if changed.len() < PASS_WORTH_THREADS || !SPREAD.load(Ordering::Relaxed) {
        return f(0, changed);
    }
    let each = changed.len().div_ceil(threads()).next_multiple_of(unit);
    let parts: Vec<_> = changed.chunks_mut(each).map(Mutex::new).collect();
    for_each_part(parts.len(), &|i| {
        f(i * each, &mut parts[i].lock().expect("each part is called once"));
    });
}

/// Calls `f` with parts of slices of one length, some changed and some read, cut at the same
/// places; on several threads where they are long enough.
pub(crate) fn in_parts_of<A: Send, B: Sync, const N: usize, const M: usize>(
    changed: [&mut [A]; N],
    read: [&[B]; M],
    f: impl Fn([&mut [A]; N], [&[B]; M]) + Sync,
) {
    let length = changed.first().map_or(0, |c| c.len());
    in_rows_of((length, length), changed, read, &|_, changed, read| f(changed, read));
}

type OnRows<'a, A, B, const N: usize, const M: usize> =
    dyn Fn(usize, [&mut [A]; N], [&[B]; M]) + Sync + 'a;

/// Calls `f` with some rows of several matrices, and how many these are: the same rows of all, though a
/// row of each may have another length. On several threads, if work on so many numbers is worth it.
pub(crate) fn in_rows_of<A: Send, B: Sync, const N: usize, const M: usize>(
    (rows, work): (usize, usize),
    mut changed: [&mut [A]; N],
    mut read: [&[B]; M],
    f: &OnRows<'_, A, B, N, M>,
) {
    if work < PASS_WORTH_THREADS || !SPREAD.load(Ordering::Relaxed) {
        return f(rows, changed, read);
    }
    let whole = "each matrix has as many rows";
    let each = rows.div_ceil(threads());
    let mut parts = vec![];
    for at in (0..rows).step_by(each) {
        let (here, left) = (each.min(rows - at), rows - at);
        let writable =
            changed.each_mut().map(|c| c.split_off_mut(..c.len() / left * here).expect(whole));
        let readable = read.each_mut().map(|r| r.split_off(..r.len() / left * here).expect(whole));
        parts.push(Mutex::new(Some((here, writable, readable))));
    }
    for_each_part(parts.len(), &|i| {
        let part = parts[i].lock().map(|mut part| part.take());
        let (rows, changed, read) = part.ok().flatten().expect("each part is taken once");
        f(rows, changed, read);
    });
}

/// Calls `f` with parts of `changed` and what stands at the same places in `read`, on several
/// threads where they are long enough.
///
/// # Panics
/// The slices are not of the same length.
///
/// ```
/// let mut weights = [1.0, 2.0];
/// longhand_tensor::zip_parts(&mut weights, &[0.5, 0.5], |weights, grads| {
///     for (w, g) in weights.iter_mut().zip(grads) {
///         *w -= g;
///     }
/// });
/// assert_eq!(weights, [0.5, 1.5]);
/// ```
#[track_caller]
pub fn zip_parts<A: Send, B: Sync>(
    changed: &mut [A],
    read: &[B],
    f: impl Fn(&mut [A], &[B]) + Sync,
) {
    assert_eq!(changed.len(), read.len(), "zip_parts: slices of the same length");
    in_parts(changed, 1, |at, part| {
        let read = &read[at..][..part.len()];
        f(part, read);
    });
}

impl Pool {
    fn job(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the present job: waits for the workers that are at it, and returns their panics.
    fn finish(&self) -> Vec<Panic> {
        self.job().work = None;
        let mut waits = 0;
        while self.busy.load(Ordering::Acquire) > 0 {
            pause(&mut waits);
        }
        std::mem::take(&mut *self.panics.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_parts(&self, work: &Work<'_>, parts: usize) {
        loop {
            let part = self.next.fetch_add(1, Ordering::Relaxed);
            if part >= parts {
                break;
            }
            work(part);
        }
    }

    /// What a worker does, for as long as the program runs.
    fn serve(&self) {
        let mut seen = 0;
        loop {
            let mut waits = 0;
            while self.jobs.load(Ordering::Acquire) == seen && waits < WAITS_AWAKE {
                pause(&mut waits);
            }
            let mut job = self.job();
            while self.jobs.load(Ordering::Acquire) == seen {
                job.asleep += 1;
                job = self.wake.wait(job).unwrap_or_else(PoisonError::into_inner);
                job.asleep -= 1;
            }
            seen = self.jobs.load(Ordering::Acquire);
            let (Some(work), 1..) = (job.work, job.seats) else { continue };
            job.seats -= 1;
            let parts = job.parts;
            self.busy.fetch_add(1, Ordering::Relaxed);
            drop(job);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.take_parts(work, parts))) {
                self.panics.lock().unwrap_or_else(PoisonError::into_inner).push(panic);
            }
            self.busy.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Waits for a moment: at first in place, soon by letting others run.
fn pause(waits: &mut u32) {
    if *waits < WAITS_IN_PLACE {
        std::hint::spin_loop();
    } else {
        thread::yield_now();
    }
    *waits += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: usize = if cfg!(miri) { 2 } else { 50 };

    #[test]
    fn the_environment_asks_for_a_number_that_makes_sense_or_for_none() {
        for (text, available, expected) in [
            (None, 2, (2, true)),
            (Some(""), 3, (3, true)),
            (Some("1"), 2, (1, true)),
            (Some("8"), 2, (8, true)),
            (Some("9"), 2, (8, false)),
            (Some("9"), 64, (9, true)),
            (Some("65"), 64, (64, false)),
            (Some("99999999999999999999"), 2, (8, false)),
            (Some("0"), 2, (2, false)),
            (Some("-1"), 2, (2, false)),
            (Some("two"), 2, (2, false)),
        ] {
            assert_eq!(asked_by(text, available), expected, "{text:?} of {available}");
        }
    }

    #[test]
    fn every_part_is_done_once_however_many_threads_there_are() {
        for threads in [1, 2, 4, 7] {
            set_threads(threads);
            for parts in [0, 1, 2, 3, 50] {
                let done: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                for round in 1..=ROUNDS {
                    for_each_part(parts, &|i| {
                        done[i].fetch_add(1, Ordering::Relaxed);
                    });
                    assert!(done.iter().all(|d| d.load(Ordering::Relaxed) == round));
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "many elements")]
    fn parts_are_whole_units_and_know_where_they_are() {
        for (threads, n) in [(1, 7000), (2, 7000), (3, 7001), (4, 9)] {
            set_threads(threads);
            spread(threads);
            let mut table = vec![0; 11 * n];
            in_parts(&mut table, 11, |at, rows| {
                for (row, number) in rows.chunks_exact_mut(11).zip(at / 11..) {
                    row.fill(number);
                }
            });
            assert!(table.chunks(11).zip(0..).all(|(row, r)| row.iter().all(|&x| x == r)));
        }
    }

    #[test]
    fn parts_within_parts_and_callers_at_once_are_all_done() {
        set_threads(4);
        let done = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        for_each_part(8, &|_| {
                            for_each_part(3, &|_| {
                                done.fetch_add(1, Ordering::Relaxed);
                            });
                        });
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 4 * ROUNDS * 8 * 3);
    }

    #[test]
    fn a_panic_in_a_part_reaches_the_caller_and_the_pool_goes_on() {
        set_threads(3);
        for bad in 0..6 {
            let caught = catch_unwind(|| for_each_part(6, &|i| assert!(i != bad, "part {bad}")));
            let message = *caught.unwrap_err().downcast::<String>().unwrap();
            assert_eq!(message, format!("part {bad}"));
        }
        let done = AtomicUsize::new(0);
        for_each_part(6, &|_| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 6);
    }
}
