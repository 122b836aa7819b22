//! soon
use super::{Classifier, Input, Verdict, phrases::PhraseClassifier};
use std::collections::BTreeMap;
const TUNED: &str = include_str!("testdata/messages.tsv");
fn built_in() -> PhraseClassifier {
    match PhraseClassifier::new(&BTreeMap::new(), &[]) {
        Ok(c) => c,
        Err(e) => panic!("{e}"),
    }
}
#[test]
fn probe() {
    let c = built_in();
    let file = std::env::var("PROBE").unwrap_or_default();
    let data = if file.is_empty() { TUNED.to_owned() } else { std::fs::read_to_string(file).unwrap() };
    for line in data.lines() {
        let f: Vec<&str> = line.splitn(4, '\t').collect();
        if f.len() < 4 {
            continue;
        }
        let text = f[3].replace("\\n", "\n");
        let v: Verdict = c.classify(&Input { text: &text, subject: "" });
        let r: Vec<String> = v
            .ranked
            .iter()
            .map(|r| {
                format!(
                    "{}:{:.2}[{}]",
                    r.intent.as_str(),
                    r.confidence,
                    r.why.iter().map(|w| w.rule.clone()).collect::<Vec<_>>().join(" ; ")
                )
            })
            .collect();
        println!(
            "@@{}\t{}\t{}\t{}\t{:?}\t{}\t{}",
            f[0],
            f[2],
            f[3],
            v.urgent.len(),
            v.cautions,
            r.join(" | "),
            v.primary().0.as_str().to_owned() + &format!(":{:.3}", v.primary().1)
        );
    }
}

#[test]
fn classify_every_built_in_phrase_compiles() {
    use super::lexicon::Lexicon;
    use super::pattern::{Lists, Pattern};
    let book = super::phrases::built_in().unwrap();
    let lists = Lists { words: &book.words, aliases: &book.alias };
    let mut lexicon = Lexicon::default();
    let bad: Vec<String> = super::phrases::drafts(&book)
        .iter()
        .filter_map(|(_, _, phrase)| {
            Pattern::compile(phrase, &lists, &mut lexicon).err().map(|why| format!("{phrase}: {why}"))
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
