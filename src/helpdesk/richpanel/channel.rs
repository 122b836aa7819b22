//! The vendor's words for channels, in ours (richpanel-api §2, "via.channel").
//!
//! A word decides whether facts may be said in public, so a bare network name (`instagram`, `facebook`), which may
//! stand for comments as well as for messages, counts as a public comment.

use crate::ticket::Channel;

/// The channel that a word means; `None` when there is no word or nobody knows it.
pub(super) fn from_word(word: &str) -> Option<Channel> {
    let word = word.trim().to_lowercase().replace(['-', ' '], "_");
    let social = || Some(Channel::Social(word.clone()));
    let public = || Some(Channel::PublicComment(word.clone()));
    match word.as_str() {
        "" => None,
        "email" | "e_mail" | "mail" | "email_from_widget" | "contact_form" => Some(Channel::Email),
        "messenger" | "chat" | "live_chat" | "livechat" | "web_chat" | "webchat" | "widget" => {
            Some(Channel::LiveChat)
        }
        "phone" | "aircall" | "voice" | "call" | "voicemail" => Some(Channel::Phone),
        "whatsapp" | "sms" | "telegram" | "viber" | "tiktok" | "tiktok_shop" => social(),
        "instagram" | "facebook" | "twitter" | "youtube" | "review" | "reviews" => public(),
        _ if word.ends_with("_comment") || word.ends_with("_comments") || word.contains("feed") => public(),
        _ if word.ends_with("_review") || word.ends_with("_mention") => public(),
        _ if word.ends_with("_message") || word.ends_with("_dm") || word.starts_with("whatsapp") => social(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_words_become_ours() {
        for (word, channel) in [
            ("email", Channel::Email),
            ("email_from_widget", Channel::Email),
            ("messenger", Channel::LiveChat),
            ("live_chat", Channel::LiveChat),
            ("Live Chat", Channel::LiveChat),
            ("facebook_message", Channel::Social("facebook_message".into())),
            ("instagram_message", Channel::Social("instagram_message".into())),
            ("tiktok_shop_message", Channel::Social("tiktok_shop_message".into())),
            ("whatsapp", Channel::Social("whatsapp".into())),
            ("facebook_feed_comment", Channel::PublicComment("facebook_feed_comment".into())),
            ("instagram_comment", Channel::PublicComment("instagram_comment".into())),
            ("instagram", Channel::PublicComment("instagram".into())),
            ("aircall", Channel::Phone),
            ("phone", Channel::Phone),
        ] {
            assert_eq!(from_word(word), Some(channel), "{word}");
        }
        assert_eq!(from_word("carrier_pigeon"), None);
        assert_eq!(from_word(" "), None);
    }
}
