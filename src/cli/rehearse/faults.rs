//! The faults by name: what `--faults` takes, and what each of them is.
//!
//! `all`, `none`, or names with commas between them. What a fault does to the helpdesk is in `bends`, what it does to
//! the calls in `load`, and the kills are in `kills`.

use std::collections::BTreeSet;

use clap::ValueEnum;

/// What can go wrong. The first line of each is what `--faults list` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(super) enum Fault {
    /// the daemon is killed without warning, at random, at an effect, at a 200, while it starts (always on)
    #[value(name = "kill-9")]
    Kill9,
    /// the daemon is asked to stop, as systemd does, in the middle of work
    Sigterm,
    /// a write is applied and its answer is a reset, silence, 502, 504 or half a body
    AppliedAnswerLost,
    /// a write is answered with 504 and applied later
    AppliedLate,
    /// a write is answered with 200 and not applied
    NotApplied,
    /// reads show the past
    ReadLag,
    /// in the last quarter of the run lists of tickets answer 403
    ListForbidden,
    /// 200 with an error in it, 500, 400 to a reply, bodies that are no JSON, bodies above 4 MiB
    ErrorShapes,
    /// everything is answered with 429 for a while
    #[value(name = "storm-429")]
    Storm429,
    /// another program with the same key uses the window up
    OtherClient,
    /// the helpdesk answers 503 to everything, or not at all
    HelpdeskDown,
    /// answers take their time
    SlowHelpdesk,
    /// a new ticket is not found for a moment
    NewTicketHidden,
    /// an agent answers before the daemon reads, or while it writes
    AgentFirst,
    /// the customer writes again while the daemon works
    CustomerWritesMeanwhile,
    /// calls come many times at once, on connections of their own
    DuplicateCalls,
    /// calls that never leave the helpdesk
    LostCalls,
    /// bodies with unescaped text, forms, XML, and bodies that name no ticket
    BrokenBodies,
    /// automatic answers to our answers, and calls for our own words
    MailLoops,
    /// a second daemon is started on the same database
    SecondDaemon,
    /// the helpdesk refuses the key for a while
    RevokedKey,
}

impl Fault {
    /// The name as `--faults` takes it.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What it is, in words.
    pub(super) fn words(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }
}

/// The faults of one run. Without any, the daemon is not killed either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Faults(BTreeSet<Fault>);

impl Faults {
    /// Every one.
    pub(super) fn all() -> Self {
        Self(Fault::value_variants().iter().copied().collect())
    }

    /// Reads `all`, `none` or names.
    ///
    /// # Errors
    /// Words that name the nearest fault.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => return Ok(Self::all()),
            "none" => return Ok(Self::default()),
            _ => {}
        }
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut found = names.map(one).collect::<Result<BTreeSet<_>, _>>()?;
        if found.is_empty() {
            return Err("name a fault, or say all or none".to_owned());
        }
        found.insert(Fault::Kill9);
        Ok(Self(found))
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Fault> {
        self.0.iter().copied()
    }

    /// As it was asked for: `all`, `none`, or the names.
    pub(super) fn names(&self) -> String {
        if *self == Self::all() {
            return "all".to_owned();
        }
        let names: Vec<String> = self.iter().map(Fault::name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(",") }
    }
}

fn one(name: &str) -> Result<Fault, String> {
    if let Ok(fault) = Fault::from_str(name, true) {
        return Ok(fault);
    }
    let nearest = Fault::value_variants()
        .iter()
        .map(|fault| (strsim::damerau_levenshtein(name, &fault.name()), fault.name()))
        .min()
        .filter(|(distance, known)| *distance <= 3.max(known.len() / 3));
    Err(match nearest {
        Some((_, known)) => format!("there is no fault `{name}`; did you mean `{known}`?"),
        None => format!("there is no fault `{name}`; `--faults list` shows them"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_none_and_names_are_read() {
        assert_eq!(Faults::parse("all").unwrap().iter().count(), Fault::value_variants().len());
        assert_eq!(Faults::parse("none").unwrap().iter().count(), 0);
        let some = Faults::parse("storm-429, read-lag").unwrap();
        assert_eq!(some.names(), "kill-9,read-lag,storm-429", "the kills are always in");
        assert!(some.has(Fault::ReadLag) && !some.has(Fault::Sigterm));
        assert_eq!(Faults::parse(&some.names()).unwrap(), some);
        assert_eq!((Faults::all().names(), Faults::default().names()), ("all".into(), "none".into()));
    }

    #[test]
    fn an_unknown_name_names_the_nearest_one() {
        let error = Faults::parse("kill-9,applied-answer-los").unwrap_err();
        assert!(error.ends_with("did you mean `applied-answer-lost`?"), "{error}");
        assert!(Faults::parse("storm429").unwrap_err().contains("`storm-429`"));
        assert!(Faults::parse("xyzzy-plugh-and-nothing-else").unwrap_err().contains("--faults list"));
        assert!(Faults::parse(" , ").is_err());
    }

    #[test]
    fn every_fault_says_what_it_is() {
        for fault in Fault::value_variants() {
            assert!(!fault.words().is_empty() && !fault.words().ends_with('.'), "{fault:?}");
        }
    }
}
