import { describe, expect, it } from 'vitest';
import { echoesIn, pingResult } from './ping.ts';

const ANSWERED = `PING 10.0.0.7 (10.0.0.7) from 10.0.0.5 eth0: 56(84) bytes of data.
64 bytes from 10.0.0.7: icmp_seq=1 ttl=64 time=0.512 ms
64 bytes from 10.0.0.7: icmp_seq=2 ttl=64 time=0.304 ms

--- 10.0.0.7 ping statistics ---
2 packets transmitted, 2 received, 0% packet loss, time 201ms
rtt min/avg/max/mdev = 0.304/0.408/0.512/0.104 ms
`;
const UNREACHABLE = `PING 10.0.0.9 (10.0.0.9) from 10.0.0.5 eth0: 56(84) bytes of data.
From 10.0.0.5 icmp_seq=1 Destination Host Unreachable

--- 10.0.0.9 ping statistics ---
1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms
`;
const BUSYBOX = `PING 10.0.0.7 (10.0.0.7): 56 data bytes
64 bytes from 10.0.0.7: seq=0 ttl=64 time=1.100 ms

--- 10.0.0.7 ping statistics ---
2 packets transmitted, 1 packets received, 50% packet loss
round-trip min/avg/max = 1.100/1.100/1.100 ms
`;
const of = (out: string, arrived?: number, err = '') =>
  pingResult('a', 'b', '10.0.0.7', 2, { out, err }, arrived);

describe('what ping printed', () => {
  it('is read from iputils and from busybox', () => {
    expect(of(ANSWERED)).toMatchObject({
      sent: 2,
      received: 2,
      verdict: 'answered',
      rtt: { min: 0.304, avg: 0.408, max: 0.512 },
    });
    expect(of(BUSYBOX)).toMatchObject({ sent: 2, received: 1, verdict: 'partial', rtt: { avg: 1.1 } });
  });

  it('tells why there was no answer', () => {
    expect(of(UNREACHABLE)).toMatchObject({
      received: 0,
      verdict: 'lost',
      dropped: { at: 'a', reason: 'Destination Host Unreachable' },
    });
    expect(of('', 0, 'ping: connect: Network is unreachable')).toMatchObject({
      verdict: 'lost',
      dropped: { reason: 'connect: Network is unreachable' },
    });
  });

  it('does not count the answers of somebody else with the same address', () => {
    const result = of(ANSWERED, 0);
    expect(result).toMatchObject({ received: 0, verdict: 'lost' });
    expect(result.dropped?.reason).toContain('another machine');
    expect(of(ANSWERED, 2).verdict).toBe('answered');
  });
});

describe('echo requests that somebody has got', () => {
  it('are in the counters of the kernel', () => {
    expect(echoesIn('Icmp: InMsgs InErrors InEchos OutMsgs\nIcmp: 9 0 4 7\n')).toBe(4);
    expect(echoesIn('Icmp6InEchos                    \t12\nIcmp6InMsgs 3\n')).toBe(12);
    expect(echoesIn('')).toBeUndefined();
  });
});
