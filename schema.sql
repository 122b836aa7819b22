-- richpanel-mw: the one file of state. Queue, dedup store and journal in one; this is the whole truth for a fresh file.
--
-- Times are epoch milliseconds UTC; the views at the end show them readable:
--   select * from queue;            what is waiting, being worked or put off
--   select * from dead_letters;     what a person must look at
--   select * from deliveries;       every reply and what became of it
--   select * from decisions_today;  what was decided since midnight UTC, and why
--   select * from open_alerts;      what a person should know about now
--   select * from coverage;         how messages came, by hour and channel, for a week: call, sweep, missing
--   select * from ledger;           the same, one line a message
--   select * from audit where ticket = '…' order by at;   the story of a ticket
--
-- It is safe to look while the daemon runs: sqlite3 -readonly mw.db

pragma application_id = 1919970679;  -- 'rpmw'
pragma user_version = 3;

-- One reason to look at a ticket, from the helpdesk's call to an end that a person can see.
create table events (
  id            integer primary key,
  helpdesk      text    not null,
  ticket_id     text    not null,                 -- the helpdesk's own id, opaque
  source        text    not null check (source in ('call', 'sweep', 'csv')),
  lane          integer not null check (lane between 0 and 2),  -- 0 live chat, 1 e-mail, 2 sweep: lower goes first
  state         text    not null check (state in ('waiting', 'working', 'backoff', 'held', 'checking',
                                                  'done', 'duplicate', 'dead', 'discarded')),
  outcome       text    check (outcome in ('answered', 'routed', 'needs-human', 'observed', 'seen', 'ignored', 'gone')),
  reason        text    not null default '',      -- one line for people: why it is where it is
  accepted_at   integer not null,
  due_at        integer not null,                 -- not worked before this
  lease_until   integer,                          -- while working: then another worker may take it
  attempt       integer not null default 0,       -- claims so far; fences every write of a worker
  failures      integer not null default 0,       -- attempts that count toward the dead letter
  calls_in      integer not null default 1,       -- calls of the helpdesk that this event stands for
  calls_out     integer not null default 0,       -- API calls spent on it
  fields        text    not null,                 -- the newest call, read, as JSON
  -- known after the first read:
  ticket_number integer,
  channel       text,
  message_key   text,                             -- newest customer message: its id, or sha256:… of its text
  message_at    integer,
  customer      text,                             -- hash of the address, to count by
  -- known after the decision:
  intent        text,
  confidence    real,
  finished_at   integer,
  check ((state in ('done', 'duplicate', 'dead', 'discarded')) = (finished_at is not null)),
  check ((state = 'working') = (lease_until is not null)),
  check ((state = 'done') = (outcome is not null))
) strict;

-- Key 1: a call joins the ticket's waiting event.
create unique index events_waiting on events (helpdesk, ticket_id) where state = 'waiting';
-- The cost of a claim does not grow with history: only open rows are in these two.
create index events_open on events (lane, id) where finished_at is null;
create index events_open_ticket on events (helpdesk, ticket_id, id) where finished_at is null;
create index events_finished on events (finished_at) where finished_at is not null;
create index events_dead on events (id) where state = 'dead';
create index events_ticket on events (ticket_id);
create index events_accepted on events (accepted_at);

-- Every call that came with a good token, as it came, also the ones that nobody could read (event_id is null).
create table calls (
  id           integer primary key,
  event_id     integer references events (id) on delete cascade,
  helpdesk     text    not null,
  received_at  integer not null,
  result       text    not null check (result in ('accepted', 'joined', 'kept')),
  salvaged     integer not null check (salvaged in (0, 1)),  -- the body was broken; the ticket id was found by looking
  content_type text,
  body         blob    not null
) strict;
create index calls_event on calls (event_id);
create index calls_kept on calls (received_at) where event_id is null;

-- Key 2: one customer message of one ticket is handled once, for dedup_hours.
create table idempotency (
  key        text    primary key,                 -- sha256(helpdesk, ticket, newest customer message)
  event_id   integer not null,
  created_at integer not null
) strict, without rowid;
create index idempotency_age on idempotency (created_at);

-- What was decided, before anything was done about it.
create table decisions (
  event_id   integer primary key references events (id) on delete cascade,
  decided_at integer not null,
  mode       text    not null check (mode in ('off', 'shadow', 'route', 'canary', 'live')),
  intent     text    not null,
  confidence real    not null check (confidence between 0 and 1),
  team       text,
  outcome    text    not null,                    -- how it ends when everything goes well
  reason     text    not null,
  classifier text    not null,
  detail     text    not null                     -- JSON: gates, evidence, draft with the source of each fact
) strict;
create index decisions_age on decisions (decided_at);

