//! Texts with `{variables}`, parsed once when the configuration is read and filled once a reply.
//!
//! `{name}` is a variable, `{{` and `}}` are literal braces. A value goes in as it is and is never parsed again, so a
//! customer called `{order_name}` stays a customer. What may go wrong is said with line and column when the text is
//! parsed; filling fails only when a value is not there.

/// A parsed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
}

/// Where in a text something is, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character within it.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing fills this variable.
    #[error("{place}: unknown variable {{{name}}}{}", hint(.nearest.as_deref()))]
    Unknown {
        /// As written.
        name: String,
        /// The known variable it resembles.
        nearest: Option<String>,
        /// Of its opening brace.
        place: Place,
    },
    /// An opening brace without its end.
    #[error("{place}: `{{` is never closed (write `{{{{` for a literal brace)")]
    Unclosed {
        /// Of the brace.
        place: Place,
    },
    /// A closing brace without a beginning.
    #[error("{place}: `}}` closes nothing (write `}}}}` for a literal brace)")]
    Stray {
        /// Of the brace.
        place: Place,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean {{{name}}}?"))
}

impl Template {
    /// Parses a text; only variables in `known` may occur.
    ///
    /// # Errors
    /// [`TemplateError`], the first one met.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, brace, after)) = next_brace(rest) {
            literal.push_str(before);
            let place = place_of(text, rest.len() - before.len());
            if let Some(after) = after.strip_prefix(brace) {
                literal.push(brace);
                rest = after;
                continue;
            }
            if brace == '}' {
                return Err(TemplateError::Stray { place });
            }
            let end = after
                .find(['{', '}', '\n'])
                .filter(|end| after.get(*end..).is_some_and(|from| from.starts_with('}')));
            let (name, following) = end
                .and_then(|end| Some((after.get(..end)?, after.get(end + 1..)?)))
                .ok_or(TemplateError::Unclosed { place })?;
            let name = name.trim();
            if !known.contains(&name) {
                return Err(unknown(name, known, place));
            }
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Variable(name.to_owned()));
            rest = following;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self { pieces })
    }

    /// The variables in the order they occur, each once.
    pub fn variables(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for piece in &self.pieces {
            if let Piece::Variable(name) = piece
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }

    /// Whether the text uses this variable.
    pub fn uses(&self, name: &str) -> bool {
        self.variables().contains(&name)
    }

    /// Fills every variable; values go in verbatim.
    ///
    /// # Errors
    /// The first error of `value`.
    pub fn fill<E>(&self, mut value: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Variable(name) => text.push_str(&value(name)?),
            }
        }
        Ok(text)
    }
}

/// Splits at the next brace of either kind: what stands before, the brace, what follows.
fn next_brace(text: &str) -> Option<(&str, char, &str)> {
    let at = text.find(['{', '}'])?;
    let (before, from) = text.split_at_checked(at)?;
    let brace = from.chars().next()?;
    Some((before, brace, from.get(1..)?))
}

/// Where the character lies that `remaining` bytes from the end begin with.
fn place_of(text: &str, remaining: usize) -> Place {
    let before = text.get(..text.len().saturating_sub(remaining)).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { line, column }
}

fn unknown(name: &str, known: &[&str], place: Place) -> TemplateError {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned());
    TemplateError::Unknown { name: name.to_owned(), nearest, place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KNOWN: &[&str] = &["shop_name", "order_name"];

    fn error(text: &str) -> String {
        Template::parse(text, KNOWN).unwrap_err().to_string()
    }

    #[test]
    fn variables_are_filled_and_double_braces_are_braces() {
        let template = Template::parse("{{x}} {shop_name}: {order_name}, { shop_name }", KNOWN).unwrap();
        assert_eq!(template.variables(), ["shop_name", "order_name"]);
        let text = template.fill(|name| Ok::<_, ()>(name.to_uppercase())).unwrap();
        assert_eq!(text, "{x} SHOP_NAME: ORDER_NAME, SHOP_NAME");
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, said) in [
            (
                "a\nbc {ordername}",
                "line 2, column 4: unknown variable {ordername}, did you mean {order_name}?",
            ),
            ("{weather}", "line 1, column 1: unknown variable {weather}"),
            ("{}", "line 1, column 1: unknown variable {}"),
            ("é {shop_name", "line 1, column 3: `{` is never closed (write `{{` for a literal brace)"),
            ("{shop_name\n}", "line 1, column 1: `{` is never closed (write `{{` for a literal brace)"),
            ("{shop {order_name}", "line 1, column 1: `{` is never closed (write `{{` for a literal brace)"),
            ("ok } not", "line 1, column 4: `}` closes nothing (write `}}` for a literal brace)"),
        ] {
            assert_eq!(error(text), said, "{text:?}");
        }
    }

    #[test]
    fn a_missing_value_fails_the_whole_text() {
        let template = Template::parse("{shop_name} {order_name}", KNOWN).unwrap();
        let filled =
            template.fill(|name| if name == "shop_name" { Ok(String::new()) } else { Err(name.len()) });
        assert_eq!(filled, Err(10));
    }

    proptest! {
        #[test]
        fn values_go_in_verbatim(value in any::<String>(), before in "[^{}]*", after in "[^{}]*") {
            let template = Template::parse(&format!("{before}{{shop_name}}{after}"), KNOWN).unwrap();
            let text = template.fill(|_| Ok::<_, ()>(value.clone())).unwrap();
            prop_assert_eq!(text, format!("{before}{value}{after}"));
        }

        #[test]
        fn any_text_parses_or_says_why(text in any::<String>()) {
            if let Ok(template) = Template::parse(&text, KNOWN) {
                prop_assert!(template.variables().iter().all(|name| KNOWN.contains(name)));
            }
        }

        #[test]
        fn escaped_text_comes_back_as_it_was(text in any::<String>()) {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            let template = Template::parse(&escaped, KNOWN).unwrap();
            prop_assert_eq!(template.fill(|_| Err(())).unwrap(), text);
        }
    }
}
