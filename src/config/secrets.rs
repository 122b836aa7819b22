//! Secrets: from a systemd credential, a file beside the configuration, or the environment; never from the file
//! itself, never printed.
//!
//! A `*_file` value without a slash is first a name in `$CREDENTIALS_DIRECTORY`, then a path beside the
//! configuration file. The environment variable is looked at last.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::{Config, load::Loaded};

/// Every secret that the daemon uses.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Tokens that the helpdesk's calls may carry; all valid.
    pub tokens: Vec<SecretString>,
    /// The helpdesk's API key.
    pub api_key: Option<SecretString>,
    /// The outside model's key.
    pub opinion_key: Option<SecretString>,
    /// For `/livez`, `/readyz` and `/metrics` from elsewhere.
    pub metrics_token: Option<SecretString>,
    /// What was asked for and could not be read, in words for people.
    pub problems: Vec<String>,
}

/// Where secrets are looked for besides the file's own folder.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    /// `RICHPANEL_MW_TOKEN`.
    pub token: Option<String>,
    /// `RICHPANEL_API_KEY`.
    pub api_key: Option<String>,
    /// `RICHPANEL_MW_OPINION_KEY`.
    pub opinion_key: Option<String>,
}

impl Surroundings {
    /// The process's own.
    pub fn of_process() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Self {
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            token: variable("RICHPANEL_MW_TOKEN"),
            api_key: variable("RICHPANEL_API_KEY"),
            opinion_key: variable("RICHPANEL_MW_OPINION_KEY"),
        }
    }
}

impl Secrets {
    /// Looks every secret up. What is missing is in `problems`; what is simply not configured is `None`.
    pub fn find(loaded: &Loaded, surroundings: &Surroundings) -> Self {
        let mut secrets = Self::default();
        let Config { server, admin, richpanel, second_opinion, .. } = &loaded.config;
        let mut look = |file: Option<&PathBuf>, variable: Option<&String>, key: &str| -> Option<String> {
            match file {
                Some(file) => match read(file, &loaded.path, surroundings.credentials.as_deref()) {
                    Ok(text) => Some(text),
                    Err(problem) => {
                        secrets.problems.push(format!("{key}: {problem}"));
                        None
                    }
                },
                None => variable.cloned(),
            }
        };
        let tokens = look(server.token_file.as_ref(), surroundings.token.as_ref(), "[server] token_file");
        let api_key =
            look(richpanel.api_key_file.as_ref(), surroundings.api_key.as_ref(), "[richpanel] api_key_file");
        let metrics = look(admin.metrics_token_file.as_ref(), None, "[admin] metrics_token_file");
        let opinion = second_opinion.enabled.then(|| {
            let file = second_opinion.api_key_file.as_ref();
            look(file, surroundings.opinion_key.as_ref(), "[second_opinion] api_key_file")
        });
        secrets.opinion_key = lines(opinion.flatten().as_deref()).into_iter().next();
        secrets.tokens = lines(tokens.as_deref());
        secrets.api_key = lines(api_key.as_deref()).into_iter().next();
        secrets.metrics_token = lines(metrics.as_deref()).into_iter().next();
        for token in &secrets.tokens {
            if token.expose_secret().len() < SHORTEST_TOKEN {
                secrets.problems.push(format!(
                    "[server] token_file: a token is shorter than {SHORTEST_TOKEN} characters; make one with `openssl rand -hex 32`"
                ));
            }
        }
        secrets
    }
}

/// Every secret file that the configuration names: its key and where it stands.
pub fn files(loaded: &Loaded, surroundings: &Surroundings) -> Vec<(&'static str, PathBuf)> {
    let Config { server, admin, richpanel, second_opinion, .. } = &loaded.config;
    [
        ("[server] token_file", &server.token_file),
        ("[richpanel] api_key_file", &richpanel.api_key_file),
        ("[admin] password_file", &admin.password_file),
        ("[admin] viewer_password_file", &admin.viewer_password_file),
        ("[admin] metrics_token_file", &admin.metrics_token_file),
        ("[second_opinion] api_key_file", &second_opinion.api_key_file),
    ]
    .into_iter()
    .filter_map(|(key, file)| Some((key, file.as_ref()?)))
    .map(|(key, file)| (key, locate(file, &loaded.path, surroundings.credentials.as_deref())))
    .collect()
}

