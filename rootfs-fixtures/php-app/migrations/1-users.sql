create table php_users (id serial primary key, name text not null);
