"""Traffic whose frames are counted one by one: each bears the number of its stream and its own.

    traffic.py send DEVICE STREAMS     STREAMS: JSON, [{"stream", "perSecond", "srcMac", "dstMac", "src", "dst", "port"}]
    traffic.py receive DEVICE

Frames go out and come in below the IP stack, so nothing that a stack would not send or would not take is hidden. For each
line on standard input a line with a report is printed; with the line "stop" it is the last one, and with "mark" the longest
gap is measured anew from then on.

A sender that had no processor for a while does not send faster afterwards: what it sent is what it says.
"""

import json
import selectors
import socket
import struct
import sys
import time

MAGIC = b"netloom\0"
MARK = struct.Struct("!8sIQ")
ETH_P_IP = 0x0800
UDP = 17
PACKET_OUTGOING = 4
LARGE_BUFFER = 1 << 25
MOST_MISSING = 50


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame_head(stream):
    """Everything before the mark. UDP without a checksum, which IPv4 allows."""
    payload = MARK.size
    mac = lambda text: bytes.fromhex(text.replace(":", "").replace("-", ""))
    ip = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 28 + payload, 0, 0x4000, 64, UDP, 0,
        socket.inet_aton(stream["src"]), socket.inet_aton(stream["dst"]),
    )
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    udp = struct.pack("!HHHH", 40000 + stream["stream"], stream["port"], 8 + payload, 0)
    return mac(stream["dstMac"]) + mac(stream["srcMac"]) + struct.pack("!H", ETH_P_IP) + ip + udp


def raw_socket(device, protocol):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    opened.bind((device, protocol))
    return opened


def asked(selector, patience, report, mark=None):
    """Answers what is asked within `patience` seconds; whether it is to end."""
    for key, _ in selector.select(patience):
        if key.fileobj is not sys.stdin:
            key.data()
            continue
        line = sys.stdin.readline()
        if line:
            print(json.dumps(mark() if line == "mark\n" else report()), flush=True)
        if line in ("", "stop\n"):
            return True
    return False


def missing(seen):
    """The first of those that did not come although later ones did."""
    found = []
    for number in range(max(seen)):
        if number not in seen:
            found.append(number)
            if len(found) == MOST_MISSING:
                break
    return found


def send(device, streams):
    out = raw_socket(device, 0)
    out.setblocking(False)
    states = [
        {"stream": s["stream"], "head": frame_head(s), "every": 1 / s["perSecond"], "due": time.monotonic(), "sent": 0}
        for s in streams
    ]
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    report = lambda: {str(s["stream"]): {"sent": s["sent"]} for s in states}
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        for s in states:
            if s["due"] > now:
                continue
            try:
                out.send(s["head"] + MARK.pack(MAGIC, s["stream"], s["sent"]))
                s["sent"] += 1
            except OSError:
                pass  # The link is down, or full: not sent.
            s["due"] = max(s["due"] + s["every"], now)
        if asked(selector, max(0, min(s["due"] for s in states) - time.monotonic()), report):
            return


def receive(device):
    incoming = raw_socket(device, ETH_P_IP)
    incoming.setsockopt(socket.SOL_SOCKET, 33, LARGE_BUFFER)  # SO_RCVBUFFORCE
    incoming.setblocking(False)
    streams = {}

    def take():
        try:
            for _ in range(64):
                frame, address = incoming.recvfrom(2048)
                at = frame.find(MAGIC)
                if address[2] == PACKET_OUTGOING or at < 0 or len(frame) < at + MARK.size:
                    continue
                _, stream, number = MARK.unpack_from(frame, at)
                now = time.monotonic()
                s = streams.setdefault(stream, {"seen": set(), "doubled": 0, "last": now, "gap": 0.0})
                if number in s["seen"]:
                    s["doubled"] += 1
                s["seen"].add(number)
                s["gap"] = max(s["gap"], now - s["last"])
                s["last"] = now
        except OSError:
            pass  # There is no more, or the link is down.

    def report():
        take()
        answer = {}
        for stream, s in streams.items():
            answer[str(stream)] = {
                "received": len(s["seen"]), "doubled": s["doubled"], "longestGapMs": round(s["gap"] * 1000),
                "missing": missing(s["seen"]),
            }
        return answer

    def mark():
        answer = report()
        for s in streams.values():
            s["gap"] = 0.0
        return answer

    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    selector.register(incoming, selectors.EVENT_READ, take)
    print("ready", flush=True)
    while not asked(selector, None, report, mark):
        pass


if sys.argv[1] == "send":
    send(sys.argv[2], json.loads(sys.argv[3]))
else:
    receive(sys.argv[2])
