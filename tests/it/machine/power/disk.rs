//! What is on the disk after a power loss: files as bytes that are safe, and changes that are not yet.
//!
//! A sync makes safe exactly the changes of its file (or, of the folder, the names) that had ended when it began. What
//! else is on the disk is chance: [`Disk::after`] draws it. A name that is not safe takes its file along.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::trace::{Call, Moment, Trace};

/// What disks promise to write as a whole.
const SECTOR_BYTES: usize = 512;

/// What happened to the changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chance {
    /// None reached the disk.
    Dropped,
    /// All did.
    Applied,
    /// The oldest ones did, in the order of the calls.
    Prefix(u64),
    /// Any sectors of any of them, any names; where a file grew over a sector that did not, zeros or rubbish.
    Torn(u64),
}

/// The files of the database by the end of their name (`""`, `-wal`, `-journal`).
pub type Image = BTreeMap<String, Vec<u8>>;

#[derive(Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
    Name(String, Option<usize>),
}

#[derive(Debug)]
struct Pending {
    call: usize,
    /// None: the folder.
    inode: Option<usize>,
    change: Change,
    ended: bool,
}

/// The disk while the trace goes by.
pub struct Disk<'a> {
    base: String,
    /// Ends of names whose syncs do nothing: the control that must lose.
    deaf: &'a [&'a str],
    /// Safe bytes by inode.
    inodes: Vec<Vec<u8>>,
    safe_names: BTreeMap<String, usize>,
    names: BTreeMap<String, usize>,
    pending: Vec<Pending>,
    /// By the sync's call: the changes that it makes safe.
    syncs: HashMap<usize, HashSet<usize>>,
}

impl<'a> Disk<'a> {
    pub fn new(base: &str, deaf: &'a [&'a str]) -> Self {
        Self {
            base: base.to_owned(),
            deaf,
            inodes: Vec::new(),
            safe_names: BTreeMap::new(),
            names: BTreeMap::new(),
            pending: Vec::new(),
            syncs: HashMap::new(),
        }
    }

    pub fn goes_by(&mut self, trace: &Trace, moment: Moment) {
        match moment {
            Moment::Begins(number) => self.begins(number, &trace.calls[number]),
            Moment::Ends(number) => self.ends(number, &trace.calls[number]),
        }
    }

    /// True when nothing is left to chance.
    pub fn is_safe(&self) -> bool {
        self.pending.is_empty()
    }

    /// True while the database is made, folded up or closed: names, bytes of the file itself, or a length may be lost.
    pub fn changes_the_file(&self) -> bool {
        let wal = self.names.get("-wal");
        self.pending.iter().any(|change| {
            change.inode.is_none()
                || change.inode.as_ref() != wal
                || matches!(change.change, Change::Length(_))
        })
    }

    fn begins(&mut self, number: usize, call: &Call) {
        match call {
            Call::Create(path) => {
                let name = self.end_of(path);
                if !self.names.contains_key(&name) {
                    self.inodes.push(Vec::new());
                    let inode = self.inodes.len() - 1;
                    self.names.insert(name.clone(), inode);
                    self.push(number, None, Change::Name(name, Some(inode)));
                }
            }
            Call::Remove(path) => {
                let name = self.end_of(path);
                if self.names.remove(&name).is_some() {
                    self.push(number, None, Change::Name(name, None));
                }
            }
            Call::Write { file, at, bytes } => {
                let inode = self.inode(file);
                self.push(number, Some(inode), Change::Write { at: *at, bytes: bytes.clone() });
            }
            Call::Length { file, bytes } => {
                let inode = self.inode(file);
                self.push(number, Some(inode), Change::Length(*bytes));
            }
            Call::Sync(path) => {
                let of = path.starts_with(&self.base).then(|| self.inode(path));
                let covers = self.pending.iter().filter(|change| change.ended && change.inode == of);
                let covers = covers.map(|change| change.call).collect();
                self.syncs.insert(number, covers);
            }
            Call::Say(_) => (),
        }
    }

    fn ends(&mut self, number: usize, call: &Call) {
        let Call::Sync(path) = call else {
            for change in self.pending.iter_mut().rev().filter(|change| change.call == number) {
                change.ended = true;
            }
            return;
        };
        let Some(covers) = self.syncs.remove(&number) else { return };
        if path.strip_prefix(&self.base).is_some_and(|end| self.deaf.contains(&end)) {
            return;
        }
        let (safe, pending) =
            std::mem::take(&mut self.pending).into_iter().partition(|change| covers.contains(&change.call));
        self.pending = pending;
        for Pending { inode, change, .. } in safe {
            match (inode, change) {
                (Some(inode), change) => apply(&mut self.inodes[inode], &change),
                (None, Change::Name(name, inode)) => link(&mut self.safe_names, &name, inode),
                (None, _) => (),
            }
        }
    }

    fn end_of(&self, path: &str) -> String {
        path.strip_prefix(&self.base).unwrap_or(path).to_owned()
    }

    /// The file that bears this name now.
    fn inode(&self, path: &str) -> usize {
        let name = self.end_of(path);
        *self.names.get(&name).unwrap_or_else(|| panic!("{path} is used before it is made"))
    }

    fn push(&mut self, call: usize, inode: Option<usize>, change: Change) {
        self.pending.push(Pending { call, inode, change, ended: false });
    }

    /// What the machine finds when it comes up again.
    pub fn after(&self, chance: Chance) -> Image {
        let mut rng = match chance {
            Chance::Prefix(seed) | Chance::Torn(seed) => fastrand::Rng::with_seed(seed),
            Chance::Dropped | Chance::Applied => fastrand::Rng::with_seed(0),
        };
        let upto = match chance {
            Chance::Dropped => 0,
            Chance::Prefix(_) => rng.usize(0..=self.pending.len()),
            Chance::Applied | Chance::Torn(_) => self.pending.len(),
        };
        let mut dice = matches!(chance, Chance::Torn(_)).then(|| Dice::new(&mut rng));
        let mut names = self.safe_names.clone();
        let mut grown: HashMap<usize, Vec<u8>> = HashMap::new();
        for Pending { inode, change, .. } in &self.pending[..upto] {
            match (inode, change) {
                (Some(inode), change) => {
                    let bytes = grown.entry(*inode).or_insert_with(|| self.inodes[*inode].clone());
                    match &mut dice {
                        Some(dice) => dice.tear(bytes, change),
                        None => apply(bytes, change),
                    }
                }
                (None, Change::Name(name, inode)) => {
                    if dice.as_mut().is_none_or(Dice::falls) {
                        link(&mut names, name, *inode);
                    }
                }
                (None, _) => (),
            }
        }
        let mut of = |inode: usize| grown.remove(&inode).unwrap_or_else(|| self.inodes[inode].clone());
        names.into_iter().map(|(name, inode)| (name, of(inode))).collect()
    }
}

