//! A disk as a power cut leaves it: what was synced is there; what was only written is lost, kept, torn or out of
//! order, as a way of losing says. sync_file_range is no sync here, and a name is durable only with its folder.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::journal::Op;

/// What becomes of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// Nothing: the daemon was killed, no more.
    Nothing,
    /// All of it is lost.
    Everything,
    /// Names are kept, the data behind them is lost: a rename before its data.
    Data,
    /// Data is kept, names are lost: a rename after its data.
    Names,
    /// Names and lengths are kept; where data should be there are zeros.
    Zeroed,
    /// Each change is kept or lost by chance, whatever came before it.
    OutOfOrder(u64),
    /// Names are kept; of the data each sector is kept or lost by chance.
    Torn(u64),
}

/// Everything below a folder: a file with its bytes, or a folder.
pub type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// A folder as it was, and what was done to it since.
#[derive(Clone)]
pub struct Disk {
    root: PathBuf,
    before: Tree,
    /// As every process sees it.
    now: HashMap<Id, Folder>,
    by_inode: HashMap<u64, Id>,
    steps: Vec<Step>,
    next: Id,
}

type Id = usize;
type Folder = BTreeMap<OsString, Id>;

#[derive(Clone, Default)]
struct Tree {
    files: HashMap<Id, Vec<u8>>,
    folders: HashMap<Id, Folder>,
}

#[derive(Clone)]
struct Step {
    change: Change,
    is_synced: bool,
}

#[derive(Clone)]
enum Change {
    Data { file: Id, at: usize, bytes: Vec<u8> },
    Size { file: Id, size: usize },
    Name { folder: Id, name: OsString, is: Id },
    NoName { folder: Id, name: OsString },
    Move { from: (Id, OsString), to: (Id, OsString), is: Id },
}

impl Disk {
    /// Takes a folder as it is; all of it counts as synced.
    pub fn of(root: &Path) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            before: Tree::default(),
            now: HashMap::new(),
            by_inode: HashMap::new(),
            steps: Vec::new(),
            next: ROOT,
        };
        disk.take(root);
        disk.now = disk.before.folders.clone();
        disk
    }

    /// Lets the calls of a journal happen to it.
    pub fn replay(&mut self, ops: Vec<Op>) {
        for op in ops {
            self.apply(op);
        }
    }

    /// Syncs everything.
    pub fn sync_all(&mut self) {
        self.steps.iter_mut().for_each(|step| step.is_synced = true);
    }

    /// Returns what the disk shows after a power cut now.
    pub fn after_a_cut(&self, loss: Loss) -> Image {
        let (mut tree, mut chance) = (self.before.clone(), Chance::of(loss));
        for id in self.now.keys() {
            tree.folders.entry(*id).or_default();
        }
        for step in &self.steps {
            match step.is_synced {
                true => tree.change(&step.change),
                false => tree.change_partly(&step.change, loss, &mut chance),
            }
        }
        let mut image = Image::new();
        tree.show(ROOT, Path::new(""), &mut image);
        image
    }

    fn take(&mut self, path: &Path) -> Id {
        let found = fs::symlink_metadata(path).expect("it is there");
        let id = self.fresh(found.ino());
        if !found.is_dir() {
            self.before.files.insert(id, fs::read(path).expect("a file"));
            return id;
        }
        let mut folder = Folder::new();
        for entry in fs::read_dir(path).expect("a folder") {
            let entry = entry.expect("an entry");
            folder.insert(entry.file_name(), self.take(&entry.path()));
        }
        self.before.folders.insert(id, folder);
        id
    }

    fn fresh(&mut self, inode: u64) -> Id {
        let id = self.next;
        self.next += 1;
        self.by_inode.insert(inode, id);
        id
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Wrote { inode, at, bytes } => {
                let file = self.id(inode);
                self.step(Change::Data { file, at, bytes });
            }
            Op::CutTo { inode, size } => {
                let file = self.id(inode);
                self.step(Change::Size { file, size });
            }
            Op::Synced { inode } => self.sync(self.id(inode)),
            Op::SyncedAll => self.sync_all(),
            Op::Made { is_new: false, .. } => {}
            Op::Made { path, inode, .. } => self.name(&path, inode),
            Op::MadeFolder { path, inode } => {
                self.name(&path, inode);
                self.now.insert(self.id(inode), Folder::new());
            }
            Op::Gone { path } => {
                let (folder, name) = self.place(&path);
                self.folder(folder).remove(&name);
                self.step(Change::NoName { folder, name });
            }
            Op::Moved { from, to } => self.rename(&from, &to),
        }
    }

    fn name(&mut self, path: &Path, inode: u64) {
        let (is, (folder, name)) = (self.fresh(inode), self.place(path));
        self.folder(folder).insert(name.clone(), is);
        self.step(Change::Name { folder, name, is });
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let (from, to) = (self.place(from), self.place(to));
        let is = self.folder(from.0).remove(&from.1).expect("what is renamed is there");
        self.folder(to.0).insert(to.1.clone(), is);
        self.step(Change::Move { from, to, is });
    }

    fn step(&mut self, change: Change) {
        self.steps.push(Step { change, is_synced: false });
    }

    /// Syncs a file's data, or a folder's names.
    fn sync(&mut self, id: Id) {
        for step in &mut self.steps {
            step.is_synced |= match &step.change {
                Change::Data { file, .. } | Change::Size { file, .. } => *file == id,
                Change::Name { folder, .. } | Change::NoName { folder, .. } => *folder == id,
                Change::Move { from, to, .. } => from.0 == id && to.0 == id,
            };
        }
    }

    fn id(&self, inode: u64) -> Id {
        *self.by_inode.get(&inode).unwrap_or_else(|| panic!("nobody knows inode {inode}"))
    }

    fn folder(&mut self, id: Id) -> &mut Folder {
        self.now.get_mut(&id).expect("a folder")
    }

    /// Returns the folder a path is in, and its name there.
    fn place(&self, path: &Path) -> (Id, OsString) {
        let below = path.strip_prefix(&self.root).expect("a path below the folder");
        let parent = below.parent().expect("the folder itself stays");
        let folder = parent.iter().fold(ROOT, |folder, name: &OsStr| self.now[&folder][name]);
        (folder, below.file_name().expect("a name").to_owned())
    }
}

