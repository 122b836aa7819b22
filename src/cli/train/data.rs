//! What a model learns from: the starter pack, the configuration's examples, the shop's files; and what in them is of
//! no intent that the configuration knows, or flagged as what it cannot be.
//!
//! A shop's messages may replace the starter pack, except for its net: without anybody's urgent messages a model would
//! silently stop seeing them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::classify::model::examples::{self, BACKGROUND, EXAMPLES_MAX, Example, Flag, Source};
use crate::cli::print::clean;
use crate::cli::session::Failure;
use crate::config::starter::INTENTS;
use crate::config::{Config, MayAnswer};

/// Lines of one mistake that are named.
const LINES_SHOWN: usize = 5;
/// Examples of an urgent intent below which a model hardly knows it.
const URGENT_MIN: usize = 20;

/// How much of the starter pack is learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pack {
    /// All of it.
    Whole,
    /// Its net alone: the urgent intents, and background, from which they are told.
    Net,
    /// Nothing.
    Nothing,
}

/// Examples to learn from.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) examples: Vec<Example>,
    /// Examples of intents that the configuration has switched off, by intent.
    pub(super) left_out: BTreeMap<String, usize>,
    /// Examples of the starter pack that were kept although the shop's replace it.
    pub(super) net_kept: usize,
    /// Urgent intents with too few examples to be caught by the model, with how many.
    pub(super) net_thin: BTreeMap<String, usize>,
}

