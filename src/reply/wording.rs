//! Words of dates in the languages of the starter texts. Every other language gets the date as 2026-03-06, and no estimate.

use jiff::civil::Date;

use super::estimate::Estimate;

/// One language's words.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// ISO 639-1.
    pub language: &'static str,
    /// "Hi" to somebody without a name.
    greeting: &'static str,
    /// "Hi" to somebody: what stands before the name.
    greeting_name: &'static str,
    /// From Monday on.
    days: [&'static str; 7],
    months: [&'static str; 12],
    /// "6 March": `{d}` is the day, `{m}` the month.
    day_of_month: &'static str,
    /// "Friday, 6 March": `{w}` is the day of the week, `{d}` what [`Self::day_of_month`] gives.
    weekday: &'static str,
    /// What stands between that and a year.
    year: &'static str,
    /// An estimate, `{a}` and `{b}` its days: up to a day, between two, not before one.
    by: &'static str,
    between: &'static str,
    not_before: &'static str,
}

/// Every language that dates can be said in.
pub const WORDINGS: &[Wording] = &[
    Wording {
        language: "en",
        greeting: "Hi there",
        greeting_name: "Hi ",
        days: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        months: [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        day_of_month: "{d} {m}",
        weekday: "{w}, {d}",
        year: " ",
        by: "by {b}",
        between: "between {a} and {b}",
        not_before: "not before {b}",
    },
    Wording {
        language: "de",
        greeting: "Hallo",
        greeting_name: "Hallo ",
        days: ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
        months: [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        day_of_month: "{d}. {m}",
        weekday: "{w}, {d}",
        year: " ",
        by: "spätestens {b}",
        between: "zwischen {a}, und {b}",
        not_before: "nicht vor {b}",
    },
    Wording {
        language: "es",
        greeting: "Hola",
        greeting_name: "Hola, ",
        days: ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
        months: [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        day_of_month: "{d} de {m}",
        weekday: "{w} {d}",
        year: " de ",
        by: "a más tardar el {b}",
        between: "entre el {a} y el {b}",
        not_before: "no antes del {b}",
    },
    Wording {
        language: "fr",
        greeting: "Bonjour",
        greeting_name: "Bonjour ",
        days: ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
        months: [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        day_of_month: "{d} {m}",
        weekday: "le {w} {d}",
        year: " ",
        by: "au plus tard {b}",
        between: "entre {a} et {b}",
        not_before: "au plus tôt {b}",
    },
    Wording {
        language: "nl",
        greeting: "Hallo",
        greeting_name: "Hallo ",
        days: ["maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"],
        months: [
            "januari",
            "februari",
            "maart",
            "april",
            "mei",
            "juni",
            "juli",
            "augustus",
            "september",
            "oktober",
            "november",
            "december",
        ],
        day_of_month: "{d} {m}",
        weekday: "{w} {d}",
        year: " ",
        by: "uiterlijk {b}",
        between: "tussen {a} en {b}",
        not_before: "niet vóór {b}",
    },
    Wording {
        language: "pt",
        greeting: "Olá",
        greeting_name: "Olá, ",
        days: [
            "segunda-feira",
            "terça-feira",
            "quarta-feira",
            "quinta-feira",
            "sexta-feira",
            "sábado",
            "domingo",
        ],
        months: [
            "janeiro",
            "fevereiro",
            "março",
            "abril",
            "maio",
            "junho",
            "julho",
            "agosto",
            "setembro",
            "outubro",
            "novembro",
            "dezembro",
        ],
        day_of_month: "{d} de {m}",
        weekday: "{w}, {d}",
        year: " de ",
        by: "até {b}",
        between: "entre {a} e {b}",
        not_before: "não antes de {b}",
    },
];

impl Wording {
    /// The words of a language (ISO 639-1, lower case).
    pub fn of(language: &str) -> Option<&'static Wording> {
        WORDINGS.iter().find(|wording| wording.language == language)
    }

    /// "Hi Ava", "Hi there".
    pub fn greeting(&self, name: Option<&str>) -> String {
        name.map_or_else(|| self.greeting.to_owned(), |name| format!("{}{name}", self.greeting_name))
    }

    /// "6 March 2026".
    pub fn date(&self, day: Date) -> String {
        format!("{}{}{}", self.day_of_month(day), self.year, day.year())
    }

    /// As a sentence goes on: "between Tuesday, 3 March and Friday, 6 March", "by Friday, 6 March", for a pre-order
    /// "not before Friday, 6 March". The year stands with it when it is not this one.
    pub fn estimate(&self, estimate: &Estimate, today: Date) -> String {
        let form = if estimate.own_date {
            self.not_before
        } else if estimate.earliest <= today || estimate.earliest >= estimate.latest {
            self.by
        } else {
            self.between
        };
        form.replace("{a}", &self.weekday(estimate.earliest, today))
            .replace("{b}", &self.weekday(estimate.latest, today))
    }

    fn weekday(&self, day: Date, today: Date) -> String {
        let date = if day.year() == today.year() { self.day_of_month(day) } else { self.date(day) };
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
        let weekday = self.days.get(weekday).copied().unwrap_or_default();
        self.weekday.replace("{w}", weekday).replace("{d}", &date)
    }

    fn day_of_month(&self, day: Date) -> String {
        let month = usize::try_from(day.month() - 1).unwrap_or_default();
        let month = self.months.get(month).copied().unwrap_or_default();
        // In French the first day of a month is counted, the others are named.
        let number =
            if self.language == "fr" && day.day() == 1 { "1er".to_owned() } else { day.day().to_string() };
        self.day_of_month.replace("{d}", &number).replace("{m}", month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn estimate(earliest: Date, latest: Date, own_date: bool) -> Estimate {
        Estimate { earliest, latest, remaining_min: 0, remaining_max: 0, own_date, how: String::new() }
    }

    #[test]
    fn every_language_says_a_window_a_last_day_a_pre_order_and_another_year() {
        let today = date(2026, 2, 27);
        let window = estimate(date(2026, 3, 1), date(2026, 3, 6), false);
        let last = estimate(today, date(2026, 3, 6), false);
        let pre_order = estimate(date(2027, 3, 5), date(2027, 3, 5), true);
        for (language, said) in [
            (
                "en",
                [
                    "between Sunday, 1 March and Friday, 6 March",
                    "by Friday, 6 March",
                    "not before Friday, 5 March 2027",
                ],
            ),
            (
                "de",
                [
                    "zwischen Sonntag, 1. März, und Freitag, 6. März",
                    "spätestens Freitag, 6. März",
                    "nicht vor Freitag, 5. März 2027",
                ],
            ),
            (
                "es",
                [
                    "entre el domingo 1 de marzo y el viernes 6 de marzo",
                    "a más tardar el viernes 6 de marzo",
                    "no antes del viernes 5 de marzo de 2027",
                ],
            ),
            (
                "fr",
                [
                    "entre le dimanche 1er mars et le vendredi 6 mars",
                    "au plus tard le vendredi 6 mars",
                    "au plus tôt le vendredi 5 mars 2027",
                ],
            ),
            (
                "nl",
                [
                    "tussen zondag 1 maart en vrijdag 6 maart",
                    "uiterlijk vrijdag 6 maart",
                    "niet vóór vrijdag 5 maart 2027",
                ],
            ),
            (
                "pt",
                [
                    "entre domingo, 1 de março e sexta-feira, 6 de março",
                    "até sexta-feira, 6 de março",
                    "não antes de sexta-feira, 5 de março de 2027",
                ],
            ),
        ] {
            let words = Wording::of(language).unwrap();
            assert_eq!(
                [&window, &last, &pre_order].map(|one| words.estimate(one, today)),
                said,
                "{language}"
            );
        }
        assert!(Wording::of("sv").is_none() && Wording::of("EN").is_none());
    }
}
