/** The NICs of this machine as they are: from iproute2, sysfs (sysfs-class-net(5)), and ethtool where it is installed. */
import { readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ipJson } from '../../base/iproute2.ts';
import { endOf } from '../../base/run-tool.ts';
import type { Neighbour } from '../../ovs/lldp/neighbours.ts';
import type { NicFact } from '../../stream/report.ts';
import { type Link, nicLinks } from './links.ts';
import { readOffloads } from './offloads.ts';

const ETHTOOL_LIMIT_MS = 5_000;
const SYSFS = '/sys/class/net';

export interface NicsOptions {
  /** Interfaces that machines are plugged in by: no NICs of the host. */
  readonly except?: ReadonlySet<string>;
  /** NIC -> who is at the other end of its cable. */
  readonly neighbours?: ReadonlyMap<string, Neighbour>;
}

/** All interfaces, as `ip -json -details link` tells of them. Throws `host-tool-failed`. */
export function linkDetails(): Promise<unknown> {
  return ipJson(['-details', 'link', 'show']);
}

/** What the machine does not say is left out. Throws `host-tool-failed` when iproute2 is missing. */
export async function nicFacts({ except, neighbours }: NicsOptions = {}): Promise<readonly NicFact[]> {
  const links = nicLinks(await linkDetails(), except ?? new Set());
  return Promise.all(links.map((link) => factOf(link, neighbours?.get(link.name))));
}

async function factOf(link: Link, neighbour: Neighbour | undefined): Promise<NicFact> {
  const { name, mac, mtu } = link;
  const [speed, driver, offloads] = await Promise.all([speedOf(link), driverOf(link), offloadsOf(name)]);
  return {
    name,
    link: link.link,
    mtu,
    ...(mac === undefined ? {} : { mac }),
    ...(speed === undefined ? {} : { speedMbps: speed }),
    ...(driver === undefined ? {} : { driver }),
    ...(offloads === undefined ? {} : { offloads }),
    ...(neighbour === undefined ? {} : { neighbour }),
  };
}

/** Mbit/s; none without a link, and none of a pair: what is read there is the same for all, and true of none. */
async function speedOf(link: Link): Promise<number | undefined> {
  if (link.kind === 'veth' || !(await isInSysfs(link))) return undefined;
  // Without a link reading it fails, or it is -1.
  const speed = Number(await readFile(join(SYSFS, link.name, 'speed'), 'utf8').catch(() => ''));
  return Number.isInteger(speed) && speed > 0 ? speed : undefined;
}

async function driverOf(link: Link): Promise<string | undefined> {
  if (link.kind) return link.kind;
  if (!(await isInSysfs(link))) return undefined;
  const driver = await readlink(join(SYSFS, link.name, 'device', 'driver')).catch(() => undefined);
  return driver === undefined ? undefined : basename(driver);
}

/** A process that has entered a network namespace without mounting sysfs anew sees the interfaces of another one there. */
async function isInSysfs({ name, index }: Link): Promise<boolean> {
  const there = await readFile(join(SYSFS, name, 'ifindex'), 'utf8').catch(() => '');
  return Number(there) === index;
}

/** Undefined where there is no ethtool, or the driver does not say. */
async function offloadsOf(name: string): Promise<readonly string[] | undefined> {
  // A name that would be taken for an option; there is no way to say that it is none.
  if (name.startsWith('-')) return undefined;
  const { code, out } = await endOf('ethtool', ['--show-features', name], { limit: ETHTOOL_LIMIT_MS });
  return code === 0 ? readOffloads(out) : undefined;
}
