//! Prunes a mail's tree: what the customer did not write goes before anything is rendered.
//!
//! Each client marks history in its own way; the marks are listed here. What may go wrong: a client that
//! marks nothing (its history is found later, as text), or an answer typed below an unmarked history. Where a
//! citation went a mark stays, so that an answer below it is not taken for its continuation.

use std::io;
use std::sync::LazyLock;

use html2text::{Element, Handle};
use regex::Regex;

use super::attribution::{FROM, SENT, SUBJECT};
use super::pattern::pattern;

/// Whether the signature blocks that clients mark are dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signatures {
    /// The usual case.
    Drop,
    /// When nothing else would be left.
    Keep,
}

/// What becomes of one element.
#[derive(PartialEq, Eq)]
enum Fate {
    Stay,
    /// It and its content go.
    Drop,
    /// It is history and goes; a mark stays where it was.
    Quote,
    /// It and everything after it in the document go.
    CutHere,
}

static HEADER_START: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"\A[\s*_]*(?:{FROM})\s?:")));
static HEADER_MORE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?:{SENT}|{SUBJECT})\s?:")));
static FORWARD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"forwarded|weitergeleitete|reenviado|transf[ée]r|encaminhad|doorgestuurd|inoltrat")
});

/// Whether any node lies deeper than this.
pub(super) fn is_deeper_than(document: &Handle, depth_max: usize) -> bool {
    let mut waiting = vec![(document.clone(), 0_usize)];
    while let Some((node, depth)) = waiting.pop() {
        if depth > depth_max {
            return true;
        }
        waiting.extend(node.children.borrow().iter().map(|child| (child.clone(), depth + 1)));
    }
    false
}

/// Removes from the tree what is never text, what is hidden, and what the client marked as history.
///
/// `mark` is put where history was, so that an answer typed below it can be told from it.
pub(super) fn prune(document: &Handle, signatures: Signatures, mark: Option<&Handle>) {
    let mut waiting = vec![document.clone()];
    while let Some(node) = waiting.pop() {
        let children: Vec<Handle> = node.children.borrow().iter().cloned().collect();
        let mut kept = Vec::with_capacity(children.len());
        let mut cut = false;
        for child in children {
            match fate(&child, signatures) {
                Fate::Stay => kept.push(child),
                Fate::Drop => {}
                Fate::Quote => kept.extend(mark.cloned()),
                Fate::CutHere => {
                    cut = true;
                    break;
                }
            }
        }
        if cut {
            // Everything still waiting comes later in the document, except what this node keeps.
            cut_after(&node);
            waiting.clear();
        }
        *node.children.borrow_mut() = kept.clone();
        waiting.extend(kept.into_iter().rev());
    }
}

/// Drops all that follows a node in the document: later siblings, at each level up to the top.
fn cut_after(node: &Handle) {
    let mut node = node.clone();
    while let Some(parent) = node.get_parent() {
        let at = parent.children.borrow().iter().position(|child| std::rc::Rc::ptr_eq(child, &node));
        if let Some(at) = at {
            parent.children.borrow_mut().truncate(at + 1);
        }
        node = parent;
    }
}

fn fate(node: &Handle, signatures: Signatures) -> Fate {
    let Element { attrs, .. } = &node.data else { return Fate::Stay };
    let name = node.element_name().unwrap_or_default();
    if matches!(
        name.as_str(),
        "style"
            | "script"
            | "head"
            | "title"
            | "template"
            | "svg"
            | "object"
            | "iframe"
            | "img"
            | "hr"
            | "meta"
            | "link"
            | "audio"
            | "video"
            | "canvas"
            | "select"
            | "noscript"
    ) {
        return Fate::Drop;
    }
    let mut marks = Marks::default();
    for attribute in attrs.borrow().iter() {
        let value = || attribute.value.to_ascii_lowercase();
        match &*attribute.name.local {
            "class" => marks.class = value(),
            "id" => marks.id = value(),
            "name" => marks.name = value(),
            "type" => marks.kind = value(),
            "style" => marks.style = value().split_whitespace().collect(),
            "hidden" => return Fate::Drop,
            _ => {}
        }
    }
    marks.fate(&name, node, signatures)
}

/// The attributes by which clients mark things, in lower case; `style` without white space.
#[derive(Default)]
struct Marks {
    class: String,
    id: String,
    name: String,
    kind: String,
    style: String,
}

impl Marks {
    fn fate(&self, element: &str, node: &Handle, signatures: Signatures) -> Fate {
        if self.is_hidden(node) || signatures == Signatures::Drop && self.is_signature() {
            return Fate::Drop;
        }
        if self.is_quote(element, node) {
            return Fate::Quote;
        }
        if self.begins_history(node) { Fate::CutHere } else { Fate::Stay }
    }

