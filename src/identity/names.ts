/** What the certificates of hosts and of the controller say about whose they are. */

/** RFC 8141 names; `host:` is followed by the name of the host, percent-encoded. */
const HOST_URN = 'urn:netloom:host:';

/**
 * The name that every controller's listener for agents has in its certificate. Agents ask for this one, whatever address
 * they reach it by, so an address may change, or lead through a relay. `internal` is never a name of the public DNS (ICANN, 2024).
 */
export const CONTROLLER_NAME = 'controller.netloom.internal';

/** The name of a host as its certificate bears it: `urn:netloom:host:host1`. */
export function hostUrn(host: string): string {
  return HOST_URN + encodeURIComponent(host);
}

/**
 * The host that a certificate is of, from its subject alternative names as Node writes them (`URI:urn:netloom:host:host1`).
 * Undefined unless there is exactly one name, and it is a host's.
 */
export function hostOfNames(subjectAltName: string | undefined): string | undefined {
  const [, encoded] = /^URI:urn:netloom:host:([A-Za-z0-9%._~!'()*-]+)$/.exec(subjectAltName ?? '') ?? [];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
