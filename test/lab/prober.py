"""Sends one echo request to each of many addresses out of one network namespace, and tells what came of each.

Standard input: a line of JSON, {"id": 16 bits, "tasks": [{"tag": 16 bits, "device": "eth0", "address": "10.0.0.7"}]};
then "go" once everybody listens; its end once everybody has asked. Standard output: "ready", "done", then what was seen:

    answers   tags of the requests that were answered
    requests  [tag, device] of what others sent here
    errors    [tag, from] of requests that somebody refused by ICMP; from is "" where this machine itself gave up

The identifier of the requests is the same for all who are asked at one time, and the sequence number is the tag, so whoever
gets one knows whose it is, and an error too, which quotes no more than that.
"""

import ipaddress
import json
import select
import socket
import struct
import subprocess
import sys
import time

ECHO = {4: (8, 0), 6: (128, 129)}
# What says that a request came to nothing: unreachable, too big, time exceeded, parameter problem.
ERRORS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
IP_PKTINFO = 8
SO_BINDTODEVICE = 25
# Seconds. A request that has no answer is sent again: a switch that learns, or asks for an address, may lose the first one.
AGAIN = (0.0, 0.5, 1.0, 2.0, 4.0)
# Linux gives up on a neighbour after three seconds; the rest is for machines that are busy.
PATIENCE = 6.0


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(version, identifier, tag):
    kind = ECHO[version][0]
    body = struct.pack("!HH", identifier, tag) + b"netloom!"
    if version == 6:  # the kernel fills in the checksum of ICMPv6
        return struct.pack("!BBH", kind, 0, 0) + body
    return struct.pack("!BBH", kind, 0, checksum(struct.pack("!BBH", kind, 0, 0) + body)) + body


def listener(version):
    if version == 4:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return sock


def sender(version, device):
    family, protocol = (
        (socket.AF_INET, socket.IPPROTO_ICMP) if version == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    )
    sock = socket.socket(family, socket.SOCK_RAW, protocol)
    # It only sends: what it would get is read by the listener.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, device.encode() + b"\0")
    return sock


def routes(version, device):
    """What the interface has routes to. Linux asks for any address on an interface that it is bound to, as if it were there."""
    command = ["ip", "-json", "-%d" % version, "route", "show", "table", "all", "dev", device]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout or "[]")
    everything = "0.0.0.0/0" if version == 4 else "::/0"
    return [
        ipaddress.ip_network(everything if route["dst"] == "default" else route["dst"])
        for route in found
        if route.get("type", "unicast") == "unicast"
    ]


def is_own(address):
    """Only who has an address can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
        return True


class Prober:
    def __init__(self, identifier, tasks):
        self.identifier = identifier
        self.tasks = tasks
        self.listeners = {listener(version): version for version in (4, 6)}
        self.senders = {}
        self.routes = {}
        self.answers = set()
        self.requests = set()
        self.errors = {}

    def send(self, task):
        address = task["address"]
        version = 6 if ":" in address else 4
        key = (version, task["device"])
        if key not in self.senders:
            self.senders[key] = sender(*key)
            self.routes[key] = routes(*key)
        if not any(ipaddress.ip_address(address) in route for route in self.routes[key]):
            self.errors[task["tag"]] = ""
            return
        try:
            self.senders[key].sendto(echo(version, self.identifier, task["tag"]), (address, 0))
        except OSError:
            # The neighbour was given up just now.
            self.errors.setdefault(task["tag"], "")

    def read(self, sock):
        version = self.listeners[sock]
        data, extra, _, source = sock.recvmsg(4096, 256)
        if version == 4:
            data = data[(data[0] & 15) * 4 :]
        device = ""
        for level, kind, value in extra:
            if (level, kind) in ((socket.IPPROTO_IP, IP_PKTINFO), (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)):
                index = value[:4] if version == 4 else value[16:20]
                device = socket.if_indextoname(struct.unpack("@i", index)[0])
        if len(data) < 8:
            return
        if data[0] in ERRORS[version]:
            quoted = data[8:]
            header = 40 if version == 6 else (quoted[0] & 15) * 4 if quoted else 0
            inner = quoted[header:]
            if len(inner) >= 8 and inner[0] == ECHO[version][0]:
                identifier, tag = struct.unpack("!HH", inner[4:8])
                if identifier == self.identifier:
                    self.errors[tag] = "" if is_own(source[0]) else source[0]
            return
        identifier, tag = struct.unpack("!HH", data[4:8])
        if identifier != self.identifier:
            return
        if data[0] == ECHO[version][0]:
            self.requests.add((tag, device))
        elif data[0] == ECHO[version][1]:
            self.answers.add(tag)

    def listen(self, until, others=()):
        """True where one of the others can be read before the time is over."""
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return False
            readable, _, _ = select.select([*self.listeners, *others], [], [], left)
            for sock in readable:
                if sock in self.listeners:
                    self.read(sock)
                else:
                    return True

    def open(self):
        return [task for task in self.tasks if task["tag"] not in self.answers and task["tag"] not in self.errors]

    def ask(self):
        begin = time.monotonic()
        for again in AGAIN:
            self.listen(begin + again)
            for task in self.open():
                self.send(task)
                # A millisecond each: who is asked by many is not to be flooded.
                self.listen(time.monotonic() + 0.001)
        while self.open() and time.monotonic() < begin + PATIENCE:
            self.listen(min(time.monotonic() + 0.05, begin + PATIENCE))
        # An answer that comes after all is one.
        for tag in self.answers & self.errors.keys():
            del self.errors[tag]


def main():
    given = json.loads(sys.stdin.readline())
    prober = Prober(given["id"], given["tasks"])
    print("ready", flush=True)
    if sys.stdin.readline() != "go\n":
        return
    prober.ask()
    print("done", flush=True)
    prober.listen(time.monotonic() + 60, [sys.stdin])
    print(
        json.dumps(
            {
                "answers": sorted(prober.answers),
                "requests": sorted(prober.requests),
                "errors": sorted(prober.errors.items()),
            }
        )
    )


main()