    fn is_hidden(&self, node: &Handle) -> bool {
        const STYLES: [&str; 4] = ["display:none", "visibility:hidden", "mso-hide:all", "max-height:0"];
        let shown = self.style.contains("max-height:0.") && !self.style.contains("display:none");
        !shown && STYLES.iter().any(|style| self.style.contains(style))
            // Templates set the size to nothing around blocks that set their own.
            || ZERO.is_match(&self.style) && head_of(node).matches("font-size").nth(1).is_none()
    }

    fn has_class(&self, wanted: &[&str]) -> bool {
        // Webmail that shows foreign mail prefixes its classes with `x_` or `m_123…`.
        self.class.split_whitespace().any(|class| wanted.contains(&class.trim_start_matches("x_")))
    }

    fn is_quote(&self, element: &str, node: &Handle) -> bool {
        if self.has_class(&["gmail_quote", "gmail_quote_container"]) && element != "blockquote" {
            // Answers typed between the quotes lie inside this block, beside its blockquotes.
            return !has_child_quote(node) || FORWARD.is_match(&head_text(node));
        }
        if element == "blockquote" {
            let indented = self.style.contains("border:none") && self.kind != "cite";
            return !indented || self.has_class(&["gmail_quote"]);
        }
        self.name == "quote"
            || self.name == "messagereplysection"
            || matches!(self.id.trim_start_matches("x_"), "reply-intro" | "replybody" | "quoted-content")
            || self.has_class(&[
                "gmail_attr",
                "yahoo_quoted",
                "protonmail_quote",
                "tutanota_quote",
                "moz-cite-prefix",
                "moz-forward-container",
                "zmail_extra",
                "zd-quote",
                "zendesk_quote",
                "quotedtext",
                "front-blockquote",
                "intercom-quote",
                "airmail_ext_on",
                "history_container",
            ])
    }

    fn is_signature(&self) -> bool {
        self.has_class(&[
            "gmail_signature",
            "gmail_signature_prefix",
            "moz-signature",
            "protonmail_signature_block",
            "front-signature",
            "ms-outlook-mobile-signature",
            "airmail_signature",
        ]) || matches!(
            self.id.trim_start_matches("x_"),
            "signature"
                | "composer_signature"
                | "ms-outlook-mobile-signature"
                | "applemailsignature"
                | "ydpsignature"
        ) || self.name == "messagesignaturesection"
    }

    fn begins_history(&self, node: &Handle) -> bool {
        let by_name = matches!(
            self.id.trim_start_matches("x_"),
            "appendonsend"
                | "divrplyfwdmsg"
                | "mail-editor-reference-message-container"
                | "ms-outlook-mobile-reference-message"
                | "olk_src_body_section"
                | "isreplycontent"
                | "isforwardcontent"
        ) || self.has_class(&["outlookmessageheader"]);
        // Outlook on the desktop draws a line above "From:"; no other mark.
        let ruled =
            ["border-top:solid", "border-top:1px", "border-top:1pt"].iter().any(|s| self.style.contains(s));
        by_name || ruled && is_header_block(&head_text(node))
    }
}

fn has_child_quote(node: &Handle) -> bool {
    node.children.borrow().iter().any(|child| child.element_name().as_deref() == Some("blockquote"))
}

/// Whether a text begins as a header block does: a writer, and a date or a subject after it.
fn is_header_block(text: &str) -> bool {
    HEADER_START
        .find(text)
        .and_then(|from| text.get(from.end()..))
        .is_some_and(|rest| HEADER_MORE.is_match(rest))
}

/// The first words of a node, tags removed.
fn head_text(node: &Handle) -> String {
    TAG.replace_all(&head_of(node), "").into_owned()
}

/// The first bytes of what a node holds, as HTML in lower case.
fn head_of(node: &Handle) -> String {
    let mut head = Head(Vec::new());
    // The error says that enough was read.
    let _ = node.serialize(&mut head);
    String::from_utf8_lossy(&head.0).to_lowercase()
}

/// A style, without white space, that makes words too small or too clear to see.
static ZERO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:\A|;)(?:font-size:0(?:px|pt|em|%)?|opacity:0(?:\.0+)?)(?:!important)?(?:;|\z)")
});
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"<[^<>]*>?"));

/// A writer that takes the first bytes and then says stop.
struct Head(Vec<u8>);

impl io::Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const BYTES_MAX: usize = 2048;
        if self.0.len() >= BYTES_MAX {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.0.extend(bytes.iter().take(BYTES_MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
