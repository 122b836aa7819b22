//! `eval` as a person types it: files that are wrong, figures on a pipe, requirements that are met or not.

use std::path::{Path, PathBuf};

use richpanel_mw::classify::model::examples;

use super::mw;

const MESSAGES: &str = "text,intent,flag,language\n\
    Where is my order?,order_status,plain,en\n\
    Thank you so much!,thanks,,en\n\
    I want to pay with a gift card,gift_cards,,en\n\
    How is the weather in York?,other,stranger,en\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }
}

/// Exit code, standard output and standard error, without a configuration.
fn eval(arguments: &[&str]) -> (Option<i32>, String, String) {
    let ended = mw(None, &[&["eval"], arguments].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let (_, out, err) = eval(&[arguments, &["--json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

#[test]
fn a_file_that_is_wrong_is_wrong_use_and_says_where() {
    let folder = Folder::new();
    let good = folder.file("good.csv", MESSAGES);
    let missing = folder.path("missing.csv").to_str().unwrap().to_owned();
    let column = folder.file("column.csv", "message,intent\nhi,thanks\n");
    let flag = folder.file("flag.csv", "text,intent,flag\nhi,thanks,\nho,thanks,maybe\n");
    let one = folder.file("one.csv", "text,intent\nhi,thanks\n");
    for (arguments, wanted) in [
        (&["--data", missing.as_str()][..], "cannot read"),
        (&["--data", &column], "no column \"text\" (found: message, intent)"),
        (&["--data", &flag], "line 3: the flag \"maybe\""),
        (
            &["--data", &missing, "--require", "trap=0"],
            "\"trap\" is no figure of this report; there are accuracy",
        ),
        (&["--data", &good, "--require", "traps"], "compares nothing"),
        (&["--data", &good, "--config", &missing], "missing.csv"),
        (&["--train", &one, "--test", &missing], "cannot read"),
        (&["--train", &one, "--test", &one], "two or more"),
        (&["--train", &one], "--test"),
        (&["--data", &good, "--shots", "3"], "--shots"),
        (&["--train", &one, "--test", &one, "--validation", &one, "--confidence", "1"], "below 1"),
        (&["--train", &one, "--test", &one, "--confidence", "0.9"], "--validation"),
        (
            &["--train", &one, "--test", &one, "--validation", &one, "--strangers-share", "0.2"],
            "--strangers-val",
        ),
        (&[], "--data"),
    ] {
        let (code, out, err) = eval(arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
        assert!(err.contains(wanted), "{arguments:?}: {err}");
    }
    let nowhere = folder.path("no/such/folder.html").to_str().unwrap().to_owned();
    let (code, out, err) = eval(&["--data", &good, "--html", &nowhere]);
    assert_eq!((code, out.as_str()), (Some(3), ""), "{err}");
    assert!(err.contains("cannot write"), "{err}");
}

#[test]
fn the_figures_come_as_text_as_json_and_as_a_page() {
    let folder = Folder::new();
    let data = folder.file("data.csv", MESSAGES);
    let page = folder.path("report.html");
    let (code, out, err) = eval(&["--data", &data, "--html", page.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    for wanted in ["TRAPS", "plain questions", "accuracy", "latency", "gift_cards (1)", "none in the file"] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    assert!(!out.contains('\u{1b}'), "{out}");
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("gift_cards") && !html.contains("<script"));

    let report = json(&["--data", &data]);
    assert_eq!((&report["messages"], &report["unknown_intents"]["gift_cards"]), (&4.into(), &1.into()));
    assert_eq!(report["accuracy"]["all"]["of"], 2, "neither the unknown intent nor the stranger: {report:#}");
    assert_eq!(
        (&report["answers"]["plain"]["of"], &report["answers"]["strangers"]["of"]),
        (&1.into(), &1.into())
    );
    for list in ["by_intent", "mistakes", "requirements"] {
        assert!(report[list].is_array(), "{list}");
    }
    assert!(report["calibration"]["bins"].as_array().is_some_and(|bins| bins.len() == 10));
    assert!(report["latency_ms"]["max"].as_f64().is_some_and(|ms| ms > 0.0));
    assert!(report["classifier"].as_str().is_some_and(|version| version.contains("phrases")));
}

#[test]
fn what_the_model_learned_from_is_said_and_changes_no_exit_code() {
    let folder = Folder::new();
    // The first message of the starter pack, and one that nobody wrote before.
    let known = &examples::starter().unwrap()[0];
    let own = "zz where might my 17 blue teapots be today, plainly asked";
    let row = |text: &str, intent: &str| format!("\"{}\",{intent}\n", text.replace('"', "\"\""));
    let both = format!("text,intent\n{}{}", row(&known.text, &known.intent), row(own, "order_status"));
    let both = folder.file("both.csv", &both);
    let fresh = folder.file("fresh.csv", &format!("text,intent\n{}", row(own, "order_status")));
    let page = folder.path("report.html");
    let (code, out, err) = eval(&["--data", &both, "--html", page.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    let words = "1 of 2 messages were learned from; their figures flatter";
    assert!(out.contains(words) && std::fs::read_to_string(&page).unwrap().contains(words), "{out}");
    let report = json(&["--data", &both]);
    assert_eq!((&report["learned_from"]["count"], &report["learned_from"]["of"]), (&1.into(), &2.into()));
    assert_eq!(json(&["--data", &fresh])["learned_from"]["count"], 0);
    assert!(!eval(&["--data", &fresh]).1.contains("learned from"));
}

#[test]
fn a_requirement_that_is_not_met_is_a_no() {
    let folder = Folder::new();
    let data = folder.file("data.csv", MESSAGES);
    let (code, out, err) = eval(&["--data", &data, "--require", "accuracy>=0,strangers=0,plain<=100%"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let (code, out, _) = eval(&["--data", &data, "--require", "accuracy>=0,accuracy>1"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("NOT MET"), "{out}");
    // There are no traps in the file: nothing is proven about them.
    let (code, out, _) = eval(&["--data", &data, "--require", "traps=0"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("nothing to count in the file"), "{out}");
    let report = json(&["--data", &data, "--require", "accuracy>1"]);
    assert_eq!(report["requirements"][0]["requirement"], "accuracy>1");
    assert_eq!(report["requirements"][0]["met"], false);
}

#[test]
fn a_public_set_is_learned_and_measured() {
    let folder = Folder::new();
    let rows = |from: usize| {
        let row = |n: usize| {
            let (intent, word) = [("weather", "rain"), ("music", "song")][n % 2];
            format!("please {word} number {n} {word},{intent}\n")
        };
        format!("text,intent\n{}", (from..from + 12).map(row).collect::<String>())
    };
    let (train, test) = (folder.file("train.csv", &rows(0)), folder.file("test.csv", &rows(100)));
    let strangers = folder.file("strangers.csv", "text,intent\nfile my tax return,oos\n");
    let page = folder.path("public.html");
    let all: Vec<&str> = vec![
        "--train",
        &train,
        "--test",
        &test,
        "--validation",
        &test,
        "--strangers",
        &strangers,
        "--shots",
        "4",
        "--seeds",
        "2",
        "--html",
        page.to_str().unwrap(),
        "--require",
        "accuracy>=0.9",
    ];
    let report = json(&all);
    assert_eq!(report["accuracy"]["mean"], 1.0, "{report:#}");
    assert_eq!(report["auroc"]["mean"], 1.0, "{report:#}");
    assert_eq!(report["rounds"].as_array().map(Vec::len), Some(2));
    assert_eq!((&report["rounds"][0]["seed"], &report["rounds"][0]["examples"]), (&1.into(), &8.into()));
    let refused = report["rounds"][0]["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("too few to promise 99 %"), "{report:#}");
    assert_eq!(report["requirements"][0]["met"], true);
    assert!(Path::new(&page).exists());
    assert_eq!(report["stranger_weight"], 1.0, "there is none to stand for others");
    let (code, out, _) = eval(&all);
    assert_eq!(code, Some(0));
    assert!(out.contains("no threshold") && out.contains("accuracy"), "{out}");
    assert!(out.contains("chosen among 0.0 % strangers and asked among 7.7 %"), "{out}");
    let more = ["--strangers-validation", &strangers, "--strangers-share", "0.25", "--target", "0.7"];
    let all = [&all, &more[..], &["--confidence", "0.9"]].concat();
    let report = json(&all);
    assert_eq!((&report["stranger_weight"], &report["strangers_counted"]), (&4.0.into(), &0.25.into()));
    assert_eq!(
        (&report["bound_confidence"], &report["by_probability"]["auroc"]["mean"]),
        (&0.9.into(), &1.0.into())
    );
    // As one of thirteen it would do no harm; as four of sixteen it is not answered.
    assert_eq!(report["precision"]["mean"], 1.0, "{report:#}");
    let (_, out, _) = eval(&all);
    assert!(
        out.contains("counts as 4.00, so that they make 25.0 % of it") && out.contains("by probability"),
        "{out}"
    );
}
