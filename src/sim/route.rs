//! From a method and a raw path to a route of the API (richpanel-api §2).
//!
//! Path segments are percent-decoded here, and a ticket id that came without the encoding it
//! needs is marked: the real API answers 200 to a write on such a path and writes nothing.

use percent_encoding::percent_decode_str;

/// A ticket id from a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TicketRef {
    /// The id, decoded.
    pub(super) id: String,
    /// False when the raw segment held characters that belong encoded.
    pub(super) encoded: bool,
}

/// A route of the API, with what its path carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/tickets`
    Tickets,
    /// `/tickets/{id}`
    Ticket(TicketRef),
    /// `/tickets/number/{n}`
    TicketByNumber(String),
    /// `/tickets/email/{v}`
    TicketsByEmail(String),
    /// `/tickets/phone/{v}`
    TicketsByPhone(String),
    /// `/tickets/{id}/send-message`
    SendMessage(TicketRef),
    /// `/tickets/{id}/add-tags`
    AddTags(TicketRef),
    /// `/tickets/{id}/remove-tags`
    RemoveTags(TicketRef),
    /// `/tickets/{id}/attach-order/{appClientId}/{orderId}`
    AttachOrder(TicketRef, String, String),
    /// `/order/{conversationId}` on GET, `/order/{appClientId}` on POST
    OrderLink(TicketRef),
    /// `/order/{appClientId}/{orderId}`
    Order(String, String),
    /// `/customers/email/{v}`
    CustomerByEmail(String),
    /// `/customers/phone/{v}`
    CustomerByPhone(String),
    /// `/customers`
    Customers,
    /// `/teams`
    Teams,
    /// `/users`
    Users,
    /// `/users/{id}`
    User(String),
    /// `/tags`
    Tags,
    /// `/channel`
    Channels,
    /// `/channel/{id}`
    Channel(String),
    /// `/file/upload`
    Upload,
    /// Anything else.
    Unknown,
}

impl Route {
    /// The route of a raw path, given without its `/v1` prefix.
    #[must_use]
    pub(super) fn of(raw_path: &str) -> Self {
        let segments: Vec<&str> = raw_path.trim_matches('/').split('/').collect();
        match segments.as_slice() {
            ["tickets"] => Self::Tickets,
            ["tickets", "number", n] => Self::TicketByNumber(decoded(n)),
            ["tickets", "email", v] => Self::TicketsByEmail(decoded(v)),
            ["tickets", "phone", v] => Self::TicketsByPhone(decoded(v)),
            ["tickets", id] => Self::Ticket(ticket(id)),
            ["tickets", id, "send-message"] => Self::SendMessage(ticket(id)),
            ["tickets", id, "add-tags"] => Self::AddTags(ticket(id)),
            ["tickets", id, "remove-tags"] => Self::RemoveTags(ticket(id)),
            ["tickets", id, "attach-order", app, order] => {
                Self::AttachOrder(ticket(id), decoded(app), decoded(order))
            }
            ["order", id] => Self::OrderLink(ticket(id)),
            ["order", app, order] => Self::Order(decoded(app), decoded(order)),
            ["customers"] => Self::Customers,
            ["customers", "email", v] => Self::CustomerByEmail(decoded(v)),
            ["customers", "phone", v] => Self::CustomerByPhone(decoded(v)),
            ["teams"] => Self::Teams,
            ["users"] => Self::Users,
            ["users", id] => Self::User(decoded(id)),
            ["tags"] => Self::Tags,
            ["channel"] => Self::Channels,
            ["channel", id] => Self::Channel(decoded(id)),
            ["file", "upload"] => Self::Upload,
            _ => Self::Unknown,
        }
    }

    /// The path pattern, as logs, faults and scripts name it: `/tickets/{id}/send-message`.
    #[must_use]
    pub(super) fn pattern(&self) -> &'static str {
        match self {
            Self::Tickets => "/tickets",
            Self::Ticket(_) => "/tickets/{id}",
            Self::TicketByNumber(_) => "/tickets/number/{n}",
            Self::TicketsByEmail(_) => "/tickets/email/{v}",
            Self::TicketsByPhone(_) => "/tickets/phone/{v}",
            Self::SendMessage(_) => "/tickets/{id}/send-message",
            Self::AddTags(_) => "/tickets/{id}/add-tags",
            Self::RemoveTags(_) => "/tickets/{id}/remove-tags",
            Self::AttachOrder(..) => "/tickets/{id}/attach-order/{app}/{order}",
            Self::OrderLink(_) => "/order/{id}",
            Self::Order(..) => "/order/{app}/{order}",
            Self::Customers => "/customers",
            Self::CustomerByEmail(_) => "/customers/email/{v}",
            Self::CustomerByPhone(_) => "/customers/phone/{v}",
            Self::Teams => "/teams",
            Self::Users => "/users",
            Self::User(_) => "/users/{id}",
            Self::Tags => "/tags",
            Self::Channels => "/channel",
            Self::Channel(_) => "/channel/{id}",
            Self::Upload => "/file/upload",
            Self::Unknown => "unknown",
        }
    }

    /// The ticket a path names by id, if it names one.
    #[must_use]
    pub(super) fn ticket(&self) -> Option<&TicketRef> {
        match self {
            Self::Ticket(ticket)
            | Self::SendMessage(ticket)
            | Self::AddTags(ticket)
            | Self::RemoveTags(ticket)
            | Self::AttachOrder(ticket, ..)
            | Self::OrderLink(ticket) => Some(ticket),
            _ => None,
        }
    }
}

fn ticket(raw: &str) -> TicketRef {
    TicketRef { id: decoded(raw), encoded: raw.bytes().all(|byte| unreserved(byte) || byte == b'%') }
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn decoded(raw: &str) -> String {
    percent_decode_str(raw).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_message_id_is_decoded_and_counts_as_encoded() {
        let route = Route::of("/tickets/%3Ca%2Bb%40mail.example.com%3E/add-tags");
        assert_eq!(route, Route::AddTags(TicketRef { id: "<a+b@mail.example.com>".into(), encoded: true }));
        assert_eq!(route.pattern(), "/tickets/{id}/add-tags");
    }

    #[test]
    fn an_id_with_a_bare_at_sign_or_plus_counts_as_unencoded() {
        let bare = |path: &str| Route::of(path).ticket().map(|ticket| ticket.encoded);
        assert_eq!(bare("/tickets/%3Ca%40mail.example.com%3E"), Some(true));
        assert_eq!(bare("/tickets/%3Ca@mail.example.com%3E"), Some(false));
        assert_eq!(bare("/tickets/a+b"), Some(false));
        assert_eq!(bare("/tickets/453347427_name_186779"), Some(true));
    }

    #[test]
    fn routes_that_do_not_exist_are_unknown() {
        for path in ["/conversations", "/messages", "/tickets/1/comments", "/tickets/1/messages", "/webhooks"]
        {
            assert_eq!(Route::of(path), Route::Unknown, "{path}");
        }
    }
}
