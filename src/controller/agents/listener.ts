/**
 * Where agents reach the controller: a listener of its own, with TLS 1.3 and an authority of its own, and nothing else
 * on it than the policy stream and enrolment.
 *
 *     TLS        1.3 only, HTTP/2 only (ALPN h2), no resumption; a client certificate is asked for, and needed but to join
 *     Sync       as the host of the certificate, while the certificate is good
 *     Renew      the same
 *     Enrol      with a join token
 *
 * A revoked certificate ends the connections that were made with it, at once.
 */
import { constants } from 'node:crypto';
import type { SecureServerOptions } from 'node:http2';
import type { HandlerContext } from '@connectrpc/connect';
import type { Clock } from '../../base/clock.ts';
import { type Finding, NetloomError } from '../../base/error.ts';
import type { Authority } from '../../identity/authority.ts';
import { certifyListener, LISTENER_LIFE_MS } from '../../identity/certificates.ts';
import { type Listener, type ListenOptions, listenHttp2 } from '../../stream/http2.ts';
import { policyRoutes } from '../../stream/server.ts';
import type { Controller } from '../controller.ts';
import { Connections, strangeness } from './connections.ts';
import { enrolmentRoutes } from './enrolment.ts';
import type { HostIdentities } from './identities.ts';
import { hostOfOwner, ownerOf } from './records.ts';
import { otherHost, shown } from './words.ts';

/** How often connections are looked at whether their certificates are still good; revocation does not wait for it. */
const SWEEP_MS = 20_000;

/** An agent that was turned away, or whose connection was ended. */
export interface AgentTrouble {
  /** The host that it says it is, where there is one of that name or its certificate is of it; empty otherwise. */
  readonly host: string;
  readonly finding: Finding;
  /** Address that it came from. */
  readonly from: string;
  /** The host of its certificate. */
  readonly certified?: string;
  /** Of one that says it is a host that is connected: the addresses that the other one is connected from. */
  readonly others?: readonly string[];
}

export interface AgentListenerOptions {
  readonly controller: Controller;
  readonly identities: HostIdentities;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly at: ListenOptions['at'];
  readonly onTrouble: (trouble: AgentTrouble) => void;
}

/** Begins to listen. Rejects with Node's error when the address cannot be listened on. */
export async function listenForAgents(
  options: AgentListenerOptions,
): Promise<Pick<Listener, 'url' | 'close'>> {
  const { controller, identities, authority, clock, at } = options;
  const connections = new Connections(clock, (peer) => identities.objection(peer));
  const onTrouble = (host: string, finding: Finding, context: HandlerContext) => {
    const { from = '', peer, session } = Connections.of(context) ?? {};
    // What a stranger says is no name of ours: whoever makes up names would fill every list that is kept by host.
    const isKnown = peer?.host === host || controller.network.get(ownerOf(host)) !== undefined;
    options.onTrouble({
      host: isKnown ? host : '',
      finding,
      from,
      ...(peer ? { certified: peer.host } : {}),
      ...(finding.code === 'host-duplicate' ? { others: connections.othersOf(host, session) } : {}),
    });
    // It gets its answer; whoever was refused begins anew.
    if (finding.severity === 'error') session?.close();
  };
  const objection = (host: string, context: HandlerContext): Finding | undefined => {
    const connection = Connections.of(context);
    const peer = connection?.peer;
    if (!peer) return strangeness(connection, shown(host));
    const found =
      identities.objection(peer) ?? (peer.host === host ? undefined : otherHost(shown(host), peer.host));
    if (!found) identities.noteUse(peer);
    return found;
  };
  const enrol = enrolmentRoutes(identities, onTrouble);
  const policy = policyRoutes(controller.feed, { clock, objection, onTrouble });
  const listener = await listenHttp2((router) => void [policy(router), enrol(router)], {
    at,
    tls: { ...TLS, ...(await secretsOf(authority, clock)) },
    onSession: (session) => connections.accept(session),
    contextValues: (session) => connections.valuesOf(session),
  });
  const sweep = (only?: ReadonlySet<string>) =>
    connections.sweep(
      ({ from, peer }, finding) =>
        options.onTrouble({
          host: peer?.host ?? '',
          finding,
          from,
          ...(peer ? { certified: peer.host } : {}),
        }),
      only,
    );
  // What a commit says of certificates, and a host that is deleted, which takes its own along.
  const stopWatching = controller.watch(({ secrets = [] }) => {
    const hosts = secrets.flatMap(({ owner }) => hostOfOwner(owner) ?? []);
    if (hosts.length > 0) sweep(new Set(hosts));
  });
  let renewAt = clock.now() + LISTENER_LIFE_MS / 3;
  const tick = (): (() => void) =>
    clock.after(SWEEP_MS, () => {
      // First, so that nothing that goes wrong below is the end of it.
      cancel = tick();
      sweep();
      if (clock.now() >= renewAt) {
        renewAt = clock.now() + LISTENER_LIFE_MS / 3;
        secretsOf(authority, clock)
          .then((secrets) => listener.secure({ ...TLS, ...secrets }))
          // Two more attempts come before the certificate of now is over.
          .catch((thrown) =>
            options.onTrouble({ host: '', finding: NetloomError.from(thrown).findings[0], from: '' }),
          );
      }
    });
  let cancel = tick();
  return {
    url: listener.url,
    close: () => {
      cancel();
      stopWatching();
      return listener.close();
    },
  };
}

/**
 * No callback is among these, as one that throws would end the process. Without tickets OpenSSL remembers sessions on the
 * server instead, and Node remembers none; so nothing is ever resumed.
 */
const TLS: SecureServerOptions = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  secureOptions: constants.SSL_OP_NO_TICKET,
  requestCert: true,
  // One without a certificate may be one that joins. What each call needs is looked at when it comes.
  rejectUnauthorized: false,
};

/** The key of the listener is made anew each time, and never leaves the process. */
async function secretsOf(
  { signer, trusted }: Authority,
  clock: Clock,
): Promise<{ key: string; cert: string; ca: string[] }> {
  const { key, certificate } = await certifyListener(signer, clock.wall());
  // The authority's own certificate is sent along: one that joins knows its fingerprint and nothing more.
  return { key, cert: certificate + signer.certificate, ca: [...trusted] };
}
