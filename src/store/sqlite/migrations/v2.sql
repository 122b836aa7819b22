-- From version 1 to 2: alerts for people, and the numbers that a sweep has to look up.

create table alerts (
  id         integer primary key,
  key        text    not null,                    -- what it is about: helpdesk-down:richpanel, brake:hour, …
  text       text    not null,                    -- one line for people: what is wrong, and what to do
  raised_at  integer not null,
  cleared_at integer
) strict;
create unique index alerts_open on alerts (key) where cleared_at is null;

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

create view open_alerts as
  select key, text, datetime(raised_at / 1000, 'unixepoch') as raised from alerts where cleared_at is null order by id;

create index events_accepted on events (accepted_at);

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
