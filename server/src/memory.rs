//! What the process does with memory that it no longer needs.

/// From this size on, freed memory goes back to the system at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const RETURNED_FROM: libc::c_int = 1 << 20;

/// By itself, glibc raises that size to whatever was freed, and then keeps 19 MiB for each thread that ever hashed a
/// password. A size that is set stays.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "there is no safe way to tell glibc; it is called before there is a second thread"
)]
pub fn return_large_memory() {
    // SAFETY: it takes two numbers and changes nothing but the allocator's own settings, under the allocator's lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, RETURNED_FROM);
    }
}

/// Other allocators give it back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn return_large_memory() {}
