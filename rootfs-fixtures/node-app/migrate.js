// Runs the files of migrations/ that have not been run yet, each in a transaction.
const fs = require("fs");
const { Client } = require("pg");

async function migrate() {
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  await client.query("create table if not exists node_migrations (name text primary key)");
  for (const name of fs.readdirSync("migrations").sort()) {
    const done = await client.query("select 1 from node_migrations where name = $1", [name]);
    if (done.rowCount) continue;
    console.log(`${name}: migrating`);
    await client.query("begin");
    await client.query(fs.readFileSync(`migrations/${name}`, "utf8"));
    await client.query("insert into node_migrations values ($1)", [name]);
    await client.query("commit");
  }
  await client.end();
}

migrate().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
