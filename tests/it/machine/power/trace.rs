//! What `strace -f -yy -xx` wrote, read back as one timeline of calls that begin and end.
//!
//! A line of its own is a call that began and ended with nothing in between; `<unfinished ...>` and
//! `<... resumed>` are the two ends of one that was interrupted. Only calls on the files of one database, on their
//! folder, and words that `heard` knows are kept. What the model behind it cannot follow (a rename of the
//! database, a write without a position) is an error, never left out. How far the last change of a process that was
//! killed came, the files that it left say.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use super::disk::Image;

/// What the outside was told: from the first byte on it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The row with this number is safe with us.
    Kept(i64),
    /// A reply to this ticket is on its way.
    Reply(String),
}

/// One system call that matters here. Files are named by their full path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Create(String),
    Remove(String),
    Write {
        file: String,
        at: usize,
        bytes: Vec<u8>,
    },
    Length {
        file: String,
        bytes: usize,
    },
    /// Of a file or of the folder.
    Sync(String),
    Say(Heard),
}

/// The call of this number (its place in [`Trace::calls`]) begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Begins(usize),
    Ends(usize),
}

#[derive(Debug, Default)]
pub struct Trace {
    pub calls: Vec<Call>,
    pub moments: Vec<Moment>,
}

/// Reads traces one after the other into one timeline.
pub struct Reader<'a> {
    /// The full path of the database, symbolic links resolved.
    base: &'a Path,
    heard: &'a dyn Fn(&[u8]) -> Option<Heard>,
    trace: Trace,
    /// By thread: the text before `<unfinished`, and the call when it is one of ours.
    open: HashMap<u32, (Vec<u8>, Option<usize>)>,
    /// Calls that a kill struck: nobody saw their result, or `strace` read it from a process that was no more.
    struck: Vec<usize>,
    /// A change that did not do what it was asked to: only a kill excuses it.
    failed: Option<&'static str>,
    killed: bool,
}

impl<'a> Reader<'a> {
    pub fn new(base: &'a Path, heard: &'a dyn Fn(&[u8]) -> Option<Heard>) -> Self {
        Self {
            base,
            heard,
            trace: Trace::default(),
            open: HashMap::new(),
            struck: vec![],
            failed: None,
            killed: false,
        }
    }

