//! Every size and threshold that was measured, each with its evidence.
//!
//! Where no processor is named, figures are of two cores of an AMD EPYC (Zen 4: AVX-512 on 256-bit
//! units, 117 GFLOP/s a core, 32 KiB and 1 MiB of cache a core). They are times of an epoch of
//! training, before and after the value was chosen; a net is written as 784-30-10. No value here
//! can change the bits of a result, so each may be measured again on another processor.

// Vectors and the columns that they hold.

/// Bytes of a cache line. A vector that lies in two takes twice as long to load or store.
pub const LINE: usize = 64;

/// Lanes of the widest vector.
pub const MOST_LANES: usize = 16;

/// Vectors of a row that registers hold at once. In pairs of rows, five, six or eight of them took
/// 0 to 10 % longer than four.
pub const VECTORS: usize = 4;

/// Columns that a kernel needs at least: the lanes of AVX2 in f32, and of AVX-512 in f64. Narrower
/// operands are copied.
pub const FEWEST_COLUMNS: usize = 8;

// Strips: products of few columns.

/// Columns of a strip: two cache lines of them, 32 of `f32`. Sums of two or four rows then stay in
/// registers. Strips of 32 columns for wider products of few rows: 784-50-10 174 to 108 ms,
/// 784-64-64-10 222 to 163 ms (batches of 16, one thread).
pub const fn strip<F>() -> usize {
    2 * LINE / size_of::<F>()
}

/// Columns up to which a product of several rows is computed in strips. 256 instead of 64:
/// 784-128-10 in batches of 100 133 to 117 ms, 784-200-10 in batches of 64 172 to 163 ms (one
/// thread). Of one row there is nothing that strips could share, so there it is one strip.
pub const STRIPS_UP_TO: usize = 256;

/// Rows of `x` whose zeros are found together in `x·W`, where registers hold their sums. Four in
/// place of eight: 16 digits times 784 × 30, 5.2 to 3.3 µs.
pub const ROWS_TOGETHER: usize = 4;

/// Neighbouring columns of `x` whose zeros are found together in `xᵀ·dy`. Pixels are mostly zero
/// in the same images as those beside them. Eight took 1 % (784-10) and 7 % (784-30-10) longer.
pub const COLUMNS_TOGETHER: usize = 4;

/// Rows of `x` that one pass of `xᵀ·dy` sums: a bit of a word for each. Gradients of up to 64 rows
/// are computed in strips, however wide: 784-100-10 in batches of 64 114 to 100 ms (one thread).
pub const SUMMED_IN_STRIPS: usize = u64::BITS as usize;

/// Columns of `x` from which on strips look for zeros. With fewer, looking costs as much as it
/// saves: 784-30-10 3.61 to 3.38 ms (the 30 columns of the second layer are no longer looked at).
pub const WORTH_LOOKING: usize = 128;

// Groups of lines: wide products.

/// Lines of a group that has the most. Eight, of three vectors, were as fast: 256 × 2500 × 2000 25.5
/// and 25.7 ms, the step of its weight 26.8 and 25.2 ms.
pub const MOST_LINES: usize = 4;

/// Rows of the right operand that are added at once to the product of a single line: 784-800-10, one image, one
/// thread, 7.6 to 6.8 µs (with two 7.5, with four 6.8). Before, such a product was made in blocks of columns.
pub const AT_ONCE: usize = 8;

/// What a product takes in groups of 2 and of 4 lines, beside each other: the more lines share a vector,
/// the fewer are loaded. 128 × 784 × 800 took 1784 and 1608 µs where nothing is zero, 1032 and 1113 µs
/// for clothes, 516 and 615 µs for digits.
pub const COST_OF_A_PRODUCT: [usize; 2] = [9, 8];

/// Rows of the right operand that are asked for before they are copied: 256 × 2500 × 2000 28.4 to 27.1 ms.
pub const COPIED_AHEAD: usize = 16;

/// Lines, and elements of each, that are listed at once. This bounds the lists to some MB. (128
/// lines instead of 64 was part of a change that took 784-800-10 from 34.9 to 32.4 ms.)
pub const LISTED_AT_ONCE: (usize, usize) = (512, 2048);

/// Products that are summed before the next rows of the right operand are copied, and that may be summed
/// before they are scaled: four vectors of so many rows are 64 KiB and stay in the second cache. Blocks
/// of 64 to 192 took 1 to 10 % longer. Groups of four lines sum twice as many: 128 × 784 × 800 1.69 to
/// 1.63 ms.
pub const SUMMED_IN_GROUPS: usize = 256;

/// Lines among which the one most like another is looked for. Of MNIST's pixels, pairs found among 16
/// multiply 27 %, where one image alone has 19 % that are not zero. With 32, predictions of 784-800-10 took 43.2
/// to 42.4 ms, and an epoch in batches of 128 558 to 553 ms; with 64, 41.6 and 556 ms (one thread, least of 15).
pub const NEIGHBOURS: usize = 32;