-- The one effect that must not happen twice. Written as 'sending' and synced before the first byte goes out.
create table replies (
  event_id    integer primary key references events (id) on delete cascade,
  helpdesk    text    not null,
  ticket_id   text    not null,
  message_key text    not null,                   -- the customer message it answers
  customer    text,
  template    text    not null,
  body        text    not null,
  state       text    not null check (state in ('planned', 'sending', 'sent', 'unsure', 'confirmed', 'unconfirmed',
                                                'not-sent', 'cancelled')),
  planned_at  integer not null,
  sending_at  integer,
  ended_at    integer,
  checks      integer not null default 0,         -- read-backs done
  attempt     integer not null,
  api_status  integer,
  api_answer  text    not null default '',
  check (state in ('planned', 'not-sent', 'cancelled') or sending_at is not null)
) strict;
create unique index replies_once on replies (helpdesk, ticket_id, message_key)
  where state in ('sending', 'sent', 'unsure', 'confirmed', 'unconfirmed');
create index replies_by_ticket on replies (helpdesk, ticket_id, sending_at);
create index replies_by_customer on replies (customer, sending_at);
create index replies_by_time on replies (sending_at);

-- Everything else that is done to a ticket; harmless to repeat.
create table steps (
  event_id   integer not null references events (id) on delete cascade,
  seq        integer not null,
  kind       text    not null,                    -- add-tags, remove-tags, close, priority, assign, note, …
  body       text    not null,                    -- JSON
  rule       text    not null,                    -- what asked for it
  state      text    not null check (state in ('planned', 'applied', 'unproven', 'failed', 'skipped')),
  planned_at integer not null,
  ended_at   integer,
  attempt    integer not null,
  api_status integer,
  api_answer text    not null default '',
  primary key (event_id, seq)
) strict, without rowid;
create index steps_unproven on steps (event_id) where state = 'unproven';

-- Every move from state to state after the first, with its reason: the history of an event.
create table transitions (
  id         integer primary key,
  event_id   integer not null references events (id) on delete cascade,
  at         integer not null,
  attempt    integer not null,
  from_state text    not null,
  to_state   text    not null,
  by         text    not null,                    -- worker, recovery, or a person
  reason     text    not null
) strict;
create index transitions_event on transitions (event_id);

-- Tickets we met, for the search for missed ones.
create table tickets (
  helpdesk      text    not null,
  ticket_id     text    not null,
  number        integer,
  channel       text    not null,
  message_key   text,                             -- newest customer message handled
  updated_at    integer,                          -- the helpdesk's last change as last seen
  is_open       integer not null check (is_open in (0, 1)),
  first_seen_at integer not null,
  looked_at     integer not null,                 -- when we last read it
  primary key (helpdesk, ticket_id)
) strict, without rowid;
create index tickets_number on tickets (helpdesk, number) where number is not null;
create index tickets_looked on tickets (helpdesk, is_open, looked_at);
create index tickets_age on tickets (looked_at);

-- Values that outlive a restart: the mode, what the tenant allows.
create table settings (
  key    text    primary key,
  value  text    not null,
  set_by text    not null,
  set_at integer not null
) strict, without rowid;

create table settings_log (
  id    integer primary key,
  at    integer not null,
  key   text    not null,
  value text,
  by    text    not null
) strict;

-- What a person should know about: raised once, cleared when it is over.
create table alerts (
  id         integer primary key,
  key        text    not null,                    -- what it is about: helpdesk-down:richpanel, brake:hour, …
  text       text    not null,                    -- one line for people: what is wrong, and what to do
  raised_at  integer not null,
  cleared_at integer
) strict;
create unique index alerts_open on alerts (key) where cleared_at is null;

-- Conversation numbers below the highest one met that nothing told us of: the sweep looks them up.
create table gaps (
  helpdesk  text    not null,
  number    integer not null,
  state     text    not null check (state in ('missing', 'found', 'nothing')),  -- nothing: no ticket for us has it
  noted_at  integer not null,
  looks     integer not null default 0,
  looked_at integer,
  primary key (helpdesk, number)
) strict, without rowid;
create index gaps_missing on gaps (helpdesk, looked_at) where state = 'missing';

-- Models that the shop trained, the newest few; with none in force the built-in starter model reads. A model keeps a
-- part of what it learned from: pieces of words, and short samples of customers' messages without addresses and phone
-- numbers. It outlives those messages (retention does not touch it): what must be forgotten is taken out of the data,
-- and `train` run again until the older models are gone.
create table models (
  version    text    primary key not null check (version like 'model-%'),  -- of its bytes
  trained_at integer not null,
  data       text    not null check (length(data) = 64),  -- SHA-256 of what it learned from
  figures    text    not null check (json_valid(figures)),  -- what was measured, for people
  bytes      blob    not null check (length(bytes) > 0),
  in_force   integer not null check (in_force in (0, 1))  -- since when and by whom: settings, key 'model'
) strict;
create unique index models_in_force on models (in_force) where in_force = 1;

-- Views for people.

