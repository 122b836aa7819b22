//! Where the facts are guesses (marked G in richpanel-api) or differ from tenant to tenant, the
//! simulator has a setting: a test turns it both ways and the daemon must survive both.

use serde::{Deserialize, Serialize};

/// How this simulated tenant behaves. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `GET /tickets` answers 403 (seen live).
    pub list_forbidden: bool,
    /// Items of `GET /tickets` come without comments.
    pub list_without_comments: bool,
    /// Every n-th item is missing from list pages; 0 for none.
    pub list_gap_every: usize,
    /// Patterns that answer 403, as `/tickets/{id}` or `PUT /tickets/{id}`.
    pub forbidden_routes: Vec<String>,
    /// Tickets differ in their keys, in the operator flag and in the order of their comments.
    pub quirks: bool,
    /// Of 100 new tickets, how many hide `via.channel`.
    pub channel_missing_percent: u8,
    /// Of 100 new tickets, how many skip a conversation number before them.
    pub conversation_gap_percent: u8,
    /// `{"status":"CLOSED"}` without `state` closes (documented, not tried live).
    pub status_alone_closes: bool,
    /// A public `comment` in a PUT reaches the customer on channels other than e-mail.
    pub put_comment_delivers_chat: bool,
    /// `send-message` reaches the customer on channels other than e-mail too.
    pub send_message_delivers_chat: bool,
    /// `tags` in a PUT replaces the list; otherwise it is dropped.
    pub put_tags_replace: bool,
    /// `customFields` in a PUT is stored; otherwise it is dropped.
    pub put_custom_fields: bool,
    /// `team_id` in a PUT is stored and shown; otherwise it is dropped.
    pub put_team_id: bool,
    /// The answer to `add-tags` and `remove-tags` shows the tags.
    pub tags_answer_shows_tags: bool,
    /// Tags that agents set in the vendor's pages show up as UUIDs.
    pub ui_tags_as_uuid: bool,
    /// `GET /order/{id}` wraps what it says in `{"order":…}`.
    pub order_link_wrapped: bool,
    /// `GET /order/{id}` answers 404 rather than `{}` when no order is linked.
    pub order_link_none_is_404: bool,
    /// `GET /order/{app}/{order}` wraps the order in `{"order":…}`.
    pub order_wrapped: bool,
    /// `GET /order/{app}/{order}` also finds an order by the digits of its name.
    pub order_by_name: bool,
    /// A ticket cannot be read for this long after it was made, in milliseconds.
    pub new_ticket_hidden_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            list_forbidden: false,
            list_without_comments: true,
            list_gap_every: 0,
            forbidden_routes: Vec::new(),
            quirks: true,
            channel_missing_percent: 0,
            conversation_gap_percent: 10,
            status_alone_closes: true,
            put_comment_delivers_chat: true,
            send_message_delivers_chat: false,
            put_tags_replace: true,
            put_custom_fields: true,
            put_team_id: false,
            tags_answer_shows_tags: true,
            ui_tags_as_uuid: true,
            order_link_wrapped: false,
            order_link_none_is_404: false,
            order_wrapped: false,
            order_by_name: true,
            new_ticket_hidden_ms: 0,
        }
    }
}
