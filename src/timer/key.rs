//! A refused API key: unlike an outage it does not pass by itself, so a person is told at once.

use super::Timer;
use crate::event::HelpdeskName;

/// The alert while this helpdesk refuses the key.
fn alert_key(helpdesk: &HelpdeskName) -> String {
    format!("key-refused:{helpdesk}")
}

impl Timer {
    /// Raises the alert when the key is refused, and clears it when a call is let in again.
    pub(super) fn key(&self) -> bool {
        let refused = self.helpdesk.key_refused();
        if self.key_told.get() == Some(refused) {
            return true;
        }
        let name = self.helpdesk.name();
        let told = if refused {
            let text = format!(
                "the helpdesk {name} refuses the API key (401): nothing is read or written, events wait and nothing is \
                 lost; put a valid key into api_key_file and restart"
            );
            log::error!("{text}");
            self.store.raise(&alert_key(name), &text, self.now())
        } else {
            self.store.clear(&alert_key(name), self.now())
        };
        match told {
            Ok(_) => self.key_told.set(Some(refused)),
            Err(error) => log::error!("timer: key: {error}"),
        }
        true
    }
}
