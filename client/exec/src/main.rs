//! The program. All of it is in the library, where the fuzz targets reach what reads the files of others.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    pat_exec::run_as_program()
}
