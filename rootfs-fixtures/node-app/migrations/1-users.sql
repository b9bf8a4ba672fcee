create table node_users (id serial primary key, name text not null);
