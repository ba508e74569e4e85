// Connects once with the default connection of connections.toml and says who it is, as JSON.
// Runs on Node and on Bun, which is the nearest thing to Cortex that a registry has.

const snowflake = require("snowflake-sdk");

snowflake.configure({ logLevel: "OFF" });

const QUERY = "select current_user(), current_role(), current_secondary_roles()";

const connection = snowflake.createConnection();
connection.connect((error) => {
  if (error) fail(error);
  connection.execute({
    sqlText: QUERY,
    complete: (error, statement, rows) => {
      if (error) fail(error);
      const [user, role, secondary] = Object.values(rows[0]);
      console.log(JSON.stringify({ user, role, secondary }));
      connection.destroy(() => process.exit(0));
    },
  });
});

function fail(error) {
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}
