#!/usr/bin/env python3
"""Asks the simulator's control API: control.py VERB < JSON, or control.py script < SQL. Prints the JSON answer."""

import json
import ssl
import sys
import urllib.error
import urllib.request

verb, body = sys.argv[1], sys.stdin.read()
if verb == "script":
    body = json.dumps({"sql": body})
request = urllib.request.Request(f"https://127.0.0.1:8443/control/{verb}", body.encode(), method="POST")
try:
    trust = ssl.create_default_context(cafile="/opt/guest/ca.pem")
    print(urllib.request.urlopen(request, timeout=30, context=trust).read().decode())
except urllib.error.HTTPError as refusal:
    sys.exit(f"control {verb}: {refusal.code} {refusal.read().decode()}")
