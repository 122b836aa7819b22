//! The rows with their full numbers. Minutes rather than seconds: not part of the inner loop.

use super::{busy, extremes, late, loops, lost, mangled, racing};

use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(150);

#[test]
fn of_a_thousand_lost_answers_each_is_confirmed_or_with_a_person_and_none_sent_again() {
    lost::answers_lost(1_000, 200, PATIENCE);
}

#[test]
fn of_five_hundred_replies_applied_late_none_is_doubled() {
    late::applied_late(100, PATIENCE);
}

#[test]
fn a_thousand_tickets_called_on_thirty_two_connections_at_once_get_one_answer_each() {
    racing::duplicates_race(1_000, 1, PATIENCE);
}

#[test]
fn four_hundred_tickets_in_a_storm_of_429_never_call_before_retry_after() {
    busy::storm(4, 400, 20, 3, PATIENCE);
}

#[test]
fn three_hundred_tickets_beside_another_client_keep_every_retry_after() {
    busy::another_client(300, 20, 3, PATIENCE);
}

#[test]
fn five_thousand_answers_mangled_in_any_way_panic_nowhere() {
    mangled::answers_mangled(3_000, PATIENCE);
}

#[test]
fn half_the_numbers_of_the_configuration_at_their_extremes_are_refused_or_worked_with() {
    extremes::every_second_number(0);
}

#[test]
fn the_other_half_too() {
    extremes::every_second_number(1);
}

#[test]
fn a_mailbox_that_answers_every_reply_four_hundred_times_gets_one() {
    loops::one_ticket(400);
}
