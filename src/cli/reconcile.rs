//! `reconcile`: has the running daemon look for tickets that no call told it of, or take in an exported file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Exit;
use super::export;
use super::print::{Tone, clean, cut, paint, pair};
use super::session::{Failure, Session};
use super::steer::asked;
use crate::daemon::control::Request;
use crate::timer::reconcile::{CsvRow, Report};

/// Rows of one request: the control socket takes 16 MiB.
const ROWS_A_REQUEST: usize = 20_000;
/// Remarks on the file that are shown.
const NOTES_SHOWN: usize = 20;

/// Look for missed tickets.
#[derive(Debug, Args)]
pub(super) struct Reconcile {
    /// An exported file with a column ticket_id or conversation_no, and perhaps updated_at; - reads standard input
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

#[derive(Debug, Default, Serialize)]
struct Done {
    #[serde(flatten)]
    report: Report,
    /// Rows of the file that named a ticket.
    rows: Option<usize>,
    /// What of the file was skipped or left out.
    file_notes: Vec<String>,
}

impl Reconcile {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let database = session.load()?.config.store.path;
        let done = match &self.csv {
            None => Done { report: ask(&database, None)?, ..Done::default() },
            Some(file) => take_in(&database, file)?,
        };
        session.show(&done, |_| page(&done))?;
        Ok(Exit::Good)
    }
}

fn take_in(database: &Path, file: &Path) -> Result<Done> {
    let bytes =
        read(file).map_err(|error| Failure::wrong(format!("cannot read {}: {error}", file.display())))?;
    let export = export::read(&bytes).map_err(|why| Failure::wrong(format!("{}: {why}", file.display())))?;
    if export.rows.is_empty() && export.notes.is_empty() {
        return Err(Failure::wrong(format!("{}: the file has no rows below its header", file.display())));
    }
    let mut done = Done { rows: Some(export.rows.len()), file_notes: export.notes, ..Done::default() };
    done.report.methods.push("csv".into());
    for rows in export.rows.chunks(ROWS_A_REQUEST) {
        let part = ask(database, Some(rows.to_vec()))?;
        done.report.looked_at += part.looked_at;
        done.report.found += part.found;
        done.report.calls += part.calls;
        done.report.notes.extend(part.notes);
    }
    Ok(done)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(file)
}

fn ask(database: &Path, csv: Option<Vec<CsvRow>>) -> Result<Report> {
    let answer = asked(database, &Request::Reconcile { csv })?.ok_or_else(|| {
        Failure::cannot("no daemon is running here, and only it may call the helpdesk; start it (richpanel-mw run), then try again")
    })?;
    Ok(serde_json::from_value(answer.map_err(|why| Failure::cannot(clean(&why)))?)?)
}

fn page(done: &Done) -> String {
    let Report { methods, looked_at, found, calls, notes, .. } = &done.report;
    let methods = if methods.is_empty() {
        "none (method = \"csv\": give --csv FILE)".to_owned()
    } else {
        methods.join(", ")
    };
    let mut text = pair("method", &methods);
    if let Some(rows) = done.rows {
        text.push_str(&pair("rows", &rows.to_string()));
    }
    text.push_str(&pair("looked at", &format!("{looked_at} tickets")));
    let tone = if *found > 0 { Tone::Warn } else { Tone::Good };
    text.push_str(&pair(
        "found",
        &paint(tone, &format!("{found} that nobody had told us of; they are queued")),
    ));
    text.push_str(&numbers(&done.report));
    text.push_str(&pair("API calls", &calls.to_string()));
    for note in notes.iter().chain(&done.file_notes).take(NOTES_SHOWN) {
        text.push_str(&pair("note", &cut(note, 200)));
    }
    let more = (notes.len() + done.file_notes.len()).saturating_sub(NOTES_SHOWN);
    if more > 0 {
        text.push_str(&pair("note", &format!("and {more} more: --json shows all")));
    }
    text
}

/// Conversation numbers that nothing told us of; nothing when there are none.
fn numbers(report: &Report) -> String {
    let Report { missing, looked_up, numbers_found, .. } = report;
    if *missing == 0 && *looked_up == 0 {
        return String::new();
    }
    let mut words = format!("{missing} conversation numbers below the highest, not settled yet");
    if *looked_up > 0 {
        words.push_str(&format!("; {looked_up} looked up now, {numbers_found} with a ticket"));
    }
    pair("missing", &words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::control::Control;
    use std::sync::{Arc, Mutex};

    #[test]
    fn without_a_daemon_it_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let why = ask(&folder.path().join("mw.db"), None).unwrap_err().to_string();
        assert!(why.contains("no daemon is running"), "{why}");
    }

    #[test]
    fn a_file_without_rows_is_said_to_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("export.csv");
        std::fs::write(&file, "ticket_id,updated_at\n").unwrap();
        let why = take_in(&folder.path().join("mw.db"), &file).unwrap_err().to_string();
        assert!(why.contains("no rows"), "{why}");
        // Rows that all had to be skipped are no error, and not "give a file".
        std::fs::write(&file, "conversation_no\nx\n").unwrap();
        let text = page(&take_in(&folder.path().join("mw.db"), &file).unwrap());
        assert!(text.contains("skipped") && !text.contains("give --csv"), "{text}");
    }

    #[test]
    fn what_was_missing_and_found_is_said() {
        let report = Report { missing: 3, looked_up: 2, numbers_found: 1, ..Report::default() };
        let text = page(&Done { report, ..Done::default() });
        assert!(text.contains("3 conversation numbers") && text.contains("1 with a ticket"), "{text}");
        assert!(!page(&Done::default()).contains("missing"));
    }

    #[test]
    fn a_long_file_goes_in_parts_and_comes_back_as_one_report() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        let asked: Arc<Mutex<Vec<usize>>> = Arc::default();
        let seen = Arc::clone(&asked);
        let _control = Control::listen(
            &database,
            Arc::new(move |request| {
                let Request::Reconcile { csv: Some(rows) } = request else { return Err("what?".into()) };
                seen.lock().unwrap().push(rows.len());
                let found = u32::try_from(rows.len()).unwrap();
                Ok(serde_json::to_value(Report { found, ..Report::default() }).unwrap())
            }),
        )
        .unwrap();
        let file = folder.path().join("export.csv");
        let rows: String = (1..=ROWS_A_REQUEST + 1).map(|number| format!("{number}\n")).collect();
        std::fs::write(&file, format!("conversation_no\n{rows}x\n")).unwrap();
        let done = take_in(&database, &file).unwrap();
        assert_eq!(*asked.lock().unwrap(), [ROWS_A_REQUEST, 1]);
        assert_eq!(done.report.found as usize, ROWS_A_REQUEST + 1);
        assert_eq!(done.file_notes.len(), 1);
        assert!(page(&done).contains("20001 that nobody"), "{}", page(&done));
    }
}
