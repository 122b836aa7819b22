//! `check --online` against the simulated helpdesk.

use super::super::Verdict;
use super::*;
use crate::sim::{BOT_AGENT_ID, EffectKind, NewMessage, Sim, SimHandle, SimOptions};

fn found(findings: &Findings, verdict: Verdict) -> Vec<String> {
    let one = findings.0.iter().filter(|one| one.verdict == verdict);
    one.map(|one| format!("{}: {}", one.about, one.found)).collect()
}

fn checked(sim: &SimHandle, key: &str, agent: &str) -> Findings {
    let mut config = Config::default();
    config.richpanel.base_url = sim.base_url();
    config.richpanel.bot_agent_id = Some(agent.into());
    config.store.path = "/nonexistent/mw.db".into();
    let loaded = Loaded { config, path: "x".into() };
    let secrets = Secrets { api_key: Some(key.into()), ..Secrets::default() };
    let mut findings = Findings::default();
    check(&mut findings, &Session::of_process(None, true), &loaded, &secrets);
    findings
}

fn shop() -> SimHandle {
    let sim = Sim::start(SimOptions::default()).unwrap();
    let message = NewMessage { email: "ava@example.com".into(), text: "hi".into(), ..NewMessage::default() };
    sim.customer_writes(message).unwrap();
    sim
}

#[test]
fn a_good_account_has_no_problem_and_nothing_was_written() {
    let sim = shop();
    let before = sim.journal().len();
    let findings = checked(&sim, "sim-key", BOT_AGENT_ID);
    assert_eq!(found(&findings, Verdict::Problem), Vec::<String>::new());
    let fine = found(&findings, Verdict::Ok).join("\n");
    for words in [
        "key is let in",
        "written as Shop Assistant",
        "method list works",
        "method number works",
        "calls in 30 s",
    ] {
        assert!(fine.contains(words), "{words} not in {fine}");
    }
    let written: Vec<EffectKind> = sim.journal().into_iter().skip(before).map(|effect| effect.kind).collect();
    assert_eq!(written, []);
}

#[test]
fn a_wrong_key_ends_it_at_once() {
    let sim = shop();
    let findings = checked(&sim, "another-key", BOT_AGENT_ID);
    assert_eq!(found(&findings, Verdict::Problem).len(), 1);
    assert_eq!(findings.0.len(), 1);
}

#[test]
fn an_agent_that_is_none_and_a_forbidden_list_are_found() {
    let sim = shop();
    sim.configure(|settings| settings.list_forbidden = true);
    let findings = checked(&sim, "sim-key", "agent-nobody");
    assert!(found(&findings, Verdict::Problem).join("").contains("agent-nobody is no agent"));
    assert!(found(&findings, Verdict::Warning).join("").contains("may not list tickets"));
}

#[test]
fn names_are_compared_as_people_write_them() {
    for name in ["Returns Admin", "returns-admin", "route-returns-admin", "RETURNS_ADMIN"] {
        assert_eq!(plain(name), "returnsadmin");
    }
}
