-- From version 2 to 3: the models that a shop trained.

create table models (
  version    text    primary key not null check (version like 'model-%'),  -- of its bytes
  trained_at integer not null,
  data       text    not null check (length(data) = 64),  -- SHA-256 of what it learned from
  figures    text    not null check (json_valid(figures)),  -- what was measured, for people
  bytes      blob    not null check (length(bytes) > 0),
  in_force   integer not null check (in_force in (0, 1))  -- since when and by whom: settings, key 'model'
) strict;
create unique index models_in_force on models (in_force) where in_force = 1;
