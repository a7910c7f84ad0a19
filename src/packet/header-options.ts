/**
 * The options of IPv4 (RFC 791, 3.1), TCP (RFC 9293, 3.2) and the options headers of IPv6 (RFC 8200, 4.2), read from
 * what `options()` of a view, or an extension header, has.
 *
 *     IPv4, TCP   | kind | length, these two included | data …     0 = end, 1 = no operation: a single byte
 *     IPv6        | type | length of the data         | data …     0 = Pad1: a single byte; 1 = PadN
 *
 * TCP: MSS 2, window scale 3, SACK permitted 4, SACK 5 (RFC 2018), timestamps 8 (RFC 7323).
 */
import { read16, read32, write16, write32 } from './bytes.ts';
import type { Option } from './option.ts';
import { joined } from './values.ts';

const END = 0;
const NO_OPERATION = 1;

/** In order, without "end" and "no operation"; undefined when a length does not hold. For IPv4 and TCP. */
export function readHeaderOptions(bytes: Uint8Array): readonly Option[] | undefined {
  const options: Option[] = [];
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at]!;
    if (code === END) break;
    if (code === NO_OPERATION) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1];
    if (length === undefined || length < 2 || length > bytes.length - at) return undefined;
    options.push({ code, data: bytes.subarray(at + 2, at + length) });
    at += length;
  }
  return options;
}

/** The same for the body of a hop-by-hop or destination options header, without padding. */
export function readIpv6Options(body: Uint8Array): readonly Option[] | undefined {
  const options: Option[] = [];
  for (let at = 0; at < body.length; ) {
    const code = body[at]!;
    if (code === 0) {
      at += 1;
      continue;
    }
    const length = body[at + 1];
    if (length === undefined || length > body.length - at - 2) return undefined;
    if (code !== 1) options.push({ code, data: body.subarray(at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return options;
}

export const TCP_OPTION = { MSS: 2, WINDOW_SCALE: 3, SACK_PERMITTED: 4, SACK: 5, TIMESTAMPS: 8 } as const;

export interface TcpOptions {
  /** The largest segment that the sender takes, in bytes. */
  readonly mss?: number;
  /** The window counts units of 2^windowScale bytes. */
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  /** What has arrived out of order: sequence numbers from..to (exclusive). */
  readonly sack?: readonly { readonly from: number; readonly to: number }[];
  readonly timestamps?: { readonly value: number; readonly echo: number };
}

/** What the options say; undefined when a length does not hold. One of an unknown kind or a wrong size says nothing. */
export function readTcpOptions(bytes: Uint8Array): TcpOptions | undefined {
  const options = readHeaderOptions(bytes);
  if (!options) return undefined;
  const data = (code: number, length: number) => {
    const found = options.find((o) => o.code === code)?.data;
    return found?.length === length ? found : undefined;
  };
  const mss = data(TCP_OPTION.MSS, 2);
  const scale = data(TCP_OPTION.WINDOW_SCALE, 1);
  const stamps = data(TCP_OPTION.TIMESTAMPS, 8);
  const sack = options.find((o) => o.code === TCP_OPTION.SACK && o.data.length % 8 === 0)?.data;
  return {
    ...(mss ? { mss: read16(mss, 0) } : {}),
    ...(scale ? { windowScale: scale[0]! } : {}),
    ...(data(TCP_OPTION.SACK_PERMITTED, 0) ? { sackPermitted: true } : {}),
    ...(sack ? { sack: blocksOf(sack) } : {}),
    ...(stamps ? { timestamps: { value: read32(stamps, 0), echo: read32(stamps, 4) } } : {}),
  };
}

function blocksOf(data: Uint8Array): { from: number; to: number }[] {
  return Array.from({ length: data.length / 8 }, (_, i) => ({
    from: read32(data, 8 * i),
    to: read32(data, 8 * i + 4),
  }));
}

/** For a TCP layer: the options, and "no operation" up to a multiple of 4. */
export function tcpOptions({ mss, windowScale, sackPermitted, sack, timestamps }: TcpOptions): Uint8Array {
  const parts: Uint8Array[] = [];
  const add = (kind: number, size: number, write: (data: Uint8Array) => void) => {
    const option = new Uint8Array(2 + size);
    option[0] = kind;
    option[1] = option.length;
    write(option.subarray(2));
    parts.push(option);
  };
  if (mss !== undefined) add(TCP_OPTION.MSS, 2, (data) => write16(data, 0, mss));
  if (sackPermitted) add(TCP_OPTION.SACK_PERMITTED, 0, () => {});
  if (timestamps) {
    add(TCP_OPTION.TIMESTAMPS, 8, (data) => {
      write32(data, 0, timestamps.value);
      write32(data, 4, timestamps.echo);
    });
  }
  if (windowScale !== undefined) add(TCP_OPTION.WINDOW_SCALE, 1, (data) => data.fill(windowScale));
  if (sack) {
    add(TCP_OPTION.SACK, 8 * sack.length, (data) => {
      sack.forEach(({ from, to }, i) => {
        write32(data, 8 * i, from);
        write32(data, 8 * i + 4, to);
      });
    });
  }
  const options = joined(parts);
  const filled = new Uint8Array(4 * Math.ceil(options.length / 4)).fill(NO_OPERATION);
  filled.set(options);
  return filled;
}
