//! What a helpdesk knows, in our words. Adapters translate into these types; nothing else sees a vendor's JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Lane, MessageId, MessageKey, TicketId, Timestamp};

/// One conversation as read at `read_at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The helpdesk's id.
    pub id: TicketId,
    /// The running conversation number, where the helpdesk has one.
    pub number: Option<i64>,
    /// Open, closed, snoozed.
    pub status: Status,
    /// The subject line; empty for chats.
    pub subject: String,
    /// Where the customer wrote.
    pub channel: Channel,
    /// Tag names; ids are already resolved where a name is known.
    pub tags: Vec<String>,
    /// The agent the ticket is assigned to.
    pub assignee: Option<String>,
    /// The vendor's word for the priority.
    pub priority: Option<String>,
    /// Who wrote.
    pub customer: Customer,
    /// The shop's account at the order system (`app_client_id`), needed to look an order up by number.
    pub client_id: Option<String>,
    /// Messages oldest first, whatever order they came in.
    pub messages: Vec<Message>,
    /// When the conversation began.
    pub created_at: Option<Timestamp>,
    /// When the helpdesk last changed it.
    pub updated_at: Option<Timestamp>,
    /// When we read it.
    pub read_at: Timestamp,
}

impl Ticket {
    /// Whether the ticket carries this tag (exact name).
    pub fn has_tag(&self, name: &str) -> bool {
        self.tags.iter().any(|tag| tag == name)
    }

    /// The newest thing the customer wrote.
    pub fn newest_customer_message(&self) -> Option<&Message> {
        self.messages.iter().rev().find(|message| message.author.may_be_customer())
    }

    /// Everything the customer wrote since the last public word of an agent or of the bot, oldest first. This, not
    /// the last message alone, is what gets classified: "cancel #1" followed by "where is it?" is no question.
    pub fn unanswered(&self) -> &[Message] {
        let after_reply = self
            .messages
            .iter()
            .rposition(|message| message.public && message.author.is_reply())
            .map_or(0, |index| index + 1);
        self.messages.get(after_reply..).unwrap_or_default()
    }

    /// Whether a person (not the bot) answered in public after `message`.
    pub fn agent_answered_after(&self, message: &Message) -> bool {
        self.public_after(message).any(|later| matches!(later.author, Author::Agent(_)))
    }

    /// Whether the bot answered in public after `message`.
    pub fn bot_answered_after(&self, message: &Message) -> bool {
        self.public_after(message).any(|later| later.author == Author::Bot)
    }

    fn public_after<'a>(&'a self, message: &'a Message) -> impl Iterator<Item = &'a Message> {
        let position = self.messages.iter().rposition(|candidate| candidate.key() == message.key());
        let from = position.map_or(0, |index| index + 1);
        self.messages.iter().skip(from).filter(|later| later.public)
    }
}

/// Whether anybody still expects something on the ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Somebody waits.
    Open,
    /// Ended.
    Closed,
    /// Put aside until later.
    Snoozed,
    /// A word we do not know, or none; treated as open for routing, never as closed.
    Other(String),
}

/// One message (comment) on a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The helpdesk's id, when it has one.
    pub id: Option<MessageId>,
    /// Who wrote it.
    pub author: Author,
    /// The plain text, as the helpdesk gives it; may be empty while `html` is not.
    pub plain: String,
    /// The HTML, when given.
    pub html: Option<String>,
    /// False for an internal note.
    pub public: bool,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// How many files hang on it.
    pub attachments: usize,
    /// Its mail headers say that a machine sent it (RFC 3834 `Auto-Submitted`), where the helpdesk shows them.
    #[serde(default)]
    pub auto_submitted: bool,
}

