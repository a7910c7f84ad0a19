import type { FastifyInstance } from 'fastify';
import type { Controller } from '../controller/controller.ts';

/**
 * Nothing is shown that a crash could still take back: what is read is read when everything held is durable, and what
 * a change is answered with, a refusal too, goes out when what was looked at for it is. Changes do not wait before they
 * are handed in, so that those that come together can become durable together.
 */
export function installSettling(app: FastifyInstance, controller: Controller): void {
  app.addHook('preHandler', ({ method }, _reply, done) => {
    // In the same turn of the event loop as the handler begins: whoever had to wait looks at once.
    if (controller.isSettled || !READS.has(method)) done();
    else controller.settled().then(() => done(), done);
  });
  app.addHook('onSend', (_request, _reply, payload, done) => {
    if (controller.isSettled) done(null, payload);
    // A store that has failed says so to those who read and those who change; this answer is already another one.
    else
      controller
        .settled()
        .finally(() => done(null, payload))
        .catch(() => {});
  });
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
