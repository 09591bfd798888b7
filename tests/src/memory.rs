//! The memory use of a process.

/// The peak memory use of this process in bytes, as Linux reports it. `None` on other systems.
///
/// # Panics
///
/// If the format of `/proc/self/status` has changed.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Some(kib.expect("a line `VmHWM`") << 10)
}
