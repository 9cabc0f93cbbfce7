"""Says who has sent frames in this network namespace: a line `<interface> <source MAC>` for each pair, once."""
import socket
import sys

ETH_P_ALL = 3
OUTGOING = 4
seen = set()
listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
print("listening", flush=True)
while True:
    frame, (interface, _, kind, _, _) = listener.recvfrom(64)
    pair = (interface, ":".join(f"{byte:02x}" for byte in frame[6:12]))
    if kind == OUTGOING or pair in seen:
        continue
    seen.add(pair)
    print(*pair, flush=True)
    sys.stdout.flush()