impl Tree {
    fn change(&mut self, change: &Change) {
        match change {
            Change::Data { file, at, bytes } => {
                let content = self.long_enough(*file, at + bytes.len());
                content[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Change::Size { file, size } => {
                self.files.entry(*file).or_default().resize(*size, 0);
            }
            Change::Name { folder, name, is } => {
                self.folder(*folder).insert(name.clone(), *is);
            }
            Change::NoName { folder, name } => {
                self.folder(*folder).remove(name);
            }
            Change::Move { from, to, is } => {
                let left = self.folder(from.0);
                if left.get(&from.1) == Some(is) {
                    left.remove(&from.1);
                }
                self.folder(to.0).insert(to.1.clone(), *is);
            }
        }
    }

    fn change_partly(&mut self, change: &Change, loss: Loss, chance: &mut Chance) {
        let is_data = matches!(change, Change::Data { .. } | Change::Size { .. });
        match (loss, change) {
            (Loss::Everything, _) => {}
            (Loss::Data, _) if is_data => {}
            (Loss::Names, _) if !is_data => {}
            (Loss::Zeroed, Change::Data { file, at, bytes }) => {
                self.long_enough(*file, at + bytes.len());
            }
            (Loss::OutOfOrder(_), _) if !chance.toss() => {}
            (Loss::Torn(_), Change::Data { file, at, bytes }) => {
                self.tear(*file, *at, bytes, chance);
            }
            _ => self.change(change),
        }
    }

    /// Keeps some sectors of a write.
    fn tear(&mut self, file: Id, at: usize, bytes: &[u8], chance: &mut Chance) {
        let mut from = 0;
        while from < bytes.len() {
            let to = bytes.len().min(from + SECTOR - (at + from) % SECTOR);
            if chance.toss() {
                let content = self.long_enough(file, at + to);
                content[at + from..at + to].copy_from_slice(&bytes[from..to]);
            }
            from = to;
        }
    }

    fn long_enough(&mut self, file: Id, size: usize) -> &mut Vec<u8> {
        let content = self.files.entry(file).or_default();
        content.resize(content.len().max(size), 0);
        content
    }

    fn folder(&mut self, id: Id) -> &mut Folder {
        self.folders.entry(id).or_default()
    }

    fn show(&self, folder: Id, path: &Path, image: &mut Image) {
        for (name, is) in &self.folders[&folder] {
            let path = path.join(name);
            if self.folders.contains_key(is) {
                image.insert(path.clone(), None);
                self.show(*is, &path, image);
            } else {
                image.insert(path, Some(self.files.get(is).cloned().unwrap_or_default()));
            }
        }
    }
}

/// Makes a folder be exactly that, as private as the daemon makes it.
pub fn put(image: &Image, root: &Path) {
    if root.exists() {
        fs::remove_dir_all(root).expect("the folder before is removed");
    }
    let private = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode is set");
    };
    fs::create_dir(root).expect("a folder");
    private(root, 0o700);
    for (path, content) in image {
        let path = root.join(path);
        match content {
            Some(bytes) => {
                fs::write(&path, bytes).expect("a file");
                private(&path, 0o600);
            }
            None => {
                fs::create_dir(&path).expect("a folder");
                private(&path, 0o700);
            }
        }
    }
}

/// Returns a folder as it is.
pub fn image_of(root: &Path) -> Image {
    Disk::of(root).after_a_cut(Loss::Everything)
}

/// A coin with a seed (splitmix64): the same tosses in every run.
struct Chance(u64);

impl Chance {
    fn of(loss: Loss) -> Self {
        match loss {
            Loss::OutOfOrder(seed) | Loss::Torn(seed) => Self(seed),
            Loss::Nothing | Loss::Everything | Loss::Data | Loss::Names | Loss::Zeroed => Self(0),
        }
    }

    fn toss(&mut self) -> bool {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}

const ROOT: Id = 0;
const SECTOR: usize = 512;
