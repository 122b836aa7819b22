//! What a model learns from: the starter pack, the configuration's examples, the shop's files; and what in them is of
//! no intent that the configuration knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::classify::model::examples::{self, BACKGROUND, EXAMPLES_MAX, Example, Flag, Source};
use crate::cli::print::clean;
use crate::cli::session::Failure;
use crate::config::Config;
use crate::config::starter::INTENTS;

/// Lines of one unknown intent that are named.
const LINES_SHOWN: usize = 5;

/// Examples to learn from.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) examples: Vec<Example>,
    /// Examples of intents that the configuration has switched off, by intent.
    pub(super) left_out: BTreeMap<String, usize>,
}

/// Everything that a training learns from. `replace`: without the starter pack.
///
/// # Errors
/// A file that does not read, or an intent that nobody knows, with its lines.
pub(super) fn gather(config: &Config, files: &[PathBuf], replace: bool) -> Result<Gathered> {
    let known = Known::of(config);
    let mut all = if replace { Vec::new() } else { examples::starter()? };
    all.extend(configured(config));
    let mut problems = Vec::new();
    for path in files {
        match read(path) {
            Ok(lines) => {
                problems.extend(known.problems(path, &lines));
                all.extend(lines.into_iter().map(|(_, example)| example));
            }
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::wrong(problems.join("\n")));
    }
    if all.len() > EXAMPLES_MAX {
        let count = all.len();
        return Err(Failure::wrong(format!(
            "{count} messages, at most {EXAMPLES_MAX}; take the newest ones"
        )));
    }
    let mut left_out = BTreeMap::new();
    all.retain(|example| {
        let off = known.off.contains(example.intent.as_str());
        if off {
            *left_out.entry(example.intent.clone()).or_insert(0) += 1;
        }
        !off
    });
    Ok(Gathered { examples: all, left_out })
}

/// The configuration's own examples.
pub(crate) fn configured(config: &Config) -> Vec<Example> {
    let intents = config.intents.0.iter().filter(|(_, settings)| settings.enabled != Some(false));
    let one = |intent: &str, text: &String| Example {
        intent: intent.to_owned(),
        text: text.clone(),
        flag: Flag::None,
        source: Source::Config,
    };
    intents
        .flat_map(|(intent, settings)| settings.examples.iter().map(move |text| one(intent.as_str(), text)))
        .filter(|example| !example.text.trim().is_empty())
        .collect()
}

fn read(path: &Path) -> Result<Vec<(u64, Example)>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    examples::read_lines(file, Source::Shop).with_context(|| path.display().to_string())
}

/// The intents of a configuration.
struct Known<'a> {
    names: BTreeSet<&'a str>,
    off: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn of(config: &'a Config) -> Self {
        let own = &config.intents.0;
        let mut names: BTreeSet<&str> = INTENTS.iter().map(|intent| intent.name).collect();
        names.extend(own.keys().map(|intent| intent.as_str()));
        names.insert(BACKGROUND);
        let off = own.iter().filter(|(_, settings)| settings.enabled == Some(false));
        Self { names, off: off.map(|(intent, _)| intent.as_str()).collect() }
    }

    /// Each unknown intent with its lines and the nearest known one.
    fn problems(&self, path: &Path, lines: &[(u64, Example)]) -> Vec<String> {
        let mut unknown: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (line, example) in lines {
            if !self.names.contains(example.intent.as_str()) {
                unknown.entry(&example.intent).or_default().push(*line);
            }
        }
        unknown.iter().map(|(name, lines)| self.problem(path, name, lines)).collect()
    }

    fn problem(&self, path: &Path, name: &str, lines: &[u64]) -> String {
        let shown: Vec<String> = lines.iter().take(LINES_SHOWN).map(ToString::to_string).collect();
        let more = match lines.len().saturating_sub(LINES_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = if lines.len() == 1 { "line" } else { "lines" };
        let folded = name.to_lowercase().replace(['-', ' '], "_");
        let nearest = self
            .names
            .iter()
            .map(|known| (strsim::damerau_levenshtein(&folded, known), *known))
            .filter(|(distance, known)| *distance <= 3.max(known.len() / 3))
            .min();
        let hint = match nearest {
            Some((_, known)) => format!("did you mean {known}?"),
            None => "add it under [intents] in the configuration, or name one that is there".to_owned(),
        };
        let (path, name) = (path.display(), clean(name));
        format!("{path}, {what} {}{more}: there is no intent \"{name}\"; {hint}", shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IntentSettings;

    fn gathered(config: &Config, data: &str, replace: bool) -> Result<Gathered, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tickets.csv");
        std::fs::write(&path, data).unwrap();
        gather(config, &[path], replace).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn an_unknown_intent_is_named_with_its_lines_and_the_nearest_one() {
        let data =
            "text,intent\na,order_stauts\n\"b\nb\",thanks\nc,Order-Status\nd,order_stauts\ne,zzzzzzzzzzz\n";
        let error = gathered(&Config::default(), data, false).unwrap_err();
        for wanted in [
            "tickets.csv, lines 2, 6: there is no intent \"order_stauts\"; did you mean order_status?",
            "line 5: there is no intent \"Order-Status\"; did you mean order_status?",
            "line 7: there is no intent \"zzzzzzzzzzz\"; add it under [intents]",
        ] {
            assert!(error.contains(wanted), "{error}");
        }
        assert!(!error.contains("thanks"), "{error}");
    }

    #[test]
    fn every_source_counts_as_what_it_is_and_what_is_switched_off_is_left_out() {
        let mut config = Config::default();
        let settings = |enabled, examples: &[&str]| IntentSettings {
            enabled,
            examples: examples.iter().map(ToString::to_string).collect(),
            ..IntentSettings::default()
        };
        config.intents.0.insert("order_status".into(), settings(None, &["any news of my box"]));
        config.intents.0.insert("gift_cards".into(), settings(None, &["a voucher"]));
        config.intents.0.insert("partnership".into(), settings(Some(false), &["sponsor me"]));
        let data = "text,intent\nmy voucher,gift_cards\nsponsor us,partnership\nweather?,background\n";
        let found = gathered(&config, data, true).unwrap();
        let of = |source| {
            let texts = found.examples.iter().filter(|one| one.source == source);
            texts.map(|one| (one.intent.as_str(), one.text.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(of(Source::Starter), []);
        assert_eq!(of(Source::Config), [("gift_cards", "a voucher"), ("order_status", "any news of my box")]);
        assert_eq!(of(Source::Shop), [("gift_cards", "my voucher"), ("background", "weather?")]);
        assert_eq!(found.left_out, BTreeMap::from([("partnership".to_owned(), 1)]));
        let with_pack = gathered(&config, data, false).unwrap();
        assert!(with_pack.left_out["partnership"] > 10, "the starter pack's too");
        assert!(with_pack.examples.len() > 4_000);
    }

    #[test]
    fn a_file_that_is_no_table_is_refused_by_name() {
        let error = gathered(&Config::default(), "\u{0}\u{1}garbage", false).unwrap_err();
        assert!(error.contains("tickets.csv") && error.contains("column"), "{error}");
        let missing = gather(&Config::default(), &["/nonexistent/x.csv".into()], false).unwrap_err();
        assert!(format!("{missing:#}").contains("cannot read /nonexistent/x.csv"), "{missing:#}");
    }
}
