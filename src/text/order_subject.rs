//! The order that a message means by its text and its subject together.
//!
//! People write "Order 20718" into the subject and "where is it?" below. A subject that names another order than the
//! text does leaves open which is meant.

use super::order_number::{OrderMention, order_mention, same_order};

/// Which order text and subject mean together; different ones are ambiguous.
pub fn order_mention_with_subject(text: &str, subject: &str) -> OrderMention {
    match (order_mention(text), order_mention(subject)) {
        (OrderMention::One(text), OrderMention::One(subject)) if !same_order(&text, &subject) => {
            OrderMention::Ambiguous(vec![text, subject])
        }
        (OrderMention::None, of_subject) => of_subject,
        (OrderMention::One(_), OrderMention::Ambiguous(numbers)) => OrderMention::Ambiguous(numbers),
        (of_text, _) => of_text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_counts_and_another_number_leaves_it_open() {
        let one = |number: &str| OrderMention::One(number.to_owned());
        assert_eq!(order_mention_with_subject("where is it?", "Order 20718"), one("20718"));
        assert_eq!(order_mention_with_subject("where is order #20718?", "Re: order 20718"), one("20718"));
        assert_eq!(order_mention_with_subject("where is order #20718?", "a question"), one("20718"));
        assert_eq!(
            order_mention_with_subject("where is order #20718?", "Order 30991"),
            OrderMention::Ambiguous(vec!["20718".to_owned(), "30991".to_owned()])
        );
        assert_eq!(order_mention_with_subject("hello", "hello"), OrderMention::None);
    }
}
