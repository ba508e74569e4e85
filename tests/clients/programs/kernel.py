"""Starts a Jupyter kernel by its name, as a server does that was there before, and runs a cell for every line on standard
input: "who" connects and says who it is, as JSON; "restart" restarts the kernel. usage: kernel.py NAME SITE_PACKAGES"""

import sys

from jupyter_client.manager import KernelManager

CELL = """
import json, sys
sys.path.append({folder!r})
import snowflake.connector
with snowflake.connector.connect() as connection:
    query = "select current_user(), current_role(), current_secondary_roles()"
    user, role, secondary = connection.cursor().execute(query).fetchone()
print(json.dumps({{"user": user, "role": role, "secondary": secondary}}))
"""


def show(message):
    content = message["content"]
    if message["msg_type"] == "stream" and content["name"] == "stdout":
        print(content["text"], end="", flush=True)
    if message["msg_type"] == "error":
        sys.exit("\n".join(content["traceback"]))


def main():
    name, folder = sys.argv[1:]
    manager = KernelManager(kernel_name=name)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    try:
        for line in sys.stdin:
            if line.strip() == "restart":
                manager.restart_kernel(now=False)
                client.wait_for_ready(timeout=60)
                print("restarted", flush=True)
            else:
                client.execute_interactive(CELL.format(folder=folder), output_hook=show, timeout=60)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


main()
