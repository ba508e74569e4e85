"""Connects once for every line on standard input (or once, without input) and says who it is, as JSON."""

import json
import sys

import snowflake.connector

QUERY = "select current_user(), current_role(), current_secondary_roles()"


def who(connection_name):
    with snowflake.connector.connect(connection_name=connection_name) as connection:
        user, role, secondary = connection.cursor().execute(QUERY).fetchone()
    return {"user": user, "role": role, "secondary": secondary}


def main():
    name, again = sys.argv[1], "--again" in sys.argv
    print(json.dumps(who(name)), flush=True)
    if again:
        for _ in sys.stdin:
            print(json.dumps(who(name)), flush=True)


main()
