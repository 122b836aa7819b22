//! Imports point one way (design, the table of modules); this reads them and names the one that strays.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// Every line of code outside tests, with its module (the first folder or file under `src`).
fn lines() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut lines = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap().to_path_buf();
        let is_test = inside.components().any(|part| {
            let part = part.as_os_str().to_string_lossy();
            part == "tests"
                || part == "simulation"
                || part.ends_with("tests.rs")
                || part == "conformance.rs"
                || part == "corpus.rs"
        });
        if is_test {
            continue;
        }
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let inline = text
            .match_indices("#[cfg(test)]\nmod ")
            .find(|(at, _)| text[*at..].lines().nth(1).is_some_and(|line| line.ends_with('{')));
        let code = inline.map_or(text.as_str(), |(at, _)| &text[..at]);
        for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            lines.push((module.clone(), inside.clone(), line.to_owned()));
        }
    }
    lines
}

#[test]
fn vendors_crates_stay_where_they_belong() {
    let homes: &[(&str, &[&str])] = &[
        ("hyper", &["ingress", "web", "sim", "daemon"]),
        ("hyper_util", &["ingress", "web", "sim", "daemon"]),
        ("http_body_util", &["ingress", "web", "sim", "daemon"]),
        ("tokio", &["ingress", "web", "sim", "daemon"]),
        ("rusqlite", &["store"]),
        ("ureq", &["helpdesk", "classify/outside", "sim", "cli"]),
        ("clap", &["cli", "main"]),
        ("anyhow", &["cli", "main"]),
        ("comfy_table", &["cli"]),
        ("indicatif", &["cli"]),
    ];
    let strays: Vec<String> = lines()
        .iter()
        .flat_map(|(module, file, line)| {
            homes
                .iter()
                .filter(|(name, homes)| {
                    let home = |home: &&str| *home == module || file.starts_with(home);
                    line.contains(&format!("{name}::")) && !homes.iter().any(home)
                })
                .map(|(name, _)| format!("{}: {name}: {line}", file.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

#[test]
fn only_the_embedding_names_its_engine() {
    let home = Path::new("classify").join("embedding");
    let of_engine: Vec<(PathBuf, String)> = lines()
        .into_iter()
        .filter(|(_, _, line)| line.contains("rten::"))
        .map(|(_, file, line)| (file, line))
        .collect();
    let strays: Vec<_> = of_engine.iter().filter(|(file, _)| !file.starts_with(&home)).collect();
    assert!(strays.is_empty(), "{strays:?}");
    assert!(!of_engine.is_empty(), "{} moved", home.display());
}

#[test]
fn our_modules_import_only_downward() {
    // What each may name of ours, beside itself.
    let pure: &[&str] = &["event"];
    let allowed: &[(&str, &[&str])] = &[
        ("event", &[]),
        ("ticket", pure),
        ("clock", pure),
        ("text", &[]),
        ("config", &["event"]),
        ("store", &["event", "clock"]),
        ("helpdesk", &["event", "clock", "ticket", "config", "text"]),
        ("classify/outside", &["event", "text", "clock"]),
        ("classify", &["event", "text"]),
        ("reply", &["event", "ticket", "config", "text", "clock"]),
        ("decide", &["event", "ticket", "classify", "reply", "config", "text", "clock"]),
        ("context", &["event", "ticket", "decide", "helpdesk", "store", "text"]),
        ("act", &["event", "ticket", "clock", "decide", "helpdesk", "store", "text"]),
        (
            "worker",
            &[
                "act", "classify", "clock", "config", "context", "decide", "event", "helpdesk", "store",
                "ticket",
            ],
        ),
        ("timer", &["act", "clock", "config", "decide", "event", "helpdesk", "store", "ticket"]),
        ("metrics", &["store", "event", "clock"]),
        ("ingress", &["store", "helpdesk", "config", "event", "clock", "metrics", "ticket"]),
        ("web", &["store", "config", "ingress", "metrics", "clock", "event"]),
        ("sim", &[]),
    ];
    let strays: Vec<String> = lines()
        .iter()
        .filter_map(|(module, file, line)| {
            // A folder's own row stands before its module's.
            let allowed = allowed.iter().find(|(name, _)| name == module || file.starts_with(name))?.1;
            let used: Vec<&str> = line
                .match_indices("crate::")
                .map(|(at, _)| &line[at + 7..])
                .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
                .collect();
            let stray =
                used.iter().find(|used| !used.is_empty() && *used != module && !allowed.contains(used))?;
            Some(format!("{}: {module} may not name {stray}: {line}", file.display()))
        })
        .collect();
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

#[test]
fn only_the_composition_root_names_an_adapter() {
    let strays: Vec<String> = lines()
        .iter()
        .filter(|(module, _, line)| {
            let store = line.contains("sqlite::") && !["store", "daemon", "cli"].contains(&module.as_str());
            let desk =
                line.contains("richpanel::") && !["helpdesk", "daemon", "cli"].contains(&module.as_str());
            let outside =
                line.contains("classify::outside") && !["classify", "daemon"].contains(&module.as_str());
            store || desk || outside
        })
        .map(|(_, file, line)| format!("{}: {line}", file.display()))
        .collect();
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}
