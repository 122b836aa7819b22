//! What can go wrong in one seed, and how often: each seed draws its own weather, so that some are calm but for one
//! kind of trouble and some have all of them at once.

use std::time::Duration;

use fastrand::Rng;

/// What can happen to a call of the helpdesk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Applied; the answer never comes.
    AnswerLost,
    /// Not applied; no answer comes either.
    RequestLost,
    /// Answered 200 and not applied.
    OnlySaidSo,
    /// No answer; applied some time later.
    Late,
    /// Answered 200; applied some time later.
    Queued,
    /// No connection: nothing was sent.
    Unavailable,
    /// 429 with a time to wait.
    Throttled,
    /// 401 for a while, for every call.
    KeyRefused,
    /// 403 for this one call.
    Forbidden,
    /// 400: never will.
    Rejected,
    /// An answer that nobody can read; a write was applied.
    Malformed,
    /// An older state is shown.
    Lag,
    /// The answer takes its time.
    Slow,
}

const FAULTS: &[Fault] = &[
    Fault::AnswerLost,
    Fault::RequestLost,
    Fault::OnlySaidSo,
    Fault::Late,
    Fault::Queued,
    Fault::Unavailable,
    Fault::Throttled,
    Fault::KeyRefused,
    Fault::Forbidden,
    Fault::Rejected,
    Fault::Malformed,
    Fault::Lag,
    Fault::Slow,
];

/// What is broken on purpose, to see that the oracle notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sabotage {
    /// Nothing.
    #[default]
    None,
    /// A lost answer is reported as proof that nothing was applied.
    LostAnswerMeansNotApplied,
    /// A crash takes the last commits with it.
    CommitsAreLost,
    /// Reads do not show our own words.
    BlindReadBack,
    /// Reads show the ticket as it was first read, under a new date.
    StaleReads,
    /// A start does not put back what was left behind.
    NoRecovery,
    /// Nothing is ever put back.
    NoRecoveryNoRescue,
    /// No sweep looks for what no call told of.
    NoSweep,
}

/// One seed's plan.
#[derive(Debug, Clone)]
pub(super) struct Weather {
    pub(super) workers: usize,
    /// How likely whoever runs goes on running.
    pub(super) sticky: f64,
    /// Things that people outside do.
    pub(super) acts: u32,
    /// Chance of a crash at each port call; at most so many.
    pub(super) crash: f64,
    pub(super) crashes_max: u32,
    /// The same where it hurts: around a reply and what follows it.
    pub(super) hot_crash: f64,
    /// Chance that something happens to a reply, whatever else does.
    pub(super) reply_trouble: f64,
    /// Chance that time goes by at a port call while its thread stands still.
    pub(super) stall: f64,
    /// Chance that the disk is full for a while, and that a commit's fate is unknown.
    pub(super) disk_full: f64,
    pub(super) commit_unknown: f64,
    /// The wall clock is set wrong and right again.
    pub(super) jumps: bool,
    /// The mode is changed; events are discarded and queued again.
    pub(super) steering: bool,
    pub(super) hold: Duration,
    pub(super) small_budget: bool,
    pub(super) one_customer: bool,
    /// What the helpdesk shows for nothing.
    pub(super) puts_show: bool,
    pub(super) tags_show: bool,
    pub(super) lists_show: bool,
    pub(super) lists_forbidden: bool,
    rates: Vec<(Fault, f64)>,
}

impl Weather {
    pub(super) fn of(rng: &mut Rng) -> Self {
        let mut rates = Vec::new();
        let stormy = rng.f64();
        for fault in FAULTS {
            if rng.f64() < stormy {
                rates.push((*fault, rng.f64() * 0.12));
            }
        }
        let mut some = |chance: f64, most: f64| if rng.f64() < chance { rng.f64() * most } else { 0.0 };
        let crash = some(0.5, 0.02);
        let hot_crash = some(0.4, 0.15);
        let reply_trouble = some(0.4, 0.9);
        let stall = some(0.3, 0.03);
        let disk_full = some(0.15, 0.02);
        let commit_unknown = some(0.15, 0.01);
        Self {
            workers: rng.usize(1..4),
            sticky: [0.0, 0.5, 0.85][rng.usize(..3)],
            acts: rng.u32(3..13),
            crash,
            crashes_max: rng.u32(1..5),
            hot_crash,
            reply_trouble,
            stall,
            disk_full,
            commit_unknown,
            jumps: rng.u8(..8) == 0,
            steering: rng.u8(..4) == 0,
            hold: Duration::from_secs(if rng.u8(..4) == 0 { rng.u64(1..180) } else { 0 }),
            small_budget: rng.u8(..5) == 0,
            one_customer: rng.u8(..3) == 0,
            puts_show: rng.u8(..4) != 0,
            tags_show: rng.u8(..4) != 0,
            lists_show: rng.bool(),
            lists_forbidden: rng.u8(..4) == 0,
            rates,
        }
    }

    /// Nothing goes wrong but what a story says.
    pub(super) fn of_a_story(hold: Duration) -> Self {
        Self {
            workers: 1,
            sticky: 0.5,
            acts: 0,
            crash: 0.0,
            crashes_max: 9,
            hot_crash: 0.0,
            reply_trouble: 0.0,
            stall: 0.0,
            disk_full: 0.0,
            commit_unknown: 0.0,
            jumps: false,
            steering: false,
            hold,
            small_budget: false,
            one_customer: false,
            puts_show: true,
            tags_show: true,
            lists_show: true,
            lists_forbidden: false,
            rates: vec![],
        }
    }

    /// More of what a control needs to show.
    pub(super) fn suit(&mut self, sabotage: Sabotage) {
        match sabotage {
            Sabotage::LostAnswerMeansNotApplied => self.reply_trouble = 0.7,
            Sabotage::CommitsAreLost => {
                (self.hot_crash, self.crashes_max) = (0.15, 6);
                self.acts += 6;
            }
            _ => (),
        }
    }

    /// The fault of one call, if any.
    pub(super) fn fault(&self, rng: &mut Rng) -> Option<Fault> {
        let mut drawn = rng.f64();
        for (fault, rate) in &self.rates {
            if drawn < *rate {
                return Some(*fault);
            }
            drawn -= rate;
        }
        None
    }

    /// The fault of a reply's call, if any: more often, and of the kinds that leave it open what became of it.
    pub(super) fn reply_fault(&self, rng: &mut Rng) -> Option<Fault> {
        const OPEN: &[Fault] = &[
            Fault::AnswerLost,
            Fault::RequestLost,
            Fault::OnlySaidSo,
            Fault::Late,
            Fault::Queued,
            Fault::Unavailable,
            Fault::Throttled,
            Fault::Rejected,
        ];
        if rng.f64() < self.reply_trouble { Some(OPEN[rng.usize(..OPEN.len())]) } else { self.fault(rng) }
    }

    /// Whether this fault can happen at all in this seed.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.rates.iter().any(|(some, _)| *some == fault)
    }
}