/// Lines from which on rows of the right operand are copied to where they are aligned. 32 in place
/// of 8: 784-1000-10 in batches of 16 90.5 to 80.1 ms (two threads).
pub const WORTH_A_COPY: usize = 32;

/// Rows that are transposed together: what they fill of a column is a cache line of `f32`. It is also how far
/// ahead of itself the copy asks for memory; without, a step of 784-2500-2000-1500-1000-500-10 took 2 % longer.
pub const TRANSPOSED_AT_ONCE: usize = 16;

/// Rows and columns of the squares in which a matrix is transposed. 784-256-256-10 with LayerNorm, GELU and
/// AdamW takes 604 ms, and took 635 with squares of 8 (batches of 128, one thread). 784-512-256-10 with GELU,
/// dropout and momentum takes 907 ms, and took 975 (Fashion-MNIST, batches of 64, two threads).
pub const SQUARE: usize = 4;

/// Elements of a gradient that are computed before they are used: one MiB of `f32`, so that a cache still holds
/// them. 784-2500-2000-10 took as long with half a MiB and with two. 784-1000-500-10 in batches of 512 took 7 %
/// longer with half a MiB, as the right operand is copied more often, and 0 to 5 % longer with two.
pub const USED_AT_ONCE: usize = 1 << 18;

/// Elements of a weight from which on an optimizer gets its gradient part by part, and never as a whole. With
/// momentum and Adam 784-2500-2000-10 took 1431 and 1340 ms, and then 1251 and 1120 (5000 digits in batches of
/// 64, two threads); 784-2400-10, whose weight and states a cache of 32 MiB holds, took as long as before.
pub const WORTH_PARTS: usize = 1 << 22;

// Memory.

/// Numbers from which on an array's memory is kept. The allocator keeps smaller pieces itself.
pub const WORTH_KEEPING: usize = 1 << 10;

/// Arrays whose memory a thread keeps, and the numbers of all of them together: 64 MiB of `f32`,
/// which is some nets' activations and their gradients. Keeping them was part of a change that took
/// 784-800-10 from 34.9 to 32.4 ms.
pub const KEPT: (usize, usize) = (32, 1 << 24);

// Threads.

/// Multiplications of a product, counting those with zero, from which on a second thread gains more
/// than it costs to wake.
pub const fn worth_threads(rows: usize, columns: usize) -> usize {
    match (rows, columns) {
        // The other operand is read for few multiplications: 784-800-10, one image, 10 to 8 µs.
        (1, _) => 1 << 19,
        // What a thread has read it uses for many rows: 784-800-10 in batches of 128, 417 to 370
        // ms.
        (128.., _) => 3 << 18,
        // Strips are the fastest, and what a thread would save is the least.
        (_, ..=128) => 1 << 22,
        // 2²⁰ before: 784-200-10 in batches of 8, 20.7 to 17.3 ms.
        _ => 3 << 20,
    }
}

/// Parts of a product begin at multiples of so many rows or columns: vectors of no two threads then
/// overlap, and lie in no cache line of two of them.
pub const PART: usize = 16;

/// Multiplications of a product from which on the weights are in the caches of the threads that
/// computed it. Updates of them go where the last such product went, instead of by their length:
/// 784-128-10 in batches of 8, 27.7 to 22.0 ms; 784-100-10 in batches of 64, 11.8 to 10.3 ms.
pub const SPREADS: usize = 1 << 17;

/// Elements from which on a pass over a slice is split onto threads. (Measured with the passes of
/// 784-800-10; some ten microseconds of work.)
pub const PASS_WORTH_THREADS: usize = 1 << 16;

/// How much more work a number is where rows are worked on as wholes than in a pass over a slice. With it
/// LayerNorm of 128 × 256 numbers is on two threads: 784-256-256-10 429 to 416 ms (GELU, AdamW, batches of 128).
pub const WORK_OF_A_ROW: usize = 2;

/// Threads that may be asked for on any machine, however few it may run at once.
pub const THREADS_ANYWHERE: usize = 8;

/// Moments that a thread waits in place before it lets others run: some ten microseconds. Never
/// yielding would stop a thread that the awaited one needs the core of.
pub const WAITS_IN_PLACE: u32 = 500;

/// Moments after which an idle worker sleeps until it is woken: some hundred microseconds, longer
/// than what lies between two products of a training step.
pub const WAITS_AWAKE: u32 = WAITS_IN_PLACE + 500;

/// Numbers of a pass over parameters that are worked on at once: 64, as with 256 the step of
/// momentum on 784 × 800 weights took 97 µs instead of 79, and with 16 none of the loops became
/// vector instructions (AMD EPYC, Zen 4).
pub const TOGETHER_IN_EACH: usize = 64;
