<?php
// Runs the files of migrations/ that have not been run yet, each in a transaction.
$url = parse_url(getenv("DATABASE_URL"));
$name = ltrim($url["path"], "/");
$database = new PDO("pgsql:host={$url['host']};port={$url['port']};dbname=$name", $url["user"]);
$database->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$database->exec("create table if not exists php_migrations (name text primary key)");
foreach (glob("migrations/*.sql") as $file) {
    $query = $database->prepare("select 1 from php_migrations where name = ?");
    $query->execute([$file]);
    if ($query->fetch()) {
        continue;
    }
    echo "$file: migrating\n";
    $database->beginTransaction();
    $database->exec(file_get_contents($file));
    $database->prepare("insert into php_migrations values (?)")->execute([$file]);
    $database->commit();
}
