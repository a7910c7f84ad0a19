/** Asking for passwords. */
import { finding, NetloomError } from '../base/error.ts';
import type { Terminal } from './terminal.ts';

export async function askPassword(terminal: Terminal, prompt: string): Promise<string> {
  const password = await terminal.readSecret(prompt);
  if (password) return password;
  throw new NetloomError([
    finding('field-missing', 'password', 'There is no password.', 'Type it, or give it on standard input.'),
  ]);
}

/** Asks twice, where somebody types it. */
export async function askNewPassword(terminal: Terminal, user: string): Promise<string> {
  const password = await askPassword(terminal, `New password of ${user}: `);
  const again = await terminal.readSecret('Once more: ');
  if (again === undefined || again === password) return password;
  throw new NetloomError([finding('value-invalid', 'password', 'The two passwords differ.', 'Try again.')]);
}
