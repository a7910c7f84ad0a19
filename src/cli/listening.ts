/** Addresses to listen on, in words and as they are. */
import type { AddressInfo } from 'node:net';
import { finding, NetloomError } from '../base/error.ts';

/** HOST:PORT, with brackets around an IPv6 address. */
export function readListen(text: string, option: string): { host: string; port: number } {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^:]+):(\d{1,5})$/i.exec(text) ?? [];
  if (host !== undefined && Number(port) <= 65535) {
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  }
  throw new NetloomError([
    finding(
      'value-invalid',
      option,
      `${JSON.stringify(text)} is not an address to listen on.`,
      option === '--agents'
        ? 'Write 192.0.2.10:7301 or [::]:7301, for example, or unix:/run/netloom/agents.sock.'
        : 'Write 127.0.0.1:7300 or [::1]:7300, for example.',
    ),
  ]);
}

/** Why an address cannot be listened on, in words. */
export function cannotListen(where: string, option: string, thrown: unknown): NetloomError {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const why =
    code === 'EADDRINUSE'
      ? 'somebody else listens there'
      : thrown instanceof Error
        ? thrown.message
        : String(thrown);
  const message = `${where} cannot be listened on: ${why}.`;
  return new NetloomError(
    [finding('listen-failed', option, message, `Choose another address with ${option}.`)],
    { cause: thrown },
  );
}

/** Where the API is to be found, from this machine at least; over TLS, by one of the `names` that the certificate has. */
export function urlOf({ port }: AddressInfo, host: string, names: readonly string[] | undefined): string {
  // An address that means all of them is one to listen on, not one to go to.
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const name = !names || names.includes(reachable) ? reachable : (names[0] ?? reachable);
  return `${names ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Whether only this machine reaches it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