create view queue as
  select id as event, ticket_id as ticket, case lane when 0 then 'live chat' when 1 then 'e-mail' else 'sweep' end as lane,
         state, datetime(accepted_at / 1000, 'unixepoch') as accepted, datetime(due_at / 1000, 'unixepoch') as due,
         attempt, failures, calls_in, reason
  from events where finished_at is null order by events.lane, id;

create view dead_letters as
  select id as event, ticket_id as ticket, datetime(accepted_at / 1000, 'unixepoch') as accepted,
         datetime(finished_at / 1000, 'unixepoch') as died, failures, reason,
         (select group_concat(line, ' | ') from
            (select datetime(at / 1000, 'unixepoch') || ' ' || from_state || '→' || to_state || ': ' || reason as line
             from transitions where event_id = events.id order by transitions.id)) as history
  from events where state = 'dead' order by id;

create view deliveries as
  select event_id as event, ticket_id as ticket, template, state, datetime(sending_at / 1000, 'unixepoch') as sending,
         datetime(ended_at / 1000, 'unixepoch') as ended, checks, api_status, api_answer
  from replies order by event_id;

create view decisions_today as
  select event_id as event, (select ticket_id from events where id = event_id) as ticket,
         datetime(decided_at / 1000, 'unixepoch') as decided, mode, intent, round(confidence, 2) as confidence, team,
         outcome, reason
  from decisions where decided_at >= unixepoch('now', 'start of day') * 1000 order by decided_at;

create view open_alerts as
  select key, text, datetime(raised_at / 1000, 'unixepoch') as raised from alerts where cleared_at is null order by id;

create view ledger as
  select ticket_id as ticket, max(ticket_number) as number, coalesce(max(channel), '(not read)') as channel,
         datetime(min(coalesce(message_at, accepted_at)) / 1000, 'unixepoch') as written,
         case min(case source when 'call' then 0 when 'sweep' then 1 else 2 end)
           when 0 then 'call' when 1 then 'sweep' else 'csv' end as came
  from events where accepted_at >= (unixepoch('now') - 7 * 86400) * 1000
  group by helpdesk, ticket_id, coalesce(message_key, id)
  union all
  select null, number, null, datetime(noted_at / 1000, 'unixepoch'), 'missing'
  from gaps where state = 'missing' and noted_at >= (unixepoch('now') - 7 * 86400) * 1000
  order by written;

create view coverage as
  select substr(written, 1, 13) || ':00' as hour, coalesce(channel, '(not known)') as channel,
         sum(came = 'call') as calls, sum(came = 'sweep') as sweeps, sum(came = 'csv') as csv,
         sum(came = 'missing') as missing
  from ledger where written >= datetime('now', '-7 days') group by 1, 2 order by 1, 2;

create view audit as
  select datetime(at_ms / 1000, 'unixepoch') || printf('.%03d', at_ms % 1000) as at, ticket, event, what, rule, answer
  from (
    select received_at as at_ms, 1 as part, coalesce((select ticket_id from events where id = event_id), '(no ticket)') as ticket,
           event_id as event, 'call ' || result || case salvaged when 1 then ' (body was broken)' else '' end as what,
           helpdesk as rule, '' as answer
    from calls
    union all
    select accepted_at, 1, ticket_id, id, 'found by ' || source, helpdesk, '' from events where source <> 'call'
    union all
    select decided_at, 2, (select ticket_id from events where id = event_id), event_id,
           'decided ' || intent || ' (' || round(confidence, 2) || ', mode ' || mode || ')'
             || coalesce(' → ' || team, ''), classifier, reason
    from decisions
    union all
    select coalesce(sending_at, planned_at), 3, ticket_id, event_id, 'reply ' || state, 'template ' || template,
           case when api_answer like api_status || ' %' then api_answer else coalesce(api_status || ' ', '') || api_answer end
    from replies
    union all
    select coalesce(ended_at, planned_at), 4 + seq, (select ticket_id from events where id = event_id), event_id,
           kind || ' ' || state || case kind
             when 'add-tags' then ': ' || (select group_concat(value, ', ') from json_each(steps.body, '$.tags'))
             when 'remove-tags' then ': ' || (select group_concat(value, ', ') from json_each(steps.body, '$.tags'))
             when 'priority' then ': ' || json_extract(body, '$.level')
             when 'assign' then ': ' || json_extract(body, '$.agent_id')
             when 'attach-order' then ': ' || json_extract(body, '$.order.order_id')
             else '' end,
           rule,
           case when api_answer like api_status || ' %' then api_answer else coalesce(api_status || ' ', '') || api_answer end
    from steps
    union all
    select at, 1000, (select ticket_id from events where id = event_id), event_id,
           from_state || ' → ' || to_state, by, reason
    from transitions
    union all
    select at, 0, '', null, 'setting ' || key || ' = ' || coalesce(value, '(removed)'), by, '' from settings_log
  )
  order by at_ms, part;