impl Message {
    /// What tells this message from the others of its ticket.
    pub fn key(&self) -> MessageKey {
        let text = if self.plain.is_empty() { self.html.as_deref().unwrap_or_default() } else { &self.plain };
        MessageKey::of(self.id.as_ref(), text)
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// The customer.
    Customer,
    /// A person of the shop, with the helpdesk's id of them when known.
    Agent(Option<String>),
    /// Ourselves: the agent id the bot writes as.
    Bot,
    /// Nothing tells who wrote it. Read and routed like a customer's words, so that nobody is passed over; never
    /// answered, since it may be an agent's.
    Unknown,
    /// The helpdesk itself: rule echoes, call recordings, status lines. Neither question nor answer.
    System,
}

impl Author {
    /// Whether these words are, or may be, the customer's.
    pub const fn may_be_customer(&self) -> bool {
        matches!(self, Self::Customer | Self::Unknown)
    }

    /// Whether this author's public message answers the customer.
    pub const fn is_reply(&self) -> bool {
        matches!(self, Self::Agent(_) | Self::Bot)
    }
}

/// The person on the other side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The helpdesk's id.
    pub id: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The first name, as given.
    pub first_name: Option<String>,
    /// The whole name, as given.
    pub name: Option<String>,
    /// The phone number, as given.
    pub phone: Option<String>,
}

impl Customer {
    /// What caps are counted by: the e-mail address, else the id, else the phone number.
    pub fn count_key(&self) -> Option<&str> {
        [&self.email, &self.id, &self.phone].into_iter().find_map(|field| field.as_deref())
    }
}

/// Where a conversation takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Mail, also from a contact form.
    Email,
    /// The shop's own chat window.
    LiveChat,
    /// A private message on a network: the vendor's word (`instagram_message`, `whatsapp`, …).
    Social(String),
    /// A public comment: routed, never answered with facts.
    PublicComment(String),
    /// A call or its recording.
    Phone,
    /// Missing, or a word we do not know. Routed, never answered or closed.
    Unknown,
}

impl Channel {
    /// The lane an event of this channel waits in, when it came by a call.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::LiveChat => Lane::LiveChat,
            _ => Lane::Email,
        }
    }

    /// The word for tables and tags.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email => "email",
            Self::LiveChat => "live_chat",
            Self::Social(word) | Self::PublicComment(word) => word,
            Self::Phone => "phone",
            Self::Unknown => "unknown",
        }
    }

    /// Whether replies are written as short chat lines.
    pub const fn is_chat(&self) -> bool {
        matches!(self, Self::LiveChat | Self::Social(_))
    }
}

/// Where an order can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderRef {
    /// The shop's account at the order system.
    pub client_id: String,
    /// The order's id there.
    pub order_id: String,
}

/// An order as read at `read_at`. Any part can be missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The id.
    pub id: String,
    /// What the customer knows it by (`#606243`).
    pub name: Option<String>,
    /// The address it was placed with.
    pub email: Option<String>,
    /// `processing`, `cancelled`, …
    pub status: Option<String>,
    /// `fulfilled`, `partial`, …
    pub fulfillment_status: Option<String>,
    /// `paid`, `refunded`, …
    pub payment_status: Option<String>,
    /// When it was placed.
    pub placed_at: Option<Timestamp>,
    /// The shipping method's name at the till.
    pub shipping_method: Option<String>,
    /// The shop's page about it.
    pub status_url: Option<String>,
    /// What was bought.
    pub items: Vec<OrderItem>,
    /// Parcels.
    pub shipments: Vec<Shipment>,
    /// The shop's own marks on it (`pre-order`).
    #[serde(default)]
    pub tags: Vec<String>,
    /// The endpoint that said so, for the source line of each fact.
    pub source: String,
    /// When we read it.
    pub read_at: Timestamp,
}

/// A line of an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderItem {
    /// The product's name.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// The shop's article number.
    pub sku: Option<String>,
}

/// A parcel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Shipment {
    /// The vendor's word, as it came (`in_transit`, `delivered`, …).
    pub status: Option<String>,
    /// When the shipment was made.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// Its tracking numbers.
    pub tracking: Vec<Tracking>,
    /// What is in it.
    pub items: Vec<OrderItem>,
}

