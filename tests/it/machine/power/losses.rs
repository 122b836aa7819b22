//! The power losses of one recording: where it is cut, what is then on the disk, and what must still be there.
//!
//! Cut just before and just after every sync ended, after every word that went out, and at moments drawn by the seed;
//! or at every single call while the file itself is changed. Equal images are looked at once and judged at each cut: what must be there grows.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use sha2::{Digest as _, Sha256};

use super::disk::{Chance, Disk, Image};
use super::trace::{Call, Heard, Moment, Trace};

/// What an image holds once it has been opened and checked.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Why it cannot be trusted; none when all is well.
    pub corrupt: Option<String>,
    /// By number of the row: the words that it keeps.
    pub kept: BTreeMap<i64, u64>,
    /// By ticket: replies that will not be sent again.
    pub replies: BTreeMap<String, u64>,
}

/// One recording and how it is cut.
pub struct Trial<'a> {
    pub trace: &'a Trace,
    pub base: &'a Path,
    /// Ends of names whose syncs do nothing.
    pub deaf: &'a [&'a str],
    pub seed: u64,
    /// Torn images at each cut; none: nothing that was not synced ever reaches the disk.
    pub torn: Option<usize>,
    /// Cut at every call while anything but frames of the WAL is in the air, and nowhere else.
    pub closely: bool,
    /// Opens the database of this name in this folder and looks.
    pub look: &'a (dyn Fn(&Path) -> Facts + Sync),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Verdict {
    pub syncs: usize,
    /// Power losses: cuts times draws.
    pub losses: usize,
    /// Different images among them.
    pub images: usize,
    /// Words kept and replies begun in the whole recording.
    pub words: usize,
    pub replies: usize,
    /// Power losses after which a word that was given was not kept, and all such words.
    pub losing: usize,
    pub rows_lost: u64,
    /// Power losses after which a reply could have gone out twice.
    pub repeating: usize,
    /// Power losses after which the file was damaged.
    pub corrupt: usize,
    /// The first few, for people.
    pub stories: Vec<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { syncs, losses, images, words, replies, losing, rows_lost, repeating, corrupt, stories } =
            self;
        write!(
            out,
            "{losses} power losses ({images} images, {syncs} syncs, {words} words given, {replies} replies begun): \
             {losing} lost something ({rows_lost} rows in all), {repeating} could reply twice, {corrupt} corrupt"
        )?;
        stories.iter().try_for_each(|story| write!(out, "\n  {story}"))
    }
}

/// One power loss: which image, and how much of what was heard came before it.
struct Loss {
    image: usize,
    heard: usize,
    at: usize,
    chance: Chance,
}

impl Trial<'_> {
    pub fn run(&self) -> Verdict {
        let heard: Vec<&Heard> = self.heard();
        let facts = Mutex::new(HashMap::new());
        let (give, take) = mpsc::sync_channel::<(usize, Image)>(8);
        let take = Arc::new(Mutex::new(take));
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        let losses = std::thread::scope(|scope| {
            for _ in 0..workers {
                let (take, facts) = (Arc::clone(&take), &facts);
                scope.spawn(move || {
                    loop {
                        let Ok((number, image)) = take.lock().unwrap().recv() else { return };
                        let found = self.open(&image);
                        facts.lock().unwrap().insert(number, found);
                    }
                });
            }
            // With the last worker goes the channel: nobody waits for one that fell.
            drop(take);
            let losses = self.cut(&give);
            drop(give);
            losses
        });
        self.judge(&heard, &losses, &facts.into_inner().unwrap())
    }

    /// In the order in which it was said.
    pub fn heard(&self) -> Vec<&Heard> {
        let said = self.trace.moments.iter().filter_map(|moment| match moment {
            Moment::Begins(number) => Some(&self.trace.calls[*number]),
            Moment::Ends(_) => None,
        });
        said.filter_map(|call| if let Call::Say(heard) = call { Some(heard) } else { None }).collect()
    }

    /// Lets the recording go by, and cuts it.
    fn cut(&self, give: &mpsc::SyncSender<(usize, Image)>) -> Vec<Loss> {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let mut disk = Disk::new(&self.base.to_string_lossy(), self.deaf);
        let mut known = Known::default();
        let mut losses = Vec::new();
        // The image of what is safe, until the next sync ends.
        let mut dropped = None;
        let mut heard = 0;
        let mut due = false;
        for (at, moment) in self.trace.moments.iter().enumerate() {
            let (Moment::Begins(call) | Moment::Ends(call)) = *moment;
            let ends_a_sync = matches!((moment, &self.trace.calls[call]), (Moment::Ends(_), Call::Sync(_)));
            let everywhere = due || ends_a_sync || rng.u8(..) < 4;
            if if self.closely { disk.changes_the_file() } else { everywhere } {
                for chance in self.chances(&disk, &mut rng) {
                    let again = (chance == Chance::Dropped).then_some(dropped).flatten();
                    let image = again.unwrap_or_else(|| known.number(disk.after(chance), give));
                    if chance == Chance::Dropped {
                        dropped = Some(image);
                    }
                    losses.push(Loss { image, heard, at, chance });
                }
            }
            disk.goes_by(self.trace, *moment);
            let says = matches!((moment, &self.trace.calls[call]), (Moment::Begins(_), Call::Say(_)));
            heard += usize::from(says);
            due = ends_a_sync || says;
            dropped = dropped.filter(|_| !ends_a_sync);
        }
        losses
    }

    fn chances(&self, disk: &Disk<'_>, rng: &mut fastrand::Rng) -> Vec<Chance> {
        let mut chances = vec![Chance::Dropped];
        // With nothing in the air all draws are the same disk.
        if let Some(torn) = self.torn.filter(|_| !disk.is_safe()) {
            chances.extend([Chance::Applied, Chance::Prefix(rng.u64(..))]);
            chances.extend((0..torn).map(|_| Chance::Torn(rng.u64(..))));
        }
        chances
    }

    /// Puts the image in a folder of its own and looks at it.
    pub fn open(&self, image: &Image) -> Facts {
        let folder = scratch();
        let path = folder.path().join(self.base.file_name().unwrap());
        for (end, bytes) in image {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            std::fs::write(name, bytes).unwrap();
        }
        (self.look)(&path)
    }
}