    /// One process; `left` are the files as they were after it.
    pub fn file(&mut self, path: &Path, left: &Image) -> Result<(), String> {
        let file = std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut lines = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line).map_err(|error| error.to_string())? == 0 {
                return self.ended(left);
            }
            let text = line.trim_ascii_end();
            self.line(text).map_err(|why| format!("{why}: {}", show(text)))?;
        }
    }

    /// The process is gone. The kernel may have done some of a change that was struck, its first bytes, or none: what is
    /// in the file. It is over, or a later sync would not cover it and it would fall on what was written since.
    pub fn ended(&mut self, left: &Image) -> Result<(), String> {
        let (failed, killed) = (self.failed.take(), std::mem::take(&mut self.killed));
        if let Some(why) = failed.filter(|_| !killed) {
            return Err(why.into());
        }
        let unfinished = std::mem::take(&mut self.open).into_values().filter_map(|(_, call)| call);
        self.struck.extend(unfinished);
        for number in std::mem::take(&mut self.struck) {
            let of = |file: &str| {
                let end = file.strip_prefix(&*self.base.to_string_lossy()).unwrap_or_default();
                left.get(end).ok_or_else(|| format!("{file} is gone"))
            };
            match &mut self.trace.calls[number] {
                Call::Write { file, at, bytes } => {
                    let there = of(file)?.get(*at..).unwrap_or_default();
                    let done = bytes.iter().zip(there).take_while(|(written, real)| written == real).count();
                    bytes.truncate(done);
                }
                Call::Length { file, bytes } => *bytes = of(file)?.len(),
                Call::Sync(_) => continue,
                Call::Say(_) => (),
                Call::Create(name) | Call::Remove(name) => {
                    return Err(format!("a kill struck the name {name}"));
                }
            }
            self.trace.moments.push(Moment::Ends(number));
        }
        Ok(())
    }

    pub fn done(self) -> Trace {
        self.trace
    }

    /// One line: `123  fsync(7<\x2f…>) = 0`, or one half of it.
    pub fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let thread: u32 = text(&line[..digits])?.parse().map_err(|_| "no thread number")?;
        let rest = line[digits..].trim_ascii_start();
        // The result of a call that was killed in the middle: ` = ? <unavailable>`.
        let rest = rest.strip_suffix(b" <unavailable>").unwrap_or(rest);
        if rest.starts_with(b"+++") || rest.starts_with(b"---") {
            self.killed |= rest.starts_with(b"+++ killed by SIGKILL");
            return Ok(());
        }
        if rest.starts_with(b"<... ") {
            let Some((before, call)) = self.open.remove(&thread) else { return Ok(()) };
            return self.end(&before, rest, call);
        }
        if let Some(before) = rest.strip_suffix(b"<unfinished ...>") {
            let call = self.begin(before)?;
            // Only a call whose name is known once it has ended needs its beginning again.
            let before = if before.starts_with(b"openat(") { before.to_vec() } else { Vec::new() };
            self.open.insert(thread, (before, call));
            return Ok(());
        }
        let call = self.begin(rest)?;
        self.end(rest, rest, call)
    }

    fn begin(&mut self, line: &[u8]) -> Result<Option<usize>, String> {
        let Some(call) = self.read(line)? else { return Ok(None) };
        let number = self.trace.calls.len();
        self.trace.calls.push(call);
        self.trace.moments.push(Moment::Begins(number));
        Ok(Some(number))
    }

    fn end(&mut self, before: &[u8], line: &[u8], call: Option<usize>) -> Result<(), String> {
        let after = line.windows(3).rposition(|three| three == b" = ").map(|at| &line[at + 3..]);
        let after = after.ok_or("a call without a result")?;
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        // `?`: the process was killed in the middle.
        let result: Option<i64> = text(&after[..digits])?.parse().ok();
        let Some(number) = call else {
            if before.starts_with(b"openat(") && before.windows(7).any(|seven| seven == b"O_CREAT") {
                self.opened(result, &after[digits..])?;
            }
            return Ok(());
        };
        let failed = match (&self.trace.calls[number], result) {
            // A sync that did not succeed promises nothing: it never ends.
            (Call::Sync(_), code) if code != Some(0) => return Ok(()),
            (Call::Write { bytes, .. }, Some(written)) if usize::try_from(written) != Ok(bytes.len()) => {
                Some("a write that was cut short or failed")
            }
            (Call::Length { .. }, Some(code)) if code != 0 => Some("a file kept its length"),
            _ => None,
        };
        self.failed = self.failed.or(failed);
        if failed.is_some() || result.is_none() {
            self.struck.push(number);
        } else {
            self.trace.moments.push(Moment::Ends(number));
        }
        Ok(())
    }

    /// A file that may have been made just now; whether it was there before, the disk model knows.
    fn opened(&mut self, result: Option<i64>, file: &[u8]) -> Result<(), String> {
        if result.is_none_or(|fd| fd < 0) {
            return Ok(());
        }
        let Some(path) = annotation(file)?.filter(|path| self.is_ours(path)) else { return Ok(()) };
        let number = self.trace.calls.len();
        self.trace.calls.push(Call::Create(path));
        self.trace.moments.extend([Moment::Begins(number), Moment::Ends(number)]);
        Ok(())
    }
}

