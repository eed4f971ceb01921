//! Values on the command line that have units.

use std::time::Duration;

use tidemark_sdk::{RandomSchedule, Schedule};

/// Takes a number, with an optional binary unit: `64K`, `512M`, `4G`, `4GiB`.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    const SHAPE: &str = "give a number, and K, M or G after it if you like, such as 512M";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err(SHAPE.into()),
    };
    if number.is_empty() {
        return Err(SHAPE.into());
    }
    let number: u64 = number.parse().map_err(|_| "that is more than there is")?;
    Ok(number.checked_mul(1 << shift).ok_or("that is more than there is")?)
}

/// Takes how much memory a guest gets.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    /// Less memory than this starts no dynamically linked program, in bytes.
    const LEAST: u64 = 16 << 20;
    match bytes(text)? {
        ..LEAST => Err("a guest needs at least 16M".into()),
        size => Ok(size),
    }
}

/// Takes a time as timeout(1) does: a number, also with a fraction, and `ms`, `s`, `m` or `h`; seconds without.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const SHAPE: &str = "give a number and ms, s, m or h, such as 90s or 1.5m";
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(SHAPE.into()),
    };
    let number: f64 = number.parse().map_err(|_| SHAPE)?;
    let duration = Duration::try_from_secs_f64(number * unit).map_err(|_| "that is too long")?;
    if duration.is_zero() { Err("give more than nothing".into()) } else { Ok(duration) }
}

/// Takes how guest threads take turns; `random` alone draws a seed.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn schedule(text: &str) -> Result<Schedule, String> {
    match text {
        "random" => {
            let seed = getrandom::u64().map_err(|error| format!("no seed can be had: {error}"))?;
            Ok(Schedule::Random(RandomSchedule::new(seed)))
        }
        text => text.parse().map_err(|_| {
            "give fair, random, random:SEED or random:SEED:MOST, with numbers, MOST above 0".to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let sizes = [("16777216", 16 << 20), ("512M", 512 << 20), ("4g", 4 << 30), ("16384KiB", 16 << 20)];
        for (text, size) in sizes {
            assert_eq!(memory(text), Ok(size), "{text}");
        }
        for bad in ["", "M", "-1G", "1.5G", "4T", "1M", "99999999999G", "99999999999999999999"] {
            assert!(memory(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_have_units() {
        for (text, millis) in
            [("1", 1000), ("250ms", 250), ("1.5m", 90_000), ("2h", 7_200_000), ("0.5s", 500)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "s", "0", "0s", "-1", "1d", "1 s", "..", "1e400", "99999999999999999999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