/// A tracking number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    /// The number.
    pub number: Option<String>,
    /// The carrier.
    pub company: Option<String>,
    /// The carrier's page, from the order only.
    pub url: Option<String>,
    /// When it was handed over.
    pub shipped_at: Option<Timestamp>,
}

/// One thing done to a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Effect {
    /// A public reply to the customer. The only effect that must not be repeated.
    Reply {
        /// The text.
        body: String,
    },
    /// A note that only agents see.
    Note {
        /// The text.
        body: String,
    },
    /// Adds tags; repeats harmlessly.
    AddTags {
        /// Tag names.
        tags: Vec<String>,
    },
    /// Removes tags; repeats harmlessly.
    RemoveTags {
        /// Tag names.
        tags: Vec<String>,
    },
    /// Closes the ticket.
    Close,
    /// Opens it again: a reply after which it was closed never arrived.
    Reopen,
    /// Sets the priority.
    Priority {
        /// The vendor's word.
        level: String,
    },
    /// Gives the ticket to an agent.
    Assign {
        /// The helpdesk's id of the agent.
        agent_id: String,
    },
    /// Attaches an order.
    AttachOrder {
        /// Which one.
        order: OrderRef,
    },
    /// Sets custom fields.
    CustomFields {
        /// Name to value.
        fields: BTreeMap<String, String>,
    },
}

impl Effect {
    /// The word in the journal.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Reply { .. } => "reply",
            Self::Note { .. } => "note",
            Self::AddTags { .. } => "add-tags",
            Self::RemoveTags { .. } => "remove-tags",
            Self::Close => "close",
            Self::Reopen => "reopen",
            Self::Priority { .. } => "priority",
            Self::Assign { .. } => "assign",
            Self::AttachOrder { .. } => "attach-order",
            Self::CustomFields { .. } => "custom-fields",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, author: Author) -> Message {
        Message {
            id: Some(MessageId::from(id)),
            author,
            plain: id.to_owned(),
            html: None,
            public: true,
            at: None,
            attachments: 0,
            auto_submitted: false,
        }
    }

    fn ticket(messages: Vec<Message>) -> Ticket {
        Ticket {
            id: TicketId::from("t"),
            number: None,
            status: Status::Open,
            subject: String::new(),
            channel: Channel::Email,
            tags: vec![],
            assignee: None,
            priority: None,
            customer: Customer::default(),
            client_id: None,
            messages,
            created_at: None,
            updated_at: None,
            read_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn unanswered_is_all_the_customer_wrote_since_the_last_public_reply() {
        let mut note = message("note", Author::Agent(None));
        note.public = false;
        let ticket = ticket(vec![
            message("first", Author::Customer),
            message("answer", Author::Agent(None)),
            message("cancel it", Author::Customer),
            note,
            message("echo", Author::System),
            message("where is it", Author::Customer),
        ]);
        let customer_words: Vec<_> = ticket
            .unanswered()
            .iter()
            .filter(|message| message.author == Author::Customer)
            .map(|message| message.plain.as_str())
            .collect();
        assert_eq!(customer_words, ["cancel it", "where is it"]);
    }

    #[test]
    fn an_agents_answer_counts_only_after_the_message_and_only_in_public() {
        let question = message("q", Author::Customer);
        let before = ticket(vec![message("a", Author::Agent(None)), question.clone()]);
        assert!(!before.agent_answered_after(&question));
        let after = ticket(vec![question.clone(), message("a", Author::Agent(None))]);
        assert!(after.agent_answered_after(&question) && !after.bot_answered_after(&question));
        let bot = ticket(vec![question.clone(), message("b", Author::Bot)]);
        assert!(bot.bot_answered_after(&question) && !bot.agent_answered_after(&question));
    }
}