impl Reader<'_> {
    /// The database, its WAL and its rollback journal. Not `-shm`: SQLite never reads it after a restart.
    fn is_ours(&self, path: &str) -> bool {
        let base = self.base.to_string_lossy();
        path.strip_prefix(&*base).is_some_and(|end| ["", "-wal", "-journal"].contains(&end))
    }

    fn read(&self, line: &[u8]) -> Result<Option<Call>, String> {
        let paren = line.iter().position(|byte| *byte == b'(').ok_or("not a call")?;
        let (name, rest) = (text(&line[..paren])?, &line[paren + 1..]);
        match name {
            "openat" => return Ok(None),
            "unlink" | "unlinkat" => return self.removed(rest),
            "rename" | "renameat" | "renameat2" => {
                let ours = strings(rest)?.iter().any(|name| {
                    text(name).is_ok_and(|name| {
                        self.base.file_name().is_some_and(|base| {
                            name.rsplit('/')
                                .next()
                                .is_some_and(|last| last.starts_with(&*base.to_string_lossy()))
                        })
                    })
                });
                return if ours { Err("a renamed database".into()) } else { Ok(None) };
            }
            _ => (),
        }
        let file = annotation(rest)?;
        let Some(file) = file else { return Ok(self.said(rest)?.map(Call::Say)) };
        if !self.is_ours(&file) {
            let folder = self.base.parent().is_some_and(|folder| folder == Path::new(&file));
            return match name {
                "fsync" | "fdatasync" if folder => Ok(Some(Call::Sync(file))),
                "write" | "writev" => Ok(self.said(rest)?.map(Call::Say)),
                _ => Ok(None),
            };
        }
        match name {
            "fsync" | "fdatasync" => Ok(Some(Call::Sync(file))),
            "pwrite64" => {
                let bytes = strings(rest)?.concat();
                let at = *numbers(rest).last().ok_or("a write without a place")?;
                Ok(Some(Call::Write { file, at, bytes }))
            }
            "ftruncate" => {
                let bytes = *numbers(rest).last().ok_or("a length without a number")?;
                Ok(Some(Call::Length { file, bytes }))
            }
            _ => Err("a call on the database that the model does not know".into()),
        }
    }

    fn removed(&self, rest: &[u8]) -> Result<Option<Call>, String> {
        let name = PathBuf::from(text(&strings(rest)?.concat())?);
        // `unlinkat(5</folder>, "name")`; an absolute name stays what it is.
        let path = annotation(rest)?.map_or(name.clone(), |folder| Path::new(&folder).join(&name));
        let path = path.to_string_lossy().into_owned();
        Ok(self.is_ours(&path).then_some(Call::Remove(path)))
    }

    fn said(&self, rest: &[u8]) -> Result<Option<Heard>, String> {
        Ok((self.heard)(&strings(rest)?.concat()))
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

/// Both ends of a line, for an error.
fn show(line: &[u8]) -> String {
    let (start, end) = (line.len().min(300), line.len().saturating_sub(150).max(300).min(line.len()));
    format!("{} … {}", String::from_utf8_lossy(&line[..start]), String::from_utf8_lossy(&line[end..]))
}

/// `\x2f\x61` as bytes, up to the first byte that is not written so; and how many bytes of text that took.
fn unescape(text: &[u8]) -> Result<(Vec<u8>, usize), String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut used = 0;
    for four in text.chunks_exact(4) {
        if !four.starts_with(b"\\x") {
            break;
        }
        let (Some(high), Some(low)) = (digit(four[2]), digit(four[3])) else {
            return Err("a byte that is not two hexadecimal digits".into());
        };
        bytes.push(high * 16 + low);
        used += 4;
    }
    Ok((bytes, used))
}

