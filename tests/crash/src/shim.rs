//! The page that is shared with the shim: what it is to do, what it saw. The layout is that of `shim/shim.c`.

use std::ffi::CString;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::errno::Errno;

/// A call as it can be met again in another run: what is done to what, the how-manieth of its like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// For example `fsync state/db`; numbers in paths are `#`.
    pub name: String,
    /// How many of the same name came before it.
    pub before: u32,
}

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// SIGKILL instead of the call.
    KillBefore,
    /// SIGKILL as soon as the call is done.
    KillAfter,
    /// The call does nothing and fails.
    Fail(Errno),
}

/// The shared page of one world.
pub struct Page {
    file: File,
    path: PathBuf,
}

impl Page {
    /// Makes it in a folder.
    pub fn create(folder: &Path) -> Self {
        let path = folder.join("page");
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(&path).expect("a page");
        file.set_len(SIZE).expect("a page");
        Self { file, path }
    }

    /// Returns the variables of a daemon above the shim.
    pub fn variables(&self, root: &Path) -> [(&'static str, String); 3] {
        let text = |path: &Path| path.to_str().expect("a path is text").to_owned();
        [
            ("LD_PRELOAD", text(library())),
            ("CRASH_PAGE", text(&self.path)),
            ("CRASH_ROOT", text(root)),
        ]
    }

    /// Begins to count, and to act at this call where there is one.
    pub fn arm(&self, at: Option<(&Call, Act)>) {
        let (mode, wanted, error) = match at {
            None => (0, 0, 0),
            Some((call, Act::KillBefore)) => (1, call.before, 0),
            Some((call, Act::KillAfter)) => (2, call.before, 0),
            Some((call, Act::Fail(why))) => (3, call.before, why as u32),
        };
        self.disarm();
        for (offset, value) in [(4, 0), (8, mode), (12, wanted), (16, error), (20, 0), (24, 0)] {
            self.set(offset, value);
        }
        let target = at.map_or("", |(call, _)| &call.name);
        let mut bytes = CString::new(target).expect("no NUL").into_bytes_with_nul();
        bytes.resize(WIDTH, 0);
        self.file.write_all_at(&bytes, TARGET).expect("the page is written");
        self.set(ARMED, 1);
    }

    /// Ends the counting: the shim lets everything pass.
    pub fn disarm(&self) {
        self.set(ARMED, 0);
    }

    /// Returns whether the named call was met.
    pub fn is_hit(&self) -> bool {
        self.value(20) == 1
    }

    /// Returns how many calls were counted.
    pub fn count(&self) -> u32 {
        self.value(4)
    }

    /// Returns the counted calls in their order.
    pub fn calls(&self) -> Vec<String> {
        assert!(self.count() < CALLS, "more calls than the page has lines");
        (0..self.count()).map(|number| self.line(number)).collect()
    }

    fn line(&self, number: u32) -> String {
        let mut bytes = [0; WIDTH];
        let offset = TARGET + WIDTH as u64 * (u64::from(number) + 1);
        self.file.read_exact_at(&mut bytes, offset).expect("the page is read");
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(WIDTH);
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }

    fn value(&self, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, offset).expect("the page is read");
        u32::from_ne_bytes(bytes)
    }

    fn set(&self, offset: u64, value: u32) {
        self.file.write_all_at(&value.to_ne_bytes(), offset).expect("the page is written");
    }
}

/// Returns the shim, compiled once, beside the program that runs.
pub fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let this = std::env::current_exe().expect("this program has a path");
        // Several tests may compile at once; each has its own.
        let library = this.with_file_name(format!("crash-shim-{}.so", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shim/shim.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
        let status = compiler.arg(&library).arg(source).status().expect("a C compiler");
        assert!(status.success(), "the shim does not compile: {status}");
        library
    })
}

const ARMED: u64 = 0;
const TARGET: u64 = 32;
const WIDTH: usize = 120;
const CALLS: u32 = 4096;
const SIZE: u64 = TARGET + WIDTH as u64 * (CALLS as u64 + 1);
