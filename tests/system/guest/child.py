#!/usr/bin/env python3
"""The smallest Snowflake driver that is still one, for a guest without the real clients.

Reads its connection as they do (connections.toml in SNOWFLAKE_HOME, or SNOWFLAKE_CONNECTIONS), logs in over TLS and
asks who it is. Never prints a secret.

usage: child.py who            one login; prints USER ROLE SECONDARY_ROLES
       child.py follow STOP    a login for every secret that appears, until the file STOP exists
"""

import json
import os
import ssl
import sys
import time
import tomllib
import urllib.request

CA_FILE = "/opt/guest/ca.pem"
QUESTION = "select current_user(), current_role(), current_secondary_roles()"
PATIENCE_SECONDS = 300


def entry():
    name = os.environ["SNOWFLAKE_DEFAULT_CONNECTION_NAME"]
    if text := os.environ.get("SNOWFLAKE_CONNECTIONS"):
        return tomllib.loads(text)[name]
    with open(os.path.join(os.environ["SNOWFLAKE_HOME"], "connections.toml"), "rb") as file:
        return tomllib.load(file)[name]


def post(entry, path, body, session=None):
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "GuestDriver"}
    if session:
        headers["Authorization"] = f'Snowflake Token="{session}"'
    url = f"https://{entry['host']}:{entry['port']}{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    trust = ssl.create_default_context(cafile=CA_FILE)
    with urllib.request.urlopen(request, timeout=10, context=trust) as reply:
        answer = json.load(reply)
    if not answer["success"]:
        sys.exit(f"child: {answer['code']}: {answer['message']}")
    return answer["data"]


def who(entry):
    login = {
        "CLIENT_APP_ID": "GuestDriver",
        "CLIENT_APP_VERSION": "1",
        "ACCOUNT_NAME": entry["account"],
        "LOGIN_NAME": entry["user"],
        "PASSWORD": entry["password"],
    }
    session = post(entry, f"/session/v1/login-request?roleName={entry['role']}", {"data": login})["token"]
    query = f"/queries/v1/query-request?requestId={os.urandom(16).hex()}"
    row = post(entry, query, {"sqlText": QUESTION}, session)["rowset"][0]
    post(entry, "/session?delete=true", {}, session)
    return " ".join(row)


def follow(stop):
    seen, deadline = None, time.monotonic() + PATIENCE_SECONDS
    number = 0
    while not os.path.exists(stop) and time.monotonic() < deadline:
        now = entry()
        if now["password"] != seen:
            seen, number = now["password"], number + 1
            print(f"secret {number}: {who(now)}", flush=True)
        time.sleep(0.1)
    print("followed to the end", flush=True)


if sys.argv[1] == "who":
    print(who(entry()))
elif sys.argv[1] == "follow":
    follow(sys.argv[2])
else:
    sys.exit(__doc__)
