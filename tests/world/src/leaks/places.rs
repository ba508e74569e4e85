//! Where a scan looks: the folder of a world but for its keys, what programs show of themselves, homes left behind.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Leak, Scan};
use crate::setup::World;

impl Scan {
    /// Looks everywhere: the world's folder, all processes, and the places of private homes.
    pub fn world(&self, world: &World) -> Vec<Leak> {
        let mut leaks = self.folder(world.folder(), &[world.keys()]);
        leaks.extend(self.processes());
        leaks.extend(self.homes());
        leaks
    }

    /// Looks into every file below a folder, and at their names, but for some of them.
    pub fn folder(&self, folder: &Path, but: &[PathBuf]) -> Vec<Leak> {
        let mut leaks = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(next) = folders.pop() {
            // What others remove meanwhile is gone, which is as good as clean.
            for entry in fs::read_dir(next).into_iter().flatten().flatten() {
                let path = entry.path();
                let is = entry.file_type().expect("a kind of file");
                leaks.extend(self.bytes("a file's name", path.as_os_str().as_encoded_bytes()));
                if but.contains(&path) {
                } else if is.is_dir() {
                    folders.push(path);
                } else if is.is_file() {
                    let bytes = fs::read(&path).unwrap_or_default();
                    leaks.extend(self.bytes(&path.display().to_string(), &bytes));
                }
            }
        }
        leaks
    }

    /// Looks at what every process shows to everybody, and at the environment of ours.
    pub fn processes(&self) -> Vec<Leak> {
        let mut leaks = Vec::new();
        for entry in fs::read_dir("/proc").expect("/proc is there").flatten() {
            if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
                continue;
            }
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            let ours = PROGRAMS.contains(&name.trim_end());
            for file in ["cmdline", "environ"].into_iter().filter(|file| *file == "cmdline" || ours)
            {
                let path = entry.path().join(file);
                let bytes = fs::read(&path).unwrap_or_default();
                leaks.extend(
                    self.bytes(&format!("{} of {}", path.display(), name.trim_end()), &bytes),
                );
            }
        }
        leaks
    }

    /// Looks into what is left where private homes are made.
    pub fn homes(&self) -> Vec<Leak> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let places = [Some(PathBuf::from("/dev/shm")), runtime];
        let homes = places.into_iter().flatten().flat_map(|place| {
            let entries = fs::read_dir(place).into_iter().flatten().flatten();
            entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(HOME))
        });
        homes.flat_map(|home| self.folder(&home.path(), &[])).collect()
    }
}

const PROGRAMS: [&str; 3] = ["patd", "pat-exec", "patctl"];
const HOME: &[u8] = b"pat-exec-";