const SHORTEST_TOKEN: usize = 16;

/// One secret a line; blank lines and `#` comments are passed over.
fn lines(text: Option<&str>) -> Vec<SecretString> {
    text.into_iter()
        .flat_map(str::lines)
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(SecretString::from)
        .collect()
}

fn read(file: &Path, config: &Path, credentials: Option<&Path>) -> Result<String, String> {
    let path = locate(file, config, credentials);
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if text.trim().is_empty() { Err(format!("{} is empty", path.display())) } else { Ok(text) }
}

fn locate(file: &Path, config: &Path, credentials: Option<&Path>) -> PathBuf {
    let bare = file.components().count() == 1;
    let credential =
        credentials.filter(|_| bare).map(|folder| folder.join(file)).filter(|path| path.exists());
    credential.unwrap_or_else(|| config.parent().unwrap_or_else(|| Path::new(".")).join(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(folder: &Path, text: &str) -> Loaded {
        let path = folder.join("config.toml");
        Loaded { config: super::super::load::parse(text, &path).unwrap(), path }
    }

    #[test]
    fn a_file_wins_over_the_environment_and_a_credential_over_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = folder.path().join("credentials");
        std::fs::create_dir(&credentials).unwrap();
        std::fs::write(folder.path().join("token"), "# old and new\nfrom-the-file-000\nfrom-the-file-111\n")
            .unwrap();
        let config = loaded(folder.path(), "[server]\ntoken_file = \"token\"");
        let mut around =
            Surroundings { token: Some("from-the-environment".into()), ..Surroundings::default() };
        let found = Secrets::find(&config, &around);
        assert_eq!(found.tokens.len(), 2);
        assert_eq!(found.tokens[0].expose_secret(), "from-the-file-000");
        std::fs::write(credentials.join("token"), "from-the-credential\n").unwrap();
        around.credentials = Some(credentials);
        assert_eq!(Secrets::find(&config, &around).tokens[0].expose_secret(), "from-the-credential");
        let bare = loaded(folder.path(), "");
        assert_eq!(Secrets::find(&bare, &around).tokens[0].expose_secret(), "from-the-environment");
    }

    #[test]
    fn what_is_missing_empty_or_short_is_a_problem_in_words() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("short"), "abc").unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        let config = loaded(
            folder.path(),
            "[server]\ntoken_file = \"short\"\n[richpanel]\napi_key_file = \"empty\"\n[admin]\nmetrics_token_file = \"none\"",
        );
        let problems = Secrets::find(&config, &Surroundings::default()).problems.join("\n");
        for words in ["shorter than 16", "empty is empty", "cannot read"] {
            assert!(problems.contains(words), "{words} not in {problems}");
        }
    }

    #[test]
    fn the_outside_models_key_is_looked_for_only_when_it_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("opinion"), "from-the-file\n").unwrap();
        let around =
            Surroundings { opinion_key: Some("from-the-environment".into()), ..Surroundings::default() };
        for (text, key) in [
            ("enabled = true\napi_key_file = \"opinion\"", Some("from-the-file")),
            ("enabled = true", Some("from-the-environment")),
            ("api_key_file = \"none\"", None),
        ] {
            let found = Secrets::find(&loaded(folder.path(), &format!("[second_opinion]\n{text}")), &around);
            assert_eq!(found.opinion_key.as_ref().map(|key| key.expose_secret()), key, "{text}");
            assert_eq!(found.problems, Vec::<String>::new());
        }
    }

    #[test]
    fn nothing_prints_a_secret() {
        let secrets = Secrets { api_key: Some(SecretString::from("hush-hush-hush")), ..Secrets::default() };
        assert!(!format!("{secrets:?}").contains("hush"));
    }
}
