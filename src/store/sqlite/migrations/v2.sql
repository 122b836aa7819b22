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
