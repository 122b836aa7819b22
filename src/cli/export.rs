//! Reading an exported file of tickets (`reconcile --csv`): whatever a spreadsheet makes of a CSV.
//!
//! A header row names `ticket_id` or `conversation_no`, and perhaps `updated_at`, in any case and spacing; commas,
//! semicolons or tabs; a byte order mark, quotes and blank lines are fine. A row that names no ticket is skipped and
//! said so by its line; a time that cannot be read costs the row its time only, because losing a ticket is worse.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::clock::from_millis;
use crate::event::Timestamp;
use crate::timer::reconcile::CsvRow;

/// Bytes of the longest ticket id; longer ones are no ids.
const ID_BYTES_MAX: usize = 512;

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Export {
    /// Rows that name a ticket.
    pub(super) rows: Vec<CsvRow>,
    /// What was skipped or left out, by line, in words.
    pub(super) notes: Vec<String>,
}

/// Where the columns stand.
struct Columns {
    ticket: Option<usize>,
    number: Option<usize>,
    updated: Option<usize>,
}

/// Reads a file's bytes.
///
/// # Errors
/// In words: not text, or without the columns.
pub(super) fn read(bytes: &[u8]) -> Result<Export, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("the file is UTF-16; save it as \"CSV UTF-8\"".into());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(bytes))
        .flexible(true)
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut records = reader.byte_records();
    let head = records.find(|record| !record.as_ref().is_ok_and(is_blank));
    let head = head.transpose().map_err(|error| error.to_string())?.ok_or("the file is empty")?;
    let columns = Columns::of(&head)?;
    let mut export = Export::default();
    let mut lines = Lines { bytes, at: 0, line: 1 };
    for record in records {
        let record = record.map_err(|error| error.to_string())?;
        if is_blank(&record) {
            continue;
        }
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        match columns.row(&record) {
            Ok((row, None)) => export.rows.push(row),
            Ok((row, Some(note))) => {
                export.notes.push(format!("line {line}: {note}"));
                export.rows.push(row);
            }
            Err(why) => export.notes.push(format!("line {line}: {why}; skipped")),
        }
    }
    Ok(export)
}

/// Which line a byte stands on; asked in rising order. The reader's own count stops before blank lines.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, byte: u64) -> usize {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let blank = self.bytes.iter().skip(byte).take_while(|byte| ends(byte)).count();
        let until = byte.saturating_add(blank).min(self.bytes.len());
        let passed = self.bytes.get(self.at..until).unwrap_or_default();
        // A lone carriage return ends a line too; a pair counts once.
        let pairs = passed.windows(2).filter(|pair| *pair == b"\r\n").count();
        self.line += passed.iter().filter(|byte| ends(byte)).count() - pairs;
        self.at = until;
        self.line
    }
}

fn is_blank(record: &csv::ByteRecord) -> bool {
    record.iter().all(<[u8]>::is_empty)
}

