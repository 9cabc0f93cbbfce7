#!/usr/bin/env python3
"""Ansible's inventory of the instances that run.

Once, let ssh know all instances: `multipass ssh-config --install`. Then

    ansible -i ansible-inventory.py all -m ping

Each instance is a host, NAME.multipass; its release is a group.
"""
import json
import re
import subprocess
import sys

if sys.argv[1:2] == ["--host"]:
    # All that there is to say is in the list.
    print("{}")
    sys.exit()

command = ["multipass", "list", "--no-ipv4", "--format", "json"]
listed = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["list"]
inventory = {"_meta": {"hostvars": {}}, "multipass": {"hosts": []}}
for instance in listed:
    if instance["state"] != "Running":
        continue
    host = f"{instance['name']}.multipass"
    group = re.sub(r"\W+", "_", instance["release"]).strip("_").lower()
    inventory["multipass"]["hosts"].append(host)
    inventory["_meta"]["hostvars"][host] = {"multipass_name": instance["name"]}
    if group and instance["release"] != "Not Available":
        inventory.setdefault(group, {"hosts": []})["hosts"].append(host)
print(json.dumps(inventory, indent=2))
