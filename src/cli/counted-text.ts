/** Counters for people. */
import { table } from './table.ts';
import type { Colours } from './terminal.ts';

/** A list that agents were asked for, and who of them is missing in it. */
export interface Told<T> {
  readonly items: readonly T[];
  /** Absent for users of a tenant. */
  readonly silent?: readonly string[];
  /** The same. */
  readonly partial?: readonly string[];
  readonly complete: boolean;
}

/** One way through a port; numbers that JSON may not hold are text. */
interface Tally {
  readonly packets: string;
  readonly bytes: string;
  readonly errors: string;
  readonly drops: string;
}

/** As the API gives it; without host and switch for users of a tenant. */
export interface PortCounter {
  readonly host?: string;
  readonly name: string;
  readonly type: 'vm' | 'host' | 'uplink' | 'provider' | 'tunnel';
  readonly switch?: string;
  readonly nic?: string;
  readonly link: boolean;
  readonly received: Tally;
  readonly sent: Tally;
}

export interface Drop {
  readonly host: string;
  readonly object: string;
  readonly words: string;
  readonly packets: number;
}

/** What is to be known beside a list that is not whole; empty for one that is. */
export function missingText({ silent = [], partial = [], complete }: Omit<Told<unknown>, 'items'>): string {
  if (complete) return '';
  const lines = [
    ...(silent.length > 0
      ? [`Not answered: ${named(silent)}. "netloom get hosts" says which are connected.`]
      : []),
    ...(partial.length > 0
      ? [
          `Not everything told: ${named(partial)}. "netloom compliance" says what is wrong there, if anything.`,
        ]
      : []),
  ];
  return ['This is not all.', ...lines].join(' ').concat('\n');
}

function named(hosts: readonly string[]): string {
  const more = hosts.length > NAMED ? ` and ${hosts.length - NAMED} more` : '';
  return `${hosts.slice(0, NAMED).join(', ')}${more}`;
}

const NAMED = 10;

const TYPES: Readonly<Record<PortCounter['type'], string>> = {
  vm: 'vNIC',
  host: 'host vNIC',
  uplink: 'uplink',
  provider: 'provider address',
  tunnel: 'tunnel',
};

/** In and out as the virtual switch sees it. */
export function portsText(ports: readonly PortCounter[], colours: Colours): string {
  const isHostTold = ports.some(({ host }) => host !== undefined);
  const host = (text = '') => (isHostTold ? [text] : []);
  const titles = ['PORT', 'TYPE', ...host('HOST'), 'LINK', ...WAYS.flatMap((way) => way.titles)];
  const rows = ports.map((port) => [
    port.nic === undefined ? port.name : `${port.name}/${port.nic}`,
    TYPES[port.type],
    ...host(port.host),
    port.link ? 'up' : 'down',
    ...WAYS.flatMap(({ of }) => {
      const { packets, bytes, errors, drops } = port[of];
      return [packets, bytes, `${BigInt(errors) + BigInt(drops)}`];
    }),
  ]);
  return table(titles, rows, colours) || 'There are none: no port that you can see is on a connected host.\n';
}

const WAYS = [
  { of: 'received', titles: ['IN PACKETS', 'BYTES', 'LOST'] },
  { of: 'sent', titles: ['OUT PACKETS', 'BYTES', 'LOST'] },
] as const;

export function dropsText(drops: readonly Drop[], colours: Colours): string {
  const rows = drops.map(({ packets, words, object, host }) => [`${packets}`, words, object, host]);
  return table(['PACKETS', 'WHY', 'FROM', 'HOST'], rows, colours) || 'Nothing was dropped by a rule.\n';
}