impl Trial<'_> {
    /// The losses stand in the order of the recording: what must be there only grows.
    fn judge(&self, heard: &[&Heard], losses: &[Loss], facts: &HashMap<usize, Facts>) -> Verdict {
        let syncs = self.trace.calls.iter().filter(|call| matches!(call, Call::Sync(_))).count();
        let replies = heard.iter().filter(|heard| matches!(heard, Heard::Reply(_))).count();
        let mut verdict = Verdict {
            syncs,
            losses: losses.len(),
            images: facts.len(),
            words: heard.len() - replies,
            replies,
            ..Verdict::default()
        };
        let (mut kept, mut begun) = (BTreeMap::<i64, u64>::new(), BTreeMap::<String, u64>::new());
        let mut seen = 0;
        for loss in losses {
            for heard in &heard[seen..loss.heard] {
                match heard {
                    Heard::Kept(row) => *kept.entry(*row).or_default() += 1,
                    Heard::Reply(ticket) => *begun.entry(ticket.clone()).or_default() += 1,
                }
            }
            seen = loss.heard;
            let facts = &facts[&loss.image];
            verdict.add(loss, facts, &missing(&kept, &facts.kept), &missing(&begun, &facts.replies));
        }
        verdict
    }
}

impl Verdict {
    fn add(&mut self, loss: &Loss, facts: &Facts, lost: &BTreeMap<i64, u64>, again: &BTreeMap<String, u64>) {
        self.losing += usize::from(!lost.is_empty());
        self.rows_lost += lost.values().sum::<u64>();
        self.repeating += usize::from(!again.is_empty());
        self.corrupt += usize::from(facts.corrupt.is_some());
        let well = lost.is_empty() && again.is_empty() && facts.corrupt.is_none();
        if !well && self.stories.len() < 5 {
            let why = facts.corrupt.as_deref().unwrap_or("whole");
            self.stories.push(format!(
                "cut at moment {}, {:?}: rows lost {lost:?}, could reply again {again:?}, the file is {why}",
                loss.at, loss.chance
            ));
        }
    }
}

/// What is wanted and not there, or not often enough.
fn missing<K: Ord + Clone>(wanted: &BTreeMap<K, u64>, found: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    let short = |key: &K, wanted: &u64| wanted.saturating_sub(found.get(key).copied().unwrap_or(0));
    let short = wanted.iter().map(|(key, wanted)| (key.clone(), short(key, wanted)));
    short.filter(|(_, short)| *short > 0).collect()
}

/// The images that were given out to be opened, by their hash.
#[derive(Default)]
struct Known(HashMap<[u8; 32], usize>);

impl Known {
    fn number(&mut self, image: Image, give: &mpsc::SyncSender<(usize, Image)>) -> usize {
        let mut hasher = Sha256::new();
        for (end, bytes) in &image {
            hasher.update(format!("{end} {}\n", bytes.len()));
            hasher.update(bytes);
        }
        let count = self.0.len();
        match self.0.entry(hasher.finalize().into()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                new.insert(count);
                give.send((count, image)).unwrap();
                count
            }
        }
    }
}

/// A folder in memory where the machine has one: thousands of small databases are opened here.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let in_memory = tempfile::Builder::new().prefix("mw-power-").tempdir_in(memory);
    in_memory.unwrap_or_else(|_| tempfile::tempdir().unwrap())
}
