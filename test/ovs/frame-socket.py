"""An interface as a packet socket (packet(7)): sends what stands on standard input, prints what comes in.

Each line is one frame in hexadecimal. Tags that the kernel has taken off stand where they were.
"""
import os
import select
import socket
import struct
import sys

ETH_P_ALL = 3
PACKET_OUTGOING = 4
SOL_PACKET = 263
PACKET_AUXDATA = 8
VLAN_VALID = 0x10
TPID_VALID = 0x40

link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
link.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
link.bind((sys.argv[1], ETH_P_ALL))
print("ready", flush=True)

waiting = b""
while True:
    ready, _, _ = select.select([link, 0], [], [])
    if link in ready:
        frame, ancillary, _, address = link.recvmsg(65536, 256)
        for level, kind, data in ancillary:
            if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
                continue
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", data[:20])
            if status & VLAN_VALID:
                tag = struct.pack("!HH", tpid if status & TPID_VALID else 0x8100, tci)
                frame = frame[:12] + tag + frame[12:]
        if address[2] != PACKET_OUTGOING:
            print(frame.hex(), flush=True)
    if 0 in ready:
        text = os.read(0, 65536)
        if not text:
            break
        *lines, waiting = (waiting + text).split(b"\n")
        for line in lines:
            link.send(bytes.fromhex(line.decode()))