fn link(names: &mut BTreeMap<String, usize>, name: &str, inode: Option<usize>) {
    match inode {
        Some(inode) => names.insert(name.to_owned(), inode),
        None => names.remove(name),
    };
}

fn apply(file: &mut Vec<u8>, change: &Change) {
    match change {
        // It was struck before its first byte: the file does not grow either.
        Change::Write { bytes, .. } if bytes.is_empty() => (),
        Change::Write { at, bytes } => {
            let end = at + bytes.len();
            if file.len() < end {
                file.resize(end, 0);
            }
            file[*at..end].copy_from_slice(bytes);
        }
        Change::Length(bytes) => file.resize(*bytes, 0),
        Change::Name(..) => (),
    }
}

/// The dice of one torn image: its own odds, and what stands where nothing was written.
struct Dice<'a> {
    rng: &'a mut fastrand::Rng,
    odds: f64,
    rubbish: bool,
}

impl<'a> Dice<'a> {
    fn new(rng: &'a mut fastrand::Rng) -> Self {
        let odds = [0.05, 0.5, 0.95][rng.usize(0..3)];
        let rubbish = rng.bool();
        Self { rng, odds, rubbish }
    }

    fn falls(&mut self) -> bool {
        self.rng.f64() < self.odds
    }

    /// Each sector of a write by itself. The file may have grown although none of its bytes came.
    fn tear(&mut self, file: &mut Vec<u8>, change: &Change) {
        let Change::Write { at, bytes } = change else {
            if self.falls() {
                apply(file, change);
            }
            return;
        };
        let mut from = *at;
        while from < at + bytes.len() {
            let to = ((from / SECTOR_BYTES + 1) * SECTOR_BYTES).min(at + bytes.len());
            if self.falls() {
                self.grow(file, to);
                file[from..to].copy_from_slice(&bytes[from - at..to - at]);
            }
            from = to;
        }
        if self.rng.bool() {
            self.grow(file, at + bytes.len());
        }
    }

