//! The memory use of a process.

/// The most bytes of memory that this process held at a time, as Linux tells it; `None` elsewhere.
///
/// # Panics
///
/// If Linux has changed its way of saying so.
pub fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Some(kib.expect("a line of the most memory held") << 10)
}