/// The path that `-y` puts behind a descriptor at the start of `text`: `7<\x2f…>`, `AT_FDCWD<\x2f…>`. None for sockets,
/// pipes and files that are gone.
fn annotation(text: &[u8]) -> Result<Option<String>, String> {
    let word = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let Some(path) = text[word..].strip_prefix(b"<") else { return Ok(None) };
    let (bytes, used) = unescape(path)?;
    let gone = path[used..].starts_with(b">(deleted)");
    if bytes.is_empty() || gone {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Every quoted string of a call.
fn strings(mut text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut found = Vec::new();
    while let Some(at) = text.iter().position(|byte| *byte == b'"') {
        let (bytes, used) = unescape(&text[at + 1..])?;
        let rest = text[at + 1 + used..].strip_prefix(b"\"").ok_or("a string without an end")?;
        if rest.starts_with(b"...") {
            return Err("strace cut a string short; record with a larger -s".into());
        }
        found.push(bytes);
        text = rest;
    }
    Ok(found)
}

/// The numbers after the last string or path of a call.
fn numbers(text: &[u8]) -> Vec<usize> {
    let from = text.iter().rposition(|byte| matches!(byte, b'"' | b'>')).map_or(0, |at| at + 1);
    let rest = String::from_utf8_lossy(&text[from..]).into_owned();
    let rest = rest.split(')').next().unwrap_or_default().to_owned();
    rest.split(',').filter_map(|number| number.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths and strings as `-xx` writes them: `«…»` stands for the escaped text.
    fn escaped(line: &str) -> Vec<u8> {
        let mut out = String::new();
        for (number, part) in line.split(['«', '»']).enumerate() {
            if number % 2 == 0 {
                out.push_str(part);
            } else {
                part.bytes().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
            }
        }
        out.into_bytes()
    }

    fn heard(bytes: &[u8]) -> Option<Heard> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.strip_prefix("ack ").and_then(|rest| rest.trim().parse().ok()).map(Heard::Kept)
    }

    fn read(lines: &[&str]) -> Result<Trace, String> {
        let mut reader = Reader::new(Path::new("/d/mw.db"), &heard);
        for line in lines {
            reader.line(&escaped(line))?;
        }
        reader.ended(&Image::new())?;
        Ok(reader.done())
    }

    #[test]
    fn a_sync_that_was_interrupted_ends_where_it_was_resumed() {
        let trace = read(&[
            r#"10  pwrite64(12<«/d/mw.db-wal»>, "«ab»", 2, 32) = 2"#,
            r"10  fsync(12<«/d/mw.db-wal»> <unfinished ...>",
            r#"11  writev(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base="«ack »", iov_len=4}, {iov_base="«7»", iov_len=1}], 2) = 5"#,
            r"10  <... fsync resumed>)                  = 0",
        ]);
        let trace = trace.unwrap();
        assert_eq!(
            trace.calls[0],
            Call::Write { file: "/d/mw.db-wal".into(), at: 32, bytes: b"ab".to_vec() }
        );
        assert_eq!(trace.calls[1], Call::Sync("/d/mw.db-wal".into()));
        assert_eq!(trace.calls[2], Call::Say(Heard::Kept(7)));
        use Moment::{Begins, Ends};
        let order = [Begins(0), Ends(0), Begins(1), Begins(2), Ends(2), Ends(1)];
        assert_eq!(trace.moments, order);
    }

    #[test]
    fn files_come_and_go_and_others_are_left_out() {
        let trace = read(&[
            r#"1 openat(AT_FDCWD<«/»>, "«/d/mw.db»", O_RDWR|O_CREAT, 0644 <unfinished ...>"#,
            r"1 <... openat resumed>) = 3<«/d/mw.db»>",
            r#"1 openat(AT_FDCWD<«/»>, "«/d/mw.db-shm»", O_RDWR|O_CREAT, 0644) = 4<«/d/mw.db-shm»>"#,
            r#"1 openat(AT_FDCWD<«/»>, "«/d/mw.db»", O_RDWR) = 5<«/d/mw.db»>"#,
            r"1 fdatasync(5<«/d»>) = 0",
            r"1 ftruncate(3<«/d/mw.db»>, 8192) = 0",
            r#"1 unlink("«/d/mw.db-journal»") = 0"#,
            r#"1 unlinkat(5<«/d»>, "«mw.db-wal»", 0) = 0"#,
            r#"1 pwrite64(6<«/d/mw.db-wal»>(deleted), "«a»", 1, 0) = 1"#,
            r"1 fsync(3<«/d/mw.db»>) = -1 EIO (Input/output error)",
            "1 +++ exited with 0 +++",
        ]);
        let file = |name: &str| format!("/d/{name}");
        let expected = [
            Call::Create(file("mw.db")),
            Call::Sync("/d".into()),
            Call::Length { file: file("mw.db"), bytes: 8192 },
            Call::Remove(file("mw.db-journal")),
            Call::Remove(file("mw.db-wal")),
            Call::Sync(file("mw.db")),
        ];
        let trace = trace.unwrap();
        assert_eq!(trace.calls, expected);
        assert!(!trace.moments.contains(&Moment::Ends(5)), "a sync that failed promised something");
    }

    #[test]
    fn what_a_kill_struck_is_what_the_file_holds() {
        let lines = [
            r#"1 pwrite64(3<«/d/mw.db-wal»>, "«abcd»", 4, 1) = ? <unavailable>"#,
            r#"2 pwrite64(3<«/d/mw.db-wal»>, "«xyz»", 3, 5 <unfinished ...>"#,
            r#"3 pwrite64(3<«/d/mw.db-wal»>, "«abc»", 3, 2) = -1 (errno 18446744073709551572)"#,
            r"3 fsync(3<«/d/mw.db-wal»>) = ?",
            "2 +++ killed by SIGKILL +++",
        ];
        let mut reader = Reader::new(Path::new("/d/mw.db"), &heard);
        lines.iter().for_each(|line| reader.line(&escaped(line)).unwrap());
        reader.ended(&Image::from([("-wal".into(), b"-ab-----".to_vec())])).unwrap();
        let trace = reader.done();
        let bytes = |call: &Call| if let Call::Write { bytes, .. } = call { bytes.clone() } else { vec![] };
        assert_eq!(
            trace.calls.iter().map(bytes).collect::<Vec<_>>(),
            [b"ab".to_vec(), vec![], vec![], vec![]]
        );
        assert!((0..3).all(|number| trace.moments.contains(&Moment::Ends(number))));
        assert!(!trace.moments.contains(&Moment::Ends(3)), "a sync that nobody saw end promised something");
    }

    #[test]
    fn what_the_model_cannot_follow_is_an_error() {
        for line in [
            r#"1 write(3<«/d/mw.db»>, "«a»", 1) = 1"#,
            r#"1 pwrite64(3<«/d/mw.db»>, "«ab»", 2, 0) = 1"#,
            r#"1 pwrite64(3<«/d/mw.db»>, "«ab»"..., 9000, 0) = 9000"#,
            r#"1 rename("«/x»", "«/d/mw.db-wal»") = 0"#,
            r"1 fallocate(3<«/d/mw.db»>, 0, 0, 8192) = 0",
        ] {
            assert!(read(&[line]).is_err(), "{line}");
        }
    }
}