/// Everything that a training learns from.
///
/// # Errors
/// A file that does not read, an intent that nobody knows, or a plain question that facts cannot answer; with lines.
pub(super) fn gather(config: &Config, files: &[PathBuf], pack: Pack) -> Result<Gathered> {
    let known = Known::of(config);
    let mut all = of_pack(pack)?;
    all.extend(configured(config));
    let mut problems = Vec::new();
    for path in files {
        match read(path) {
            Ok(lines) => {
                problems.extend(known.problems(path, &lines));
                problems.extend(known.not_plain(path, &lines));
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
    let net_kept = match pack {
        Pack::Net => all.iter().filter(|example| example.source == Source::Starter).count(),
        Pack::Whole | Pack::Nothing => 0,
    };
    let net_thin = thin(&all, &known);
    Ok(Gathered { examples: all, left_out, net_kept, net_thin })
}

fn of_pack(pack: Pack) -> Result<Vec<Example>> {
    let mut all = if pack == Pack::Nothing { Vec::new() } else { examples::starter()? };
    if pack == Pack::Net {
        all.retain(|example| example.intent == BACKGROUND || urgent().any(|name| name == example.intent));
    }
    Ok(all)
}

/// The intents that a person must see at once.
fn urgent() -> impl Iterator<Item = &'static str> {
    INTENTS.iter().filter(|intent| intent.priority == 0).map(|intent| intent.name)
}

/// The urgent intents that are switched on and hardly known, with their examples.
fn thin(examples: &[Example], known: &Known<'_>) -> BTreeMap<String, usize> {
    let counted = urgent().filter(|name| !known.off.contains(name)).map(|name| {
        let of_it = examples.iter().filter(|example| example.intent == name).count();
        (name.to_owned(), of_it)
    });
    counted.filter(|(_, count)| *count < URGENT_MIN).collect()
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
    /// Those that facts can answer.
    factual: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn of(config: &'a Config) -> Self {
        let own = &config.intents.0;
        let mut names: BTreeSet<&str> = INTENTS.iter().map(|intent| intent.name).collect();
        names.extend(own.keys().map(|intent| intent.as_str()));
        names.insert(BACKGROUND);
        let off = own.iter().filter(|(_, settings)| settings.enabled == Some(false));
        let off = off.map(|(intent, _)| intent.as_str()).collect();
        let starter = INTENTS.iter().filter(|intent| intent.may_answer == MayAnswer::Facts);
        let mut factual: BTreeSet<&str> = starter.map(|intent| intent.name).collect();
        let own = own.iter().filter(|(_, settings)| settings.may_answer == Some(MayAnswer::Facts));
        factual.extend(own.map(|(intent, _)| intent.as_str()));
        Self { names, off, factual }
    }

    /// Plain questions of intents that facts do not answer, with their lines.
    fn not_plain(&self, path: &Path, lines: &[(u64, Example)]) -> Vec<String> {
        let mut wrong: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (line, example) in lines {
            let intent = example.intent.as_str();
            if example.flag == Flag::Plain && self.names.contains(intent) && !self.factual.contains(intent) {
                wrong.entry(intent).or_default().push(*line);
            }
        }
        let factual: Vec<String> = self.factual.iter().map(|intent| clean(intent)).collect();
        let sentence = |(intent, lines): (&&str, &Vec<u64>)| {
            format!(
                "{}, {}: the flag plain does not go with {}: facts answer only {}; empty the flag, or correct the intent",
                path.display(),
                named(lines),
                clean(intent),
                factual.join(", ")
            )
        };
        wrong.iter().map(sentence).collect()
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
        format!("{path}, {}: there is no intent \"{name}\"; {hint}", named(lines))
    }
}

/// `lines 2, 6`, `line 5`.
fn named(lines: &[u64]) -> String {
    let shown: Vec<String> = lines.iter().take(LINES_SHOWN).map(ToString::to_string).collect();
    let more = match lines.len().saturating_sub(LINES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = if lines.len() == 1 { "line" } else { "lines" };
    format!("{what} {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IntentSettings;

    fn gathered(config: &Config, data: &str, pack: Pack) -> Result<Gathered, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tickets.csv");
        std::fs::write(&path, data).unwrap();
        gather(config, &[path], pack).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn an_unknown_intent_is_named_with_its_lines_and_the_nearest_one() {
        let data =
            "text,intent\na,order_stauts\n\"b\nb\",thanks\nc,Order-Status\nd,order_stauts\ne,zzzzzzzzzzz\n";
        let error = gathered(&Config::default(), data, Pack::Whole).unwrap_err();
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
        let found = gathered(&config, data, Pack::Nothing).unwrap();
        let of = |source| {
            let texts = found.examples.iter().filter(|one| one.source == source);
            texts.map(|one| (one.intent.as_str(), one.text.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(of(Source::Starter), []);
        assert_eq!(of(Source::Config), [("gift_cards", "a voucher"), ("order_status", "any news of my box")]);
        assert_eq!(of(Source::Shop), [("gift_cards", "my voucher"), ("background", "weather?")]);
        assert_eq!(found.left_out, BTreeMap::from([("partnership".to_owned(), 1)]));
        let with_pack = gathered(&config, data, Pack::Whole).unwrap();
        assert!(with_pack.left_out["partnership"] > 10, "the starter pack's too");
        assert!(with_pack.examples.len() > 4_000);
    }

    #[test]
    fn a_file_that_is_no_table_is_refused_by_name() {
        let error = gathered(&Config::default(), "\u{0}\u{1}garbage", Pack::Whole).unwrap_err();
        assert!(error.contains("tickets.csv") && error.contains("column"), "{error}");
        let missing = gather(&Config::default(), &["/nonexistent/x.csv".into()], Pack::Whole).unwrap_err();
        assert!(format!("{missing:#}").contains("cannot read /nonexistent/x.csv"), "{missing:#}");
    }

    #[test]
    fn a_shop_that_replaces_the_starter_pack_keeps_its_net() {
        let data = "text,intent\nwhere is it,order_status\ni took it to my bank,chargeback\n";
        let kept = gathered(&Config::default(), data, Pack::Net).unwrap();
        let mut of_starter: BTreeMap<&str, usize> = BTreeMap::new();
        for example in kept.examples.iter().filter(|example| example.source == Source::Starter) {
            *of_starter.entry(&example.intent).or_default() += 1;
        }
        let names: Vec<&str> = of_starter.keys().copied().collect();
        let net =
            ["background", "chargeback", "fraud", "harassment", "legal_threat", "privacy_request", "safety"];
        assert_eq!(names, net);
        assert!(of_starter.values().all(|count| *count > 100), "{of_starter:?}");
        assert_eq!((kept.net_kept, kept.examples.len()), (of_starter.values().sum(), kept.net_kept + 2));
        assert_eq!(kept.net_thin, BTreeMap::new());

        let bare = gathered(&Config::default(), data, Pack::Nothing).unwrap();
        assert_eq!((bare.net_kept, bare.examples.len()), (0, 2));
        assert_eq!((bare.net_thin.len(), bare.net_thin["chargeback"]), (6, 1));
        let whole = gathered(&Config::default(), data, Pack::Whole).unwrap();
        assert_eq!((whole.net_kept, whole.net_thin.len()), (0, 0));
    }

    #[test]
    fn a_plain_question_of_an_intent_that_facts_do_not_answer_is_refused_with_its_lines() {
        let mut config = Config::default();
        let own = IntentSettings { may_answer: Some(MayAnswer::Facts), ..IntentSettings::default() };
        config.intents.0.insert("wheres_my_stuff".into(), own);
        let data = "text,intent,flag\na,thanks,plain\nb,order_status,plain\nc,thanks,plain\nd,background,plain\n\
                    e,wheres_my_stuff,plain\nf,fraud,trap\n";
        let error = gathered(&config, data, Pack::Whole).unwrap_err();
        for wanted in [
            "tickets.csv, lines 2, 4: the flag plain does not go with thanks: facts answer only order_status, ",
            "line 5: the flag plain does not go with background",
            "wheres_my_stuff; empty the flag",
        ] {
            assert!(error.contains(wanted), "{error}");
        }
        assert!(!error.contains("lines 2, 3") && !error.contains("fraud"), "{error}");
        let good =
            gathered(&config, "text,intent,flag\nb,order_status,plain\ne,wheres_my_stuff,plain\n", Pack::Net);
        assert!(good.is_ok(), "{good:?}");
    }
}
