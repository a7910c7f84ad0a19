/** What the host proves with that it is itself, in its state directory: one file, so that key and certificate never part. */
import { join } from 'node:path';
import { z } from 'zod';
import { finding, NetloomError } from '../../base/error.ts';
import { isPrivate } from '../../base/private-file.ts';
import type { Credentials } from '../../identity/credentials.ts';
import { readState, writeDurably } from './files.ts';

const FILE = 'credentials';

const schema = z.strictObject({
  version: z.literal(1),
  host: z.string().min(1),
  controllerUrl: z.string().min(1),
  key: z.string().min(1),
  certificate: z.string().min(1),
  caCertificates: z.array(z.string()).min(1),
});

/** Durable when it returns. Throws `agent-state`. */
export function writeCredentials(directory: string, credentials: Credentials): void {
  const { host, controllerUrl, key, certificate, caCertificates } = credentials;
  const content: z.infer<typeof schema> = {
    version: 1,
    host,
    controllerUrl,
    key,
    certificate,
    caCertificates: [...caCertificates],
  };
  writeDurably(directory, FILE, `${JSON.stringify(content)}\n`);
}

/**
 * Undefined where the host has not joined yet. Throws `agent-state` for a file that others could read (its key is no secret
 * any more), or that is not one of these.
 */
export function readCredentials(directory: string): Credentials | undefined {
  const content = readState(directory, FILE);
  if (content === undefined) return undefined;
  const file = join(directory, FILE);
  if (!isPrivate(file)) {
    throw new NetloomError([
      finding(
        'agent-state',
        file,
        'Others could read the key of this host.',
        'Revoke it with "netloom host revoke HOST", and join again with a new token: netloom agent join TOKEN --force',
      ),
    ]);
  }
  try {
    const { version: _, ...credentials } = schema.parse(JSON.parse(content));
    return credentials;
  } catch (cause) {
    throw new NetloomError(
      [
        finding(
          'agent-state',
          file,
          'The file with key and certificate of this host is damaged.',
          'Join again with a new token: netloom agent join TOKEN --force',
        ),
      ],
      { cause },
    );
  }
}
