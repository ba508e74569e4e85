//! The program. All of it is in the library, where the fuzz targets reach what reads the files of others.

#![forbid(unsafe_code)]

// One mapping for a run: musl's own allocator makes a mapping for nearly every size, and a short run is mostly that.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> std::process::ExitCode {
    pat_exec::run_as_program()
}
