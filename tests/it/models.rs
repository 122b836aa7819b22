//! A shop teaches the daemon its own words: trained while it runs, read with at once, kept over everything, and back.

use std::fmt::Write as _;
use std::path::PathBuf;

use richpanel_mw::classify::model::examples;
use richpanel_mw::daemon::control::{self, Request};

use crate::said::{Said, mw};
use crate::world::{World, now};

/// An intent of the shop's own, which the built-in model has never heard of.
const GIFT_CARDS: &str = "[intents.gift_cards]\npriority = 6\nteam = \"sales\"\nmay_answer = \"never\"";
const ASKED: &str = "can i top up the gift card of my aunt";

/// A shop that routes and answers nobody.
fn shop() -> World {
    World::with("route", GIFT_CARDS)
}

fn file(world: &World, name: &str, text: &str) -> PathBuf {
    let path = world.folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The shop's own tickets, of three intents. `more` makes another model of it.
fn tickets(world: &World, more: &str) -> String {
    let things =
        ["lamp", "shoes", "mug", "chair", "jacket", "phone", "bag", "ring", "clock", "desk", "tent", "vase"];
    let mut text = "text,intent,agent\n".to_owned();
    for thing in things {
        let _ = writeln!(text, "can i top up a gift card and buy the {thing},gift_cards,x");
        let _ = writeln!(text, "my gift card for the {thing} is not in the mail,gift_cards,x");
        let _ = writeln!(text, "is the balance of a gift card enough for your {thing},gift_cards,x");
        let _ = writeln!(text, "where is my {thing} now,order_status,x");
        let _ = writeln!(text, "i want my money back for this {thing},refund_request,x");
    }
    text.push_str(more);
    file(world, "tickets.csv", &text).display().to_string()
}

/// Trains on these messages and nothing else, which takes a second.
fn trained_alone(world: &World, data: &str, more: &[&str]) -> Said {
    let alone = ["train", "--data", data, "--replace", "--without-starter-net"];
    mw(world, &[&alone, more].concat())
}

/// Which model and which intent the ticket's decision was made by and is.
fn decided(world: &World, text: &str) -> (String, String) {
    let written = world.mail(text);
    world.settled();
    let decision = world.story(&written.ticket_id).decision.expect("a decision");
    let word = |key: &str| decision[key].as_str().unwrap_or_default().to_owned();
    let model = word("classifier").split('+').next().unwrap_or_default().to_owned();
    (model, word("intent"))
}

fn in_force(world: &World) -> String {
    mw(world, &["models", "--json"]).json()["in_force"]["model"].as_str().unwrap().to_owned()
}

#[test]
fn the_next_message_is_read_by_the_model_that_was_just_trained_and_a_kill_does_not_undo_it() {
    let mut world = shop();
    let pid = world.pid();
    let (starter, intent) = decided(&world, ASKED);
    assert!(starter.starts_with("model-") && intent != "gift_cards", "{starter} {intent}");
    assert_eq!(in_force(&world), "starter");

    let data = tickets(&world, "");
    let said = trained_alone(&world, &data, &["--json"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let report = said.json();
    let trained = report["model"].as_str().unwrap().to_owned();
    assert_eq!((&report["installed"], &report["examples"]["shop"]), (&true.into(), &60.into()), "{report}");
    assert_eq!((&report["net_kept"], &report["net_thin"]["fraud"]), (&0.into(), &0.into()), "{report}");
    assert_eq!(
        (&report["in_force_before"], report["compared"]["shop_only"].as_bool()),
        (&starter.clone().into(), Some(true))
    );

    assert_eq!(decided(&world, ASKED), (trained.clone(), "gift_cards".into()));
    assert_eq!(world.pid(), pid, "no restart");
    let status = mw(&world, &["status", "--json"]).json();
    assert_eq!(
        (&status["model"]["model"], &status["running"]["model"]),
        (&trained.clone().into(), &trained.clone().into())
    );
    assert_eq!(status["model"]["by"], "lead");

    let other = tickets(&world, "top up and go,gift_cards,x\n");
    let said = trained_alone(&world, &other, &[]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains(&format!("models use {trained}")), "the way back is told: {}", said.out);
    world.kill();
    let newest = in_force(&world);
    assert_ne!(newest, trained);
    world.start();
    assert_eq!(decided(&world, ASKED), (newest, "gift_cards".into()));

    assert_eq!(mw(&world, &["models", "use", &trained]).code, Some(0));
    assert_eq!(decided(&world, ASKED).0, trained);
    let said = mw(&world, &["models", "use", "model-00000000"]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(said.err.contains("no model model-00000000 is kept here"), "{}", said.err);
    assert_eq!(mw(&world, &["models", "use", "starter"]).code, Some(0));
    let (back, intent) = decided(&world, ASKED);
    assert!(back == starter && intent != "gift_cards", "{back} {intent}");
}

#[test]
fn what_cannot_be_learned_or_is_no_model_changes_nothing() {
    let world = shop();
    let before = decided(&world, ASKED);
    let garbage = file(&world, "garbage.csv", "\u{1}\u{2}\"no table").display().to_string();
    let said = mw(&world, &["train", "--data", &garbage]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("garbage.csv"), "{}", said.err);

    let unknown = tickets(&world, "hello,gift_crads,x\n");
    let said = mw(&world, &["train", "--data", &unknown]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    let wanted = "line 62: there is no intent \"gift_crads\"; did you mean gift_cards?";
    assert!(said.err.contains(wanted), "{}", said.err);

    let plain = file(&world, "plain.csv", "text,intent,flag\nhello,thanks,\nbye,thanks,plain\n");
    let said = mw(&world, &["train", "--data", plain.to_str().unwrap()]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("line 3: the flag plain does not go with thanks"), "{}", said.err);

    let one = file(&world, "one.csv", "text,intent\nhello,thanks\n").display().to_string();
    let said = trained_alone(&world, &one, &[]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("a model needs two or more"), "{}", said.err);

    let (data, out) = (tickets(&world, ""), world.folder.path().join("kept.bin"));
    let said = trained_alone(&world, &data, &["--out", out.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(std::fs::read(&out).unwrap().starts_with(b"richpanel-mw model"));

    for bytes in [b"garbage".to_vec(), Vec::new()] {
        let length = bytes.len() as u64;
        let request = Request::AddModel { trained_at: now(), by: "lead".into(), length, bytes };
        let answer = control::ask(&world.database(), &request).unwrap().unwrap();
        assert!(answer.unwrap_err().contains("not a model of richpanel-mw"));
    }
    assert_eq!(decided(&world, ASKED), before);
    assert_eq!(in_force(&world), "starter");
}

#[test]
fn a_model_that_reads_worse_goes_into_force_only_when_somebody_insists() {
    let mut world = shop();
    world.stop();
    // Six messages of each of nine intents are few: the built-in model knows them better.
    let mut text = "text,intent\n".to_owned();
    let mut taken = std::collections::BTreeMap::new();
    for example in examples::starter().unwrap() {
        let known = taken.len();
        let count = taken.entry(example.intent.clone()).or_insert(if known < 9 { 0 } else { 6 });
        if *count < 6 && !example.text.contains(['\n', '"']) {
            *count += 1;
            let _ = writeln!(text, "\"{}\",{}", example.text, example.intent);
        }
    }
    let data = file(&world, "few.csv", &text).display().to_string();
    let said = trained_alone(&world, &data, &[]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.out.contains("not put in force") && said.out.contains("points worse"), "{}", said.out);
    assert_eq!(in_force(&world), "starter");

    let said = trained_alone(&world, &data, &["--anyway", "--json"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let trained = said.json()["model"].as_str().unwrap().to_owned();
    assert!(said.json()["end"].as_str().unwrap().contains("next start"), "no daemon runs: {}", said.out);
    // Others may have taken the port meanwhile.
    world.forget_port();
    world.start();
    assert_eq!(decided(&world, ASKED).0, trained);
}

#[test]
fn a_backup_brings_its_model_and_check_says_when_the_configuration_moved_on() {
    let mut world = shop();
    let data = tickets(&world, "");
    let trained = trained_alone(&world, &data, &["--json"]).json()["model"].clone();
    let copy = world.folder.path().join("copy.db").display().to_string();
    assert_eq!(mw(&world, &["backup", &copy]).code, Some(0));
    assert_eq!(mw(&world, &["models", "use", "starter"]).code, Some(0));
    world.stop();
    let said = mw(&world, &["restore", &copy]);
    assert_eq!(said.code, Some(0), "{}", said.err);

    let warned = |world: &World| {
        let found = mw(world, &["check", "--json"]).json();
        let findings = found["findings"].as_array().unwrap().clone();
        let of_model =
            findings.into_iter().filter(|one| one["about"] == "model" && one["verdict"] == "warning");
        of_model.map(|one| one["found"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(warned(&world), Vec::<String>::new());
    world.configured(&format!("{GIFT_CARDS}\nexamples = [\"a voucher for my aunt\"]"));
    world.start();
    assert_eq!(decided(&world, ASKED), (trained.as_str().unwrap().to_owned(), "gift_cards".into()));
    let words = warned(&world);
    assert!(words.len() == 1 && words[0].contains("[intents]"), "{words:?}");
}
