//! How a run came about: what may differ although the result is the same.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Options, terminal};

/// The command, the state of the source, the machine and the time.
pub(crate) fn provenance(options: &Options) -> Vec<(String, String)> {
    let arguments: Vec<String> =
        options.arguments.iter().map(|word| terminal::argument(word.as_ref())).collect();
    let command = match arguments[..] {
        [] => format!("cargo run --example {}", options.example),
        _ => format!("cargo run --example {} -- {}", options.example, arguments.join(" ")),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let machine = format!(
        "{}, {threads} threads, {} {}, kernels {}",
        processor().unwrap_or("processor unknown".to_owned()),
        std::env::consts::OS,
        std::env::consts::ARCH,
        longhand_tensor::kernels()
    );
    let made = [
        ("command", command),
        (
            "longhand",
            format!(
                "{}, commit {}",
                env!("CARGO_PKG_VERSION"),
                commit().unwrap_or("unknown".to_owned())
            ),
        ),
        ("machine", machine),
        (
            "time",
            utc(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())),
        ),
    ];
    made.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// The commit that the source of this program is at, if it is there and is a repository.
fn commit() -> Option<String> {
    let folder = env!("CARGO_MANIFEST_DIR");
    let mut git = Command::new("git");
    git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
    let described =
        git.args(["-C", folder, "describe", "--always", "--dirty", "--abbrev=12"]).output();
    let described = described.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(described.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The name of the processor, where the system tells it.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Seconds since the beginning of 1970 as date and time of day, in UTC.
///
/// Source: H. Hinnant, *chrono-Compatible Low-Level Date Algorithms*, 2021, `civil_from_days`.
fn utc(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86400, seconds % 86400);
    // Years begin in March here, so that the day that some have more is their last one.
    let from_0 = days + 719_468; // since 1 March of the year 0
    let (era, of_era) = (from_0 / 146_097, from_0 % 146_097); // of 400 years
    let year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + 400 * era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::utc;

    /// The expected ones are those of `date --utc --date @SECONDS`.
    #[test]
    fn days_and_leap_years_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_767_225_599, "2025-12-31 23:59:59 UTC"),
            (1_798_761_600, "2027-01-01 00:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(seconds), expected);
        }
    }
}