/// Whichever of the three stands most often in the first line that has any words.
fn delimiter(bytes: &[u8]) -> u8 {
    let head = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.trim_ascii().is_empty());
    let count = |delimiter: u8| head.unwrap_or_default().iter().filter(|byte| **byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// `Ticket ID`, `"TICKET-ID"` and `ticket_id` are one name.
fn column_name(field: &[u8]) -> String {
    let field = String::from_utf8_lossy(field).to_lowercase();
    let words = field.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

impl Columns {
    fn of(head: &csv::ByteRecord) -> Result<Self, String> {
        let names: Vec<String> = head.iter().map(column_name).collect();
        let place = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
        let columns = Self {
            ticket: place(&["ticket_id", "ticketid"]),
            number: place(&["conversation_no", "conversation_number", "conversationno"]),
            updated: place(&["updated_at", "updatedat"]),
        };
        if columns.ticket.is_none() && columns.number.is_none() {
            let found = crate::text::one_line(&names.join(", "), 200);
            return Err(format!(
                "the first row must name a column ticket_id or conversation_no; it names: {found}"
            ));
        }
        Ok(columns)
    }

    /// A row, with a remark where something of it is left out.
    fn row(&self, record: &csv::ByteRecord) -> Result<(CsvRow, Option<String>), String> {
        let field = |place: Option<usize>| {
            let field = record.get(place?)?;
            Some(String::from_utf8_lossy(field).into_owned()).filter(|field| !field.is_empty())
        };
        let ticket_id = field(self.ticket);
        if ticket_id.as_ref().is_some_and(|id| id.len() > ID_BYTES_MAX) {
            return Err("the ticket id is too long to be one".into());
        }
        let conversation_no = match field(self.number) {
            None => None,
            Some(text) => match text.trim_start_matches('#').parse::<i64>() {
                Ok(number) if number > 0 => Some(number),
                _ if ticket_id.is_some() => None,
                _ => {
                    return Err(format!(
                        "\"{}\" is no conversation number",
                        crate::text::one_line(&text, 40)
                    ));
                }
            },
        };
        if ticket_id.is_none() && conversation_no.is_none() {
            return Err("names no ticket".into());
        }
        let updated = field(self.updated);
        let updated_at = updated.as_deref().and_then(time);
        let note = updated.filter(|_| updated_at.is_none()).map(|text| {
            format!("\"{}\" is no time that can be read; taken without it", crate::text::one_line(&text, 40))
        });
        Ok((CsvRow { ticket_id, conversation_no, updated_at }, note))
    }
}

/// RFC 3339, `2026-02-09 00:31:40` and `2026-02-09` (UTC), or epoch milliseconds.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    if let Ok(ms) = text.parse::<i64>() {
        return (ms > 100_000_000_000).then(|| from_millis(ms));
    }
    let local =
        text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0))).ok()?;
    local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(id: Option<&str>, number: Option<i64>, at: Option<&str>) -> CsvRow {
        CsvRow {
            ticket_id: id.map(str::to_owned),
            conversation_no: number,
            updated_at: at.map(|at| at.parse().unwrap()),
        }
    }

    #[test]
    fn spreadsheets_write_the_same_table_in_many_ways() {
        let wanted = vec![
            row(Some("a"), None, Some("2026-02-09T00:31:40Z")),
            row(Some("<b,c@mail.example>"), None, None),
        ];
        for text in [
            "ticket_id,updated_at\na,2026-02-09T00:31:40Z\n\"<b,c@mail.example>\",\n",
            "\u{feff}TICKET_ID;UPDATED_AT\r\na;2026-02-09 00:31:40\r\n<b,c@mail.example>;\r\n",
            "\n\n\"Ticket ID\",\"Updated At\"\n\n\"a\",\"1770597100000\"\n,\n\"<b,c@mail.example>\",\"\"\n\n",
            "Subject\tticket-id\tUpdated_At\nx\ta\t2026-02-09T00:31:40.000Z\ny\t<b,c@mail.example>\n",
            " ticket id , updated at \n a , 2026-02-09T01:31:40+01:00 \n\" <b,c@mail.example> \", \n",
        ] {
            let export = read(text.as_bytes()).unwrap();
            assert_eq!(export, Export { rows: wanted.clone(), notes: vec![] }, "{text:?}");
        }
    }

    #[test]
    fn conversation_numbers_do_as_well() {
        let export = read(b"Conversation No.\n1401\n#1402\n").unwrap();
        assert_eq!(export.rows, [row(None, Some(1401), None), row(None, Some(1402), None)]);
    }

    #[test]
    fn a_bad_row_is_named_by_its_line_and_the_others_stay() {
        let export =
            read(b"conversation_no,updated_at\r\n1401,\nabc,\n\n-3,\n,2026-02-09\n1402,last week\n").unwrap();
        assert_eq!(export.rows, [row(None, Some(1401), None), row(None, Some(1402), None)]);
        let lines: Vec<&str> = export.notes.iter().filter_map(|note| note.split(':').next()).collect();
        assert_eq!(lines, ["line 3", "line 5", "line 6", "line 7"]);
    }

    #[test]
    fn a_file_without_the_columns_says_what_it_has() {
        let why = read(b"id;name\n1;x\n").unwrap_err();
        assert!(why.contains("ticket_id or conversation_no") && why.contains("id, name"), "{why}");
        assert!(read(b"").unwrap_err().contains("empty"));
        assert!(read(b"\xff\xfet\0i\0").unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_the_others() {
        let export = read(b"ticket_id\n\xff\xfe\nb\n").unwrap();
        assert_eq!(export.rows.len(), 2);
    }

    /// What spreadsheets and people put into a file: columns, separators, quotes that never end, bytes.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let known = vec![
            "ticket_id",
            "Conversation No.",
            "updated_at",
            ",",
            ";",
            "\t",
            "\"",
            "\"\"",
            "\n",
            "\r\n",
            "\r",
            "\u{feff}",
            "1401",
            "#1402",
            "-3",
            "9223372036854775808",
            "2026-02-30",
            "1770597100000",
            "9999999999999999999",
            "=1+1",
        ];
        prop_oneof![
            5 => prop::sample::select(known).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..40),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn no_file_whatever_makes_reading_panic(named in any::<bool>(), pieces in prop::collection::vec(piece(), 0..40)) {
            let head: &[u8] = if named { b"ticket_id,conversation_no,updated_at\n" } else { b"" };
            let bytes = [head, &pieces.concat()].concat();
            if let Ok(export) = read(&bytes) {
                let named = |row: &CsvRow| row.ticket_id.is_some() || row.conversation_no.is_some();
                prop_assert!(export.rows.iter().all(named));
            }
        }
    }
}