    fn grow(&mut self, file: &mut Vec<u8>, to: usize) {
        let from = file.len();
        if from < to {
            file.resize(to, 0);
            if self.rubbish {
                self.rng.fill(&mut file[from..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(end: &str, at: usize, bytes: &[u8]) -> Call {
        Call::Write { file: format!("/d/mw.db{end}"), at, bytes: bytes.to_vec() }
    }

    fn sync(end: &str) -> Call {
        Call::Sync(format!("/d/mw.db{end}"))
    }

    fn create(end: &str) -> Call {
        Call::Create(format!("/d/mw.db{end}"))
    }

    /// Every call ends before the next begins.
    fn disk<'a>(calls: Vec<Call>, deaf: &'a [&'a str]) -> Disk<'a> {
        let moments = (0..calls.len()).flat_map(|call| [Moment::Begins(call), Moment::Ends(call)]);
        let trace = Trace { moments: moments.collect(), calls };
        played(&trace, deaf)
    }

    fn played<'a>(trace: &Trace, deaf: &'a [&'a str]) -> Disk<'a> {
        let mut disk = Disk::new("/d/mw.db", deaf);
        trace.moments.iter().for_each(|moment| disk.goes_by(trace, *moment));
        disk
    }

    fn folder() -> Call {
        Call::Sync("/d".into())
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_is_chance() {
        let calls = vec![
            create(""),
            create("-wal"),
            folder(),
            write("", 0, b"old"),
            sync(""),
            write("-wal", 0, b"frame"),
            write("", 1, b"NEW"),
        ];
        let disk = disk(calls, &[]);
        let bytes = |chance, end: &str| disk.after(chance).get(end).cloned();
        assert_eq!(bytes(Chance::Dropped, "").unwrap(), b"old");
        assert_eq!(bytes(Chance::Dropped, "-wal").unwrap(), b"");
        assert_eq!(bytes(Chance::Applied, "").unwrap(), b"oNEW");
        assert_eq!(bytes(Chance::Applied, "-wal").unwrap(), b"frame");
        let seen: HashSet<_> = (0..50).map(|seed| disk.after(Chance::Prefix(seed))).collect();
        assert_eq!(seen.len(), 3, "none, the first, both: {seen:?}");
        assert!(seen.iter().all(|image| image[""] == b"old" || image["-wal"] == b"frame"), "{seen:?}");
    }

    #[test]
    fn a_file_whose_name_was_never_synced_is_not_there() {
        let disk = disk(vec![create("-wal"), write("-wal", 0, b"frame"), sync("-wal")], &[]);
        assert_eq!(disk.after(Chance::Dropped), Image::new());
        assert_eq!(disk.after(Chance::Applied)["-wal"], b"frame");
    }

    #[test]
    fn a_removed_file_may_come_back_until_the_folder_is_synced() {
        let mut calls = vec![create("-journal"), folder(), write("-journal", 0, b"j"), sync("-journal")];
        calls.push(Call::Remove("/d/mw.db-journal".into()));
        assert_eq!(disk(calls.clone(), &[]).after(Chance::Dropped)["-journal"], b"j");
        calls.push(folder());
        assert_eq!(disk(calls, &[]).after(Chance::Dropped), Image::new());
    }

    #[test]
    fn a_sync_covers_only_what_had_ended_when_it_began() {
        let calls = vec![create(""), folder(), write("", 0, b"a"), sync(""), write("", 1, b"b"), sync("")];
        use Moment::{Begins, Ends};
        let moments = [
            Begins(0),
            Ends(0),
            Begins(1),
            Ends(1),
            Begins(2),
            Begins(3),
            Ends(2),
            Begins(4),
            Ends(4),
            Ends(3),
        ];
        let mut trace = Trace { calls, moments: moments.to_vec() };
        assert_eq!(played(&trace, &[]).after(Chance::Dropped)[""], b"");
        trace.moments.extend([Begins(5), Ends(5)]);
        assert_eq!(played(&trace, &[]).after(Chance::Dropped)[""], b"ab");
        assert_eq!(played(&trace, &[""]).after(Chance::Dropped)[""], b"");
    }

    #[test]
    fn a_torn_write_is_torn_between_sectors_and_may_leave_rubbish() {
        let disk = disk(vec![create(""), folder(), write("", 24, &[7; 2_000])], &[]);
        let images: Vec<_> =
            (0..200).map(|seed| disk.after(Chance::Torn(seed)).remove("").unwrap()).collect();
        let bounds = [24, 512, 1_024, 1_536, 2_024];
        for image in &images {
            for sector in bounds.windows(2).filter(|sector| sector[1] <= image.len()) {
                let sevens = image[sector[0]..sector[1]].iter().filter(|byte| **byte == 7).count();
                let whole = sector[1] - sector[0];
                assert!(sevens == whole || sevens < whole / 4, "a sector in two halves");
            }
        }
        let lengths: HashSet<_> = images.iter().map(Vec::len).collect();
        assert!(lengths.len() > 3, "{lengths:?}");
        assert!(images.iter().any(|image| image.iter().any(|byte| ![0, 7].contains(byte))), "no rubbish");
        assert_eq!(disk.after(Chance::Torn(3)), disk.after(Chance::Torn(3)), "the seed decides");
    }
}
