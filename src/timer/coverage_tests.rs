//! Made weeks: office hours, nights, weekends, a holiday, slow shops, dying channels, and a clock that leaps.

use super::*;

const LONG: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Monday 2 February 2026, 00:00 UTC: weeks are counted from here.
const MONDAY: i64 = 1_769_990_400;

/// Calls in the first and in the second half of each hour, from [`MONDAY`] on.
type Track = Vec<(u32, u32)>;

/// A shop's channels, played hour by hour.
#[derive(Clone, Default)]
struct Played {
    tracks: Vec<(&'static str, Track)>,
    /// Hour since Monday, minute, channel, how many: found by the sweep.
    finds: Vec<(i64, i64, &'static str, u32)>,
    holidays: Vec<Date>,
}

fn at(hour: i64, minute: i64) -> Timestamp {
    Timestamp::from_second(MONDAY + hour * HOUR + minute * 60).unwrap()
}

/// Hour of the week's day, `day` 0 is the first Monday.
const fn on(day: i64, hour: i64) -> i64 {
    day * 24 + hour
}

impl Played {
    /// A channel by its calls in each hour.
    fn with(mut self, name: &'static str, hours: i64, calls: impl Fn(i64) -> u32) -> Self {
        let track = (0..hours).map(|hour| (calls(hour) / 2, calls(hour) - calls(hour) / 2)).collect();
        self.tracks.push((name, track));
        self
    }

    fn finds(mut self, hour: i64, minute: i64, channel: &'static str, finds: u32) -> Self {
        self.finds.push((hour, minute, channel, finds));
        self
    }

    fn calendar(&self) -> Calendar {
        Calendar { zone: TimeZone::UTC, holidays: self.holidays.iter().copied().collect() }
    }

    /// What the store would say at the middle of an hour.
    fn rows(&self, now: i64) -> Vec<CoverageHour> {
        let mut rows = Vec::new();
        for (name, track) in &self.tracks {
            for (hour, (first, second)) in
                (0_i64..).zip(track).filter(|(hour, _)| (now - 360..=now).contains(hour))
            {
                let second = if hour == now { 0 } else { *second };
                let last = if second > 0 { Some(at(hour, 59)) } else { Some(at(hour, 29)) };
                let calls = *first + second;
                if calls > 0 {
                    rows.push(row(hour, name, calls, last, None, 0));
                }
            }
        }
        for (hour, minute, name, finds) in &self.finds {
            rows.push(row(*hour, name, 0, None, Some(at(*hour, *minute)), *finds));
        }
        rows
    }

    fn quiet_at(&self, now: i64) -> Vec<Quiet> {
        quiet(&self.rows(now), &self.calendar(), at(now, 30), LONG)
    }

    /// Which alerts stand at the middle of each hour of a span.
    fn keys(&self, hours: std::ops::Range<i64>) -> Vec<(i64, Vec<String>)> {
        let keys = |hour| (hour, self.quiet_at(hour).iter().map(Quiet::key).collect::<Vec<_>>());
        hours.map(keys).filter(|(_, keys)| !keys.is_empty()).collect()
    }
}

fn row(
    hour: i64,
    channel: &str,
    calls: u32,
    last_call_at: Option<Timestamp>,
    first_find_at: Option<Timestamp>,
    sweeps: u32,
) -> CoverageHour {
    let channel = Some(channel.to_owned()).filter(|channel| !channel.is_empty());
    CoverageHour {
        hour: at(hour, 0),
        channel,
        calls,
        sweeps,
        csv: 0,
        missing: 0,
        last_call_at,
        first_find_at,
    }
}

/// 12 an hour from 9 to 18 on working days, 2 on weekends, 1 in the other hours of the day, none at night.
fn office(hour: i64) -> u32 {
    let weekend = hour.div_euclid(24) % 7 >= 5;
    match hour.rem_euclid(24) {
        9..18 if weekend => 2,
        9..18 => 12,
        7..22 => 1,
        _ => 0,
    }
}

const WEEKS: i64 = 28 * 24;

#[test]
fn office_hours_nights_and_weekends_are_no_silence() {
    let shop =
        Played::default().with("email", WEEKS, office).with("live_chat", WEEKS, |hour| office(hour) / 3);
    assert_eq!(shop.keys(0..WEEKS), []);
}

#[test]
fn a_channel_that_dies_among_three_is_named_within_hours_and_recovers_by_itself() {
    let (died, back) = (on(15, 10), on(15, 16));
    let mail = move |hour| if (died..back).contains(&hour) { 0 } else { office(hour) };
    let shop = Played::default().with("email", WEEKS, mail).with("live_chat", WEEKS, office).with(
        "whatsapp",
        WEEKS,
        |hour| office(hour) / 6,
    );
    let found = shop.keys(0..WEEKS);
    assert_eq!(
        found.first().map(|(hour, _)| *hour),
        Some(died + 1),
        "18 calls are missing by then: {found:?}"
    );
    assert!(
        found.iter().all(|(hour, keys)| (died..back + 1).contains(hour) && *keys == ["quiet:email"]),
        "{found:?}"
    );
    let one = &shop.quiet_at(died + 2)[0];
    assert_eq!((one.calls, one.last_call_at), (0, Some(at(died - 1, 59))));
    let words = one.words(&shop.calendar());
    for part in
        ["no call for email has come since Tue 2026-02-17 09:59 UTC", "usual in that time: 30", "rule"]
    {
        assert!(words.contains(part), "{part} not in: {words}");
    }
    let (rows, now) = (shop.rows(back), at(back, 30));
    assert!(is_over(&rows, "quiet:email", at(died + 2, 30), now), "calls came again");
    let before = shop.rows(back - 1);
    assert!(!is_over(&before, "quiet:email", at(died + 2, 30), at(back - 1, 30)), "none came");
}

#[test]
fn when_all_die_the_way_in_is_named() {
    let died = on(15, 10);
    let dies = move |hour| if hour < died { office(hour) } else { 0 };
    let shop =
        Played::default().with("email", WEEKS, dies).with("live_chat", WEEKS, move |hour| dies(hour) / 2);
    let found = shop.keys(0..died + 48);
    assert_eq!(found.first().map(|(hour, _)| *hour), Some(died + 1), "{found:?}");
    assert!(found.iter().all(|(_, keys)| *keys == ["quiet:all"]), "{found:?}");
    let words = shop.quiet_at(died + 2)[0].words(&shop.calendar());
    for part in
        ["no call has come since Tue 2026-02-17 09:59", "http-target", "address can be reached", "holiday"]
    {
        assert!(words.contains(part), "{part} not in: {words}");
    }
    let alone = Played::default().with("email", WEEKS, dies);
    assert_eq!(alone.quiet_at(died + 3)[0].key(), "quiet:all", "the only channel");
}

#[test]
fn the_busiest_channels_death_is_not_blamed_on_the_way_in() {
    let died = on(15, 10);
    let mail = move |hour| if hour < died { office(hour) } else { 0 };
    // The other one has a call in two hours: it says nothing yet.
    let shop = Played::default()
        .with("email", WEEKS, mail)
        .with("instagram", WEEKS, |hour| u32::from(hour % 8 == 0));
    assert_eq!(shop.keys(died..died + 6).first(), Some(&(died + 1, vec!["quiet:email".to_owned()])));
}

#[test]
fn a_slow_day_is_no_silence_and_a_trickle_is_one() {
    let slow = Played::default()
        .with("email", WEEKS, |hour| if hour < on(14, 0) { office(hour) } else { office(hour) / 2 });
    assert_eq!(slow.keys(0..WEEKS), [], "half the traffic");
    let shop = |hour: i64| if hour < on(15, 0) { office(hour) } else { u32::from(hour % 24 == 9) };
    let trickle = Played::default().with("email", WEEKS, shop).with("live_chat", WEEKS, office);
    let found = trickle.keys(on(15, 9)..on(15, 18));
    assert!(!found.is_empty());
    let words = trickle.quiet_at(on(15, 17))[0].words(&trickle.calendar());
    assert!(words.contains("call") && words.contains("usual in that time"), "{words}");
}

#[test]
fn a_holiday_is_a_weekend() {
    let monday = on(14, 0)..on(15, 0);
    let day = monday.clone();
    let third = move |hour| if day.contains(&hour) { office(hour) / 3 } else { office(hour) };
    let unlisted = Played::default().with("email", WEEKS, third);
    assert_eq!(unlisted.keys(0..WEEKS), [], "a third of a Monday");
    let day = monday.clone();
    let weekend = move |hour| if day.contains(&hour) { office(hour).min(2) } else { office(hour) };
    let chat = move |hour| if monday.contains(&hour) { 0 } else { silent_weekends(hour) };
    let mut listed = Played::default().with("email", WEEKS, weekend).with("live_chat", WEEKS, chat);
    listed.holidays = vec![jiff::civil::date(2026, 2, 16)];
    assert_eq!(listed.keys(on(14, 0)..on(16, 0)), [], "in [shop] holidays");
    listed.holidays.clear();
    let asked = listed.keys(on(14, 0)..on(15, 0));
    assert!(asked.iter().any(|(_, keys)| *keys == ["quiet:live_chat"]), "not in it: a person is asked");
}

fn silent_weekends(hour: i64) -> u32 {
    if office(hour) >= 12 { 4 } else { 0 }
}

#[test]
fn what_the_sweep_finds_speaks_at_once_unless_the_calls_are_only_slow() {
    let shop = Played::default()
        .with("email", WEEKS, |_| 4)
        .with("whatsapp", on(15, 10), |hour| u32::from(hour % 6 == 0));
    let now = on(15, 12);
    assert_eq!(shop.keys(now..now + 1), [], "one in six hours proves nothing");
    let told = shop.clone().finds(now - 1, 5, "whatsapp", 2).finds(now, 10, "whatsapp", 1);
    let found = told.quiet_at(now);
    assert_eq!((found.len(), found[0].key().as_str(), found[0].found), (1, "quiet:whatsapp", 3));
    assert!(found[0].words(&told.calendar()).contains("the sweep found 3 meanwhile"));
    let slow = shop.clone().finds(now, 25, "whatsapp", 3);
    assert_eq!(slow.keys(now..now + 1), [], "five minutes old: the calls may still come");
    let few = shop.clone().finds(now - 1, 5, "whatsapp", 2);
    assert_eq!(few.keys(now..now + 1), [], "two may be chance");
    let before = shop.clone().finds(on(15, 0), 10, "whatsapp", 3);
    assert_eq!(before.keys(now..now + 1), [], "a call came after them");
    let unknown = shop.finds(now - 1, 5, "phone", 9);
    assert_eq!(unknown.keys(now..now + 1), [], "no call of this channel was ever usual");
}

#[test]
fn what_came_while_this_process_was_not_up_is_not_held_against_a_channel() {
    let died = on(15, 10);
    let dies = move |hour| if hour < died { office(hour) } else { 0 };
    let shop = Played::default()
        .with("email", WEEKS, dies)
        .with("live_chat", WEEKS, office)
        .finds(died, 30, "email", 9);
    let rows = shop.rows(died + 4);
    let now = at(died + 4, 30);
    for (up_minutes, quiet_ones) in [(10, 0), (80, 0), (120, 1), (400, 1)] {
        let up = Duration::from_secs(up_minutes * 60);
        assert_eq!(quiet(&rows, &shop.calendar(), now, up).len(), quiet_ones, "{up_minutes} min up");
    }
    // A clock that leapt: no history in the days before, whichever way it went.
    for days in [-400_i64, 400] {
        let then = now.checked_add((days * 24).hours()).unwrap();
        assert_eq!(quiet(&rows, &shop.calendar(), then, LONG), [], "{days} days");
    }
    assert!(
        is_over(&rows, "quiet:live_chat", now.checked_add(9_600.hours()).unwrap(), now),
        "raised in the future"
    );
    assert!(!is_over(&rows, "quiet:email", now.checked_add(9_600.hours()).unwrap(), now));
    assert!(is_over(&rows, "quiet:fax", at(0, 0), now), "not in the history any more");
    assert!(!is_over(&[], "quiet:email", at(0, 0), now), "no history says nothing");
}

#[test]
fn a_young_shop_and_calls_not_read_yet_raise_nothing() {
    let died = on(2, 12);
    let young = Played::default().with("email", died, office);
    assert_eq!(young.keys(0..on(2, 23)), [], "less than three days");
    let died = on(15, 10);
    let dies = move |hour| if hour < died { office(hour) } else { 0 };
    let unread = move |hour| if hour < died { 0 } else { office(hour) };
    let shop =
        Played::default().with("email", WEEKS, dies).with("", WEEKS, unread).finds(died, 31, "email", 5);
    assert_eq!(shop.keys(died..died + 8), [], "the queue stands still; the calls came");
    let weekend = Played::default().with("email", WEEKS, |hour| {
        if (3..5).contains(&(hour / 24)) || hour > on(6, 0) { office(hour) } else { 0 }
    });
    assert_eq!(weekend.keys(on(5, 0)..on(7, 0)), [], "the first weekend of a shop that began on a Thursday");
}

fn poisson(rng: &mut fastrand::Rng, mean: f64) -> u32 {
    let (floor, mut product, mut count) = ((-mean).exp(), rng.f64(), 0);
    while product > floor {
        product *= rng.f64();
        count += 1;
    }
    count
}

/// A shop of its own size and hours; each day is better or worse than usual by up to two fifths.
fn random_shop(rng: &mut fastrand::Rng, hours: i64) -> Played {
    let mut shop = Played::default();
    for name in ["email", "live_chat", "instagram_message"] {
        let peak = 40_f64.powf(rng.f64()) * rng.f64() * 2.0;
        let (opens, shuts) = (rng.i64(6..10), rng.i64(16..23));
        let (night, weekend) = (rng.f64() * 0.2, rng.f64());
        let mut day = 1.0;
        let track = (0..hours).map(|hour| {
            if hour % 24 == 0 {
                day = 0.6 + 0.8 * rng.f64();
            }
            let share = if (opens..shuts).contains(&(hour % 24)) { 1.0 } else { night };
            let free = if hour / 24 % 7 >= 5 { weekend } else { 1.0 };
            let mean = peak * day * share * free / 2.0;
            (poisson(rng, mean), poisson(rng, mean))
        });
        let track = track.collect();
        shop.tracks.push((name, track));
    }
    shop
}

#[test]
fn two_hundred_random_shop_weeks_raise_next_to_no_false_alarm() {
    let seed = 20_260_202;
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut alarms = Vec::new();
    for shop in 0..40 {
        let played = random_shop(&mut rng, 7 * 7 * 24);
        // The first two weeks are history; each alarm counts once, however long it stands.
        let mut standing: Vec<String> = Vec::new();
        for hour in (14 * 24..7 * 7 * 24).step_by(6) {
            let keys: Vec<String> = played.quiet_at(hour).iter().map(Quiet::key).collect();
            alarms.extend(
                keys.iter().filter(|key| !standing.contains(key)).map(|key| format!("{shop} {hour} {key}")),
            );
            standing = keys;
        }
    }
    eprintln!("{} false alarms in 200 shop-weeks", alarms.len());
    assert!(alarms.len() <= 2, "seed {seed}: {alarms:?}");
}
